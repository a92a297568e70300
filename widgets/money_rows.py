"""The two lines above the panels: what the account is worth and risks, and the coins that trade beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.view import RunState
from widgets import ages, formats
from widgets.ink import Ink, Line, Span, clean, dimmed, fit, line, width_of
from widgets.look import STALE_S, Look

if TYPE_CHECKING:
    from core.view import CoinView, Snapshot

STATE_GLYPHS: dict[RunState, tuple[str, Ink]] = {
    RunState.STARTING: ("…", Ink.WARN),
    RunState.RUNNING: ("▶", Ink.OK),
    RunState.HALTED: ("■", Ink.CRIT),
    RunState.FLATTENING: ("▼", Ink.WARN),
    RunState.STOPPING: ("…", Ink.WARN),
    RunState.DEAD: ("✖", Ink.CRIT),
}

_ALWAYS = 4
"""So many parts of the portfolio's line are worth more than the limits beside two of them."""


def portfolio_line(look: Look, width: int) -> Line:
    """Equity, profit, worst case and margin of all coins together; what doesn't fit goes from the right."""
    snapshot = look.snapshot
    if snapshot is None or not snapshot.coins:
        return ()  # nothing was ever reported: a core that died before would be worth $0.00
    read_s = max((age.seconds for age in ages.account(look)), default=0.0)
    old = [line((f"✖ account {formats.age(read_s)} STALE", Ink.CRIT))] if read_s >= STALE_S else []
    parts = [*old, *_portfolio(snapshot, with_limits=True)]
    if width_of(_spaced(parts[: len(old) + _ALWAYS])) > width:
        parts = [*old, *_portfolio(snapshot, with_limits=False)]
    while len(parts) > 1 and width_of(_spaced(parts)) > width:
        parts.pop()
    made = _spaced(parts)
    return fit(dimmed(made) if max(look.market_age_s, read_s) >= STALE_S else made, width)


def _portfolio(snapshot: Snapshot, with_limits: bool) -> list[Line]:
    risk = snapshot.risk
    worst = formats.usd(risk.portfolio_notional_usd, cents=False)
    if risk.max_portfolio_notional_usd and with_limits:
        worst = f"{worst} of {formats.usd(risk.max_portfolio_notional_usd, cents=False)}"
    margin = f"{risk.margin_utilization_pct:.1f}%"
    if risk.max_margin_pct and with_limits:
        margin = f"{margin} of {risk.max_margin_pct:.0f}%"
    return [
        _part("Equity", formats.usd(risk.account_value_usd)),
        _part("Total", formats.usd(snapshot.pnl.total_usd, signed=True)),
        _part("Worst case", worst),
        _part("Margin", margin),
        _part("Today", formats.usd(risk.day_usd, signed=True)),
        _part("Free", formats.usd(risk.withdrawable_usd, cents=False)),
    ]


def _part(label: str, value: str) -> Line:
    return line((f"{label} ", Ink.LABEL), (value, Ink.STRONG))


def _spaced(parts: list[Line]) -> Line:
    made: Line = line(" ")
    for at, part in enumerate(parts):
        made = (*made, *(line("  ") if at else ()), *part)
    return made


def coin_strip(look: Look, width: int) -> Line:
    """Each coin with its state, position and profit, the one looked at in reverse; without room for all, those around it."""
    coins = look.snapshot.coins if look.snapshot is not None else ()
    if len(coins) < 2:
        return ()
    current = look.coin_index % len(coins)
    cells = [_coin(coin, at == current) for at, coin in enumerate(coins)]
    first, last = current, current + 1
    while True:
        grown = [(first - 1, last), (first, last + 1)] if last - current > current - first else [
            (first, last + 1), (first - 1, last)
        ]  # fmt: skip
        fitting = [
            (a, b)
            for a, b in grown
            if a >= 0 and b <= len(coins) and _room(cells[a:b], a, len(coins) - b) <= width
        ]
        if not fitting:
            break
        first, last = fitting[0]
    return fit(_joined(cells[first:last], first, len(coins) - last), width)


def _coin(coin: CoinView, is_current: bool) -> Line:
    glyph, ink = STATE_GLYPHS[coin.state]
    if coin.state is RunState.RUNNING and coin.idle_reason:
        glyph, ink = "▲", Ink.WARN
    size = formats.quantity(coin.position, signed=True)
    profit = formats.usd(coin.pnl.total_usd, signed=True, cents=False)
    text = f"{clean(formats.short_coin(coin.coin))} {size} {profit} "
    if is_current:
        return (Span(f"[{glyph} {text[:-1]}]", Ink.MID),)
    return line(" ", (glyph, ink), f" {text}")


def _joined(cells: list[Line], before: int, after: int) -> Line:
    made: Line = line((f"‹{before} ", Ink.LABEL)) if before else ()
    for cell in cells:
        made = (*made, *cell)
    return (*made, *(line((f" {after}›", Ink.LABEL)) if after else ()))


def _room(cells: list[Line], before: int, after: int) -> int:
    return width_of(_joined(cells, before, after))
