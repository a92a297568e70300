"""However fills reach us, the chain is the one that happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from core.domain.fills import Fill, FillSource
from core.domain.orders import Side
from core.engine.fill_guarantor import as_they_happened
from core.engine.shadow_ledger import ShadowLedger
from tests.unit.engine.builders import at, fill

HOUR_MS = 3_600_000
LOTS = 3
"""Of every fill: a grid's are all of one size, and pass through the same few positions again and again."""

seeds = st.integers(0, 2**32)
gaps_ms = st.sampled_from((0, 1, 5, 2_000))


def history(chance: Random, count: int, gap_ms: int, levels: int = 4) -> list[Fill]:
    """Fills as they happen, up and down like a grid's, some of them in one millisecond; profits and prices differ."""
    fills, lots, ms = list[Fill](), 0, 0
    for _ in range(count):
        side = Side.SELL if lots >= levels * LOTS or (lots > 0 and chance.random() < 0.5) else Side.BUY
        price, profit = chance.randint(100, 120), str(chance.randint(-9, 9))
        fills.append(fill(side, LOTS, lots, ms, chance.randrange(2**50), price=price, closed=profit))
        lots = fills[-1].end_lots
        ms += chance.choice((0, gap_ms))
    return fills


def batches(chance: Random, fills: list[Fill]) -> Iterator[list[Fill]]:
    while fills:
        size = chance.randint(1, 7)
        source = chance.choice(list(FillSource))
        yield [replace(each, source=source) for each in fills[:size]]
        fills = fills[size:]


def arrived(book: ShadowLedger, messages: list[list[Fill]]) -> list[Fill]:
    """All of them as the account loop takes them: each message by itself, in order; what the journal has then."""
    journal: list[Fill] = []
    for message in messages:
        journal += (found := as_they_happened(message, {book.coin: book.arrived_lots}))
        book.apply(found, at(0))
    return journal


def told(book: ShadowLedger) -> tuple[object, ...]:
    return book.lots, book.current, book.day_realized, [entry.key for entry in book._window]


@given(seeds, st.integers(1, 60), gaps_ms)
def test_fills_in_any_order_and_any_messages_of_any_source_are_the_chain_that_happened(
    seed: int, count: int, gap_ms: int
) -> None:
    """Stamps never go back, as Hyperliquid's don't: then nothing else counts, within a millisecond but the chain."""
    chance = Random(seed)
    fills = history(chance, count, gap_ms)
    once = ShadowLedger("SOL")
    once.apply(fills, at(0))
    mixed = ShadowLedger("SOL")
    journal = arrived(mixed, list(batches(chance, chance.sample(fills, count))))
    again = ShadowLedger("SOL")
    again.restore(journal)
    for book in (once, mixed, again):
        assert book.breaks() == []
        assert [entry.time_ms for entry in book._window] == [each.time_ms for each in fills]
        assert told(book) == told(once)


@given(seeds, st.integers(2, 50), gaps_ms, st.sampled_from((50, 2_000, HOUR_MS)), st.data())
def test_a_clock_that_is_set_back_breaks_no_chain_though_messages_tell_the_newest_first(
    seed: int, count: int, gap_ms: int, back_ms: int, data: st.DataObject
) -> None:
    """A message tells what has happened since the one before it, either way round, and nothing from both sides of it."""
    chance = Random(seed)
    fills = history(chance, count, gap_ms)
    first = data.draw(st.integers(1, count - 1))
    fills = [replace(f, time_ms=f.time_ms - back_ms) if n >= first else f for n, f in enumerate(fills)]
    sides = fills[:first], fills[first:]
    messages = [chance.choice((each, each[::-1])) for side in sides for each in batches(chance, side)]
    lived, again = ShadowLedger("SOL"), ShadowLedger("SOL")
    again.restore(arrived(lived, messages))
    for book in (lived, again):
        assert (book.breaks(), book.lots) == ([], fills[-1].end_lots)
        assert book.current.realized == sum(each.closed_pnl for each in fills)
    assert told(lived) == told(again)
