"""A stop of ours rests at the exchange while something is held, whatever becomes of the bot."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.orders import Side
from core.runtime import withdrawal
from core.view import StopState
from tests.faults.test_process_storage import full_disk
from tests.faults.world import World, living

LOW, HIGH = Decimal(109_000), Decimal(110_500)
"""Around the standing market's 109,755."""


async def hold(world: World, side: Side = Side.SELL) -> None:
    """Others sell into two bids (or buy two asks), so that something is held (or owed)."""
    await world.start()
    world.hit(400, 400, side=side)
    await world.until(lambda: world.coin().position, "something is held")
    await world.until(lambda: world.coin().stop.state is StopState.RESTING, "its stop rests")


async def test_what_is_held_has_a_reduce_only_stop_at_the_exchange_for_all_of_it(tmp_path: Path) -> None:
    async with living(tmp_path, stop_loss_low=LOW, stop_loss_high=HIGH) as world:
        await hold(world)
        (stop,) = world.stops()
        assert stop.trigger is not None
        assert stop.reduce_only
        assert (stop.side, stop.trigger.price, stop.trigger.is_take_profit) == (
            Side.SELL,
            world.instrument().price_units(LOW),
            False,
        )
        adding = sum(o.remaining for o in world.ours() if o.side is Side.BUY)
        assert stop.remaining >= world.lots() + adding, "also what the bids may still add"
        view = world.coin().stop
        assert (view.price, view.size) == (LOW, world.instrument().size_decimal(stop.lots))
        await world.check()


async def test_what_is_owed_has_its_stop_above(tmp_path: Path) -> None:
    async with living(tmp_path, stop_loss_low=LOW, stop_loss_high=HIGH) as world:
        await hold(world, Side.BUY)
        (stop,) = world.stops()
        assert stop.trigger is not None
        assert (stop.side, stop.trigger.price) == (Side.BUY, world.instrument().price_units(HIGH))


async def test_a_bot_that_was_killed_leaves_a_stop_that_closes_what_its_bids_bought_on_the_way(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, stop_loss_low=LOW) as world:
        await hold(world)
        held = world.lots()
        await world.crash()
        world.hit(300)
        assert world.lots() > held, "a bid has traded since"
        world.move(-1)
        assert world.lots() == 0
        assert not world.stops()
        await world.start(resting=None)
        await world.until(lambda: world.is_halted("stop_loss: "), "it halts when it is back")
        assert world.coin().position == 0
        await world.check("risk_halt", halted="stop_loss: ")


async def test_a_stop_that_fires_at_a_mark_that_is_back_at_once_halts_the_coin(tmp_path: Path) -> None:
    async with living(tmp_path, stop_loss_low=LOW) as world:
        await hold(world)
        world.move(-1)
        world.move(1)
        await world.until(lambda: world.is_halted("stop_loss: the stop at"), "it halts")
        await world.until(lambda: world.coin().position == 0, "what traded is known")
        await world.check("stop_fired", "risk_halt", halted="stop_loss: ")
        assert (await world.control("resume"))["ok"]
        await world.check()


async def test_a_halt_and_a_stop_leave_the_protection_and_a_new_life_takes_it_over(tmp_path: Path) -> None:
    async with living(tmp_path, stop_loss_low=LOW) as world:
        await hold(world)
        (before,) = world.stops()
        assert (await world.control("halt"))["ok"]
        assert not world.ours()
        report = await world.stop()
        assert report.exit_code == 0, report
        assert report.summary is not None
        assert report.summary["coins"]["BTC"]["open_orders"] == 0
        (left,) = world.stops()
        assert left is before
        await world.start(resting=None)
        await world.until(lambda: world.run.snapshots and world.snapshot.feed.ready, "it is back")
        assert world.coin().stop.state is StopState.RESTING
        await world.turn()
        (still,) = world.stops()
        assert still.oid == before.oid


async def test_flatten_takes_the_stop_away_only_once_it_is_flat(tmp_path: Path) -> None:
    async with living(tmp_path, stop_loss_low=LOW) as world:
        await hold(world)
        answer = await world.control("flatten")
        assert answer["ok"], answer
        assert "CONFIRMED FLAT" in answer["text"]
        assert not world.stops()
        assert world.coin().stop.state is StopState.NONE
        await world.check(halted="flatten")


async def test_a_stop_that_somebody_cancelled_is_placed_again(tmp_path: Path) -> None:
    async with living(tmp_path, stop_loss_low=LOW) as world:
        await hold(world)
        (before,) = world.stops()
        asset = world.instrument().asset_id
        await world.act({"type": "cancel", "cancels": [{"a": asset, "o": before.oid}]})
        await world.until(lambda: [o for o in world.stops() if o is not before], "another rests")
        await world.check("stop_gone")


async def test_a_stop_whose_cancel_nobody_told_is_missed_in_the_list(tmp_path: Path) -> None:
    async with living(tmp_path, stop_loss_low=LOW) as world:
        await hold(world)
        (before,) = world.stops()
        await world.faults({"kind": "ws_drop", "channel": "orderUpdates"})
        asset = world.instrument().asset_id
        await world.act({"type": "cancel", "cancels": [{"a": asset, "o": before.oid}]})
        await world.until(lambda: [o for o in world.stops() if o is not before], "another rests")
        await world.check()


@pytest.mark.real_time
async def test_an_answer_that_was_lost_leaves_one_stop_not_two(tmp_path: Path) -> None:
    async with living(tmp_path, stop_loss_low=LOW) as world:
        await world.start()
        await world.faults({"kind": "answer_lost", "action": "order", "count": 1})
        world.hit(400)
        await world.struck()
        await world.until(lambda: world.coin().stop.state is StopState.RESTING, "its stop rests", 20)
        await world.turn()
        assert len(world.stops()) == 1
        await world.check()


async def test_a_stop_that_the_exchange_refuses_idles_the_grid_until_it_takes_one(tmp_path: Path) -> None:
    async with living(tmp_path, stop_loss_low=LOW) as world:
        await world.start()
        await world.faults({"kind": "post_only_mode"})
        world.hit(400)
        await world.until(lambda: len(world.told("stop_refused")) >= 2, "it is tried again")
        assert {told["severity"] for told in world.told("stop_refused")} == {"crit"}
        view = world.coin()
        assert view.stop.state is StopState.MISSING
        assert view.idle_reason.startswith("no stop rests at 109000: Only post-only orders allowed")
        await world.until(
            lambda: all(o.side is Side.SELL for o in world.ours()), "no bid that would add rests"
        )
        status = (await world.control("status"))["status"]
        assert isinstance(status, dict)
        assert status["coins"]["BTC"]["stop"]["state"] == "missing"
        await world.check("stop_refused")
        await world.until(lambda: world.coin().stop.state is StopState.RESTING, "its stop rests")


async def test_a_full_disk_takes_the_grid_back_and_not_the_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(withdrawal, "LOOK_EVERY_S", 0.2)
    async with living(tmp_path, stop_loss_low=LOW) as world:
        await hold(world)
        (before,) = world.stops()
        with full_disk():
            world.hit(100)
            await world.until(lambda: world.told("storage_failed"), "it is told")
            await world.until(lambda: not world.ours(), "the grid is taken back")
            await world.faults({"kind": "http_delay", "action": "frontendOpenOrders", "delay_ms": 1})
            await world.struck(times=3)  # so often has what takes orders back looked for more of them
            assert world.stops() == [before]
        await world.check("storage_failed", "storage_recovered")
