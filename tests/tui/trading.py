"""Canned orders, fills, outages and funding: what the lists and the risk screen are tested against."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from core.view import (
    BreakerState,
    BreakerView,
    BudgetMode,
    BudgetView,
    CoinView,
    FillView,
    LatencyView,
    MarginView,
    OrderShown,
    OrderView,
    PnlView,
    RiskView,
    RunState,
    Snapshot,
    StageView,
    StopState,
    StopView,
    TripView,
)
from tests.tui.factory import NOW_MS, coin_view, levels, snapshot

DAY_MS = 86_400_000
TODAY = NOW_MS - NOW_MS % DAY_MS


def cloid(number: int) -> str:
    return f"0x677264621057a9ceb0070001{number:08x}"


def orders() -> tuple[OrderView, ...]:
    """A cancel that failed, two strangers, one whose fate is unknown, then the grid and its stop."""
    strange = [
        OrderView(
            *("BTC", cloid(900), 307_033_479_126, "sell", Decimal("64594.0"), Decimal("0.0125"), Decimal(0)),
            *(OrderShown.CANCEL_FAILED, NOW_MS - 41_000, "sell 4", "grid", "HTTP 502: Bad Gateway"),
        ),
        OrderView(
            *("BTC", "", 307_033_400_001, "buy", Decimal("60000.0"), Decimal("0.1"), Decimal(0)),
            *(OrderShown.ORPHAN, NOW_MS - 7_300_000, "", "foreign"),
            "placed by hand or by another program: left alone",
        ),
        OrderView(
            *("BTC", cloid(901), None, "buy", Decimal("63826.0"), Decimal("0.0125"), Decimal(0)),
            *(OrderShown.UNKNOWN, NOW_MS - 2_500, "buy 4", "grid", "no answer from the exchange within 5 s"),
        ),
    ]
    grid = [
        OrderView(
            "BTC",
            cloid(at),
            307_033_480_000 + at,
            level.side,
            level.price,
            level.size,
            level.size - level.remaining,
            OrderShown.PARTIAL if level.remaining < level.size else OrderShown.OPEN,
            NOW_MS - 60_000 * (at + 1),
            f"{level.side} {abs(at - 15)}",
            "grid",
        )
        for at, level in enumerate(levels())
    ]
    stop = OrderView(
        *("BTC", cloid(950), 307_033_470_000, "sell", Decimal("61500.0"), Decimal("0.375"), Decimal(0)),
        *(OrderShown.OPEN, NOW_MS - 9_000_000, "", "stop"),
    )
    return (*strange, *sorted(grid, key=lambda row: row.state is OrderShown.OPEN), stop)


def fills(count: int = 30) -> tuple[FillView, ...]:
    """Oldest first: mostly live makers, one of another day, one read back, one by hand, one slow."""
    made = []
    for at in range(count):
        side = "buy" if at % 2 else "sell"
        made.append(
            FillView(
                time_ms=NOW_MS - (count - at) * 61_000,
                coin="BTC",
                side=side,
                price=Decimal(64_210 + 96 * (at % 5 - 2)),
                size=Decimal("0.0125"),
                fee_usd=Decimal("0.1204"),
                liquidity="maker",
                source="ws",
                trade_id=118_906_512_448_000 + at,
                cloid=cloid(at),
                pnl_usd=Decimal("1.20") if side == "sell" else Decimal(0),
                latency_ms=84 + at,
            )
        )
    made[0] = replace(made[0], time_ms=NOW_MS - DAY_MS)
    made[-2] = replace(made[-2], source="rest", latency_ms=None)
    made[-3] = replace(made[-3], cloid="", note="external", liquidity="taker", pnl_usd=Decimal("-14.07"))
    made[-4] = replace(made[-4], latency_ms=2_417)
    return tuple(made)


def trips() -> tuple[TripView, ...]:
    return (
        TripView("info", NOW_MS - 5_400_000, "HTTP 502: Bad Gateway", 1, NOW_MS - 5_388_000, "an answer"),
        TripView("place", NOW_MS - 80_000, "no answer from the exchange within 5 s", 3),
    )


def bitcoin() -> CoinView:
    """Held, with its stop at rest and a price at which it would be liquidated."""
    return coin_view(
        stop=StopView(
            *(StopState.RESTING, Decimal("61500"), Decimal("0.375"), "", Decimal("2733.1"), Decimal("4.2550"))
        ),
        margin=MarginView(
            *("isolated", 3, Decimal("4014.6"), Decimal("41200"), Decimal("23033.1"), Decimal("35.8586"))
        ),
        funding_days=tuple((TODAY - n * DAY_MS, Decimal("0.41") - n) for n in range(5)),
    )


def tesla() -> CoinView:
    """Short and halted by a rule, its stop not at rest."""
    return coin_view(
        coin="xyz:TSLA",
        state=RunState.HALTED,
        halt_reason="funding bleed: 14.20 USD paid within a day",
        position=Decimal("-12.5"),
        entry=Decimal("431.5"),
        mid=Decimal("438.11"),
        price_decimals=2,
        worst_long=Decimal(0),
        worst_short=Decimal("12.5"),
        position_cap=Decimal(40),
        pnl=PnlView(total_usd=Decimal("-82.63")),
        stop=StopView(
            StopState.MISSING, Decimal("460"), Decimal("12.5"), "the exchange refused it: price too far"
        ),
        margin=MarginView(),
        funding_days=((TODAY, Decimal("-14.2")),),
    )


def risk() -> RiskView:
    return RiskView(
        account_value_usd=Decimal("10148.20"),
        high_water_usd=Decimal("10331.00"),
        drawdown_pct=7.6,
        max_drawdown_pct=10.0,
        unrealized_loss_pct=0.4,
        max_unrealized_loss_pct=5.0,
        day_usd=Decimal("-52.10"),
        day_stop_usd=Decimal(-200),
        margin_utilization_pct=23.4,
        max_margin_pct=60.0,
        portfolio_notional_usd=Decimal(24_087),
        max_portfolio_notional_usd=Decimal(50_000),
        min_liq_distance_pct=10.0,
        withdrawable_usd=Decimal("3120.44"),
        worst_case_usd=Decimal("7027.76"),
    )


def latency() -> LatencyView:
    return LatencyView(
        (
            StageView("tick_to_decision", 412, 95, 375, 2_100),
            StageView("decision_to_commit", 598, 207, 703, 9_800),
            StageView("commit_to_wire", 598, 63, 191, 1_400),
            StageView("tick_to_wire", 412, 383, 1_215, 11_900),
            StageView("wire_to_ack", 598, 24_100, 61_000, 1_310_000),
        )
    )


def budget() -> BudgetView:
    """A busy account that has begun to spare its requests."""
    return BudgetView(
        ip_limit=1_200,
        ip_left=1_104,
        ip_reserve=120,
        address_cap=10_143,
        address_used=9_212,
        address_left=931,
        address_reserve=100,
        cancels_left=11_074,
        actions_last_min=38,
        actions_last_hour=412,
        hours_to_empty=9.5,
        mode=BudgetMode.THINNING,
        read_ms=NOW_MS - 41_000,
    )


def trading(coins: tuple[CoinView, ...] | None = None) -> Snapshot:
    """One coin or more, with everything that the lists and the risk screen show."""
    made = snapshot()
    return replace(
        made,
        coins=coins or (bitcoin(),),
        orders=orders(),
        fills=fills(),
        risk=risk(),
        budget=budget(),
        latency=latency(),
        pnl=PnlView(total_usd=Decimal("1248.33")),
        api=replace(
            made.api,
            trips=trips(),
            breakers=(BreakerView("place", BreakerState.OPEN, "no answer from the exchange within 5 s"),),
        ),
    )


def many() -> Snapshot:
    """Two coins, the second halted by a rule."""
    return trading((bitcoin(), tesla()))
