"""Limits over the wire: a halt outlives a kill, a stop-loss is carried out and proven, also when it was cut off."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.orders import Side
from core.paper.config import PaperConfig
from core.runtime.exit_code import ExitCode
from core.view import RunState
from tests.faults.world import World, living

DAY_MS = 86_400_000
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


@pytest.mark.real_time
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


def blocked(world: World) -> set[str]:
    """The rules that leave levels without an order."""
    return {level.rule for level in world.coin().grid.levels if level.rule}


async def test_orders_sent_within_a_minute_count_on_after_a_kill(tmp_path: Path) -> None:
    async with living(tmp_path, max_orders_per_min=6) as world:
        await world.start()
        world.hit(max((o for o in world.ours() if o.side is Side.BUY), key=lambda o: o.price).remaining)
        await world.until(lambda: "order_velocity" in blocked(world), "the replacement waits")
        sent = len(world.watch.cloids)
        assert sent == 6
        await world.crash()
        await world.start(resting=None)
        await world.until(
            lambda: world.run.snapshots and "order_velocity" in blocked(world), "it waits on", 20
        )
        assert world.coin().orders_last_min == 6
        assert len(world.watch.cloids) == sent
        assert world.told("risk_block")[0]["rule"] == "order_velocity"
        assert (await world.control("flatten", "BTC"))["outcome"] == "done", "the way out is never too fast"
        assert world.lots() == 0


async def test_what_all_coins_together_may_risk_holds_for_each_that_is_added(tmp_path: Path) -> None:
    config = PaperConfig(market="synthetic:BTC=reverting,ETH=reverting", speed=1e-6, limits=False)
    limit = Decimal(2_500)
    async with living(tmp_path, config, ("BTC", "ETH"), max_portfolio_notional=limit) as world:
        await world.start(resting=None)
        await world.until(lambda: world.run.snapshots and len(world.coin("ETH").grid.levels) == 6, "both")
        await world.until(
            lambda: "portfolio" in {v.rule for v in world.coin("ETH").grid.levels}, "it stops some"
        )
        await world.turn()
        worst = sum(max(coin.worst_long, coin.worst_short) * coin.mid for coin in world.snapshot.coins)
        assert worst <= limit
        assert abs(world.snapshot.risk.portfolio_notional_usd - worst) < 1
        resting = sum(
            max(sum(o.remaining for o in world.ours(name) if o.side is side) for side in Side)
            * world.mid(name)
            for name in world.coins
        )
        assert resting / 10**6 <= float(limit), "at the exchange too"
        assert resting


async def test_p27_at_midnight_utc_the_days_profit_begins_anew_whatever_is_killed_around_it(
    tmp_path: Path,
) -> None:
    async with living(tmp_path) as world:
        to_midnight = DAY_MS - world.venue.now_ms() % DAY_MS
        await world.faults({"kind": "clock_skew", "delay_ms": (to_midnight - 20_000) % DAY_MS})
        await hold(world)
        world.move(-1)
        await world.until(lambda: world.snapshot.risk.day_usd < -5, "the day has lost")
        lost = world.snapshot.risk.day_usd
        await world.crash()
        await world.start(resting=None)
        await world.until(lambda: world.run.snapshots and world.snapshot.risk.day_usd < 0, "it counts on")
        assert abs(world.snapshot.risk.day_usd - lost) < 1
        (before,) = world.rows("SELECT day FROM days")
        await world.faults({"kind": "clock_skew", "delay_ms": (to_midnight + 5_000) % DAY_MS})
        await world.until(lambda: len(world.rows("SELECT day FROM days")) == 2, "a new day")
        await world.turn()
        assert abs(world.snapshot.risk.day_usd) < 1, "what was lost was lost yesterday"
        await world.crash()
        await world.start(resting=None)
        await world.until(
            lambda: world.run.snapshots and world.snapshot.risk.account_value_usd > 0, "it looks again"
        )
        await world.turn()
        assert abs(world.snapshot.risk.day_usd) < 1
        days = sorted(day for (day,) in world.rows("SELECT day FROM days"))
        assert days[0] == before[0]
        assert len(days) == 2
