"""Leverage, margin mode and account modes over the wire: set and read back, refused or adopted, as the exchange has them."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.domain.margin import liquidation_price
from core.domain.orders import Side
from core.exchange.reads import Reads, read_instruments
from core.exchange.rest import Rest
from core.exchange.venue_clock import VenueClock
from core.paper.config import PaperConfig
from core.paper.venue.positions import Leverage
from core.runtime.statedir import UsageError
from core.view import LevelState, MarginView
from tests.faults.world import World, living

DEX = PaperConfig(market="synthetic:xyz:TSLA=reverting,BTC=reverting", speed=1e-6, limits=False)


def set_to(world: World, coin: str = "BTC") -> Leverage | None:
    return world.account.leverages.get(coin)


async def refused(world: World) -> str:
    """Why the session that was started didn't trade."""
    with pytest.raises(UsageError) as caught:
        await asyncio.wait_for(world.run.task, 40)
    return str(caught.value)


@pytest.mark.real_time
async def test_leverage_and_mode_are_set_before_the_first_order(tmp_path: Path) -> None:
    async with living(tmp_path, leverage=Decimal("2.5")) as world:
        await world.start()
        assert set_to(world) == Leverage(3, is_cross=False)
        assert world.told("leverage_set") == [
            {"severity": "info", "coin": "BTC", "margin_mode": "isolated", "leverage": 3}
        ]
        assert "2.5 sizes the grid" in str(world.told("leverage_rounded_up")[0]["reason"])
        assert world.coin().margin == MarginView("isolated", 3)
        await world.check()


async def test_what_is_set_already_is_left_alone(tmp_path: Path) -> None:
    async with living(tmp_path) as world:
        await world.start()
        await world.stop()
        await world.start()
        assert len(world.told("leverage_set")) == 1
        assert world.told("leverage_kept")


async def test_a_setting_whose_answer_was_lost_is_read_back_and_not_doubted(tmp_path: Path) -> None:
    async with living(tmp_path) as world:
        await world.faults({"kind": "answer_lost", "action": "updateLeverage", "count": 1})
        await world.start()
        assert set_to(world) == Leverage(3, is_cross=False)
        await world.check()


async def test_a_position_at_another_leverage_refuses_the_start_and_adopt_keeps_it_so(tmp_path: Path) -> None:
    async with living(tmp_path) as world:
        await world.trade(Side.BUY, "0.01")
        await world.start(resting=None)
        assert (
            "BTC has an open position at cross 20x, and isolated 3x is configured: close it, or configure margin_mode = cross "
            "and leverage = 20, or start with --adopt"
        ) in await refused(world)
        assert not world.resting()
        world.settings["adopt"] = True
        await world.start(resting=None)
        await world.until(lambda: world.ours(), "it trades")
        assert set_to(world) is None, "nothing was changed"
        assert world.told("leverage_adopted")[0]["leverage"] == 20


TWO = PaperConfig(market="synthetic:BTC=reverting,ETH=reverting", speed=1e-6, limits=False)


async def test_of_several_coins_each_conflict_is_named_and_nothing_is_set_before_none_is_left(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, TWO, ("BTC", "ETH")) as world:
        await world.trade(Side.BUY, "0.01")
        await world.trade(Side.SELL, "0.1", "ETH")
        await world.start(resting=None)
        told = await refused(world)
        for coin in ("BTC", "ETH"):
            assert f"{coin} has an open position at cross 20x, and isolated 3x is configured" in told
            assert f"adopt = true under [coins.{coin}]" in told
        world.by_coin = {"ETH": {"adopt": True}}
        await world.start(resting=None)
        told = await refused(world)
        assert "BTC has an open position" in told
        assert "ETH" not in told
        assert not world.told("leverage_set")
        assert not world.told("leverage_adopted"), "nothing has begun"


async def test_one_coin_is_adopted_and_the_other_is_set_as_configured(tmp_path: Path) -> None:
    async with living(tmp_path, TWO, ("BTC", "ETH")) as world:
        await world.trade(Side.SELL, "0.1", "ETH")
        world.by_coin = {"ETH": {"adopt": True}}
        await world.start(resting=None)
        await world.until(lambda: world.ours() and world.ours("ETH"), "both trade")
        assert set_to(world) == Leverage(3, is_cross=False)
        assert set_to(world, "ETH") is None, "left as it was"
        assert [row["coin"] for row in world.told("leverage_adopted")] == ["ETH"]
        await world.turn()
        assert not world.told("leverage_changed"), "what was adopted is what is expected"


async def change_leverage(world: World, leverage: int) -> None:
    answer = await world.act({"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": leverage})
    assert answer["status"] == "ok", answer


