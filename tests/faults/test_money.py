"""Money over the wire: the five numbers are the exchange's own change of equity, and what isn't profit moves none of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account as Wallet
from hyperliquid.utils import signing

from core.domain.orders import Side
from core.paper.config import PaperConfig
from core.runtime.statedir import StateDir
from core.runtime.verify import Certificate, verify_journal
from core.runtime.verify_online import add_online_checks
from core.view import PnlView
from tests.faults.world import World, living
from tests.unit.exchange.samples import KEY

Signs = Callable[[Any, dict[str, Any], bool], Any]


async def by_hand(world: World, action: dict[str, Any], sign: Signs) -> None:
    """A transfer that the operator signs in a browser: with the SDK's own signature."""
    nonce = world.venue.now_ms()
    action |= {"nonce" if "nonce" in action else "time": nonce}
    body = {
        "action": action,
        "nonce": nonce,
        "signature": sign(Wallet.from_key(KEY), action, False),
        "vaultAddress": None,
    }
    async with world.exchange.http.post(f"{world.exchange.url}/exchange", json=body) as answer:
        assert (await answer.json())["status"] == "ok", await answer.text()


async def withdraw(world: World, usd: str) -> None:
    action = {"type": "withdraw3", "destination": "0x" + "12" * 20, "amount": usd, "time": 0}
    await by_hand(world, action, signing.sign_withdraw_from_bridge_action)


async def to_spot(world: World, usd: str) -> None:
    action = {"type": "usdClassTransfer", "amount": usd, "toPerp": False, "nonce": 0}
    await by_hand(world, action, signing.sign_usd_class_transfer_action)


async def fund(world: World, usd: int) -> None:
    body = {"user": world.exchange.user, "usd": usd}
    async with world.exchange.http.post(f"{world.exchange.url}/paper/fund", json=body) as answer:
        assert answer.status == 200, await answer.text()


def equity_at_mid(world: World) -> Decimal:
    """The account's value as the matching engine has it, but for its mark: positions at the mid."""
    venue, account = world.venue.venue, world.account
    off_mark = account.lots("BTC") * (Decimal(world.mid()) - venue.mark_of("BTC"))
    return (venue.value_of(account) + off_mark).scaleb(-6)


def add_up(pnl: PnlView) -> bool:
    return pnl.total_usd == pnl.matched_usd + pnl.inventory_usd - pnl.fees_usd + pnl.funding_usd


async def settled(world: World) -> None:
    """Every fill that the exchange has is in the numbers."""
    await world.until(world.is_whole, "the grid is there")
    await world.until(lambda: world.coin().fills.total == world.fill_count(), "all fills are counted")
    await world.until(world.is_whole, "the grid is whole")
    await world.turn()


async def verified(world: World) -> Certificate:
    state = StateDir(world.directory / "state")

    def both() -> Certificate:
        found = verify_journal(state.journal, True, world.venue.now_ms())
        add_online_checks(found, state)
        return found

    return await asyncio.to_thread(both)


async def trade(world: World) -> None:
    """Round trips of the grid, a part of one, trades by hand, and a market that stands elsewhere in the end."""
    for _ in range(3):
        world.hit(400, 400)
        await settled(world)
        world.hit(400, 300, side=Side.BUY)
        await settled(world)
    await world.trade(Side.BUY, "0.01")
    await settled(world)
    world.move(-0.05)
    await settled(world)


async def test_the_five_numbers_are_the_change_of_the_accounts_value(tmp_path: Path) -> None:
    async with living(tmp_path) as world:
        await world.start()
        before = equity_at_mid(world)
        await trade(world)
        pnl = world.coin().pnl
        assert add_up(pnl)
        assert pnl.matched_usd > 0
        assert pnl.fees_usd > 0
        assert pnl.total_usd == equity_at_mid(world) - before
        assert world.snapshot.pnl == pnl
        assert pnl.versus_holding_usd == pnl.total_usd, "it began flat"
        await world.crash()
        await world.start(resting=None)
        await settled(world)
        assert world.coin().pnl == pnl, "a start reads what was kept"
        await world.check()


async def test_the_matched_profit_is_that_of_the_exchanges_own_fills_of_the_grid(tmp_path: Path) -> None:
    """Of orders that were sent for one cell: what was bought and sold in it, by the truth."""
    async with living(tmp_path) as world:
        await world.start()
        await trade(world)
        cells = {
            cloid: (generation, cell)
            for cloid, generation, cell in world.rows("SELECT cloid, generation, slot_index FROM orders")
        }
        traded: dict[tuple[int, int], dict[str, list[Decimal]]] = {}
        for row in (await world.exchange.truth())["fills"]:
            if row.get("cloid") in cells:
                sides = traded.setdefault(cells[row["cloid"]], {"B": [], "A": []})
                lots = int(Decimal(row["sz"]) * 10**5)
                sides[row["side"]] += [Decimal(row["px"])] * lots
        earned = sum(
            (sell - buy for s in traded.values() for buy, sell in zip(s["B"], s["A"], strict=False)),
            Decimal(0),
        )
        assert world.coin().pnl.matched_usd == earned / 10**5


async def test_a_position_from_before_is_what_just_holding_is_measured_by(tmp_path: Path) -> None:
    async with living(tmp_path, adopt=True) as world:
        await world.exchange.truth()
        await world.trade(Side.BUY, "0.02")
        (entry,) = {Decimal(row["px"]) for row in (await world.exchange.truth())["fills"]}
        world.venue.venue.see(
            world.exchange.user
        ).fills.clear()  # so long ago that the exchange lists it no more
        await world.start(resting=None)
        await world.until(lambda: world.run.snapshots and world.coin().mid, "it sees the market", 30)
        world.move(1)
        await world.turn()
        pnl = world.coin().pnl
        assert pnl.holding_usd == Decimal("0.02") * (world.coin().mid - entry)
        assert pnl.versus_holding_usd == pnl.total_usd - pnl.holding_usd


