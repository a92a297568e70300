"""Limits over the wire: a halt outlives a kill, a stop-loss is carried out and proven, also when it was cut off."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from core.domain.orders import Side
from core.paper.config import PaperConfig
from core.runtime.plan import ExitCode
from core.view import RunState
from tests.faults.world import World, living

LOW = Decimal(109_000)
"""Under the standing market's 109,755."""


async def hold(world: World) -> None:
    """Two bids trade, so that something is held."""
    await world.start()
    world.hit(400, 400)
    await world.until(lambda: world.coin().position > 0, "something is held")


async def test_p15_a_drawdown_halts_all_and_stays_after_a_kill_until_an_operator_resumes(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, max_drawdown_pct=Decimal("0.0001")) as world:
        await hold(world)
        world.move(-1)
        await world.until(lambda: world.told("risk_halt"), "it halts")
        await world.until(lambda: not world.ours(), "nothing of ours rests")
        (told,) = world.told("risk_halt")
        assert str(told["reason"]).startswith("drawdown: ")
        await world.crash()
        await world.start(resting=None)
        await world.until(
            lambda: world.run.snapshots and world.snapshot.risk.drawdown_pct > 0, "it looks again"
        )
        assert world.snapshot.halt_reason.startswith("drawdown: ")
        await world.until(lambda: world.snapshot.feed.ready, "it is connected")
        answer = await world.control("resume")
        assert answer["ok"], answer
        await world.until(world.is_whole, "the grid is quoted again")
        assert world.told("drawdown_accepted")
        report = await world.stop()
        assert report.exit_code is ExitCode.CLEAN


async def test_p15_started_again_and_again_after_a_halt_it_trades_nothing_and_ends_with_the_code_of_a_halt(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, max_drawdown_pct=Decimal("0.0001")) as world:
        await hold(world)
        world.move(-1)
        await world.until(lambda: world.told("risk_halt") and not world.ours(), "it has halted")
        fills = world.fill_count()
        assert (await world.stop()).exit_code is ExitCode.HALTED
        for _ in range(3):
            await world.start(resting=None)
            await world.until(lambda: world.run.snapshots and world.snapshot.feed.ready, "it is back")
            await world.turn()
            assert not world.ours()
            assert (await world.stop()).exit_code is ExitCode.HALTED
        assert world.fill_count() == fills


async def test_p24_a_drawdown_is_seen_in_the_stream_while_no_read_is_answered(tmp_path: Path) -> None:
    async with living(tmp_path, max_drawdown_pct=Decimal("0.0001")) as world:
        await hold(world)
        await world.until(lambda: world.snapshot.risk.account_value_usd > 0, "the account was seen once")
        await world.faults({"kind": "http_500", "action": "/info"})
        world.move(-1)
        await world.until(lambda: world.told("risk_halt"), "it halts")
        await world.until(lambda: not world.ours(), "nothing of ours rests")
        await world.check("api_error", "risk_halt", halted="drawdown: ")


async def test_below_its_stop_a_coin_is_flattened_and_the_exchange_proves_it(tmp_path: Path) -> None:
    async with living(tmp_path, stop_loss_low=LOW) as world:
        await hold(world)
        world.move(-1, is_marked=False)
        await world.until(lambda: world.lots() == 0 and not world.ours(), "flat", 30)
        await world.until(lambda: world.coin().state is RunState.HALTED, "and proven to be")
        assert world.coin().position == 0
        assert world.coin().halt_reason.startswith("stop_loss: the mid ")
        answer = await world.control("resume")
        assert "resume when the price is back inside" in str(answer), answer
        report = await world.stop()
        assert report.exit_code is ExitCode.HALTED


async def test_a_stop_that_was_cut_off_by_a_kill_is_carried_out_by_the_next_life(tmp_path: Path) -> None:
    async with living(tmp_path, stop_loss_low=LOW) as world:
        await hold(world)
        await world.faults({"kind": "http_500", "action": "order"})
        world.move(-1, is_marked=False)
        await world.until(lambda: world.told("risk_halt"), "the stop was passed")
        assert world.lots() > 0
        await world.crash()
        await world.faults()
        world.move(1)
        await world.start(resting=None)
        await world.until(lambda: world.lots() == 0, "flat, though the price is back", 30)
        await world.until(lambda: world.coin().position == 0, "and known to be")
        assert world.coin().halt_reason.startswith("stop_loss: ")


async def test_what_a_day_lost_counts_on_after_a_kill(tmp_path: Path) -> None:
    async with living(tmp_path, daily_pnl_stop=Decimal(-5)) as world:
        await hold(world)
        await world.until(lambda: world.rows("SELECT count(*) FROM days") == [(1,)], "the day has its row")
        await world.crash()
        world.move(-1)
        await world.start(resting=None)
        await world.until(lambda: world.told("risk_halt"), "what was lost while it was down counts, too")
        assert str(world.told("risk_halt")[-1]["reason"]).startswith("daily_pnl_stop: ")
        assert world.rows("SELECT count(*) FROM days") == [(1,)]


async def test_with_another_coin_beside_it_the_limits_are_measured_anew(tmp_path: Path) -> None:
    """A coin that joins brings what it has won or lost before: no loss of the day, and no high."""
    config = PaperConfig(market="synthetic:BTC=reverting,ETH=reverting", speed=1e-6, limits=False)
    async with living(
        tmp_path, config, max_drawdown_pct=Decimal("0.001"), daily_pnl_stop=Decimal(-5)
    ) as world:
        await world.start(resting=None)
        await world.until(world.is_whole, "one grid rests")
        await world.trade(Side.BUY, "2", "ETH")
        world.move(-2, "ETH")
        await world.crash()
        world.coins = ("BTC", "ETH")
        world.settings["adopt"] = True  # what was bought by hand stands at the exchange's own leverage
        await world.start(resting=None)
        await world.until(world.is_whole, "both grids rest")
        assert world.told("limits_measured_anew")
        assert world.coin("ETH").unrealized_usd < -5
        await world.turn()
        assert not world.told("risk_halt")


async def test_a_short_position_is_closed_above_its_stop(tmp_path: Path) -> None:
    async with living(tmp_path, stop_loss_high=Decimal(110_500)) as world:
        await world.start()
        world.hit(400, 400, side=Side.BUY)
        await world.until(lambda: world.coin().position < 0, "something is owed")
        world.move(1, is_marked=False)
        await world.until(lambda: world.lots() == 0 and not world.ours(), "flat", 30)
        assert world.coin().halt_reason.startswith("stop_loss: ")
