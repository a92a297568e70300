"""Clocks that jump, nonces that two programs share, a window of nonces that has moved on (T11-T13)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.events import Resting
from core.domain.orders import Side
from core.engine.freshness import LAG_MOST_MS
from core.exchange import order_times, venue_clock
from core.exchange.nonces import NonceAllocator
from core.exchange.order_router import OrderRouter
from core.exchange.rest import Rest
from core.exchange.sender import Sender
from core.exchange.signing import Signer
from core.exchange.venue_clock import VenueClock
from core.runtime.verify import verify_journal
from tests.faults.world import GRID, World, living
from tests.unit.exchange.samples import KEY, cloid, order

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def nonces(world: World) -> list[int]:
    return world.venue.venue.ledger.nonces[Signer(KEY, False).address].kept


async def replaced(world: World) -> None:
    """The market has moved: every order is cancelled and placed anew, and what others sell is filled."""
    before = {order.cloid for order in world.ours()}
    world.move(1.5)
    await world.until(lambda: world.is_whole() and before.isdisjoint(o.cloid for o in world.ours()), "anew")
    bids = [order for order in world.ours() if order.side is Side.BUY]
    world.hit(max(bids, key=lambda one: one.price).remaining)
    await world.until(lambda: world.coin().fills.total, "the fill")


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS], ids=["ahead", "back"])
async def test_t11_the_local_clock_jumps_by_an_hour_and_nothing_is_refused_or_late(
    world: World, jump_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.start()
    real = venue_clock._wall_ms
    monkeypatch.setattr(venue_clock, "_wall_ms", lambda: real() + jump_ms)
    await replaced(world)
    assert max(nonces(world)) < world.venue.now_ms() + 120_000
    await world.check("fill")
    assert not world.told("nonce_resync")
    assert not world.told("clock_resync")


async def test_t11_an_exchange_whose_clock_is_90_s_ahead_is_followed_by_its_first_refusal(
    world: World,
) -> None:
    """What was signed by the old estimate has expired on arrival, and the refusal sets the clock."""
    await world.start()
    await world.faults({"kind": "clock_skew", "delay_ms": 90_000})
    await replaced(world)
    assert abs(world.run.session.clock.now().venue_ms - world.venue.now_ms()) < 2_000


async def test_t11_an_exchange_whose_clock_is_90_s_behind_takes_every_action(world: World) -> None:
    await world.start()
    await world.faults({"kind": "clock_skew", "delay_ms": -90_000})
    await replaced(world)
    assert not world.told("nonce_refused")


@pytest.mark.parametrize("skew_ms", [90_000, -90_000], ids=["ahead", "behind"])
async def test_t11_a_flatten_is_the_first_to_meet_an_exchange_whose_clock_is_90_s_off_and_ends_flat_at_once(
    world: World, skew_ms: int
) -> None:
    """Ahead, its cancels have expired on arrival. Behind, every answer looks like one of a node that lags by 90 s, but for the
    time at which the closing order was filled: before it was sent, by an estimate that must be wrong.
    """
    await world.start()
    await world.trade(Side.BUY, "0.004")
    await world.until(lambda: world.coin().position and world.is_whole(), "a position is held")
    await world.faults({"kind": "clock_skew", "delay_ms": skew_ms})
    answer = await world.control("flatten", "BTC")
    assert answer["outcome"] == "done", answer
    assert (world.lots(), world.ours()) == (0, [])
    assert abs(world.run.session.clock.now().venue_ms - world.venue.now_ms()) < 2_000


@pytest.mark.parametrize(
    ("action", "rests", "skew_ms"),
    [
        ("flatten", True, -90_000),
        ("flatten", False, -90_000),
        ("cancel_all", False, -90_000),
        ("flatten", False, 90_000),
    ],
)
async def test_t11_a_flat_account_is_proven_flat_beside_an_exchange_whose_clock_is_90_s_off(
    world: World, action: str, rests: bool, skew_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is filled that would date the exchange's clock: a cancel does, or else that nothing is found for longer than a
    node may lag.
    """
    monkeypatch.setattr(order_times, "ACTIONS_KEPT", 0)  # long ago, or its placing would date it
    await world.start()
    if not rests:
        await world.control("halt")
    await world.faults({"kind": "clock_skew", "delay_ms": skew_ms})
    within_s = 10 if rests or skew_ms > 0 else LAG_MOST_MS / 1000 + 15
    answer = await world.control(action, "BTC" if action == "flatten" else "", within_s=within_s)
    assert answer["outcome"] == "done", answer
    assert (world.lots(), world.resting()) == (0, [])


async def test_t11_a_start_beside_an_exchange_that_is_90_s_off_trades_at_once(world: World) -> None:
    await world.faults({"kind": "clock_skew", "delay_ms": 90_000})
    await world.start()
    assert not world.told("clock_resync")
    assert not world.told("nonce_resync")


