"""Position and PnL as a fold over fills, held against the venue's own numbers; drift only when it is certain."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import reduce
from itertools import pairwise

import pytest

from core.domain.fills import Adjustment, Fill
from core.domain.orders import Side
from core.engine.drift import Drift
from core.engine.fill_guarantor import chain_breaks, chain_order
from core.engine.fold import Fold
from core.engine.shadow_ledger import WINDOW_ENTRIES, ShadowLedger
from tests.unit.engine.builders import at, fill
from tests.unit.engine.mainnet import chains

BUY, SELL = Side.BUY, Side.SELL
DAY_MS = 86_400_000


def ledger(*fills: Fill, anchor: int = 0) -> ShadowLedger:
    return restored_from(Fold(lots=anchor), fills)


def restored_from(base: Fold, fills: Sequence[Fill]) -> ShadowLedger:
    """As a start makes it of the journal's rows."""
    book = ShadowLedger("SOL", base)
    book.restore(fills)
    return book


# -- the fold against the mainnet -------------------------------------------------------------------------------------


def test_the_fold_passes_through_every_start_position_that_the_mainnet_printed() -> None:
    for chain in chains():
        ordered = chain_order(chain)
        fold = Fold(lots=ordered[0].start_lots)
        for one in ordered:
            assert fold.lots == one.start_lots
            fold = fold.apply(one)
        assert fold.lots == ordered[-1].end_lots
        assert fold.realized == sum((f.closed_pnl for f in chain), Decimal(0))
        assert fold.fees == sum((f.fee for f in chain), Decimal(0))


def test_profit_from_our_entry_price_is_the_mainnets_closed_pnl_once_a_chain_was_flat() -> None:
    """From its first flat position on our entry is exact; the venue's is rounded, by 3 parts in a million at most here."""
    compared = 0
    for chain in chains():
        ordered = chain_order(chain)
        flat = next((i for i, f in enumerate(ordered) if f.start_lots == 0), len(ordered))
        fold = Fold()
        for one in ordered[flat:]:
            closed = min(abs(fold.lots), one.lots) if fold.lots * one.signed_lots < 0 else 0
            sign = 1 if fold.lots > 0 else -1
            profit = (one.price - fold.entry) * closed * sign / 10**6
            rounding = Decimal(one.price * closed) / 10**6 / 100_000 + Decimal("0.000001")
            assert abs(profit - one.closed_pnl) < rounding, one
            compared += closed > 0
            fold = fold.apply(one)
    assert compared == 54


def test_flips_of_the_mainnet_begin_the_new_position_at_the_fills_price() -> None:
    flips = 0
    for chain in chains():
        for one in chain:
            if one.start_lots * one.end_lots < 0:
                fold = Fold(lots=one.start_lots, cost=abs(one.start_lots) * 7).apply(one)
                assert fold.lots == one.end_lots
                assert fold.entry == one.price
                flips += 1
    assert flips > 50


# -- the fold in small ------------------------------------------------------------------------------------------------


def test_adding_averages_the_entry_and_reducing_keeps_it() -> None:
    fold = reduce(
        Fold.apply, [fill(BUY, 10, price=100), fill(BUY, 30, price=200), fill(SELL, 20, price=900)], Fold()
    )
    assert fold.lots == 20
    assert fold.entry == 175
    assert fold.unrealized_micro(Decimal(200)) == 500


def test_a_short_earns_when_the_price_falls() -> None:
    fold = Fold().apply(fill(SELL, 10, price=100))
    assert fold.unrealized_micro(Decimal(90)) == 100
    assert fold.apply(fill(BUY, 10, price=90)).entry == 0


# -- late, repeated, restored ------------------------------------------------------------------------------------------


def test_a_late_fill_is_folded_at_its_place_in_time() -> None:
    early, middle, late = (
        fill(BUY, 10, 0, ms=1, trade_id=1, price=100),
        fill(BUY, 10, 10, ms=2, trade_id=2, price=200),
        fill(SELL, 20, 20, ms=3, trade_id=3, price=300),
    )
    in_time, out_of_time = ledger(), ledger()
    in_time.apply([early, middle, late], at(0))
    out_of_time.apply([early], at(0))
    out_of_time.apply([late], at(5))
    assert out_of_time.breaks()
    out_of_time.apply([middle], at(9))
    assert out_of_time.breaks() == []
    assert out_of_time.current == in_time.current
    assert out_of_time.newest_fill() == late


