"""Caps that look beyond the coin: the portfolio, the account's margin, the way to liquidation. All coins at their worst."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.events import Quote
from core.domain.grid import PPB
from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.engine.market_watch import note_mid
from core.engine.risk_engine import Exposure, RiskLimits, Rule, SideCap, allow_order
from core.engine.side_caps import Money, PortfolioLimits, liquidation_room, side_caps, worst_notional_micro
from core.engine.why_not import frees, slots_without_order
from tests.unit.engine.builders import MID, SOL, VENUE_0, Bench, account, make_engine, notices, placed, quote

BUY, SELL = Side.BUY, Side.SELL
ETH = Instrument("ETH", 1, 4, 25)
RICH = Money(Decimal(1_000), Decimal(0))


def started(limits: PortfolioLimits, position: int = 0) -> Bench:
    """A grid of 3 x 50 lots (100 USD each) a side; the account is worth 1,000 USD."""
    bench = Bench(make_engine(position=position))
    bench.engine.portfolio_limits = limits
    bench.rest(placed(bench.start(position)))
    return bench


def rules(bench: Bench) -> list[tuple[str, str]]:
    return [
        (blocked.why.rule.value, frees(blocked, SOL, bench.now))
        for blocked in slots_without_order(bench.coin, bench.now)
    ]


# -- the caps ------------------------------------------------------------------------------------------------------


def test_without_limits_there_is_no_cap() -> None:
    bench = Bench().started()
    assert bench.coin.caps == ()
    assert side_caps(bench.coin, [bench.coin], PortfolioLimits(), RICH, None) == ()


@pytest.mark.parametrize("value", [0, -5])
def test_an_account_that_is_worth_nothing_carries_no_more_than_it_holds(value: int) -> None:
    bench = Bench().started()
    limits = PortfolioLimits(max_margin=Decimal("0.1"), min_liquidation_distance=Decimal("0.1"))
    caps = side_caps(bench.coin, [bench.coin], limits, Money(Decimal(value), Decimal(0)), None)
    assert {(cap.side, cap.rule, cap.lots) for cap in caps} == {
        (side, rule, 0) for side in Side for rule in (Rule.MARGIN, Rule.LIQUIDATION)
    }
    assert any("(it is worth nothing)" in cap.reason for cap in caps)


def test_before_the_account_was_seen_only_the_portfolios_limit_is_known() -> None:
    bench = Bench().started()
    limits = PortfolioLimits(Decimal(100), Decimal("0.1"), Decimal("0.1"))
    assert {cap.rule for cap in side_caps(bench.coin, [bench.coin], limits, None, None)} == {Rule.PORTFOLIO}


def test_the_portfolio_cap_takes_every_coin_at_its_worst_at_the_latest_price() -> None:
    bench = Bench(make_engine(SOL, ETH))
    bench.start()
    bench.step(Quote("ETH", 300_000 - 10, 300_000 + 10, VENUE_0))
    bench.rest(placed(bench.done))
    sol, eth = bench.engine.coins["SOL"], bench.engine.coins["ETH"]
    bench.engine.coins["ETH"].ledger.base = replace(eth.ledger.base)
    taken = worst_notional_micro(eth)
    assert taken == max(eth.exposure.worst_long, eth.exposure.worst_short) * 300_000
    limits = PortfolioLimits(max_notional_usd=Decimal(500))
    caps = side_caps(sol, [sol, eth], limits, RICH, None)
    assert {cap.lots for cap in caps} == {(500_000_000 - taken) // MID}
    assert {cap.side for cap in caps} == set(Side)
    dearer = Quote("ETH", 600_000 - 10, 600_000 + 10, VENUE_0)
    bench.engine.coins["ETH"].quote = dearer
    note_mid(bench.engine.coins["ETH"], bench.now)
    (again, _) = side_caps(sol, [sol, eth], limits, RICH, None)
    assert again.lots == max(0, (500_000_000 - 2 * taken) // MID)


def test_what_is_held_of_a_market_without_a_price_yet_counts_at_its_entry() -> None:
    """After a restart another coin filled the room that a position held whose market showed one side."""
    bench = Bench(make_engine(SOL, ETH, position=100))
    sol, eth = bench.engine.coins["SOL"], bench.engine.coins["ETH"]
    bench.step(quote())
    assert (eth.known_mid_twice, eth.ledger.lots) == (0, 100)
    assert worst_notional_micro(eth) == 100 * MID
    (buy, _) = side_caps(sol, [sol, eth], PortfolioLimits(max_notional_usd=Decimal(250)), RICH, None)
    assert buy.lots == 25


def test_levels_past_the_portfolio_cap_are_not_placed_and_say_so() -> None:
    bench = started(PortfolioLimits(max_notional_usd=Decimal(250)))
    assert len(bench.live) == 4, "two of 100 USD a side"
    assert rules(bench) == [
        ("portfolio", "a position of -0.25 or less"),
        ("portfolio", "a position of 0.25 or more"),
    ]
    assert notices(bench.done).count("risk_block") == 1


def test_margin_counts_what_is_used_and_what_live_orders_of_all_coins_would() -> None:
    bench = Bench().started()
    coin = bench.coin
    coin.config = replace(coin.config, grid=replace(coin.config.grid, leverage_ppb=5 * PPB))
    limits = PortfolioLimits(max_margin=Decimal("0.1"))
    caps = side_caps(coin, [coin], limits, Money(Decimal(1_000), Decimal(40)), None)
    assert [cap.lots for cap in caps] == [150, 150], "60 USD of margin at 5x are 300 USD, 150 lots"
    caps = side_caps(coin, [coin], limits, Money(Decimal(1_000), Decimal(140)), None)
    assert [cap.lots for cap in caps] == [0, 0]
    assert caps[0].reason == "worst case would use more than 10.0 % of the account as margin (14.0 % is used)"


def test_what_traded_since_the_exchange_was_asked_for_its_margin_counts() -> None:
    """An endless grid bought a crash of fourteen levels within the five seconds between two reads, at a limit of four."""
    bench = Bench(make_engine(cap_micro=10**12, strategy="endless"))
    bench.coin.config = replace(bench.coin.config, grid=replace(bench.coin.config.grid, leverage_ppb=2 * PPB))
    bench.engine.portfolio_limits = PortfolioLimits(max_margin=Decimal("0.2"))
    bench.rest(placed(bench.start()))
    for _ in range(12):
        buys = [o for o in bench.live if o.side is BUY]
        if not buys:
            break
        near = max(buys, key=lambda o: o.price)
        bench.ms += 100
        bench.rest(placed(bench.trade(near)))
        for _ in range(3):
            out = bench.step(quote(near.price))
            bench.settle_cancels(out)
            bench.rest(placed(out))
    margin = bench.coin.exposure.worst_long * bench.coin.known_mid_twice / 2 / 10**6 / 2
    assert 150 < margin <= 200, "200 USD are a fifth of the account"
    assert "margin" in {rule for rule, _ in rules(bench)}
    before, held = bench.coin.caps, bench.coin.ledger.lots
    used = Decimal(held * near.price) / 10**6 / 2
    bench.step(replace(account(held, bench.now), margin_used=used))
    assert bench.coin.caps == before, "the exchange says the same"


def test_a_margin_that_is_used_up_stops_what_adds_and_lets_what_reduces() -> None:
    bench = started(PortfolioLimits(max_margin=Decimal("0.01")), position=50)
    sides = {order.side for order in bench.live}
    assert sides == {SELL}
    assert {rule for rule, _ in rules(bench)} == {"margin"}


def test_near_its_liquidation_price_a_position_grows_no_more_and_may_shrink() -> None:
    bench = Bench(make_engine(position=100)).started(100)
    limits = PortfolioLimits(min_liquidation_distance=Decimal("0.1"))
    buy, sell = side_caps(bench.coin, [bench.coin], limits, RICH, Decimal("181"))
    assert (buy.rule, buy.lots) == (Rule.LIQUIDATION, 0)
    assert buy.reason == "the liquidation price 181 is within 10.0 % of the price"
    assert sell.lots > 0
    buy, _ = side_caps(bench.coin, [bench.coin], limits, RICH, Decimal("179"))
    assert buy.lots > 0


def test_the_worst_case_at_either_edge_keeps_its_distance_from_liquidation() -> None:
    limits = PortfolioLimits(min_liquidation_distance=Decimal("0.5"))
    bench = started(limits)
    caps = {cap.side: cap.lots for cap in bench.coin.caps}
    assert caps[BUY] > caps[SELL] > 0, "a short one is liquidated sooner: its notional grows"
    bench.step(account(0, bench.now, value="100"))
    bench.trade(next(o for o in bench.live if o.side is BUY))
    assert "liquidation" in {rule for rule, _ in rules(bench)}


@given(
    side=st.sampled_from(Side),
    value=st.integers(1, 10**7),
    mid=st.integers(10, 10**6),
    way=st.integers(0, 90),
    leverage=st.sampled_from((3, 5, 10, 20, 25, 40, 50)),
    distance=st.sampled_from(("0.02", "0.05", "0.1", "0.3")),
)
def test_of_the_size_that_is_allowed_the_liquidation_price_is_just_so_far_from_the_edge(
    side: Side, value: int, mid: int, way: int, leverage: int, distance: str
) -> None:
    """Held against Hyperliquid's own formula: price - side * margin available / size / (1 - l * side)."""
    edge = Decimal(mid) * (1 - side.sign * Decimal(way) / 100)
    rate, least = Decimal(1) / (2 * leverage), Decimal(distance)
    size = liquidation_room(side, Decimal(value), Decimal(mid), edge, rate, least)
    worth = Decimal(value) - size * abs(edge - mid)
    available = worth - size * edge * rate
    price = edge - side.sign * available / size / (1 - rate * side.sign)
    assert abs(abs(edge - price) / edge - least) < Decimal("1e-9")