async def another_program(world: World, count: int, ahead_ms: int) -> None:
    """It signs with the same key, by a clock that is so far ahead."""
    signer, first = Signer(KEY, False), world.venue.now_ms() + ahead_ms
    for nonce in range(first, first + count):
        action = {"type": "noop"}
        body = {"action": action, "nonce": nonce, "signature": signer.sign(action, nonce, None)}
        async with world.exchange.http.post(f"{world.exchange.url}/exchange", json=body) as answer:
            assert (await answer.json())["status"] == "ok"


async def test_t12_twenty_actions_at_once_in_two_lanes_take_twenty_nonces_and_all_are_taken(
    world: World,
) -> None:
    async def save(_ceiling: int) -> bool:
        await asyncio.sleep(0.01)
        return True

    clock = VenueClock()
    rest = Rest(world.exchange.url, clock)
    await rest.open()
    told: list[str] = []
    sender = Sender(
        rest, Signer(KEY, False), NonceAllocator(0, save), clock, lambda name, *_, **__: told.append(name)
    )
    router = OrderRouter(sender, clock, {"BTC": world.instrument()})
    lots, low = 100, world.mid() // 2
    expires_ms = clock.now().venue_ms + 10_000
    orders = [
        order(n, lots=lots, price=low - low % 100 - 100 * n, expires_ms=expires_ms) for n in range(1, 11)
    ]
    try:
        placing = asyncio.gather(*(router.place([one]) for one in orders))
        cancelled = await asyncio.gather(*(router.cancel([("BTC", cloid(n))]) for n in range(101, 111)))
        placed = await placing
    finally:
        await rest.close()
    taken = nonces(world)
    assert len(set(taken)) == len(taken) == 20
    assert all(isinstance(result, Resting) for outcome in placed for _, result in outcome.results)
    assert len(cancelled) == 10
    assert not told


async def test_t12_another_program_with_the_same_key_an_hour_ahead_costs_one_refusal_and_no_order(
    world: World,
) -> None:
    await world.start()
    await another_program(world, 100, HOUR_MS)
    await replaced(world)
    (refused,) = world.told("nonce_resync")
    assert refused["sent_again"]
    assert "nonce too low" in refused["reason"]
    await world.check("fill", "nonce_resync")
    assert not world.told("nonce_refused")


async def test_t12_a_restart_after_it_begins_where_the_exchange_still_takes_nonces(world: World) -> None:
    await world.start()
    await another_program(world, 100, HOUR_MS)
    await replaced(world)
    await world.crash()
    await world.start(resting=None)
    await world.until(world.is_whole, "the grid rests")
    assert len(world.told("nonce_resync")) == 1
    await world.check("fill")


async def test_t12_programs_that_go_on_sharing_a_key_are_named(world: World) -> None:
    await world.start()
    for hour in (1, 2, 3):
        await another_program(world, 100, hour * HOUR_MS)
        await replaced(world) if hour == 1 else await moved(world)
    await world.until(lambda: world.told("nonce_clash"), "it says what is wrong")
    assert "own agent wallet" in world.told("nonce_clash")[0]["reason"]
    await world.until(lambda: any(a.id == "shared_key" for a in world.snapshot.alerts), "the screen, too")
    await world.check("nonce_clash")


async def moved(world: World) -> None:
    before = {order.cloid for order in world.ours()}
    world.move(1.5)
    await world.until(lambda: world.is_whole() and before.isdisjoint(o.cloid for o in world.ours()), "anew")


async def test_t13_a_duplicate_nonce_leaves_its_orders_in_doubt_until_the_exchange_has_told_of_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What took the nonce before may have been the very action; here it wasn't, and nothing is placed twice."""
    await world.start()
    take, repeated = NonceAllocator.take, [nonces(world)[-1]]

    async def once_too_often(self: NonceAllocator, venue_ms: int) -> int:
        return repeated.pop() if repeated else await take(self, venue_ms)

    monkeypatch.setattr(NonceAllocator, "take", once_too_often)
    bids = [order for order in world.ours() if order.side is Side.BUY]
    world.hit(max(bids, key=lambda one: one.price).remaining)
    (refused,) = await world.until(lambda: world.told("nonce_resync"), "what follows the fill is refused")
    assert not refused["sent_again"], "an order isn't sent twice on this proof"
    assert "duplicate nonce" in refused["reason"]
    await world.check("fill", "nonce_resync")


async def test_t13_nonces_that_ran_a_day_ahead_are_given_up_for_those_that_the_exchange_takes(
    world: World,
) -> None:
    """The journal remembers a clock that was two days ahead; none of those nonces was ever taken."""
    await world.start()
    await world.stop()
    with closing(sqlite3.connect(world.plan().state.journal)) as db, db:
        db.execute("UPDATE nonces SET ceiling = ?", (world.venue.now_ms() + 2 * DAY_MS,))
    await world.start()
    assert len(world.ours()) == GRID
    assert not world.told("nonce_refused")


