"""Whether an answer proves what a list has shown: by the estimate of the exchange's clock, or by time going by."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.domain.clock import Instant
from core.domain.events import AccountObserved
from core.engine.freshness import LAG_MOST_MS, LAG_MS, Proof

BEGAN_MS = 1_000_000


def at(ms: int) -> Instant:
    """So long after the first list, by an estimate that takes both clocks for the same."""
    return Instant(BEGAN_MS + ms, BEGAN_MS + ms, BEGAN_MS + ms)


def seen(asked_ms: int, behind_ms: int) -> AccountObserved:
    """An answer that was asked for so long after the first list."""
    return AccountObserved(
        (), Decimal(0), Decimal(0), BEGAN_MS + asked_ms - behind_ms, asked_mono_ms=BEGAN_MS + asked_ms
    )


def looked(*answers: tuple[int, int]) -> str:
    """What the last of some answers lacks, each after a list of its own that showed nothing."""
    proof, text = Proof(), ""
    for asked_ms, behind_ms in answers:
        proof.look_again()
        proof.clear(at(asked_ms))
        text = proof.lag_text(seen(asked_ms, behind_ms))
    return text


@pytest.mark.parametrize("behind_ms", [0, LAG_MS, -90_000])
def test_an_answer_of_about_now_or_of_a_clock_that_is_ahead_proves_it(behind_ms: int) -> None:
    assert looked((0, behind_ms)) == ""


def test_one_that_is_behind_proves_nothing_until_more_time_has_gone_by_than_a_node_lags() -> None:
    assert looked((0, 90_000)) == "the exchange shows what was 90 s ago"
    assert looked((0, 90_000), (LAG_MOST_MS - 1, 90_000))
    assert looked((0, 90_000), (LAG_MOST_MS, 90_000)) == ""


def test_answers_whose_time_stands_still_prove_nothing_however_long_they_do() -> None:
    assert looked((0, 90_000), (LAG_MOST_MS, 90_000 + LAG_MOST_MS)) != ""


def test_what_was_found_in_between_begins_the_time_anew() -> None:
    proof = Proof()
    proof.clear(at(0))
    proof.lost()
    proof.clear(at(LAG_MOST_MS))
    assert proof.lag_text(seen(LAG_MOST_MS, 90_000)) != ""


def test_an_answer_that_was_asked_for_before_the_list_says_nothing_of_it() -> None:
    proof = Proof()
    assert not proof.is_followed_by(seen(0, 0))
    proof.clear(at(1))
    assert not proof.is_followed_by(seen(0, 0))
    assert proof.is_followed_by(seen(1, 0))
