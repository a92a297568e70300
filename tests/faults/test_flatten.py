"""P22 and P23: the way out while the exchange, the book or the operator makes it hard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.domain.orders import Side
from core.paper.market.step import Depth, LevelChange, MarketStep
from tests.faults.world import World, living


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with living(tmp_path) as made:
        yield made


async def hold(world: World) -> int:
    """A grid that rests, and a position beside it; its lots."""
    await world.start()
    await world.trade(Side.BUY, "0.004")
    await world.until(lambda: world.coin().position and world.is_whole(), "a position is held")
    return world.lots()


def thin(world: World, lots: int, mid: Decimal, coin: str = "BTC") -> None:
    """The market shows so many lots on either side of its price, and nothing for a long way behind."""
    instrument = world.instrument(coin)
    center = instrument.price_units(mid)
    bid, ask = instrument.round_price_down(center - 1), instrument.round_price_up(center + 1)
    low, high = instrument.round_price_down(center // 2), instrument.round_price_up(center * 2)
    depth = Depth(((bid, lots), (low, 1)), ((ask, lots), (high, 1)))
    world.venue.apply(MarketStep(coin, (), depth, None, center, center))


def empty(world: World, coin: str = "BTC") -> None:
    """Nobody bids any more."""
    bids = world.venue.venue.ledger.books[coin].depth(Side.BUY, 1_000)
    changes = tuple(LevelChange(Side.BUY, price, 0) for price, *_ in bids)
    world.venue.apply(MarketStep(coin, (), None, None, levels=changes))


def said(world: World) -> str:
    """What the flatten says of itself now."""
    return " ".join(c.text for c in world.snapshot.commands if c.action == "flatten")


def closes(world: World) -> list[tuple[Any, ...]]:
    return world.rows("SELECT lots, state FROM orders WHERE purpose = 'flatten' ORDER BY created_ms")


@pytest.mark.real_time
async def test_p22_flatten_pressed_ten_times_is_one_flatten(world: World) -> None:
    await hold(world)
    answers = await asyncio.gather(*(world.control("flatten", "BTC") for _ in range(10)))
    done = [a for a in answers if a["outcome"] == "done"]
    refused = [a["text"] for a in answers if a["outcome"] == "refused"]
    assert len(done) == 1
    assert len(refused) == 9
    assert all("is being flattened already" in text for text in refused)
    assert done[0]["text"].startswith("CONFIRMED FLAT at ")
    assert len(closes(world)) == 1
    assert world.lots() == 0
    await world.check(halted="flatten")


@pytest.mark.parametrize("busy_with", ["reconnect", "resync"])
async def test_p22_flatten_while_it_reconnects_or_resyncs_is_one_flatten(
    world: World, busy_with: str
) -> None:
    await hold(world)
    busy = asyncio.create_task(world.control(busy_with))
    await asyncio.sleep(0)
    answer = await world.control("flatten", "BTC")
    await busy
    assert answer["outcome"] == "done", answer
    assert len(closes(world)) == 1
    assert world.lots() == 0
    await world.check(halted="flatten")


async def _comes_to(world: World, lots: int) -> None:
    await world.until(lambda: world.lots() <= lots, f"the position comes down to {lots}")


async def test_p23_against_a_thin_book_it_closes_in_parts_no_larger_than_the_book(world: World) -> None:
    held = await hold(world)
    part, mid = held // 3, world.coin().mid
    thin(world, part, mid)
    asking = asyncio.create_task(world.control("flatten", "BTC"))
    for left in (held - part, held - 2 * part, 0):
        await _comes_to(world, left)
        thin(world, part, mid)
    answer = await asking
    assert answer["outcome"] == "done", answer
    assert [lots for lots, _ in closes(world)][:2] == [part, part]
    assert world.lots() == 0
    await world.check(halted="flatten")


async def test_p23_against_an_empty_book_it_waits_says_so_and_spends_no_attempt(world: World) -> None:
    await hold(world)
    mid = world.coin().mid
    empty(world)
    asking = asyncio.create_task(world.control("flatten", "BTC"))
    await world.until(lambda: "the book is empty" in said(world), "it says what it waits for")
    assert not closes(world)
    thin(world, 10**7, mid)
    answer = await asking
    assert answer["outcome"] == "done", answer
    assert len(closes(world)) == 1
    await world.check(halted="flatten")


async def test_p23_busy_answers_are_waited_out_and_cost_no_storm(world: World) -> None:
    await hold(world)
    await world.faults({"kind": "http_429", "probability": 1, "count": 6})
    answer = await world.control("flatten", "BTC")
    assert answer["outcome"] == "done", answer
    assert world.lots() == 0
    assert len(closes(world)) <= 4
    await world.check(halted="flatten")


@pytest.mark.parametrize("left", [None, 250, 10], ids=["paused", "no reads", "hardly anything"])
async def test_a_flatten_waits_for_no_weight(world: World, left: int | None) -> None:
    """Another program of this host has used it up, or was refused by the exchange: all of the host are held."""
    await hold(world)
    budget = world.run.session._rest.budget
    if left is None:
        budget.refuse(300, "HTTP 429")
    else:
        budget.spend(budget.left - left)
    asking = asyncio.create_task(world.control("flatten", "BTC"))
    await world.until(lambda: not world.ours() and not world.lots(), "it is out of the market")
    if left == 250:
        assert (await asking)["outcome"] == "done", "the proof is had, too"
    else:
        asking.cancel()


async def test_p23_a_price_outside_the_exchanges_band_is_brought_nearer(tmp_path: Path) -> None:
    async with living(tmp_path, flatten_slippage_pct=Decimal("0.97")) as world:
        await hold(world)
        answer = await world.control("flatten", "BTC")
        assert answer["outcome"] == "done", answer
        assert [state for _, state in closes(world)] == ["rejected", "filled"]
        assert world.lots() == 0
        await world.check(halted="flatten")


async def test_a_flatten_takes_foreign_orders_of_the_coin_and_says_how_many(world: World) -> None:
    await hold(world)
    oid = await world.place_by_hand(Side.BUY, world.mid() * 9 // 10 // 10 * 10, 200)
    world.watch.foreign.discard(oid)  # it is meant to go
    answer = await world.control("flatten", "BTC")
    assert answer["text"].endswith("; 1 order that was not GridBot's was cancelled"), answer
    assert not world.resting()
    await world.check("foreign_orders_cancelled", halted="flatten")


@pytest.mark.parametrize("action", ["flatten", "cancel_all"])
async def test_a_node_that_lags_proves_nothing_so_that_what_was_placed_a_moment_ago_goes_too(
    world: World, action: str
) -> None:
    await world.start()
    await world.faults({"kind": "rest_lag", "delay_ms": 5_000, "for_s": 4})
    await asyncio.sleep(0.5)
    oid = await world.place_by_hand(Side.BUY, world.mid() * 9 // 10 // 10 * 10, 200)
    world.watch.foreign.discard(oid)  # it is meant to go
    answer = await world.control(action, "BTC" if action == "flatten" else "")
    assert answer["outcome"] == "done", answer
    assert not world.resting()
    await world.check("foreign_orders_cancelled", halted="flatten" if action == "flatten" else "operator")


async def test_cancel_all_clears_the_account_and_proves_it(world: World) -> None:
    await hold(world)
    oid = await world.place_by_hand(Side.BUY, world.mid() * 9 // 10 // 10 * 10, 200)
    preview = await world.control("cancel_all_preview")
    assert "BTC: 6 ours, 1 foreign" in preview["text"]
    assert len(world.resting()) == 7
    world.watch.foreign.discard(oid)
    answer = await world.control("cancel_all")
    assert answer["text"].startswith("HALTED, 0 orders left: 6 ours and 1 foreign cancelled"), answer
    assert not world.resting()
    assert world.lots()
    await world.check("foreign_orders_cancelled", halted="operator")


async def test_a_parked_level_stays_empty_across_a_crash(world: World) -> None:
    await world.start()
    order = min(world.ours(), key=lambda o: o.price)
    answer = await world.control("park", "", order.cloid or "")
    assert answer["outcome"] == "done", answer
    await world.until(lambda: len(world.ours()) == 5, "it is cancelled")
    await world.crash()
    await world.start(resting=None)
    await world.until(
        lambda: world.run.snapshots and len(world.ours()) == 5 and world.coin().parked,
        "its level stays empty",
    )
    assert (await world.control("unpark"))["outcome"] == "done"
    await world.check("slot_parked", "slot_unparked")


async def test_a_flatten_that_a_crash_interrupts_is_carried_on_by_the_next_start(world: World) -> None:
    await hold(world)
    await world.faults({"kind": "post_only_mode"})
    asking = asyncio.create_task(world.control("flatten", "BTC"))
    await world.until(lambda: "reduce-only rests at" in said(world), "an order rests until more is allowed")
    await world.until(lambda: world.ours(), "it is on the exchange")
    await world.crash()
    asking.cancel()
    assert world.lots()
    await world.faults()
    await world.start(resting=None)
    await world.until(lambda: not world.lots(), "the next start closes what was held")
    await world.check("flatten_resumed", halted="flatten")
    standing = "SELECT value FROM meta WHERE key = 'standing:BTC'"
    await world.until(
        lambda: world.rows(standing) == [("new_grid",)], "it has ended: no start begins it again"
    )


async def test_a_position_opened_by_hand_since_a_crash_is_left_alone_by_the_flatten_that_was_under_way(
    world: World,
) -> None:
    """Days may lie between: the operator has closed what was held himself, and has opened another position."""
    held = await hold(world)
    await world.faults({"kind": "post_only_mode"})
    asking = asyncio.create_task(world.control("flatten", "BTC"))
    await world.until(lambda: "reduce-only rests at" in said(world), "an order rests until more is allowed")
    await world.crash()
    asking.cancel()
    await world.faults()
    size = world.instrument("BTC").size_text(abs(held))
    await world.trade(Side.SELL if held > 0 else Side.BUY, size)
    await world.trade(Side.BUY, "0.003")
    mine = world.lots()
    await world.start(resting=None)
    await world.until(lambda: world.run.snapshots and world.coin().position, "it is seen")
    await asyncio.sleep(8)
    assert world.lots() == mine
    await world.check("flatten_not_resumed", halted="flatten")