async def test_t20_leverage_that_somebody_changes_stops_what_adds_until_it_is_set_back(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, stop_loss_low=Decimal(100_000)) as world:
        await hold(world)
        await change_leverage(world, 10)
        await world.until(
            lambda: world.told("leverage_changed") and world.coin().idle_reason, "it is noticed"
        )
        assert world.told("leverage_changed")[0]["severity"] == "crit"
        await world.until(lambda: {o.side for o in world.ours()} == {Side.SELL}, "only what reduces rests")
        assert world.coin().idle_reason.startswith(
            "BTC is at isolated 10x on the exchange, the grid is sized for isolated 3x: set it back there, or configure "
            "margin_mode = isolated and leverage = 10 and restart"
        )
        (alert,) = [a for a in world.snapshot.alerts if a.id == "leverage:BTC"]
        assert alert.fix.startswith("set it back there")
        freed = {level.frees for level in world.coin().grid.levels if level.state is LevelState.MISSING}
        assert {text[:17] for text in freed} == {"set it back there"}
        await world.until(lambda: world.stops(), "the stop stays")
        await change_leverage(world, 3)
        await world.until(lambda: not world.coin().idle_reason, "it goes on")
        await world.check("leverage_restored")


async def test_t20_a_restart_with_what_was_set_elsewhere_configured_goes_on(tmp_path: Path) -> None:
    async with living(tmp_path) as world:
        await hold(world)
        await change_leverage(world, 10)
        await world.until(lambda: world.coin().idle_reason, "it stands")
        await world.crash()
        world.settings["leverage"] = Decimal(10)
        await world.start(resting=None)
        await world.until(
            lambda: world.run.snapshots and world.ours() and not world.coin().idle_reason, "it trades"
        )


async def test_a_position_as_configured_is_no_conflict(tmp_path: Path) -> None:
    async with living(tmp_path) as world:
        await world.start()
        world.hit(400)
        await world.until(lambda: world.coin().position, "something is held")
        await world.crash()
        await world.start(resting=None)
        await world.until(world.is_whole, "it goes on")
        assert world.coin().position
        await world.check()


async def test_more_leverage_than_the_coin_may_have_is_refused_with_the_most(tmp_path: Path) -> None:
    async with living(tmp_path, leverage=Decimal(41)) as world:
        await world.start(resting=None)
        assert "leverage 41 is above the 40 that BTC may have" in await refused(world)


@pytest.mark.parametrize("mode", ["portfolioMargin", "dexAbstraction", "something new"])
async def test_an_account_mode_that_is_not_known_refuses_the_start(tmp_path: Path, mode: str) -> None:
    async with living(tmp_path) as world:
        world.account.abstraction = mode
        await world.start(resting=None)
        assert f"the account is in the mode {mode}, whose equity" in await refused(world)
        assert not world.resting()


async def test_a_unified_account_has_the_equity_and_margin_of_its_one_balance(tmp_path: Path) -> None:
    async with living(tmp_path) as world:
        account = world.account
        account.spot, account.cash = account.money, dict.fromkeys(account.cash, 0)
        account.abstraction = "unifiedAccount"
        await world.start()
        world.hit(400, 400)
        world.move(-0.02)
        await world.until(lambda: world.coin().position, "something is held")
        value = Decimal(world.venue.venue.value_of(account)).scaleb(-6)
        await world.until(
            lambda: abs(world.snapshot.risk.account_value_usd - value) < Decimal("0.01"), "its value is known"
        )
        row: Any = world.venue.info.accounts.spot_state(account)
        hold = Decimal(row["balances"][0]["hold"])
        await world.until(
            lambda: abs(world.snapshot.risk.margin_utilization_pct - float(100 * hold / value)) < 0.1,
            "its margin is known",
        )


async def test_a_dex_has_the_equity_and_margin_of_its_own_collateral(tmp_path: Path) -> None:
    async with living(tmp_path, DEX, ("xyz:TSLA",)) as world:
        world.account.cash["xyz"] = 500 * 10**6
        await world.start(resting=None)
        await world.until(lambda: world.ours("xyz:TSLA"), "it trades")
        await world.until(lambda: world.snapshot.risk.account_value_usd == 500, "the dex's own money")
        assert set_to(world, "xyz:TSLA") == Leverage(3, is_cross=False)


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
@pytest.mark.parametrize("mode", ["isolated", "cross"])
async def test_the_liquidation_price_is_the_exchanges_own(tmp_path: Path, side: Side, mode: str) -> None:
    async with living(tmp_path) as world:
        row = {"type": "updateLeverage", "asset": 0, "isCross": mode == "cross", "leverage": 10}
        await world.act(row)
        await world.trade(side, "0.5")
        clock = VenueClock()
        rest = Rest(world.exchange.url, clock)
        await rest.open()
        try:
            instruments = await read_instruments(rest)
            seen = await Reads(rest, clock, world.exchange.user, instruments).account()
        finally:
            await rest.close()
        (held,) = seen.held
        behind = held.used_usd if mode == "isolated" else seen.account_value
        mark = held.value_usd / abs(held.size)
        found = liquidation_price(held.size, mark, behind, instruments["BTC"].tiers)
        assert held.leverage.mode == mode
        assert found is not None
        assert held.liquidation is not None
        assert abs(found - held.liquidation) < Decimal("0.001")


async def add(world: World, coin: str, usd: str, cmd: str = "margin_add") -> dict[str, Any]:
    return await world.control(cmd, coin, usd)


