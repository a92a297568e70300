"""A start that brings a price limit which the price is past is refused; one that was in force before has done its duty."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from core.domain.events import BookObserved, Quote
from core.exchange.reads import Reads
from core.runtime import limits_at_start
from core.runtime.limits_at_start import changed_limits
from core.runtime.statedir import UsageError
from tests.unit.exchange.samples import BTC
from tests.unit.runtime.stage import plan, running, settings, venue

INSTRUMENTS = {"BTC": BTC}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_at_start, "PAUSE_S", 0)


class Books:
    """One mid after the other, in USD, the last one for ever; 0 is a market of one side."""

    def __init__(self, *mids: int) -> None:
        self.mids, self.asked = list(mids), 0

    async def book(self, coin: str) -> BookObserved:
        mid = self.mids[min(self.asked, len(self.mids) - 1)] * 10
        self.asked += 1
        return BookObserved(Quote(coin, mid - 1 if mid else 0, mid + 1 if mid else 9, 0), 0)


async def saved(books: Books, meta: Mapping[str, str], **limits: Any) -> dict[str, str]:
    return await changed_limits(settings("BTC", **limits), INSTRUMENTS, meta, cast(Reads, books))


async def refused(books: Books, meta: Mapping[str, str], **limits: Any) -> str:
    with pytest.raises(UsageError) as found:
        await saved(books, meta, **limits)
    return str(found.value)


@pytest.mark.parametrize(
    ("name", "price"),
    [
        ("stop_loss_low", 110),
        ("stop_loss_high", 90),
        ("take_profit_low", 110),
        ("take_profit_high", 90),
    ],
)
async def test_each_limit_that_the_price_is_past_refuses_the_start_that_brings_it(
    name: str, price: int
) -> None:
    said = await refused(Books(100), {}, **{name: price})
    assert said.startswith(
        f"BTC at 100 is past {name} {price}: a run would halt and close a position at once"
    )
    assert f"write HL_{name.upper()} on the other side" in said


async def test_one_on_its_right_side_is_kept_and_of_the_same_one_no_price_is_asked_again() -> None:
    books = Books(100)
    meta = await saved(books, {}, stop_loss_low=90, stop_loss_high=110)
    assert (list(meta), books.asked) == (["price_limits:BTC"], 1)
    assert await saved(books, meta, stop_loss_low=90, stop_loss_high=110) == {}
    assert books.asked == 1
    assert await saved(books, {}) == {}, "without limits there is nothing to know"


async def test_one_that_the_price_has_passed_since_is_no_mistake_of_this_start() -> None:
    meta = await saved(Books(100), {}, stop_loss_low=90, stop_loss_high=110)
    assert await saved(Books(80), meta, stop_loss_low=90, stop_loss_high=110) == {}
    other = await saved(Books(80), meta, stop_loss_low=90, stop_loss_high=120)
    assert other != {}, "another limit, which the price is not past, changes nothing of that"
    assert "past stop_loss_low 85" in await refused(Books(80), meta, stop_loss_low=85, stop_loss_high=110)


async def test_one_that_was_taken_away_and_comes_back_is_looked_at_again() -> None:
    meta = await saved(Books(100), {}, stop_loss_low=90)
    without = await saved(Books(80), meta)
    assert "past stop_loss_low 90" in await refused(Books(80), {**meta, **without}, stop_loss_low=90)


@pytest.mark.parametrize("mids", [(80, 100), (0,), (80, 0)])
async def test_one_damaged_answer_or_a_market_of_one_side_refuses_nothing(mids: tuple[int, ...]) -> None:
    assert await saved(Books(*mids), {}, stop_loss_low=90)


async def test_a_mistyped_restart_sends_nothing_and_what_was_held_stays_with_its_stop(tmp_path: Path) -> None:
    async with venue() as exchange:
        taken = plan(tmp_path, exchange.url)
        taken = replace(taken, settings=settings("BTC", stop_loss_low=90_000))
        async with running(taken) as run:
            await run.resting(6)
            await exchange.trade("B", "0.002")
            await run.resting(6)
            await run.crash()
        before = await exchange.truth()
        mistyped = replace(taken, settings=settings("BTC", stop_loss_low=900_000))
        async with running(mistyped) as run:
            with pytest.raises(UsageError, match="is past stop_loss_low 900000"):
                await asyncio.wait_for(run.task, 15)
        after = await exchange.truth()
        assert (after["orders"], after["positions"]) == (before["orders"], before["positions"])
        async with running(taken) as run:
            await run.resting(6)
            assert run.snapshots[-1].halt_reason == ""
