"""The risk screen: each limit as a bar of how much of it is used, and where every position ends."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.view import CoinView, RiskView, Severity, StopState
from widgets import formats
from widgets.fields import SEVERITY_INKS, glyph, graded, title_line, worst
from widgets.ink import Ink, Line, Span, clean, dimmed, fit, line, shorten
from widgets.look import STALE_S, Look
from widgets.money_rows import STATE_GLYPHS
from widgets.panel_rows import liquidation_of, stop_field

LABEL_WIDTH = 12
VALUE_WIDTH = 13
_BAR_MOST = 30


@dataclass(frozen=True, slots=True)
class Limit:
    """``used`` of 1 and more has reached it; ``None``: it is off. ``limit`` says it in words."""

    label: str
    value: str
    limit: str
    used: float | None
    severity: Severity = Severity.INFO


def limits_of(look: Look) -> list[Limit]:
    """Those of the account, then those of the coin looked at."""
    snapshot, coin = look.snapshot, look.coin
    if snapshot is None:
        return []
    api, risk = snapshot.api, snapshot.risk
    errors = _of("API errors", float(api.api_error_streak), float(api.api_error_limit), "{:.0f}", " in a row")
    return [*_account(risk), errors, *(_coin(coin, risk) if coin is not None else [])]


def _account(risk: RiskView) -> list[Limit]:
    notional = float(risk.portfolio_notional_usd), float(risk.max_portfolio_notional_usd)
    return [
        _of("Drawdown", risk.drawdown_pct, risk.max_drawdown_pct, "{:.1f}%"),
        _day("Daily loss", risk.day_usd, risk.day_stop_usd, -1),
        _day("Daily gain", risk.day_usd, risk.day_take_usd, 1),
        _of("Unrealized", risk.unrealized_loss_pct, risk.max_unrealized_loss_pct, "{:.1f}%", " lost"),
        _of("Margin", risk.margin_utilization_pct, risk.max_margin_pct, "{:.1f}%"),
        _of("Worst case", *notional, "${:,.0f}"),
    ]


def _coin(coin: CoinView, risk: RiskView) -> list[Limit]:
    cap, unit = float(coin.position_cap), formats.short_coin(coin.coin)
    cap_text = f"{formats.quantity(coin.position_cap)} {unit}"
    caps = [
        Limit(label, formats.quantity(amount), cap_text, *_share(float(amount), cap, at_limit=Severity.WARN))
        if cap
        else Limit(label, formats.quantity(amount), "off", None)
        for label, amount in (("Worst long", coin.worst_long), ("Worst short", coin.worst_short))
    ]
    traded = float(coin.traded_last_min), float(coin.max_traded_per_min)
    return [
        *caps,
        _of("Orders/min", float(coin.orders_last_min), float(coin.max_orders_per_min), "{:.0f}"),
        _of("Traded/min", *traded, "{:.8g}", f" {unit}"),
        _liquidation(coin, risk.min_liq_distance_pct),
    ]


def _of(label: str, value: float, limit: float, form: str, note: str = "") -> Limit:
    if limit <= 0:
        return Limit(label, form.format(value), "off", None)
    return Limit(label, form.format(value), f"{form.format(limit)}{note}", *_share(value, limit))


def _share(value: float, limit: float, at_limit: Severity = Severity.CRIT) -> tuple[float, Severity]:
    """How much is used, and how grave that is. A cap may be used up on purpose: only past it is it grave."""
    used = max(value, 0.0) / limit
    if at_limit is Severity.WARN:
        return used, Severity.CRIT if used > 1.0 else Severity.INFO
    return used, graded(100.0 * used, 70.0, 100.0)


def _day(label: str, profit: Decimal, limit: Decimal | None, sign: int) -> Limit:
    """Of the day's loss (``sign`` -1) or gain: the other one uses nothing of it."""
    value = formats.usd(profit, signed=True)
    if not limit:
        return Limit(label, value, "off", None)
    used, severity = _share(float(sign * profit), abs(float(limit)))
    return Limit(label, value, formats.usd(limit, signed=True), used, severity)


def _liquidation(coin: CoinView, least_pct: float) -> Limit:
    """The nearer the fuller: the limit is the least distance."""
    away = coin.margin.distance_pct
    without = "none" if coin.margin.is_read else "n/a, not read"
    value = without if away is None else f"{float(away):.1f}% away"
    if least_pct <= 0:
        return Limit("Liquidation", value, "off", None)
    limit = f"{least_pct:.1f}% at least"
    if away is None:
        return Limit("Liquidation", value, limit, 0.0)
    used = least_pct / float(away) if away > 0 else 1.0
    return Limit("Liquidation", value, limit, used, graded(100.0 * used, 70.0, 100.0))


