"""Every fill proves the one before it (C-3, M-1): the order of fills and the proof that none is missing."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from core.domain.fills import FillSource
from core.domain.orders import Side
from core.engine.fill_guarantor import ChainBreak, FillCounts, chain_breaks, chain_order
from tests.unit.engine.builders import VENUE_0, fill
from tests.unit.engine.mainnet import Chain, chains

BUY, SELL = Side.BUY, Side.SELL


def shuffled(chain: Chain, seed: int = 7) -> Chain:
    mixed = list(chain)
    random.Random(seed).shuffle(mixed)
    return tuple(mixed)


# -- on fills of the mainnet ----------------------------------------------------------------------------------------


def test_the_extract_holds_what_makes_ordering_hard() -> None:
    found = chains()
    links = [link for chain in found for link in pairwise(chain)]
    within_one_ms = sum(a.time_ms == b.time_ms for a, b in links)
    assert (len(found), len(links)) == (134, 1_251)
    assert within_one_ms > 500
    assert any("xyz:" in chain[0].coin for chain in found)


def test_no_link_of_the_mainnet_is_broken_whatever_order_the_fills_arrived_in() -> None:
    for chain in chains():
        for seed in range(3):
            assert chain_breaks(chain_order(shuffled(chain, seed))) == []


def test_each_single_fill_taken_out_of_the_mainnets_chains_is_noticed() -> None:
    noticed = unnoticed = 0
    for chain in chains():
        ordered = chain_order(chain)
        for index in range(1, len(ordered) - 1):
            missing, start = ordered[index], ordered[0].start_lots
            left = shuffled((*ordered[:index], *ordered[index + 1 :]))
            breaks = chain_breaks(chain_order(left, start), start)
            if any(found.missing_lots for found in breaks):
                noticed += 1
                assert sum(found.missing_lots for found in breaks) == missing.signed_lots
            else:
                unnoticed += 1
    assert (noticed, unnoticed) == (1_117, 0)


def test_trade_ids_alone_would_not_order_the_mainnets_milliseconds() -> None:
    by_id = 0
    for chain in chains():
        ordered = sorted(chain, key=lambda f: (f.time_ms, f.trade_id))
        by_id += bool(chain_breaks(ordered))
    assert by_id > 20


# -- in small ---------------------------------------------------------------------------------------------------------


def test_fills_of_one_millisecond_follow_the_chain_and_not_their_ids() -> None:
    first, second, third = (
        fill(BUY, 5, start=0, trade_id=9),
        fill(BUY, 3, start=5, trade_id=1),
        fill(SELL, 9, start=8, trade_id=5),
    )
    assert chain_order([third, second, first]) == [first, second, third]


def test_the_position_before_them_tells_where_a_cycle_begins() -> None:
    up, down = fill(BUY, 5, start=0, trade_id=2), fill(SELL, 5, start=5, trade_id=1)
    assert chain_order([up, down], start=0) == [up, down]
    assert chain_order([up, down], start=5) == [down, up]


def test_a_figure_of_eight_of_positions_is_walked_without_a_break() -> None:
    loops = [
        fill(BUY, 5, start=0, trade_id=4),
        fill(SELL, 5, start=5, trade_id=3),
        fill(SELL, 3, start=0, trade_id=2),
        fill(BUY, 3, start=-3, trade_id=1),
        fill(BUY, 7, start=0, trade_id=5),
    ]
    ordered = chain_order(loops, start=0)
    assert chain_breaks(ordered, start=0) == []
    assert ordered[-1].end_lots == 7


def test_a_missing_fill_is_named_with_its_lots_and_its_place_in_time() -> None:
    before, after = fill(BUY, 5, start=0, ms=10), fill(SELL, 2, start=9, ms=30)
    assert chain_breaks([before, after]) == [ChainBreak("SOL", VENUE_0 + 10, VENUE_0 + 30, 5, 9)]
    assert chain_breaks([before, after])[0].missing_lots == 4


def test_a_fill_missing_before_the_first_is_noticed_against_the_anchor() -> None:
    (found,) = chain_breaks([fill(BUY, 5, start=3)], start=0)
    assert (found.after_ms, found.missing_lots) == (0, 3)


def test_fills_that_cancel_each_out_are_missed_only_until_another_starts_between_them() -> None:
    """The one blind spot of the chain: a missing round trip leaves no gap; drift can't see it either, only its fees."""
    assert chain_breaks([fill(BUY, 5, start=0, ms=1), fill(BUY, 1, start=5, ms=9)]) == []


def test_a_gap_within_one_millisecond_still_leaves_few_pieces() -> None:
    fills = [fill(BUY, 1, start=n, trade_id=10 - n) for n in range(9) if n != 4]
    ordered = chain_order(fills, start=0)
    assert [f.start_lots for f in ordered] == [0, 1, 2, 3, 5, 6, 7, 8]
    assert len(chain_breaks(ordered, start=0)) == 1


def test_nothing_is_ordered_into_nothing() -> None:
    assert chain_order([]) == []
    assert chain_breaks([], start=5) == []


@pytest.mark.parametrize("seed", range(5))
def test_system_rows_that_share_trade_id_zero_are_ordered_the_same_however_they_arrive(seed: int) -> None:
    rows = [replace(fill(BUY, 5, start=0, trade_id=0), price=p, order_id=p) for p in (101, 102, 103)]
    rows += [replace(fill(SELL, 5, start=5, trade_id=0), price=p, order_id=p) for p in (104, 105, 106)]
    mixed = list(rows)
    random.Random(seed).shuffle(mixed)
    assert chain_order(mixed, 0) == chain_order(rows, 0)


# -- counts -----------------------------------------------------------------------------------------------------------


def test_counts_add_up_by_side_source_and_liquidity() -> None:
    counts = FillCounts()
    counts = counts.with_fill(fill(BUY), external=False)
    counts = counts.with_fill(fill(SELL, source=FillSource.REST, crossed=True), external=True)
    counts = counts.with_fill(fill(SELL, source=FillSource.SNAPSHOT), external=False)
    counts = counts.with_duplicates(7)
    assert counts == FillCounts(total=3, buys=1, external=1, from_ws=1, duplicates=7, maker=2)
    assert counts.from_rest == 2