async def test_what_is_paid_in_and_taken_out_is_no_profit_no_high_and_no_day(tmp_path: Path) -> None:
    limits: dict[str, Any] = {
        "max_drawdown_pct": Decimal("0.01"),
        "daily_pnl_stop": Decimal(-5),
        "daily_pnl_take": Decimal(5),
    }
    async with living(tmp_path, **limits) as world:
        await world.start()
        await settled(world)
        pnl, day, high = (
            world.coin().pnl,
            world.rows("SELECT * FROM days"),
            world.rows("SELECT value FROM meta WHERE key = 'pnl_peak'"),
        )
        await fund(world, 5_000)
        await world.until(lambda: world.snapshot.transfers.net_usd == 5_000, "the deposit is known")
        await withdraw(world, "7000")
        await to_spot(world, "1000")
        await world.until(lambda: world.snapshot.transfers.net_usd == -3_000, "so is what was taken out")
        value = world.snapshot.risk.account_value_usd
        await world.until(lambda: world.snapshot.risk.account_value_usd == 7_000, f"it was {value}")
        await world.turn()
        assert world.coin().pnl == pnl
        assert world.rows("SELECT * FROM days") == day
        assert world.rows("SELECT value FROM meta WHERE key = 'pnl_peak'") == high
        assert world.snapshot.risk.day_usd == 0
        assert world.snapshot.risk.drawdown_pct == 0
        assert world.snapshot.risk.high_water_usd == 7_000, "nothing was lost"
        told = [(event["kind"], event["usd"]) for event in world.told("transfer")]
        assert told == [("deposit", "5000"), ("withdraw", "-7000"), ("accountClassTransfer", "-1000")]
        assert not world.told("risk_halt")
        await world.crash()
        await world.start(resting=None)
        await world.until(world.is_whole, "it goes on")
        assert world.snapshot.transfers.net_usd == -3_000
        assert len(world.told("transfer")) == 3, "each is told once, over all runs"
        await world.check("transfer")


@pytest.mark.real_time
async def test_every_cent_of_the_exchanges_cash_has_its_row(tmp_path: Path) -> None:
    async with living(tmp_path) as world:
        await world.start()
        await trade(world)
        await fund(world, 500)
        await withdraw(world, "20.5")
        await to_spot(world, "100.25")
        found = await verified(world)
        assert found.verified, found.as_text()
        (cash,) = (check.text for check in found.checks if check.name == "online cash")
        assert "transfers 379.25, residual 0, " in cash
        async with world.exchange.http.get(f"{world.exchange.url}/paper/audit") as answer:
            assert (await answer.json())["money_residual"] == "0"
        five = found.coins["BTC"]
        assert five["matched_pnl"] != "0"


@pytest.mark.real_time
async def test_cash_that_went_without_a_row_is_named(tmp_path: Path) -> None:
    async with living(tmp_path) as world:
        await world.start()
        await trade(world)
        world.account.pay("", -2_000)
        found = await verified(world)
        (check,) = (check for check in found.checks if not check.ok)
        assert check.name == "online cash"
        assert check.rows == ["-0.002 USDC came or went without a row"]


async def test_with_two_coins_the_totals_are_the_sums(tmp_path: Path) -> None:
    config = PaperConfig(market="synthetic:BTC=reverting,ETH=reverting", speed=1e-6, limits=False)
    async with living(tmp_path, config) as world:
        world.coins = ("BTC", "ETH")
        await world.start(resting=None)
        await world.until(world.is_whole, "both grids rest")
        world.hit(400)
        world.hit(100, coin="ETH")
        await world.until(lambda: world.coin("ETH").fills.total and world.coin().fills.total, "both trade")
        await world.until(world.is_whole, "both are whole")
        await world.turn()
        one, other, both = world.coin().pnl, world.coin("ETH").pnl, world.snapshot.pnl
        assert add_up(both)
        assert both.total_usd == one.total_usd + other.total_usd
        assert both.fees_usd == one.fees_usd + other.fees_usd > 0


async def test_what_is_said_to_be_free_can_be_withdrawn_and_the_grid_still_reaches_its_edge(
    tmp_path: Path,
) -> None:
    async with living(tmp_path) as world:
        leverage = {"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 3}
        assert (await world.act(leverage))["status"] == "ok"
        await world.start()
        await world.until(lambda: world.snapshot.risk.withdrawable_usd > 0, "it knows what is free")
        free, needed = world.snapshot.risk.withdrawable_usd, world.snapshot.risk.worst_case_usd
        assert needed > 900, "some 3,000 USD of orders at a leverage of 3"
        await withdraw(world, str(free))
        await world.until(
            lambda: abs(world.snapshot.risk.account_value_usd - needed) <= Decimal("0.01"), "it has left"
        )
        lowest = min(order.price for order in world.ours() if order.side is Side.BUY)
        bids = sum(order.side is Side.BUY for order in world.ours())
        world.hit(*[10_000] * bids)
        world.move(100 * (lowest - world.mid()) / world.mid())
        await world.until(lambda: world.coin().fills.buys == bids, "every bid has traded")
        await settled(world)
        truth = await world.exchange.truth()
        assert Decimal(truth["positions"]["BTC"]) == world.coin().position > 0
        assert not world.told("order_rejected")
        assert not any("liquidation" in row for row in truth["fills"])