def limit_line(limit: Limit, width: int) -> Line:
    """`` Drawdown  ✓    1.8% ▕███░░░░▏ 10.0%``."""
    mark = glyph(limit.severity) if limit.used is not None else " "
    ink = SEVERITY_INKS[limit.severity]
    shown = Ink.TEXT if limit.severity is Severity.INFO else ink
    room = min(max(width - LABEL_WIDTH - VALUE_WIDTH - 22, 6), _BAR_MOST)
    head = (
        Span(f" {limit.label:<{LABEL_WIDTH}}", Ink.LABEL),
        Span(f"{mark} ", ink),
        Span(f"{clean(limit.value):>{VALUE_WIDTH}} ", shown),
    )
    if limit.used is None:
        return fit((*head, Span(" " * (room + 3)), Span("off", Ink.LABEL)), width)
    full = _cells(limit.used, room)
    bar = line("▕", ("█" * full, ink), ("░" * (room - full), Ink.LABEL), "▏ ")
    return fit((*head, *bar, Span(clean(limit.limit), Ink.LABEL)), width)


def _cells(used: float, room: int) -> int:
    """Neither a little use nor a little that is left rounds away."""
    if used <= 0:
        return 0
    return room if used >= 1 else min(max(round(used * room), 1), room - 1)


def limit_lines(look: Look, width: int, height: int) -> list[Line]:
    """Without room for all, those that are off go first, then the least grave, the last of them first."""
    limits = limits_of(look)
    room = max(height - 1, 0)
    graves = {Severity.INFO: 1, Severity.WARN: 2, Severity.CRIT: 3}
    weights = [0 if limit.used is None else graves[limit.severity] for limit in limits]
    kept = sorted(sorted(range(len(limits)), key=lambda at: (-weights[at], at))[:room])
    rows = [limit_line(limit, width) for limit in [limits[at] for at in kept]]
    if look.market_age_s >= STALE_S:
        rows = [dimmed(row) for row in rows]
    grave = worst(tuple(limit.severity for limit in limits))
    return [title_line("4 Limits", grave, look.market_age_s, width), *rows]


_WORDY = 76
"""From here on the state is a word, too."""


def end_lines(look: Look, width: int, height: int) -> list[Line]:
    """A row a coin: how it stands, and where its position ends against us. The one looked at first, then the gravest."""
    coins = list(look.snapshot.coins) if look.snapshot is not None else []
    at = look.coin_index % len(coins) if coins else 0
    rest = sorted(coins[:at] + coins[at + 1 :], key=lambda coin: coin.stop.state is not StopState.MISSING)
    rows = [fit(_end_line(coin, width >= _WORDY), width) for coin in coins[at : at + 1] + rest]
    if look.market_age_s >= STALE_S:
        rows = [dimmed(row) for row in rows]
    grave = worst(tuple(stop_field(coin).severity for coin in coins))
    return [title_line("Where it ends", grave, look.market_age_s, width), *rows[: max(height - 1, 0)]]


def _end_line(coin: CoinView, with_word: bool) -> Line:
    """`` BTC  +0.1875 running  ✓ stop 61,500 4.3%  liq 41,200 35.9%``, and why it doesn't quote."""
    stop, liquidation = coin.stop, liquidation_of(coin)
    severity = stop_field(coin).severity
    word = "" if stop.state in (StopState.NONE, StopState.RESTING) else f" {stop.state.value.upper()}"
    price = "none" if stop.state is StopState.NONE else _price(stop.price, coin)
    without = "none" if coin.margin.is_read else "n/a, not read since"
    liq = without if liquidation is None else _price(liquidation, coin)
    sign, ink = STATE_GLYPHS[coin.state]
    why_stop = (
        "" if stop.state is StopState.NONE else stop.reason
    )  # "stop none" says it already, and room is short
    why = [clean(each) for each in (why_stop, coin.halt_reason or coin.idle_reason) if each]
    return line(
        (f" {shorten(clean(formats.short_coin(coin.coin)), 6):<6}", Ink.STRONG),
        f"{formats.quantity(coin.position, signed=True):>10} ",
        (f"{sign} {f'{coin.state.value:<8}' if with_word else ''}", ink),
        (f" {glyph(severity) if severity else ' '} ", SEVERITY_INKS.get(severity or Severity.INFO, Ink.OK)),
        ("stop ", Ink.LABEL),
        f"{price}{_share_text(stop.distance_pct)}",
        (word, SEVERITY_INKS[severity or Severity.INFO]),
        ("  liq ", Ink.LABEL),
        f"{liq}{_share_text(coin.margin.distance_pct) if liquidation is not None else ''}",
        (f"  {'; '.join(why)}" if why else "", Ink.WARN),
    )


def _price(value: Decimal, coin: CoinView) -> str:
    return formats.quantity(round(value, coin.price_decimals))


def _share_text(pct: Decimal | None) -> str:
    return f" {pct:.1f}%" if pct is not None else ""