async def test_t11_orders_and_stop_of_a_clock_that_was_ahead_are_missed_once_they_are_gone(
    tmp_path: Path,
) -> None:
    """Nobody tells of their end, and they were made ten minutes from now by the clock that is right again."""
    async with living(tmp_path, stop_loss_low=Decimal(109_000)) as world:
        await world.start()
        world.hit(bid_lots(world))
        await world.until(lambda: len(world.stops()) == 1 and world.is_whole(), "its stop rests")
        await world.faults({"kind": "clock_skew", "delay_ms": 600_000})
        assert (await world.control("halt"))["ok"]
        assert (await world.control("resume"))["ok"]
        world.hit(bid_lots(world))
        await world.until(lambda: world.is_whole() and world.snapshot.coins[0].stop.size, "made by it")
        await world.faults({"kind": "ws_drop", "channel": "orderUpdates"})
        clock = world.run.session.clock
        await within(
            world, lambda: clock.now().venue_ms < world.venue.now_ms() + 2_000, 180, "it is right again"
        )
        gone = {order.cloid for order in (*world.ours(), *world.stops())}
        cancels = [{"asset": world.instrument().asset_id, "cloid": each} for each in gone]
        assert "success" in str(await world.act({"type": "cancelByCloid", "cancels": cancels}))
        assert not world.resting()
        await world.until(lambda: world.is_whole() and len(world.stops()) == 1, "made anew", 15)
        assert gone.isdisjoint(order.cloid for order in (*world.ours(), *world.stops()))
        await world.check()


async def test_t11_fills_of_an_outage_after_a_clock_that_was_ahead_are_no_gap_though_the_newest_are_told_first(
    world: World,
) -> None:
    """The snapshot tells them newest first, and all are stamped before those of the clock that was ahead."""
    await world.start()
    await world.faults({"kind": "clock_skew", "delay_ms": HOUR_MS})
    for side in (Side.SELL, Side.SELL, Side.BUY):
        world.hit(100, side=side)
    await world.until(lambda: world.coin().fills.total == 3, "stamped an hour ahead")
    await world.faults()
    await world.crash()
    for side, parts in ((Side.SELL, (50, 60)), (Side.BUY, (70,)), (Side.SELL, (40,)), (Side.BUY, (30,))):
        world.hit(*parts, side=side)
        await asyncio.sleep(0.05)
    await world.start(resting=None)
    await world.check("fill")
    assert not world.told("fill_sequence_gap")
    await world.crash()
    await world.start(resting=None)
    await world.check()
    assert not world.told("fill_sequence_gap")
    certificate = verify_journal(world.plan().state.journal, is_running=True, now_ms=world.venue.now_ms())
    assert not [check for check in certificate.checks if check.name == "chain" and not check.ok]


def bid_lots(world: World) -> int:
    return max((o for o in world.ours() if o.side is Side.BUY), key=lambda one: one.price).remaining


# -- a wrong clock is told of while the bot runs ------------------------------------------------------------------


def clock_alert(world: World) -> str:
    return next((a.text for a in world.snapshot.alerts if a.id == "clock"), "")


async def within(world: World, condition: Callable[[], object], seconds: int, what: str) -> None:
    """A longer wait than the others: stamps that are behind are believed after two minutes."""
    for _ in range(seconds):
        if condition():
            return
        await asyncio.sleep(1)
    raise AssertionError(f"not within {seconds} s: {what}")


@pytest.mark.parametrize("jump_ms", [30_000, -30_000], ids=["ahead", "back"])
async def test_t11_a_local_clock_that_jumps_by_30_s_is_told_of_until_it_is_right_and_nonces_stay_the_exchanges(
    world: World, jump_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.start()
    real, off = venue_clock._wall_ms, [jump_ms]
    monkeypatch.setattr(venue_clock, "_wall_ms", lambda: real() + off[0])
    await within(world, lambda: clock_alert(world), 12, "the screen says so")
    assert clock_alert(world).startswith("THIS MACHINE'S CLOCK IS 30 s")
    ((told),) = world.told("clock_off")
    assert abs(1000 * float(told["off_s"]) - jump_ms) < 1_000
    await replaced(world)
    assert abs(max(nonces(world)) - world.venue.now_ms()) < 10_000
    off[0] = 0
    await within(world, lambda: not clock_alert(world), 15, "the alert goes")
    assert len(world.told("clock_agrees")) == 1
    await world.check("fill")


@pytest.mark.parametrize("skew_ms", [30_000, -30_000], ids=["ahead", "behind"])
async def test_t11_an_exchange_that_is_30_s_off_by_its_answers_is_told_of_with_no_action_sent(
    world: World, skew_ms: int
) -> None:
    """Ahead at once; behind it might be a node that lags, for two minutes."""
    await world.start()
    await world.faults({"kind": "clock_skew", "delay_ms": skew_ms})
    await within(world, lambda: clock_alert(world), 180, "the screen says so")
    where = "BEHIND" if skew_ms > 0 else "AHEAD OF"
    assert f"30 s {where} THE EXCHANGE'S" in clock_alert(world)
    await replaced(world)
    assert abs(max(nonces(world)) - world.venue.now_ms()) < 10_000
    assert len(world.told("clock_off")) == 1
