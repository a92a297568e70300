"""Stamps that can't be right: the order in which fills arrived decides where the chain is whole by it, and nowhere else."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from core.domain.fills import Fill
from core.domain.orders import Side
from core.engine import shadow_ledger
from core.engine.fill_guarantor import Places, chain_breaks, chain_order
from core.engine.fold import Fold
from core.engine.shadow_ledger import ShadowLedger
from tests.unit.engine.builders import VENUE_0, at, fill

BUY, SELL = Side.BUY, Side.SELL
HOUR_MS = 3_600_000


def walk(count: int, seed: int, levels: int = 4) -> list[Fill]:
    """Fills as they happen, 10 ms apart, up and down the same few positions like a grid's."""
    chance, lots, fills = random.Random(seed), 0, list[Fill]()
    for number in range(count):
        side = SELL if lots >= levels or (lots > 0 and chance.random() < 0.5) else BUY
        fills.append(fill(side, 1, lots, ms=10 * number, trade_id=number + 1))
        lots = fills[-1].end_lots
    return fills


def shifted(fills: list[Fill], first: int, last: int, by_ms: int) -> list[Fill]:
    """As if the exchange's clock had been set back (or ahead) for those of these numbers."""
    return [
        replace(each, time_ms=each.time_ms + by_ms) if first <= n < last else each
        for n, each in enumerate(fills)
    ]


def live(fills: list[Fill], restarts: int = 0) -> ShadowLedger:
    """The ledger after all have arrived one by one."""
    book, every = ShadowLedger("SOL"), max(1, len(fills) // (restarts + 1))
    for number, each in enumerate(fills, 1):
        book.apply([each], at(10 * number))
        if restarts and number % every == 0:
            book = ShadowLedger("SOL")
            book.restore(fills[:number])
    return book


@pytest.mark.parametrize("seed", range(20))
def test_a_clock_that_is_set_back_for_a_while_breaks_no_chain(seed: int) -> None:
    fills = shifted(walk(80, seed), 30, 50, -137)
    assert chain_breaks(chain_order(fills, 0), 0), "by their stamps they don't fit"
    for restarts in (0, 3):
        book = live(fills, restarts)
        assert book.breaks() == []
        assert book.lots == fills[-1].end_lots == book.chain_end


@pytest.mark.parametrize("by_ms", [-30 * HOUR_MS, 2 * HOUR_MS], ids=["old", "future"])
@pytest.mark.parametrize("seed", range(5))
def test_one_stamp_from_elsewhere_breaks_no_chain(seed: int, by_ms: int) -> None:
    fills = shifted(walk(60, seed), 30, 31, by_ms)
    for restarts in (0, 2):
        assert live(fills, restarts).breaks() == []


@pytest.mark.parametrize("seed", range(20))
def test_a_fill_that_is_missing_is_still_missed_and_found_at_its_time(seed: int) -> None:
    fills = walk(60, seed)
    book, late = ShadowLedger("SOL"), fills[20]
    arrived = [*fills[:20], *fills[21:40]]
    for number, each in enumerate(arrived):
        book.apply([each], at(10 * number))
    assert book.breaks(), "the next one names it"
    book.apply([late], at(500))
    assert book.breaks() == []
    assert [f.trade_id for f in chain_order([*arrived, late], 0)] == list(range(1, 41))


@pytest.mark.parametrize("seed", range(20))
def test_one_of_two_missing_fills_goes_to_its_time_though_it_could_follow_the_newest(seed: int) -> None:
    fills = walk(60, seed)
    newest = fills[40].end_lots
    found = next(n for n in range(3, 34) if fills[n].start_lots == newest)
    book = live([each for n, each in enumerate(fills[:41]) if n not in (found, 35)])
    book.apply([fills[found]], at(500))
    assert [gap.before_ms for gap in book.breaks()] == [fills[36].time_ms]


@pytest.mark.parametrize("seed", range(10))
def test_what_came_over_rest_in_any_order_stands_by_its_time_alone(seed: int) -> None:
    """Whoever has all fills and right stamps needs no places, however the fills arrived."""
    fills, places = walk(200, seed), Places()
    shuffled = random.Random(seed).sample(fills, len(fills))
    for each in shuffled:
        places.take(each)
    assert places.after, "some happen to begin where the newest ended"
    assert chain_order(shuffled, 0, places) == fills


@pytest.mark.parametrize("by_ms", [-137, -30 * HOUR_MS], ids=["set back", "old"])
def test_a_start_from_a_checkpoint_has_every_fill_once_though_stamps_were_wrong(
    by_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a window a tenth of its size: the fills that it takes grow with it, and the work with their square."""
    window, trim = 200, 50
    monkeypatch.setattr(shadow_ledger, "WINDOW_ENTRIES", window)
    monkeypatch.setattr(shadow_ledger, "TRIM_BY", trim)
    count = 2 * (window + trim) + 100
    first = window + 2 * trim
    fills = shifted(walk(count, 3), first, first + 8, by_ms)
    book, saved = ShadowLedger("SOL"), []
    for number, each in enumerate(fills):
        book.apply([each], at(10 * number))
        checkpoint = book.take_checkpoint()
        if checkpoint is not None:
            saved.append(checkpoint)
            again = ShadowLedger(
                "SOL", Fold(checkpoint.lots, checkpoint.cost, checkpoint.realized, checkpoint.fees)
            )
            again.cut_ms = checkpoint.cut_ms
            again.restore([f for f in fills[: number + 1] if f.time_ms >= checkpoint.cut_ms])
            assert (again.lots, again.breaks()) == (book.lots, [])
    assert saved[-1].cut_ms > VENUE_0 + 10 * first, "the odd ones were folded away, too"
    assert book.lots == fills[-1].end_lots


def late_and_set_back() -> list[Fill]:
    """As they arrive: the third was late, and follows the one before it only because positions come again; of the rest the
    clock had been set back after the first, and they really do.
    """
    return [
        fill(BUY, 5, 0, 100, 1),
        fill(BUY, 5, 0, 300, 3),
        fill(SELL, 5, 5, 200, 2),
        fill(BUY, 5, 5, 500, 4),
        fill(BUY, 5, 10, 440, 5),
        fill(BUY, 5, 15, 450, 6),
        fill(BUY, 5, 20, 600, 7),
    ]


def test_a_fill_that_was_late_keeps_none_from_its_place_whose_stamp_is_wrong() -> None:
    for restarts in (0, 3):
        book = live(late_and_set_back(), restarts)
        assert (book.breaks(), book.lots) == ([], 25)
        assert [entry.key.trade_id for entry in book._window] == [1, 2, 3, 4, 5, 6, 7]
