"""Fills and payments that no order of ours asked for: liquidation, ADL, the operator's hand, funding, other coins (F17-F21)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from core.domain.orders import Side
from core.paper.config import MoneySettings, PaperConfig
from core.paper.jsonio import JsonObject
from core.paper.venue.orders import HistoryRow
from tests.faults.world import GRID, World, living
from tests.unit.runtime.kept_journal import alter

TWO_COINS = PaperConfig(market="synthetic:BTC=reverting,ETH=reverting", speed=1e-6, limits=False)
SMALL = PaperConfig(speed=1e-6, limits=False, funds_usd=Decimal(330))
UNINSURED = PaperConfig(speed=1e-6, limits=False, money=MoneySettings(insurance_usd=0))
LOSER = "0x" + "b0" * 20


async def test_f17_a_liquidation_moves_the_ledger_halts_the_coin_and_is_not_bought_back(
    tmp_path: Path,
) -> None:
    async with living(
        tmp_path, SMALL, margin_mode="cross", leverage=Decimal(20), investment_usd=Decimal(150)
    ) as world:
        await world.start()
        world.watch.outside_breach = True
        await world.trade(Side.BUY, "0.02")
        await world.until(lambda: world.coin().position >= Decimal("0.02"), "a position too large")
        world.move(-12)
        await world.until(lambda: world.lots() == 0, "it is liquidated")
        (told, *_) = await world.until(lambda: world.told("liquidation"), "it is told")
        assert told["severity"] == "crit"
        decided = world.rows("SELECT cloid FROM orders ORDER BY cloid")
        await world.check("liquidation", "risk_halt", halted="liquidation")
        await world.turn()
        assert world.rows("SELECT cloid FROM orders ORDER BY cloid") == decided, "nothing is bought back"
        assert any(alert.text.startswith("BTC HALTED: liquidation") for alert in world.snapshot.alerts)
        await world.crash()
        await world.start(resting=None)
        await world.check(halted="liquidation")


async def test_f18_a_position_that_is_deleveraged_away_is_told_and_a_new_grid_is_built(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, UNINSURED) as world:
        await world.start()
        venue = world.venue.venue
        venue.set_leverage(LOSER, 0, 40, is_cross=True)
        venue.market_order(LOSER, "BTC", Side.BUY, world.instrument().parse_size("0.9"), world.venue.now_ms())
        loser = venue.see(LOSER)
        loser.deposit("", 2_600_000_000 - loser.deposits)
        world.watch.outside_breach = True
        await world.trade(Side.SELL, "0.02")
        await world.until(lambda: world.coin().position == Decimal("-0.02"), "short")
        before = world.coin().grid.generation
        world.move(-12, size="0.0001")
        await world.until(lambda: world.told("adl"), "deleveraged")
        await world.check("adl")
        assert world.lots() > -2_000
        assert world.coin().grid.generation > before


async def test_f19_a_manual_trade_moves_the_position_and_no_order_answers_it(world: World) -> None:
    await world.start()
    grid = {order.cloid for order in world.ours()}
    foreign = await world.place_by_hand(Side.BUY, 1_000_000, 50)
    await world.trade(Side.BUY, "0.002")
    (fill,) = await world.until(lambda: world.told("fill"), "it is told")
    assert fill["external"]
    await world.check()
    assert {order.cloid for order in world.ours()} == grid, "the grid is as it was"
    assert world.coin().position == Decimal("0.002")
    assert world.coin().fills.external == 1
    await world.stop()
    assert [order.oid for order in world.resting()] == [foreign], "only ours are taken back"


async def test_f19_a_manual_trade_past_the_cap_takes_back_the_far_orders_of_its_side(world: World) -> None:
    await world.start()
    cap = world.coin().position_cap
    bids = sorted(o.price for o in world.ours() if o.side is Side.BUY)
    world.watch.outside_breach = True
    size = cap - Decimal("0.006")
    await world.trade(Side.BUY, str(size))
    await world.until(lambda: world.coin().position == size and world.is_whole(), "the worst case is within")
    left = [o.price for o in world.ours() if o.side is Side.BUY]
    assert left == bids[-1:], "the nearest alone may stay"
    assert world.coin().worst_long <= cap
    await world.trade(Side.SELL, str(size))
    await world.until(lambda: len(world.ours()) == GRID, "sold again, all may rest")
    world.watch.outside_breach = False
    await world.check()


async def test_f20_funding_is_counted_with_its_sign_each_hour_once_and_kept(world: World) -> None:
    await world.start()
    await world.trade(Side.BUY, "0.01")
    await world.until(lambda: world.lots() == 1_000, "long")
    ledger = world.venue.venue.ledger
    for hours in range(1, 4):
        ledger.counters.funded_hour -= 1
        await world.until(lambda n=hours: len(world.told("funding")) == n, "an hour is paid")  # type: ignore[misc]
    assert _paid(world) < 0
    await world.until(lambda: world.coin().funding_usd == _paid(world), "it is counted")
    await world.crash()
    ledger.counters.funded_hour -= 1
    await world.start(resting=None)
    await world.until(lambda: len(world.told("funding")) == 4, "what fell due while it was down")
    await world.check("funding")
    await world.until(lambda: world.coin().funding_usd == _paid(world), "it is counted too")
    assert world.rows("SELECT count(*) FROM funding") == [(4,)]


async def test_f20_funding_past_the_limit_halts_and_what_is_received_never_does(tmp_path: Path) -> None:
    async with living(tmp_path, funding_bleed_pct=Decimal("0.0001")) as world:
        await world.start()
        await world.trade(Side.SELL, "0.01")
        await world.until(lambda: world.coin().position < 0, "short: it receives")
        for _ in range(300):
            _pay_now(world, "2.5")
        await world.until(lambda: world.coin().funding_usd, "a gain")
        await world.check()
        for _ in range(5):
            _pay_now(world, "-200")
        await world.check(halted="funding")


def _paid(world: World) -> Decimal:
    """By the exchange's own books; negative was paid."""
    rows = [row for row in world.account.history if row.is_funding]
    return sum((Decimal(str(row.delta["usdc"])) for row in rows), Decimal(0))


