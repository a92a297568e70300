"""A terminal as small as a phone's: what is held, what ends it, what works, what is wrong, in the order of survival."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.view import RunState, Severity
from widgets import ages, formats
from widgets.event_rows import event_lines
from widgets.fields import Field, panel_lines
from widgets.health_rows import risk_fields, system_fields
from widgets.ink import Line
from widgets.look import Look
from widgets.panel_rows import fill_fields, grid_fields, liquidation_of, no_liquidation, position_fields

if TYPE_CHECKING:
    from core.view import CoinView

_FIRST = ("Position", "Stop", "uPnL/Day")
_THEN = (
    "Drift",
    "WS age",
    "Breaker",
    "Entry/Mid",
    "Total",
    "Drawdown",
    "Margin",
    "Session",
    "WS/REST",
    "Last fill",
)
_EVENTS_FROM = 4
"""Rows that are left for the newest events; fewer aren't worth their title."""


def phone_lines(look: Look, width: int, height: int) -> list[Line]:
    if look.snapshot is None or look.coin is None:
        return panel_lines("GridBot", position_fields(look), look.market_age_s, width, height)
    fields = phone_fields(look, look.coin)
    title = f"{look.coin.coin} {formats.short_account(look.snapshot.account)}"
    top = min(height, len(fields) + 1)
    rows = panel_lines(title, fields, look.market_age_s, width, top, ages.both(look))
    left = height - len(rows)
    return [*rows, *event_lines(look, width, left)] if left >= _EVENTS_FROM else rows


def phone_fields(look: Look, coin: CoinView) -> list[Field]:
    known = {
        field.label: field
        for source in (position_fields, grid_fields, system_fields, risk_fields, fill_fields)
        for field in source(look)
    }
    reason = [known["Trading"]] if look.state is not RunState.RUNNING or coin.idle_reason else []
    made = [known[name] for name in _FIRST if name in known]
    made[1:1] = [liquidation_field(coin)]
    made += [known["Orders"], *reason]
    made += [known[name] for name in _THEN if name in known]
    rest = [field for field in known.values() if field not in made]
    return [*made, *(field for field in rest if field.severity in (Severity.WARN, Severity.CRIT))]


def liquidation_field(coin: CoinView) -> Field:
    """Where the exchange ends it, and how far away that is."""
    price = liquidation_of(coin)
    if price is None:
        return no_liquidation(coin)
    pct = coin.margin.distance_pct
    if pct is None and coin.mid:
        pct = abs(price / coin.mid - 1) * 100
    away = () if pct is None else (f"{pct:.2f}% away", f"{pct:.1f}%")
    return Field("Liq.", formats.price(price, coin.price_decimals), away)
