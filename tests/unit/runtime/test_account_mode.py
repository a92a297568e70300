"""The account's mode at the start: one damaged answer doesn't end it, and a mode that isn't known here does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import pytest

from core.domain.margin import AccountMode
from core.exchange.reads import Reads
from core.runtime import margin_setup
from core.runtime.margin_setup import read_mode
from core.runtime.statedir import UsageError


class Answers:
    def __init__(self, words: Iterable[str]) -> None:
        self.words = iter(words)

    async def abstraction(self) -> str:
        return next(self.words)


async def mode_of(*words: str) -> AccountMode:
    return await read_mode(cast(Reads, Answers(words)))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(margin_setup, "PAUSE_S", 0)


async def test_a_damaged_answer_is_asked_for_again() -> None:
    assert await mode_of("disabled") is AccountMode.STANDARD
    assert await mode_of("disab]ed", "di/abled", "disabled") is AccountMode.STANDARD


async def test_a_mode_that_two_answers_name_and_that_is_not_known_is_refused() -> None:
    with pytest.raises(UsageError, match="in the mode portfolioMargin, whose equity"):
        await mode_of("portfolioMargin", "portfolioMargin")
