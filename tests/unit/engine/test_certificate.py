"""The fold that ``verify`` repeats: the chain, the checkpoint and the profits of one coin, and the venue's beside ours."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from typing import Any

import pytest

from core.domain.effects import SaveCheckpoint
from core.domain.fills import Adjustment
from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.engine.certificate import ROWS_NAMED, CoinProof, Entry, utc_text
from core.engine.fold import Fold
from tests.unit.engine.builders import SOL, VENUE_0, fill
from tests.unit.engine.mainnet import chains

BUY, SELL = Side.BUY, Side.SELL


def prove(
    entries: list[Entry],
    start: Fold = Fold(),  # noqa: B008 - frozen
    checkpoint: SaveCheckpoint | None = None,
    instrument: Instrument = SOL,
    start_ms: int = 0,
) -> CoinProof:
    proof = CoinProof(instrument, start, start_ms, checkpoint)
    for at_ms, group in groupby(sorted(entries, key=lambda e: e.time_ms), key=lambda e: e.time_ms):
        proof.take(list(group), at_ms)
    proof.finish()
    return proof


def adjusted(start: int, end: int, ms: int, price: int = 2_000_000) -> Adjustment:
    return Adjustment("a1", "SOL", VENUE_0 + ms, start, end, price, VENUE_0 + ms, "test", "none")


FILLS = [
    fill(BUY, 3, 0, ms=1, trade_id=1, price=2_000_001),
    fill(BUY, 4, 3, ms=2, trade_id=2, price=2_000_000),
    fill(SELL, 2, 7, ms=3, trade_id=3, price=2_100_000, closed="0.199999"),
    fill(SELL, 5, 5, ms=4, trade_id=4, price=2_100_000, closed="0.499998"),
]
ROUND_TRIP: list[Entry] = [*FILLS]


def test_a_round_trip_is_proven_to_the_last_micro_dollar() -> None:
    proof = prove(ROUND_TRIP)
    assert (proof.chain.rows, proof.pnl.rows) == ([], [])
    assert proof.fold.lots == 0
    cash = sum(-e.price * e.signed_lots for e in FILLS)
    assert proof.realized == cash == 699_997
    assert proof.compared.residual == 0
    assert proof.compared.bound == 2


def test_the_profits_of_the_mainnet_agree_with_ours_within_what_rounding_allows() -> None:
    closing = 0
    for chain in chains():
        first = chain[0]
        decimals = Instrument(first.coin, 0, 0, 1)
        start = Fold(first.start_lots, abs(first.start_lots) * first.price)
        proof = prove(list(chain), start, instrument=decimals)
        assert proof.chain.ok, proof.chain.rows
        assert proof.pnl.ok, proof.pnl.rows
        closing += proof.compared.closing
    assert closing > 40


@pytest.mark.parametrize("index", range(4))
def test_a_fill_taken_out_is_named_with_its_place_and_its_size(index: int) -> None:
    left = ROUND_TRIP[:index] + ROUND_TRIP[index + 1 :]
    proof = prove(left)
    if index == 3:  # nothing comes after it: only what the ledger held tells
        assert proof.chain.ok
        assert proof.fold.lots == 5
        return
    (row,) = proof.chain.rows
    assert row.startswith(f"gap between {utc_text(left[index - 1].time_ms if index else 0)} and ")
    assert f"{SOL.size_text(ROUND_TRIP[index].signed_lots)} is missing" in row


def test_the_same_fill_twice_breaks_the_chain() -> None:
    twice = [*ROUND_TRIP[:2], replace(FILLS[1], trade_id=9), *ROUND_TRIP[2:]]
    assert not prove(twice).chain.ok


def test_a_fill_before_the_anchor_is_named() -> None:
    (row,) = prove(ROUND_TRIP[:1], start_ms=VENUE_0 + 2).chain.rows
    assert "is before the anchor" in row


def test_fills_of_one_millisecond_are_linked_whatever_order_they_are_read_in() -> None:
    same = [fill(SELL, 2, 7, trade_id=1), fill(BUY, 3, 0, trade_id=2), fill(BUY, 4, 3, trade_id=3)]
    assert prove(list(same)).chain.ok


def test_an_adjustment_is_a_link_and_no_profit() -> None:
    entries: list[Entry] = [
        fill(BUY, 3, 0, ms=1),
        adjusted(3, 8, ms=2),
        fill(SELL, 8, 8, ms=3, price=2_000_010, closed="0.000080"),
        fill(BUY, 1, 0, ms=4),
        fill(SELL, 1, 1, ms=5, price=2_000_020, closed="0.000020"),
    ]
    proof = prove(entries)
    assert (proof.chain.rows, proof.pnl.rows) == ([], [])
    assert proof.adjustments == 1
    assert proof.compared.closing == 1, "what the added lots had cost the exchange is not known to us"
    assert not prove([entries[0], *entries[2:]]).chain.ok


def test_profits_are_compared_only_after_the_opening_position_is_gone() -> None:
    opening = Fold(5, 5 * 1_500_000)
    entries: list[Entry] = [
        fill(SELL, 5, 5, ms=1, closed="77"),
        fill(SELL, 1, 0, ms=2),
        fill(BUY, 1, -1, ms=3, price=1_999_990, closed="0.00001"),
    ]
    proof = prove(entries, opening)
    assert proof.pnl.ok, proof.pnl.rows
    assert proof.compared.closing == 1


def test_a_flip_makes_the_entry_known_and_is_compared_with_what_it_closed() -> None:
    entries: list[Entry] = [
        fill(BUY, 4, 0, ms=1),
        fill(SELL, 6, 4, ms=2, price=2_000_100, closed="0.0004"),
        fill(BUY, 2, -2, ms=3, price=2_000_050, closed="0.0001"),
    ]
    proof = prove(entries)
    assert proof.pnl.ok, proof.pnl.rows
    assert (proof.realized, proof.compared.closing) == (500, 2)


def test_a_profit_of_another_amount_is_named() -> None:
    entries = [*ROUND_TRIP[:3], replace(FILLS[3], closed_pnl=Decimal("0.500098"))]
    rows = prove(entries).pnl.rows
    assert "fill 4 of order" in rows[0]
    assert "differs from ours by 0.000101" in rows[0]
    assert "more than the 0.000002 that rounding allows" in rows[1]


def test_a_profit_that_another_whole_entry_would_give_is_named_all_the_same() -> None:
    """An entry may be cut to the whole price unit below it, not to any."""
    entries = [*ROUND_TRIP[:3], replace(FILLS[3], closed_pnl=Decimal("0.500050"))]
    assert "fill 4 of order" in prove(entries).pnl.rows[0]


def test_a_checkpoint_is_held_against_the_fold_before_its_cut() -> None:
    at_cut = SaveCheckpoint("SOL", VENUE_0 + 3, 7, 14_000_003, Decimal(0), Decimal(0))
    assert prove(ROUND_TRIP, checkpoint=at_cut).checkpoint.ok
    changes: tuple[dict[str, Any], ...] = (
        {"lots": 6},
        {"cost": 1},
        {"realized": Decimal(1)},
        {"fees": Decimal(1)},
    )
    for change in changes:
        assert not prove(ROUND_TRIP, checkpoint=replace(at_cut, **change)).checkpoint.ok, change
    assert not prove(ROUND_TRIP, checkpoint=replace(at_cut, cut_ms=VENUE_0 + 4)).checkpoint.ok
    at_end = replace(at_cut, cut_ms=VENUE_0 + 900, lots=0, cost=0, realized=Decimal("0.699997"))
    assert prove(ROUND_TRIP, checkpoint=at_end).checkpoint.ok


def test_only_the_first_rows_are_named_and_all_are_counted() -> None:
    entries: list[Entry] = [fill(BUY, 1, 5 * n, ms=n, trade_id=n + 1) for n in range(1, 20)]
    check = prove(entries).chain
    assert (check.failures, len(check.rows)) == (19, ROWS_NAMED)