async def hold(world: World) -> None:
    await world.start()
    world.hit(400, 400)
    await world.until(lambda: world.coin().margin.used_usd, "its margin is known")


async def test_margin_that_is_added_moves_the_liquidation_price_where_the_preview_said(
    tmp_path: Path,
) -> None:
    async with living(tmp_path) as world:
        await hold(world)
        before = world.coin().margin
        told = await add(world, "btc", "50", "margin_preview")
        assert told["ok"], told
        assert "BTC isolated 3x" in told["text"]
        answer = await add(world, "BTC", "50")
        assert answer["ok"], answer
        after = world.coin().margin
        await world.until(lambda: world.coin().margin.used_usd > before.used_usd + 49, "it is read back")
        after = world.coin().margin
        assert after.liquidation is not None
        assert str(int(after.liquidation)) in told["text"]
        assert answer["text"].startswith("added 50 USD; margin ")
        kept = world.rows("SELECT action, outcome FROM actions WHERE action = 'margin_add' ORDER BY id")
        assert [outcome.split(":")[0] for _, outcome in kept] == ["started", "done"]
        await world.check()


async def test_margin_is_sent_once_though_its_answer_is_lost_and_what_came_of_it_is_told(
    tmp_path: Path,
) -> None:
    async with living(tmp_path) as world:
        await hold(world)
        before = world.account.positions["BTC"].margin
        await world.faults({"kind": "answer_lost", "action": "updateIsolatedMargin"})
        answer = await add(world, "BTC", "50")
        assert (answer["ok"], answer["outcome"]) == (False, "failed")
        assert answer["text"].startswith("it is not known whether 50 USD were added")
        assert world.account.positions["BTC"].margin == before + 50 * 10**6, "once"
        await world.check()


@pytest.mark.parametrize("usd", ["0", "-5", "1e3", "much", "0.0000001", ""])
async def test_what_is_no_amount_is_refused(tmp_path: Path, usd: str) -> None:
    async with living(tmp_path) as world:
        await hold(world)
        answer = await add(world, "BTC", usd)
        assert answer["outcome"] == "refused"
        assert "is no amount to add" in answer["text"]


async def test_without_a_position_or_with_cross_margin_there_is_nothing_to_add_to(tmp_path: Path) -> None:
    async with living(tmp_path, margin_mode="cross") as world:
        await world.start()
        assert "has no position" in (await add(world, "BTC", "5"))["text"]
        assert "name the coin" in (await add(world, "", "5"))["text"]
        world.hit(400, 400)
        await world.until(lambda: world.coin().margin.used_usd, "its margin is known")
        assert "uses cross margin" in (await add(world, "BTC", "5"))["text"]


async def test_a_refusal_of_the_exchange_is_told_in_its_words(tmp_path: Path) -> None:
    async with living(tmp_path) as world:
        await hold(world)
        answer = await add(world, "BTC", "900000")
        assert "does not have sufficient margin available" in answer["text"]


async def test_a_stop_beyond_the_liquidation_price_blocks_what_adds_and_says_how_to_go_on(
    tmp_path: Path,
) -> None:
    async with living(
        tmp_path, leverage=Decimal(40), investment_usd=Decimal(80), stop_loss_low=Decimal(100_000)
    ) as world:
        await world.start(resting=None)
        await world.until(lambda: world.ours(), "it trades")
        world.hit(100)
        await world.until(lambda: world.told("stop_past_liquidation"), "it is told")
        way_out = "add margin (`gridbot margin add BTC USD`), or move the stop"
        await world.until(lambda: way_out in world.coin().idle_reason, "nothing that adds is quoted")
        await world.until(lambda: all(o.side is Side.SELL for o in world.ours()), "no bid rests")
        assert (await add(world, "BTC", "100"))["ok"]
        await world.until(lambda: not world.coin().idle_reason, "it goes on")


async def test_out_of_range_tells_what_waiting_costs_and_how_far_the_ends_are(tmp_path: Path) -> None:
    waits: dict[str, Any] = {"on_range_exit": "hold", "recenter_interval_sec": None}
    async with living(tmp_path, **waits, stop_loss_low=Decimal(100_000)) as world:
        await hold(world)
        world.move(-1.5)
        await world.until(lambda: world.coin().grid.out_of_range == "below", "it is outside")
        await world.until(lambda: world.coin().grid.funding_per_hour_usd is not None, "the rate is read", 30)
        coin = world.coin()
        rate = Decimal(world.venue.venue.upkeep.funding("BTC").rate).scaleb(-10)
        assert coin.grid.loss_per_pct_usd > 0
        hourly = -coin.position * coin.mid * rate
        assert coin.grid.funding_per_hour_usd is not None
        assert abs(coin.grid.funding_per_hour_usd - hourly) <= Decimal("0.01")
        assert coin.stop.distance == coin.mid - 100_000
        assert coin.margin.distance is not None
        status = (await world.control("status"))["status"]["coins"]["BTC"]
        assert status["grid"]["funding_per_hour_usd"] is not None
        assert Decimal(status["stop"]["distance_pct"]) > 0
        assert Decimal(status["margin"]["distance_pct"]) > 0