def _pay_now(world: World, usd: str) -> None:
    """A funding payment of any size, as the exchange notes one."""
    ledger = world.venue.venue.ledger
    ledger.begin_block(world.venue.now_ms() + 1)
    row: JsonObject = {
        "type": "funding",
        "coin": "BTC",
        "usdc": usd,
        "szi": "-0.01",
        "fundingRate": "0.0001",
        "nSamples": None,
    }
    ledger.note(HistoryRow(world.exchange.user, ledger.block_ms, ledger.block_hash(), row))
    world.venue.settle()


async def test_f21_a_fill_in_a_coin_that_is_not_traded_here_is_kept_and_moves_nothing(tmp_path: Path) -> None:
    async with living(tmp_path, TWO_COINS) as world:
        await world.start()
        world.hit(100)
        await world.trade(Side.BUY, "0.1", coin="ETH")
        (told, *_) = await world.until(lambda: world.told("foreign_fill"), "it is told")
        assert told["coin"] == "ETH"
        await world.check("foreign_fill")
        assert world.coin().position == Decimal("0.001")
        kept = world.rows("SELECT coin, trade_id FROM foreign_fills")
        assert kept == [(fill.coin, fill.tid) for fill in world.account.fills if fill.coin == "ETH"]
        await world.crash()
        await world.start(resting=None)
        await world.check()
        assert world.rows("SELECT coin, trade_id FROM foreign_fills") == kept, "once"


async def test_p3_an_adjustment_whose_fill_was_committed_right_before_a_kill_counts_no_more(
    world: World,
) -> None:
    await world.start()
    world.hit(40)
    await world.until(lambda: world.coin().fills.total == 1, "a fill")
    await world.crash()
    ((time_ms, price),) = world.rows("SELECT time_ms, price FROM fills")
    accepted = (
        "INSERT INTO adjustments VALUES ('a1', 'BTC', ?, 0, 40, ?, ?, 'cli', 'it had not come yet', NULL)"
    )
    alter(world.plan().state.journal, accepted, time_ms, price, time_ms)
    await world.start(resting=None)
    await world.check()
    assert world.coin().position == Decimal("0.0004")
    ((revoked_ms,),) = world.rows("SELECT revoked_ms FROM adjustments")
    assert revoked_ms
