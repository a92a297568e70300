"""What each coin has: position and profit, fills, grid, drift."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.telemetry.metrics.definition import Metric, Row, Sample, Scene, Shown, Type, by_coin
from core.view import CoinView, OrderShown, RunState

_HALTED = (RunState.HALTED, RunState.FLATTENING)
PENDING_S = 5.0
"""An order that has had no answer for so long is stuck: its ``expiresAfter`` has passed."""


def _sides(scene: Scene) -> Iterator[Sample]:
    for coin in scene.snapshot.coins:
        yield (coin.coin, "buy"), coin.fills.buys
        yield (coin.coin, "sell"), coin.fills.sells


def _reread(scene: Scene) -> Iterator[Sample]:
    found = scene.counts.of("fills_from_reconciliation_total")
    for coin in scene.snapshot.coins:
        yield (coin.coin,), found.get((coin.coin,), 0.0)


def _ratio(coin: CoinView) -> float | None:
    return coin.fills.from_ws / coin.fills.total if coin.fills.total else None


def _checked_age(scene: Scene) -> Iterator[Sample]:
    for coin in scene.snapshot.coins:
        if coin.drift.observed_ms:
            yield (coin.coin,), max(scene.now_ms - coin.drift.observed_ms, 0) / 1000


def _submitted(scene: Scene) -> Iterator[Sample]:
    for sent in scene.snapshot.work.sent:
        yield (sent.coin, "buy"), sent.bids
        yield (sent.coin, "sell"), sent.asks


def _cancelled(scene: Scene) -> Iterator[Sample]:
    for sent in scene.snapshot.work.sent:
        yield (sent.coin, "requested"), sent.cancels
    for (coin,), count in scene.counts.of("exchange_cancels_total").items():
        yield (coin, "exchange"), count


def _in_doubt(*states: OrderShown, older_s: float = 0.0) -> Callable[[Scene], Iterator[Sample]]:
    def read(scene: Scene) -> Iterator[Sample]:
        found = {coin.coin: 0 for coin in scene.snapshot.coins}
        for order in scene.snapshot.orders:
            if order.state in states and scene.now_ms - order.since_ms >= older_s * 1000:
                found[order.coin] = found.get(order.coin, 0) + 1
        yield from (((coin,), count) for coin, count in found.items())

    return read


_stuck = _in_doubt(OrderShown.UNKNOWN, OrderShown.CANCEL_FAILED)
_pending = _in_doubt(OrderShown.UNKNOWN, OrderShown.IN_FLIGHT, older_s=PENDING_S)

_FILLS = Shown(Row.FILL_CAPTURE, "Fills")
_SOURCES = Shown(Row.FILL_CAPTURE, "Fills by the way they came")
_PRICES = Shown(Row.GRID_HEALTH, "Grid center against mid")
_ORDERS = Shown(Row.GRID_HEALTH, "Orders")
_DRIFT = "Position drift"

POSITION = (
    by_coin(
        "position",
        "Signed, + is long",
        lambda c: float(c.position),
        "coin",
        Shown(Row.POSITION_PNL, "Position"),
    ),
    by_coin(
        "realized_pnl",
        "Gross of fees, without funding, over the journal's life",
        lambda c: float(c.realized_usd),
        "USD",
        Shown(Row.POSITION_PNL, "Realized PnL"),
    ),
    by_coin(
        "unrealized_pnl",
        "Position x (mid - entry)",
        lambda c: float(c.unrealized_usd),
        "USD",
        Shown(Row.POSITION_PNL, "Unrealized PnL"),
    ),
    by_coin(
        "daily_pnl",
        "Since 00:00 UTC, unrealized included",
        lambda c: float(c.daily_usd),
        "USD",
        Shown(Row.POSITION_PNL, "Daily PnL"),
    ),
    by_coin(
        "alltime_pnl",
        "All that was made, over the journal's life: matched + inventory - fees + funding",
        lambda c: float(c.pnl.total_usd),
        "USD",
    ),
    by_coin("fees_paid", "Over the journal's life; negative: rebates", lambda c: float(c.fees_usd), "USD"),
    by_coin("entry_price", "Average, 0 when flat", lambda c: float(c.entry), "USD"),
)

FILLS = (
    Metric(
        "fills_total",
        Type.COUNTER,
        "Over the journal's life, external ones included",
        _sides,
        ("coin", "side"),
        shown=_FILLS,
    ),
    by_coin("fills_from_ws", "Those that came live", lambda c: c.fills.from_ws, shown=_SOURCES),
    by_coin(
        "fills_from_rest",
        "All others; both add up to gridbot_fills_total",
        lambda c: c.fills.from_rest,
        shown=_SOURCES,
    ),
    by_coin(
        "fills_from_ws_total",
        "gridbot_fills_from_ws as a counter",
        lambda c: c.fills.from_ws,
        kind=Type.COUNTER,
    ),
    by_coin(
        "fills_from_rest_total",
        "gridbot_fills_from_rest as a counter",
        lambda c: c.fills.from_rest,
        kind=Type.COUNTER,
    ),
    Metric(
        "fills_from_reconciliation",
        Type.GAUGE,
        "Of those over REST: found by a read for an order in doubt or by a snapshot of the stream, in this run",
        _reread,
        ("coin",),
    ),
    by_coin(
        "fill_source_ratio",
        "The share of fills that came live, 0 to 1; no sample without fills",
        _ratio,
        shown=Shown(Row.FILL_CAPTURE, "Live share of fills", 0.95, is_least=True),
    ),
    by_coin(
        "fills_external_total", "Fills of no order of ours", lambda c: c.fills.external, kind=Type.COUNTER
    ),
    by_coin(
        "fill_duplicates_total",
        "Fills that came again and were refused",
        lambda c: c.fills.duplicates,
        kind=Type.COUNTER,
    ),
    by_coin(
        "fills_maker_total", "Fills that paid the maker's fee", lambda c: c.fills.maker, kind=Type.COUNTER
    ),
    by_coin(
        "orders_filled_total",
        "Fills of orders of ours",
        lambda c: c.fills.total - c.fills.external,
        kind=Type.COUNTER,
    ),
    by_coin("fill_log_entries", "Fills in the journal", lambda c: c.fills.total),
    by_coin(
        "fill_chain_broken",
        "1 while a fill is missing: one started from another position than the one before it left",
        lambda c: c.chain_broken,
        shown=Shown(Row.FILL_CAPTURE, "Gaps in the chain of fills"),
    ),
)

GRID = (
    by_coin(
        "grid_width_pct",
        "From the lowest to the highest level, of the center",
        lambda c: c.grid.width_pct,
        "percent",
        Shown(Row.GRID_HEALTH, "Grid width"),
    ),
    by_coin("grid_width_ratio", "gridbot_grid_width_pct / 100", lambda c: c.grid.width_pct / 100),
    by_coin(
        "grid_center",
        "The price the grid was built around, 0 before the first",
        lambda c: float(c.grid.center),
        "USD",
        _PRICES,
    ),
    by_coin("mid_price", "0 before the first quote", lambda c: float(c.mid), "USD", _PRICES),
    by_coin(
        "grid_spacing_ratio", "Between neighbouring levels, of the price", lambda c: c.grid.spacing_pct / 100
    ),
    by_coin(
        "grid_level_gap_pct",
        "The widest gap between neighbouring orders of one side, of the center",
        lambda c: c.grid.level_gap_pct,
        "percent",
        Shown(Row.GRID_HEALTH, "Widest gap between levels"),
    ),
    by_coin("grid_level_gap_ratio", "gridbot_grid_level_gap_pct / 100", lambda c: c.grid.level_gap_pct / 100),
    by_coin(
        "grid_coverage_pct",
        "Orders of the grid that are live, of those wanted; no sample while none is",
        lambda c: 100 * c.grid.orders_active / c.grid.orders_target if c.grid.orders_target else None,
        "percent",
        Shown(Row.GRID_HEALTH, "Grid coverage"),
    ),
    by_coin(
        "grid_coverage_ratio",
        "gridbot_grid_coverage_pct / 100",
        lambda c: c.grid.orders_active / c.grid.orders_target if c.grid.orders_target else None,
    ),
    by_coin(
        "skew_ratio",
        "Position over its cap, signed, -1 to 1",
        lambda c: c.grid.skew_ratio,
        shown=Shown(Row.GRID_HEALTH, "Skew"),
    ),
    by_coin(
        "orders_active",
        "Live orders of the grid, those in flight included",
        lambda c: c.grid.orders_active,
        shown=_ORDERS,
    ),
    by_coin("orders_target", "Orders that the grid wants", lambda c: c.grid.orders_target, shown=_ORDERS),
    by_coin("open_orders", "Orders of the grid that rest", lambda c: c.open_orders),
    by_coin(
        "volatility_estimate",
        "Standard deviation of a bar's return, a fraction",
        lambda c: c.market.volatility_pct / 100,
    ),
    by_coin(
        "atr_value",
        "Average true range of a bar, in price",
        lambda c: c.market.atr_pct / 100 * float(c.mid),
        "USD",
    ),
    by_coin(
        "trend_bias",
        "Fast average less the slow one, a fraction: + is up",
        lambda c: c.market.trend_pct / 100,
    ),
    by_coin(
        "loss_drift",
        "How far the price has moved against the position since the grid was built, a fraction of it",
        lambda c: c.market.loss_drift_pct / 100,
        shown=Shown(Row.GRID_HEALTH, "Loss drift"),
    ),
)

ORDERS = (
    Metric(
        "orders_submitted_total",
        Type.COUNTER,
        "Orders sent in this run, those that take another's place included",
        _submitted,
        ("coin", "side"),
        shown=Shown(Row.GRID_HEALTH, "Orders sent and cancelled"),
    ),
    Metric(
        "orders_cancelled_total",
        Type.COUNTER,
        "reason: requested (cancels of ours), exchange (of its own accord)",
        _cancelled,
        ("coin", "reason"),
        shown=Shown(Row.GRID_HEALTH, "Orders sent and cancelled"),
    ),
    Metric(
        "stuck_orders_count",
        Type.GAUGE,
        "Orders of which nobody knows whether they rest, or whose cancel failed",
        _stuck,
        ("coin",),
    ),
    Metric(
        "orders_stuck_in_pending",
        Type.GAUGE,
        "Orders that have had no answer for 5 s and more",
        _pending,
        ("coin",),
        shown=Shown(Row.SYSTEM_HEALTH, "Orders without an answer"),
    ),
)

TRUTH = (
    by_coin(
        "position_drift_amount",
        "Ledger minus exchange, declared on two looks; 0: they agree",
        lambda c: float(c.drift.amount),
        "coin",
        Shown(Row.SYSTEM_HEALTH, "Position drift, amount"),
    ),
    by_coin(
        "shadow_ledger_drift",
        "The same at the last look alone: fills on their way count",
        lambda c: None if c.drift.difference is None else float(c.drift.difference),
        "coin",
        Shown(Row.SYSTEM_HEALTH, "Position drift, amount"),
    ),
    by_coin(
        "position_drift_pct",
        "gridbot_position_drift_amount, of max(|ledger|, |exchange|, one order)",
        lambda c: c.drift.pct,
        "percent",
        Shown(Row.SYSTEM_HEALTH, _DRIFT, 1),
    ),
    by_coin("shadow_ledger_drift_ratio", "gridbot_position_drift_pct / 100", lambda c: c.drift.pct / 100),
    by_coin(
        "exchange_position",
        "As the exchange told at the last look",
        lambda c: None if c.drift.exchange_position is None else float(c.drift.exchange_position),
        "coin",
        Shown(Row.POSITION_PNL, "Position"),
    ),
    Metric(
        "fill_reconciliation_lag_sec",
        Type.GAUGE,
        "Since the position was last held against the exchange's",
        _checked_age,
        ("coin",),
        "s",
    ),
    by_coin(
        "position_checked_timestamp_seconds",
        "When that was, by the exchange's clock",
        lambda c: c.drift.observed_ms / 1000 if c.drift.observed_ms else None,
        "s",
    ),
    by_coin(
        "quote_timestamp_seconds",
        "The coin's last quote",
        lambda c: c.market_ms / 1000 if c.market_ms else None,
        "s",
    ),
    by_coin(
        "risk_halted",
        "1 while the coin is halted or being flattened",
        lambda c: c.state in _HALTED or bool(c.halt_reason),
        shown=Shown(Row.RISK, "Halted", 0),
    ),
    by_coin(
        "risk_halt",
        "gridbot_risk_halted by its old name",
        lambda c: c.state in _HALTED or bool(c.halt_reason),
    ),
    by_coin(
        "funding_paid",
        "Over the journal's life; negative: received",
        lambda c: 0 - float(c.funding_usd),
        "USD",
        Shown(Row.RISK, "Funding paid"),
    ),
    by_coin(
        "liquidation_distance_ratio",
        "How far the price may go against the position until it is liquidated; no sample without such a price",
        lambda c: None if c.margin.distance_pct is None else float(c.margin.distance_pct) / 100,
        shown=Shown(Row.RISK, "Distance to liquidation"),
    ),
)

METRICS = (*POSITION, *FILLS, *GRID, *ORDERS, *TRUTH)
