"""The risk screen's two histories: when circuit breakers were open, and what each day's funding came to."""

from __future__ import annotations

from decimal import Decimal

from core.view import BreakerState, Severity, Snapshot, TripView
from widgets import formats
from widgets.fields import title_line
from widgets.fill_rows import time_text
from widgets.ink import Ink, Line, fit, line
from widgets.look import Look

_DAY_WIDTH, _MONEY_WIDTH = 7, 11


def trip_lines(look: Look, width: int, height: int) -> list[Line]:
    """The newest first; an open one says so."""
    api = look.snapshot.api if look.snapshot is not None else None
    trips = api.trips[::-1] if api is not None else ()
    is_open = api is not None and any(each.state is BreakerState.OPEN for each in api.breakers)
    grave = Severity.CRIT if is_open else Severity.INFO
    title = title_line("Circuit breakers of this run", grave, look.snapshot_age_s, width)
    rows = [trip_line(trip, look.now_ms, width) for trip in trips]
    if not rows:
        rows = [line((" none has opened", Ink.LABEL))]
    return [title, *rows[: max(height - 1, 0)]]


def trip_line(trip: TripView, now_ms: int, width: int) -> Line:
    """``14:02:41Z place open 12s ×2, closed by an answer: HTTP 502``."""
    until = trip.closed_ms or now_ms
    lasted = formats.age((until - trip.opened_ms) / 1_000)
    times = f" ×{trip.times}" if trip.times > 1 else ""
    state = (f"open {lasted}{times}, closed by {trip.closed_by}", Ink.TEXT)
    if not trip.closed_ms:
        state = (f"✖ OPEN {lasted}{times}", Ink.CRIT)
    made = line(
        (f" {time_text(trip.opened_ms, now_ms)} ", Ink.LABEL),
        (f"{trip.name:<7} ", Ink.STRONG),
        state,
        (f": {formats.cause(trip.reason)}", Ink.LABEL),
    )
    return fit(made, width)


def funding_lines(look: Look, width: int, height: int) -> list[Line]:
    """A row a day, a column a coin, as many as fit, and the sum of all; received is positive."""
    snapshot = look.snapshot
    title = title_line("Funding by UTC day, + received", Severity.INFO, 0.0, width)
    if snapshot is None:
        return [title]
    days = sorted({day for coin in snapshot.coins for day, _ in coin.funding_days}, reverse=True)
    if not days:
        return [title, line((" none yet", Ink.LABEL))]
    shown = _columns(snapshot, width)
    names = [f"{name:>{_MONEY_WIDTH}}" for name, _ in shown]
    rows = [line((f" {'day':<{_DAY_WIDTH}}{''.join(names)}", Ink.LABEL))]
    for day in days:
        date = formats.utc_minute(day).partition(" ")[0]
        cells = [_usd(of_day[day]) if day in of_day else "-" for _, of_day in shown]
        figures = "".join(f"{cell:>{_MONEY_WIDTH}}" for cell in cells)
        rows.append(line((f" {date:<{_DAY_WIDTH}}", Ink.LABEL), figures))
    return [title, *rows[: max(height - 1, 0)]]


def _columns(snapshot: Snapshot, width: int) -> list[tuple[str, dict[int, Decimal]]]:
    """All together, then as many coins as there is room for."""
    together: dict[int, Decimal] = {}
    each: list[tuple[str, dict[int, Decimal]]] = []
    for coin in snapshot.coins:
        each.append((formats.short_coin(coin.coin)[: _MONEY_WIDTH - 1], dict(coin.funding_days)))
        for day, usd in coin.funding_days:
            together[day] = together.get(day, Decimal(0)) + usd
    if len(each) < 2:
        return each
    room = max((width - 1 - _DAY_WIDTH) // _MONEY_WIDTH - 1, 0)
    return [("all", together), *each[:room]]


def _usd(value: Decimal) -> str:
    """Cents, and more of what is less than one."""
    return formats.usd(value, signed=True) if not value or abs(value) >= Decimal("0.01") else f"{value:+.4f}"