def test_a_fill_late_by_one_place_within_a_millisecond_is_folded_at_its_place() -> None:
    a, b, c = (fill(BUY, 1, n, ms=5, trade_id=9 - n) for n in range(3))
    book = ledger()
    for batch in ([a], [c], [b]):
        book.apply(batch, at(0))
    assert (book.lots, book.breaks(), book.newest_fill()) == (3, [], c)


def test_a_fill_older_than_the_window_still_moves_the_position() -> None:
    many = [fill(BUY, 1, n, ms=1_000 + n, trade_id=n + 1) for n in range(WINDOW_ENTRIES + 10)]
    book = ledger(*many)
    book.apply([fill(BUY, 7, 0, ms=1, trade_id=999_999)], at(0))
    assert book.lots == WINDOW_ENTRIES + 17


def test_fills_older_than_the_window_say_where_its_first_millisecond_begins() -> None:
    many = [fill((BUY, SELL)[n % 2], 1, n % 2, ms=n // 50, trade_id=n + 1) for n in range(4_600)]
    book = ledger()
    for part in (many[2_600:], many[:2_001], many[2_001:2_600]):
        book.apply(part, at(0))
    assert (book.lots, book.breaks()) == (0, [])


@pytest.mark.parametrize("seed", range(4))
def test_restoring_from_the_journal_equals_having_lived_through_it(seed: int) -> None:
    chance = random.Random(seed)
    for chain in chains()[:40]:
        anchor = Fold(lots=chain_order(chain)[0].start_lots)
        lived = ShadowLedger(chain[0].coin, base=anchor)
        arriving = list(chain)
        chance.shuffle(arriving)
        while arriving:
            size = chance.randint(1, 5)
            lived.apply(arriving[:size], at(0))
            arriving = arriving[size:]
        restored = restored_from(anchor, chain)
        assert restored.current == lived.current
        assert restored.breaks() == lived.breaks() == []
        assert lived.version == lived.fills == len(chain)
        assert restored.day_realized == lived.day_realized
        assert restored.day_lots == lived.day_lots


def test_restoring_more_than_the_window_keeps_the_sum_and_trims_the_memory() -> None:
    many = [fill(BUY, 1, n, ms=n, trade_id=n + 1, closed="0.5") for n in range(WINDOW_ENTRIES + 600)]
    lived = ledger()
    for start in range(0, len(many), 700):
        lived.apply(many[start : start + 700], at(0))
    restored = ledger(*many)
    assert restored.current == lived.current
    assert restored.current.realized == Decimal("0.5") * len(many)
    assert restored.base == lived.base
    assert restored.base.lots == 600


def grown(book: ShadowLedger, start: int, count: int) -> None:
    """So many more fills of one lot, the prices rising and falling, every third a sale."""
    for n in range(start, start + count):
        side = SELL if n % 3 == 2 else BUY
        book.apply([fill(side, 1, book.lots, ms=n + 10, trade_id=n + 10, price=100 + n % 7)], at(0))


def test_a_checkpoint_is_the_fold_of_everything_before_it() -> None:
    book = ledger()
    grown(book, 0, WINDOW_ENTRIES + 501)
    checkpoint = book.take_checkpoint()
    assert checkpoint is not None
    assert book.take_checkpoint() is None, "once"
    assert (checkpoint.lots, checkpoint.cost) == (book.base.lots, book.base.cost)
    again = restored_from(book.base, book._window)  # type: ignore[arg-type]
    assert again.current == book.current


def test_after_a_fill_from_before_the_window_no_checkpoint_is_made_until_all_is_folded_anew() -> None:
    """The average entry depends on the order, and the place of that fill is gone."""
    book = ledger()
    grown(book, 0, WINDOW_ENTRIES + 501)
    book.take_checkpoint()
    book.apply([fill(BUY, 5, 0, ms=1, trade_id=1, price=900)], at(0))
    grown(book, WINDOW_ENTRIES + 501, 600)
    assert book.take_checkpoint() is None


def test_a_gap_stays_in_the_window_until_it_is_closed_and_the_fold_before_the_window_has_it_at_its_place() -> (
    None
):
    """After a long outage the stream's snapshot tells the newest fills first; the read of the gap brings the others."""
    many = [
        fill((BUY, SELL)[n % 2], 2 - n % 2, 50 + n // 2 + n % 2 * 2, n, n + 1, price=100 + n)
        for n in range(6_000)
    ]
    first, held_back, newest = many[:100], many[100:2_500], many[2_500:]
    book = restored_from(Fold(lots=50, cost=5_000), first)
    book.apply(newest[:2_000], at(0))
    book.apply(newest[2_000:], at(0))
    assert [gap.after_ms for gap in book.breaks()] == [first[-1].time_ms]
    assert book.cut_ms <= first[-1].time_ms
    for page in (held_back[1_200:], held_back[:1_200]):
        book.apply(page, at(0))
    saved = book.take_checkpoint()
    assert saved is not None
    before = reduce(Fold.apply, (f for f in many if f.time_ms < saved.cut_ms), Fold(lots=50, cost=5_000))
    assert (saved.lots, saved.cost) == (before.lots, before.cost)
    assert book.breaks() == []


@pytest.mark.parametrize("seen_before", [0, 100])
def test_what_is_accepted_for_fills_that_cannot_be_read_is_a_link_where_they_are_missing(
    seen_before: int,
) -> None:
    many = [fill(BUY, 1, n, n, n + 1) for n in range(6_100)]
    left = many[:seen_before] + many[seen_before + 51 :]
    book = ledger()
    for start in range(0, len(left), 2_000):
        book.apply(left[start : start + 2_000], at(0))
    proposed = book.propose(6_100, 100, "id", "cli", "", at(7_000))
    assert [(a.start_lots, a.end_lots) for a in proposed] == [(seen_before, seen_before + 51)]
    assert chain_breaks(chain_order([*left, *proposed], 0), 0) == []


def test_every_applied_fill_is_a_new_version() -> None:
    book = ledger()
    book.apply([fill(BUY, 1, 0, trade_id=1), fill(BUY, 1, 1, trade_id=2)], at(0))
    book.apply([], at(0))
    assert book.version == 2


# -- the day ----------------------------------------------------------------------------------------------------------


def test_the_day_begins_anew_at_midnight_utc_and_yesterdays_late_fill_does_not_count_today() -> None:
    book = ledger()
    book.apply([fill(SELL, 1, 0, ms=0, closed="5", fee="1")], at(0))
    assert book.day_realized_at(at(0)) == 4
    assert book.day_realized_at(at(DAY_MS)) == 0
    book.apply([fill(SELL, 1, -1, ms=DAY_MS, trade_id=2, closed="3")], at(DAY_MS))
    book.apply([fill(SELL, 1, 0, ms=1, trade_id=3, closed="100")], at(DAY_MS))
    assert book.day_realized_at(at(DAY_MS)) == 3


# -- drift ------------------------------------------------------------------------------------------------------------


def look(book: ShadowLedger, exchange: int, ms: int) -> Drift:
    """What the exchange shows; the fills are read right after."""
    moment = at(ms)
    seen = book.observe(exchange, moment.venue_ms, moment.mono_ms, one_order=50)
    book.watch.fills_were_read()
    return seen


def test_drift_needs_a_second_look_at_least_five_seconds_later() -> None:
    book = ledger(anchor=10)
    assert not look(book, 15, 40_000).declared
    assert not look(book, 15, 44_999).declared
    drift = look(book, 15, 45_000)
    assert (drift.declared, drift.lots) == (True, -5)


def test_drift_is_not_declared_before_the_fills_were_read_again() -> None:
    book = ledger(anchor=10)
    for ms in range(40_000, 60_000, 5_000):
        assert not book.observe(15, at(ms).venue_ms, at(ms).mono_ms, 50).declared
    book.watch.fills_were_read()
    assert book.observe(15, at(60_000).venue_ms, at(60_000).mono_ms, 50).declared


def test_a_look_that_was_overtaken_on_its_way_is_none() -> None:
    book = ledger(anchor=10)
    agreed = look(book, 10, 40_000)
    assert look(book, 3, 39_000) == replace(agreed, fills_read=True)


def test_looks_that_stay_behind_are_of_a_clock_that_was_set_back_and_count_again() -> None:
    book = ledger(anchor=10)
    look(book, 10, 400_000)
    for ms in range(405_000, 520_000, 5_000):
        assert book.observe(3, at(ms - 300_000).venue_ms, at(ms).mono_ms, 50).lots == 0
    assert book.observe(3, at(220_000).venue_ms, at(520_000).mono_ms, 50).lots == 7


def test_a_look_that_agrees_begins_the_count_anew() -> None:
    book = ledger(anchor=10)
    look(book, 15, 40_000)
    assert not look(book, 10, 43_000).suspected_mono_ms
    assert not look(book, 15, 46_000).declared


def test_a_position_that_the_chain_passed_through_within_thirty_seconds_is_not_drift() -> None:
    book = ledger()
    book.apply([fill(BUY, 10, 0), fill(BUY, 10, 10, trade_id=2)], at(1_000))
    for exchange in (0, 10, 20):
        assert not look(book, exchange, 30_000).suspected_mono_ms
    assert look(book, 10, 31_001).suspected_mono_ms
    look(book, 10, 31_002)
    assert look(book, 10, 36_001).declared


def test_two_different_fills_in_flight_at_two_looks_are_not_drift() -> None:
    """The venue's answer may be ahead of our stream; what it showed is explained once the stream has passed through it."""
    book = ledger()
    look(book, 10, 40_000)
    book.apply([fill(BUY, 10, 0)], at(40_100))
    drift = look(book, 20, 45_500)
    assert not drift.declared
    book.apply([fill(BUY, 10, 10, trade_id=2)], at(45_600))
    assert not look(book, 20, 51_000).suspected_mono_ms


def test_drift_stays_declared_while_it_lasts_and_never_moves_the_ledger() -> None:
    book = ledger(anchor=10)
    for ms in range(40_000, 100_000, 5_000):
        look(book, 15, ms)
    assert book.drift.declared
    assert (book.lots, book.version) == (10, 0)


@pytest.mark.parametrize(
    ("ours", "theirs", "pct"), [(100, 99, 1.0), (0, 5, 10.0), (0, -50, 100.0), (-200, 200, 200.0)]
)
def test_drift_in_percent_is_of_the_larger_position_but_of_one_order_at_least(
    ours: int, theirs: int, pct: float
) -> None:
    book = ledger(anchor=ours)
    assert look(book, theirs, 40_000).pct == Decimal(pct)


def test_every_link_of_a_chain_explains_a_look_between_its_fills() -> None:
    book = ledger()
    fills = [fill(BUY, 3, 3 * n, ms=n, trade_id=n + 1) for n in range(5)]
    book.apply(fills, at(0))
    for before, _ in pairwise(fills):
        assert not look(book, before.end_lots, 1_000).suspected_mono_ms


def accepted_after_ten() -> tuple[ShadowLedger, list[Adjustment]]:
    """Ten lots bought, and five that no fill explains accepted."""
    book = ShadowLedger("SOL")
    book.apply([fill(BUY, 10, 0)], at(0))
    adjustments = book.propose(15, 100, "x", "cli", "", at(1_000))
    book.adjust(adjustments, at(1_000))
    return book, adjustments


def test_an_adjustment_stays_while_another_fill_is_missing_behind_it() -> None:
    book, _ = accepted_after_ten()
    missed, seen = fill(BUY, 2, 15, ms=2_000, trade_id=2), fill(BUY, 1, 17, ms=3_000, trade_id=3)
    assert book.apply([seen], at(3_000)) == []
    assert (book.lots, len(book.breaks())) == (16, 1)
    assert book.apply([missed], at(4_000)) == []
    assert (book.lots, book.breaks()) == (18, [])


def test_an_adjustment_goes_when_the_last_fill_that_it_stands_for_has_come() -> None:
    book, adjustments = accepted_after_ten()
    book.apply([fill(BUY, 1, 15, ms=1_500, trade_id=4)], at(1_500))
    first, second = fill(BUY, 2, 10, ms=400, trade_id=2), fill(BUY, 3, 12, ms=500, trade_id=3)
    assert book.apply([first], at(2_000)) == []
    assert book.breaks(), "it counts twice so far, and says so"
    assert book.apply([second], at(3_000)) == adjustments
    assert (book.lots, book.breaks()) == (16, [])


def test_an_adjustment_whose_fill_was_committed_before_a_kill_goes_at_the_start() -> None:
    _, adjustments = accepted_after_ten()
    late = fill(BUY, 5, 10, ms=500, trade_id=2)
    book = ShadowLedger("SOL")
    book.restore([fill(BUY, 10, 0), late, *adjustments])
    assert (book.lots, book.breaks(), book.needless_at_start) == (15, [], adjustments)
