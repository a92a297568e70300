"""What a roomy terminal has beside the ladder: the day's profit as bars, and the orders nearest to the price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.view import Severity
from widgets import formats
from widgets.chart_rows import SCALE_WIDTH, Reached, chart_lines, columns
from widgets.fields import title_line
from widgets.ink import Ink, Line, cut, dimmed, fit, justify, line
from widgets.look import STALE_S, Look

if TYPE_CHECKING:
    from core.view import OrderView

_LEAST_SPAN_MS = 1_800_000


def profit_lines(look: Look, width: int, height: int) -> list[Line]:
    """Profit since 00:00 UTC with its zero line; without room or on a slow link just the number."""
    snapshot = look.snapshot
    today = "" if snapshot is None else f" {formats.usd(snapshot.risk.day_usd, signed=True)}"
    title = title_line(f"7 PnL today{today}", Severity.INFO, look.snapshot_age_s, width)
    if look.link.is_slow:
        return [title, line((" no bars on a slow link", Ink.LABEL))]
    since_ms = look.now_ms - look.now_ms % formats.DAY_MS
    points = [p for p in snapshot.history if p.time_ms >= since_ms] if snapshot is not None else []
    room = width - SCALE_WIDTH
    if not points or room < 4 or height < 4:
        return [title, line((" no minute of today is over yet", Ink.LABEL))] if not points else [title]
    base = points[0].total_usd
    reached = [Reached(point.time_ms, float(point.total_usd - base)) for point in points]
    first_ms = min(points[0].time_ms, look.now_ms - _LEAST_SPAN_MS)
    values = columns(reached, first_ms, look.now_ms, room)
    rows = chart_lines(values, height - 1, "$", Ink.BUY, Ink.SELL)
    return [title, *(map(dimmed, rows) if look.snapshot_age_s >= STALE_S else rows)]


def order_lines(look: Look, width: int, height: int) -> list[Line]:
    """Those that ought not to be there, then those nearest to the price."""
    snapshot, coin = look.snapshot, look.coin
    if snapshot is None or coin is None:
        return [title_line("Orders", Severity.INFO, 0.0, width)]
    own = [order for order in snapshot.orders if order.coin == coin.coin]
    odd = [order for order in own if order.note]
    rest = sorted((o for o in own if not o.note), key=lambda order: abs(order.price - coin.mid))
    room = max(height - 2, 0)
    shown = [*odd, *rest][:room]
    age_s = look.snapshot_age_s
    bare = title_line("2 Orders nearest to the price", Severity.WARN if odd else Severity.INFO, age_s, width)
    title = cut(bare, max(width - 14, 0))
    count = line((f" {len(shown)} of {len(own)} ", Ink.LABEL))
    rows = [
        justify(title, count, width, "━" if odd else "─", Ink.WARN if odd else Ink.RULE),
        line((f"   {'price':>12} {'size':>11} {'filled':>7} {'age':>7}  {'state':<13} slot", Ink.LABEL)),
        *(_order(order, look, coin.price_decimals, width) for order in shown),
    ]
    if not own:
        rows[1:] = [line((" no orders rest", Ink.LABEL))]
    return [rows[0], *map(dimmed, rows[1:])] if look.snapshot_age_s >= STALE_S else rows


def _order(order: OrderView, look: Look, decimals: int, width: int) -> Line:
    is_buy = order.side == "buy"
    age = formats.age((look.now_ms - order.since_ms) / 1_000)
    made = line(
        (f" {'B' if is_buy else 'S'} ", Ink.BUY if is_buy else Ink.SELL),
        f"{formats.price(order.price, decimals):>12} {formats.quantity(order.size):>11} {filled_text(order):>7} {age:>7}  ",
        (f"{order.state.value:<13} ", Ink.WARN if order.note else Ink.TEXT),
        (order.note or order.slot or order.purpose, Ink.WARN if order.note else Ink.LABEL),
    )
    return fit(made, width)


def filled_text(order: OrderView) -> str:
    """Neither a tiny fill nor a tiny remainder rounds away."""
    if not order.filled or not order.size:
        return "0%"
    share = float(100 * order.filled / order.size)
    return "100%" if order.filled >= order.size else "<1%" if share < 1 else f"{min(share, 99.0):.0f}%"
