"""The course of the account: profit and loss with its zero line, drawdown, fills an hour, makers, and a backtest beside it."""

from __future__ import annotations

from core.view import BacktestView, HistoryPoint, Severity, Snapshot
from widgets import formats
from widgets.chart_rows import SCALE_WIDTH, Reached, chart_lines, columns, time_axis
from widgets.fields import title_line
from widgets.ink import Ink, Line, Span, dimmed, line
from widgets.look import STALE_S, Look

HOUR_MS = 3_600_000
LEAST_SPAN_MS = 600_000
_BARS = "▁▂▃▄▅▆▇█"


def performance_lines(look: Look, width: int, height: int) -> list[Line]:
    snapshot = look.snapshot
    head = title_line("7 Performance", Severity.INFO, look.snapshot_age_s, width)
    if snapshot is None:
        return [head, line((" waiting for the core's first report", Ink.LABEL))]
    points = _with_now(snapshot)
    if look.link.is_slow:
        left_out = line((" No plots on a slow link", Ink.LABEL))
        return [
            head,
            *_summary(look, snapshot, points),
            *_hours(points, look.now_ms, width),
            _backtest(snapshot.backtest),
            left_out,
        ]
    since_ms = min(points[0].time_ms, look.now_ms - LEAST_SPAN_MS)
    room = max(width - SCALE_WIDTH - 4, 8)
    below = [
        *_summary(look, snapshot, points),
        *_hours(points, look.now_ms, width),
        _backtest(snapshot.backtest),
    ]
    pnl_rows, drawdown_rows = _heights(height - 2 - len(below))
    profit = [Reached(p.time_ms, float(p.total_usd)) for p in points]
    drawdown = [Reached(p.time_ms, p.drawdown_pct) for p in points]
    rows = [head]
    if pnl_rows:
        values = columns(profit, since_ms, look.now_ms, room)
        rows += chart_lines(values, pnl_rows, "$", Ink.BUY, Ink.SELL)
    rows.append(time_axis(since_ms, look.now_ms, room))
    if drawdown_rows:
        values = [None if v is None else -v for v in columns(drawdown, since_ms, look.now_ms, room)]
        rows.append(line((" Drawdown, % lost since the highest profit", Ink.LABEL)))
        rows += chart_lines(values, drawdown_rows - 1, "%", Ink.BUY, Ink.SELL)
    rows += below
    return [head, *map(dimmed, rows[1:])] if look.snapshot_age_s >= STALE_S else rows


def _heights(room: int) -> tuple[int, int]:
    """Of the two charts; the drawdown's goes first where there is no room."""
    if room < 3:
        return 0, 0
    if room < 8:
        return room, 0
    drawdown = min(max(room // 3, 4), 12)
    return room - drawdown, drawdown


def _with_now(snapshot: Snapshot) -> tuple[HistoryPoint, ...]:
    """The minutes that are over, and where the account stands in this one."""
    now = HistoryPoint(snapshot.time_ms, snapshot.pnl.total_usd, snapshot.risk.drawdown_pct, 0, 0)
    return (*(p for p in snapshot.history if p.time_ms < snapshot.time_ms), now)


def _summary(look: Look, snapshot: Snapshot, points: tuple[HistoryPoint, ...]) -> list[Line]:
    pnl = snapshot.pnl
    worst = max(point.drawdown_pct for point in points)
    span = formats.age((look.now_ms - points[0].time_ms) / 1_000)
    gained = formats.usd(points[-1].total_usd - points[0].total_usd, signed=True)
    money = line(
        " Total ", (formats.usd(pnl.total_usd, signed=True), Ink.STRONG),
        (f"  {gained} in {span}", Ink.LABEL), "  worst drawdown ", (formats.percent(worst), Ink.STRONG),
    )  # fmt: skip
    total = sum(coin.fills.total for coin in snapshot.coins)
    makers = sum(coin.fills.maker for coin in snapshot.coins)
    ever = f"{100 * makers / total:.1f}%" if total else formats.NOTHING
    fills, made = sum(p.fills for p in points), sum(p.makers for p in points)
    recent = f"{100 * made / fills:.1f}%" if fills else formats.NOTHING
    ratio = line(
        " Maker ", (ever, Ink.STRONG), (f" of {total:,} fills ever, ", Ink.LABEL),
        (recent, Ink.STRONG), (f" of {fills:,} in {span}", Ink.LABEL),
    )  # fmt: skip
    return [money, ratio]


def _hours(points: tuple[HistoryPoint, ...], now_ms: int, width: int) -> list[Line]:
    """Fills of each of the last hours, the running one last: a bar and, where there is room, its count."""
    first = points[0].time_ms // HOUR_MS
    last = now_ms // HOUR_MS
    counts = dict.fromkeys(range(max(first, last - 23), last + 1), 0)
    for point in points:
        hour = (point.time_ms - 1) // HOUR_MS
        if hour in counts:
            counts[hour] += point.fills
    most = max(counts.values(), default=0)
    bars = "".join(_bar(count, most) for count in counts.values())
    newest = list(counts.values())[-1]
    told = f" {newest} this hour, {most} in the busiest of {len(counts)}"
    lead = " Fills an hour  "
    return [
        (
            Span(lead, Ink.TEXT),
            Span(bars[-max(width - len(lead) - len(told), 1) :], Ink.BUY),
            Span(told, Ink.LABEL),
        )
    ]


def _bar(count: int, most: int) -> str:
    return _BARS[max(-(-len(_BARS) * count // most) - 1, 0)] if count and most else "·"


def _backtest(found: BacktestView) -> Line:
    if found.error:
        return line((f" Backtest: {found.error}", Ink.WARN))
    if not found.name:
        return line((" Backtest: no backtest.json in the state dir", Ink.LABEL))
    span = formats.age((found.to_ms - found.from_ms) / 1_000)
    maker = f", maker {100 * found.makers / found.fills:.1f}%" if found.fills else ""
    total = formats.usd(found.total_usd, signed=True)
    told = (
        f" in {span}, worst drawdown {formats.percent(found.max_drawdown_pct)}, {found.fills:,} fills{maker}"
    )
    return line(" Backtest ", (found.name, Ink.STRONG), " ", (total, Ink.STRONG), (told, Ink.LABEL))
