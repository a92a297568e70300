"""Canned Snapshots and a core that only remembers: what the console is tested against."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal
from typing import Any

from core.domain.commands import Action, Operator
from core.preview_view import PreviewFact, PreviewLevel, PreviewView
from core.runtime.core_port import NOBODY
from core.view import (
    AlertView,
    ApiView,
    BreakerState,
    BreakerView,
    CoinView,
    CommandStatus,
    CommandView,
    DriftView,
    EventView,
    FeedView,
    FillsView,
    GridView,
    LastFillView,
    LevelState,
    LevelView,
    PnlView,
    RiskView,
    RunState,
    Severity,
    Snapshot,
    StopState,
    StopView,
)

NOW_MS = 1_767_276_183_000
"""2026-01-01 14:03:03 UTC"""


class FakeClock:
    """Wall and monotonic time at once; moves when told."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1_000)


class FakeCore:
    """A CorePort that publishes what it is given and writes down what it is asked."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        self.snapshot = snapshot
        self.submitted: list[tuple[Action, str]] = []
        self.values: list[str] = []
        """What came with each of them."""
        self.looked: list[tuple[Action, str]] = []
        """Commands that only look."""
        self.takes_commands = True
        self.previewed: list[str] = []
        self.stop_requested = False
        self.fault: RuntimeError | None = None
        self.view_only = ""
        self.trouble = ""
        self._ended = threading.Event()

    def latest(self) -> Snapshot | None:
        return self.snapshot

    def submit(self, action: Action, coin: str = "", value: str = "", by: Operator = NOBODY) -> str | None:
        if not self.takes_commands:
            return None
        if action in (Action.FLATTEN_PREVIEW, Action.CANCEL_ALL_PREVIEW):
            self.looked.append((action, coin))
            return f"look-{len(self.looked)}"
        self.submitted.append((action, coin))
        self.values.append(value)
        return f"command-{len(self.submitted)}"

    def preview(self, coin: str) -> PreviewView:
        self.previewed.append(coin)
        return preview_view(coin)

    def wait_ended(self, timeout_s: float) -> bool:
        if self.fault is not None:
            raise self.fault
        return self._ended.wait(min(timeout_s, 0.02))

    def request_stop(self) -> None:
        self.stop_requested = True

    def acting_refusal(self) -> str:
        return self.trouble or self.view_only

    def link_trouble(self) -> str:
        return self.trouble

    def end(self) -> None:
        self._ended.set()

    def answer(self, status: str, text: str) -> None:
        """What became of the last command."""
        assert self.snapshot is not None
        action, _ = self.submitted[-1]
        command = CommandView(
            f"command-{len(self.submitted)}", action, CommandStatus(status), text, self.snapshot.time_ms
        )
        self.snapshot = replace(self.snapshot, commands=(*self.snapshot.commands, command))


def preview_view(coin: str = "BTC", **changes: Any) -> PreviewView:
    """Four levels, one of them past its stop, and a sentence of every kind."""
    facts = (
        PreviewFact("override", "OVERRIDE in force: 2 levels a side (configured 10)", Severity.WARN),
        PreviewFact(
            "fees",
            "fees of a round trip 0.03 %, so one level earns 0.0299 USD by one; worst-case position 0.02733 BTC",
        ),
        PreviewFact(
            "mind",
            "1 buy is not quoted, at 109645: not before the stop at 109650 (HL_STOP_LOSS_LOW)",
            Severity.WARN,
        ),
        PreviewFact(
            "low edge",
            "if the price falls to 109700: +0.00136 BTC for 109700, 149.19 USD (0.15 x the investment)",
        ),
        PreviewFact("orders a day", "about 1,041 orders and cancels a day: 831 as each level trades"),
        PreviewFact(
            "budget",
            "9,214 requests are left of 10,000; about 1,041 a day against 124,000 that trading gives, so they last",
        ),
        PreviewFact("preview", "of these settings (3dbe91eb)"),
    )
    levels = (
        PreviewLevel("sell", "109866", "0.00136", Decimal("149.4178")),
        PreviewLevel("sell", "109811", "0.00136", Decimal("149.3430")),
        PreviewLevel("buy", "109700", "0.00136", Decimal("149.1920")),
        PreviewLevel("buy", "109645", "0.00136", Decimal("149.1172"), "stop"),
    )
    made = PreviewView(coin, NOW_MS - 3_000, f"{coin} at 109755.5: 4 levels every 0.05 %", facts, levels)
    return replace(made, **changes)


def levels(per_side: int = 15) -> tuple[LevelView, ...]:
    """A grid around 64,233.1; one bid in flight, one ask partly filled."""
    size = Decimal("0.0125")
    made = []
    for step in range(per_side, 0, -1):
        left = Decimal("0.0075") if step == 2 else size
        made.append(LevelView("sell", Decimal(64_210 + 96 * step), size, left, LevelState.OPEN))
    for step in range(1, per_side + 1):
        state = LevelState.IN_FLIGHT if step == 3 else LevelState.OPEN
        made.append(LevelView("buy", Decimal(64_210 - 96 * step), size, size, state))
    return tuple(made)


def coin_view(**changes: Any) -> CoinView:
    coin = CoinView(
        coin="BTC",
        state=RunState.RUNNING,
        position=Decimal("0.1875"),
        entry=Decimal("63880"),
        bid=Decimal("64233"),
        ask=Decimal("64233.2"),
        mid=Decimal("64233.1"),
        market_ms=NOW_MS - 300,
        realized_usd=Decimal("1204.55"),
        fees_usd=Decimal("18.31"),
        funding_usd=Decimal("-4.12"),
        unrealized_usd=Decimal("66.21"),
        pnl=PnlView(
            matched_usd=Decimal("1352.40"),
            inventory_usd=Decimal("-81.64"),
            fees_usd=Decimal("18.31"),
            funding_usd=Decimal("-4.12"),
            total_usd=Decimal("1248.33"),
            holding_usd=Decimal("310.00"),
            versus_holding_usd=Decimal("938.33"),
        ),
        daily_usd=Decimal("148.20"),
        position_cap=Decimal("0.75"),
        worst_long=Decimal("0.375"),
        worst_short=Decimal("0"),
        orders_last_min=12,
        max_orders_per_min=360,
        max_slippage_pct=0.5,
        price_decimals=1,
        fills=FillsView(
            total=418,
            buys=214,
            sells=204,
            external=2,
            from_ws=412,
            from_rest=6,
            duplicates=11,
            maker=393,
            last=LastFillView("sell", Decimal("0.0125"), Decimal("64306"), NOW_MS - 22_000),
        ),
        grid=GridView(
            center=Decimal("64210"),
            generation=7,
            spacing_pct=0.15,
            levels_per_side=15,
            width_pct=4.48,
            level_gap_pct=0.15,
            orders_active=30,
            orders_target=30,
            skew_ratio=0.25,
            levels=levels(),
        ),
        drift=DriftView(exchange_position=Decimal("0.1875"), observed_ms=NOW_MS - 2_000),
        stop=StopView(StopState.RESTING, Decimal("61500"), Decimal("0.375")),
    )
    return replace(coin, **changes)


def events() -> tuple[EventView, ...]:
    rows = [
        (Severity.INFO, "fill", "SELL 0.0125 @64,306.0 src=ws maker cloid=0x9f…21"),
        (Severity.INFO, "order_replaced", "BUY  0.0125 @64,114.0 cloid=0x9f…22"),
        (Severity.WARN, "grid_compression_override", "0.150% -> 0.120% loss_drift=0.8 floor=0.100%"),
        (Severity.INFO, "resync_ok", "drift=0.04% orders=30/30 latency=184ms"),
        (Severity.INFO, "ws_reconnected", "gap=1.2s rest_poll=3 new=0"),
        (Severity.CRIT, "position_drift_detected", "ledger 0.1875 exchange 0.1796"),
    ]
    return tuple(
        EventView(at, NOW_MS - (len(rows) - at) * 7_000, severity, name, "BTC", detail)
        for at, (severity, name, detail) in enumerate(rows)
    )


def snapshot(**changes: Any) -> Snapshot:
    made = Snapshot(
        version=42,
        time_ms=NOW_MS - 200,
        network="paper",
        account="0x71c7656ec7ab88b098defb751b7401b5f6d8e4",
        state=RunState.RUNNING,
        exchange_url="http://127.0.0.1:3001",
        is_embedded=True,
        started_ms=NOW_MS - 3_600_000,
        coins=(coin_view(),),
        feed=FeedView(connected=True, ready=True, generation=1, reconnects=3, last_message_ms=NOW_MS - 400),
        api=ApiView(rest_latency_ms=184.0, orders_sent=1_204, cancels_sent=988),
        risk=RiskView(
            account_value_usd=Decimal("10148.20"),
            high_water_usd=Decimal("10331.00"),
            drawdown_pct=1.8,
            max_drawdown_pct=10.0,
            margin_utilization_pct=23.4,
            funding_paid_usd=Decimal("4.12"),
        ),
        events=events(),
    )
    return replace(made, **changes)


def tripped() -> Snapshot:
    """Placements are probed after an outage, reads are open again, and no stream has spoken for a while."""
    breakers = (
        BreakerView(
            "place", BreakerState.HALF_OPEN, "no answer from the exchange within 5 s", "unanswered", 5, 2, 0.0
        ),
        BreakerView("cancel"),
        BreakerView("info", BreakerState.OPEN, "HTTP 502: Bad Gateway", "server", 7, 1, 8.4),
        BreakerView("feed"),
        BreakerView("storage"),
        BreakerView("auth"),
    )
    text = "CIRCUIT BREAKER INFO OPEN: HTTP 502: Bad Gateway, probe in 9 s"
    return snapshot(
        api=ApiView(
            api_error_streak=7,
            rest_latency_ms=184.0,
            orders_sent=1_204,
            cancels_sent=988,
            breaker_open=True,
            breaker_reason="info: HTTP 502: Bad Gateway",
            breakers=breakers,
        ),
        alerts=(AlertView("breaker:info", Severity.CRIT, text, "", NOW_MS - 4_000),),
    )


def halted(**changes: Any) -> Snapshot:
    coin = coin_view(
        state=RunState.HALTED,
        halt_reason="an operator asked",
        grid=replace(coin_view().grid, orders_active=0, levels=()),
    )
    return snapshot(state=RunState.HALTED, halt_reason="an operator asked", coins=(coin,), **changes)


def drifting() -> Snapshot:
    """LIVE, with a drift alert above a lesser one."""
    drift = DriftView(Decimal("0.1796"), NOW_MS - 1_000, Decimal("0.0079"), 4.2)
    return snapshot(
        network="mainnet",
        coins=(coin_view(drift=drift),),
        alerts=(
            AlertView("drift:BTC", Severity.CRIT, "POSITION DRIFT 4.20% > 1%", "R", NOW_MS - 9_000),
            AlertView("api_errors", Severity.WARN, "API ERRORS 2 in a row", "", NOW_MS - 4_000),
        ),
    )
