"""Fills that the stream loses, repeats, shuffles or brings late (F1-F3, F6, F13, F15, F16)."""

from __future__ import annotations

from decimal import Decimal
from functools import reduce

import pytest

from core.domain.fills import FillSource
from core.domain.orders import Side
from core.engine.fill_guarantor import chain_order
from core.engine.fold import Fold
from core.exchange.wire import decode_fill
from tests.faults.oddities import say_again
from tests.faults.world import World


@pytest.mark.real_time
async def test_f01_fills_of_a_burst_that_fell_into_a_broken_line_are_read_back_before_anything_is_quoted(
    world: World,
) -> None:
    await world.start()
    for _ in range(20):
        world.hit(20)
    await world.faults(
        {"kind": "ws_close", "channel": "userFills", "count": 1},
        {"kind": "http_500", "action": "userFillsByTime"},
    )
    for _ in range(30):
        world.hit(20)
    await world.until(lambda: world.told("ws_disconnected"), "the line breaks")
    await world.until(
        lambda: world.snapshot.feed.connected and world.snapshot.feed.generation == 2, "it is up"
    )
    quoted = set(world.watch.cloids)
    world.hit(20)
    await world.struck()
    await world.turn()
    assert world.coin().idle_reason == "the gap in fills is being read back"
    assert world.watch.cloids == quoted, "quoted while fills were missing"
    truth = await world.check("ws_disconnected", "ws_connected", "ws_reconnected")
    assert len(truth["fills"]) >= 51
    (receipt,) = world.told("ws_reconnected")
    assert receipt["fills_recovered"] > 0


async def test_f02_a_fill_over_both_ways_counts_once_and_for_the_way_that_was_first(world: World) -> None:
    await world.start()
    world.hit(100)
    await world.until(lambda: world.coin().fills.total == 1, "over the stream")
    await world.control("poll")
    await world.until(lambda: world.coin().fills.duplicates >= 1, "over REST again")
    await world.faults({"kind": "ws_delay", "channel": "userFills", "delay_ms": 600})
    before = world.coin().fills.duplicates
    world.hit(100)
    await world.struck()
    await world.control("poll")
    await world.until(lambda: world.coin().fills.from_rest == 1, "REST was first")
    await world.until(lambda: world.coin().fills.duplicates >= before + 2, "over the stream again")
    await world.check()
    fills = world.coin().fills
    assert (fills.total, fills.from_ws, fills.from_rest) == (2, 1, 1)


async def test_f03_a_fill_told_a_hundred_times_between_restarts_moves_the_position_once(world: World) -> None:
    await world.start()
    world.hit(70, 30)
    await world.until(lambda: world.coin().fills.total == 2, "told once")
    for _ in range(3):
        say_again(world, 25)
        await world.until(lambda: world.coin().fills.duplicates >= 50, "told again")
        await world.crash()
        await world.start(resting=None)
        await world.until(world.is_whole, "it goes on where it was")
    say_again(world, 25)
    await world.turn()
    await world.check()
    assert world.coin().position == Decimal("0.001")
    assert world.coin().fills.total == 2


async def test_f06_fills_in_any_order_fold_to_the_same_ledger(world: World) -> None:
    await world.start()
    await world.faults(
        {"kind": "ws_reorder", "channel": "userFills", "probability": 0.4, "delay_ms": 300},
        {"kind": "ws_delay", "channel": "userFills", "probability": 0.4, "delay_ms": 150, "seed": 3},
        {"kind": "ws_duplicate", "channel": "userFills", "probability": 0.3, "seed": 5},
    )
    for number in range(24):
        world.hit(40 + number, 15, side=Side.BUY if number % 3 == 2 else Side.SELL)
        await world.until(lambda: world.ours(), "some of ours rest")
        if number % 6 == 5:
            await world.turn()
    await world.struck()
    truth = await world.check()
    instruments = {"BTC": world.instrument()}
    told = [decode_fill(row, world.exchange.user, FillSource.WS, instruments) for row in truth["fills"]]
    ordered = chain_order([fill for fill in told if fill is not None], 0)
    fold = reduce(Fold.apply, ordered, Fold())
    for _ in range(2):
        coin = world.coin()
        assert coin.realized_usd == fold.realized
        assert coin.fees_usd == fold.fees
        assert coin.entry == fold.entry.scaleb(-world.instrument().price_decimals)
        assert coin.fills.last is not None
        assert coin.fills.last.price == world.instrument().price_decimal(ordered[-1].price)
        await world.crash()
        await world.start(resting=None)
        await world.until(world.is_whole, "the same after a restart")


async def test_f13_a_snapshot_of_two_thousand_old_fills_brings_only_the_one_that_is_new(world: World) -> None:
    await world.start()
    world.buy_and_sell(2_000)
    await world.until(lambda: world.coin().fills.total == 2_000, "they are known")
    await world.faults({"kind": "ws_close", "channel": "userFills", "count": 1})
    world.hit(100)
    await world.until(lambda: world.told("ws_reconnected"), "the line is back")
    await world.check("ws_disconnected", "ws_reconnected")
    fills = world.coin().fills
    assert fills.total == 2_001
    assert fills.duplicates >= 1_999


async def test_f15_a_fill_that_the_index_shows_late_is_still_found_after_the_cursor_has_passed_it(
    world: World,
) -> None:
    await world.start()
    await world.faults(
        {"kind": "ws_close", "channel": "userFills", "count": 1},
        {"kind": "ws_drop", "channel": "userFills"},
        {"kind": "rest_lag", "delay_ms": 2_500},
    )
    world.hit(100)
    await world.until(lambda: world.told("ws_reconnected"), "a read over REST has ended without it")
    assert world.coin().fills.total == 0, "the index lags"
    await world.until(lambda: world.coin().fills.total == 1, "the index has caught up")
    await world.check("ws_reconnected")
    assert world.coin().fills.from_rest == 1
    assert not world.told("position_drift_detected"), "late is not lost"


async def test_f15_a_gap_in_the_chain_stays_open_until_the_index_shows_its_fill(world: World) -> None:
    await world.start()
    await world.faults(
        {"kind": "ws_drop", "channel": "userFills", "count": 1}, {"kind": "rest_lag", "delay_ms": 2_000}
    )
    world.hit(100)
    await world.until(lambda: world.lots() == 100, "the first is dropped")
    world.hit(50)
    await world.until(lambda: world.told("fill_sequence_gap"), "the second names it")
    quoted = set(world.watch.cloids)
    await world.turn()
    assert world.coin().idle_reason == "a fill is missing; reading it back"
    assert world.watch.cloids == quoted
    await world.check("fill_sequence_gap", "fill_chain_whole")


async def test_f16_a_fill_that_the_stream_leaves_out_is_named_by_the_next_one_and_read_back(
    world: World,
) -> None:
    await world.start()
    await world.faults({"kind": "ws_drop", "channel": "userFills", "count": 1})
    world.hit(100)
    await world.struck()
    world.hit(100)
    await world.until(lambda: world.told("fill_sequence_gap"), "the gap is named")
    await world.check("fill_sequence_gap", "fill_chain_whole")
    assert world.coin().fills.total == 2
    assert world.coin().fills.from_rest == 1