# -- the gate ------------------------------------------------------------------------------------------------------


@given(
    position=st.integers(-400, 400),
    buys=st.integers(0, 300),
    sells=st.integers(0, 300),
    side=st.sampled_from(Side),
    lots=st.integers(1, 100),
    cap=st.integers(0, 300),
)
@pytest.mark.parametrize("rule", [Rule.PORTFOLIO, Rule.MARGIN, Rule.LIQUIDATION])
def test_the_position_that_frees_an_order_from_a_cap_of_its_side_does(
    rule: Rule, position: int, buys: int, sells: int, side: Side, lots: int, cap: int
) -> None:
    limits = RiskLimits(10_000, 10_000, 10_000, (SideCap(side, rule, cap, "why"),))
    exposure = Exposure(position, buys, sells)
    assert allow_order(exposure, side.opposite, lots, limits) is None
    refusal = allow_order(exposure, side, lots, limits)
    if refusal is None:
        return
    assert (refusal.rule, refusal.reason) == (rule, "why")
    assert allow_order(replace(exposure, position=refusal.value), side, lots, limits) is None
    assert allow_order(replace(exposure, position=refusal.value + side.sign), side, lots, limits) is not None


def test_what_the_exchange_says_of_liquidation_is_forgotten_when_it_says_nothing_any_more() -> None:
    bench = Bench().started()
    bench.step(replace(account(0, bench.now), liquidations=(("SOL", Decimal(150)),)))
    assert bench.engine.liquidations == {"SOL": Decimal(150)}
    bench.step(account(0, bench.now), quote())
    assert bench.engine.liquidations == {}
