"""The first line, the alert line and the footer: what trades where, is it well, and which key treats it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.view import RunState, Severity
from widgets import formats
from widgets.fields import SEVERITY_INKS, glyph
from widgets.ink import Ink, Line, clean, fit, justify, line, width_of, wrapped
from widgets.look import AGED_S, LESSER, RARE, KeyHint, Look

if TYPE_CHECKING:
    from core.view import AlertView, CoinView

SMALLEST = (60, 15)
ALERT_ROWS = 3
"""Of the worst alert at most: at 60 columns there is room for any fix, and for what it is about."""
_SLOW_S = 10.0

_STATES: dict[RunState, tuple[str, Ink]] = {
    RunState.STARTING: ("… STARTING", Ink.WARN),
    RunState.RUNNING: ("▶ RUNNING", Ink.OK),
    RunState.HALTED: ("■ HALTED", Ink.CRIT),
    RunState.FLATTENING: ("▼ FLATTENING", Ink.WARN),
    RunState.STOPPING: ("… STOPPING", Ink.WARN),
    RunState.DEAD: ("✖ ENGINE DEAD", Ink.CRIT),
}
_STOPPED = (RunState.HALTED, RunState.FLATTENING)


def network_name(network: str) -> str:
    return "LIVE MAINNET" if network == "mainnet" else network.upper()


def is_live(look: Look) -> bool:
    return look.network == "mainnet"


def badge(look: Look) -> Line:
    network = look.network
    if not network:
        return line((" … ", Ink.BADGE_PAPER))
    inks = {"mainnet": Ink.BADGE_LIVE, "testnet": Ink.BADGE_TESTNET}
    speed = look.snapshot.market_speed if look.snapshot is not None else 1
    pace = f"{speed:g}× " if speed != 1 else ""
    return line((f" {network_name(network)} {pace}", inks.get(network, Ink.BADGE_PAPER)))


def connection(look: Look) -> Line:
    if look.paused_s is not None:
        return line((f" PAUSED VIEW {formats.age(look.paused_s)}, z goes on ", Ink.ALARM))
    snapshot, age_s = look.snapshot, look.feed_age_s
    if snapshot is None or (age_s is None and not snapshot.feed.connected):
        return line(("▲ CONNECTING", Ink.WARN))
    feed = snapshot.feed
    age_s = age_s or 0.0
    age = formats.age(age_s)
    if age_s >= feed.stale_after_s:
        return line((f"✖ STALE {age}", Ink.CRIT))
    if not feed.connected:
        return line((f"▲ RECONN #{feed.reconnects}", Ink.WARN))
    if not feed.ready:
        return line((f"▲ SYNC {age}", Ink.WARN))
    return line((f"▲ CONN {age}", Ink.WARN) if age_s >= _SLOW_S else (f"● CONN {age}", Ink.OK))


def run_state(look: Look) -> Line:
    """A halted bot that holds a position says so here: nothing quotes, and the market still moves it."""
    if look.no_link:
        age = f" {formats.age(look.snapshot_age_s)}" if look.snapshot is not None else ""
        return line((f"✖ NO LINK{age}", Ink.CRIT))
    if look.is_silent:
        return line((f"✖ ENGINE SILENT {formats.age(look.snapshot_age_s)}", Ink.CRIT))
    text, ink = _STATES[look.state]
    coin = look.coin
    old = (
        f" {formats.age(look.snapshot_age_s)} ago" if look.snapshot_age_s > AGED_S and not look.ended else ""
    )
    if look.state is RunState.HALTED and (resting := _orders_left(look)):
        text = f"■ HALTED, {_open_here(coin)}{resting} ORDERS REST"
    elif look.state is RunState.FLATTENING and (resting := _orders_left(look)):
        text = f"▼ FLATTENING, {resting} ORDERS REST"
    elif look.state is RunState.HALTED and coin is not None and coin.position:
        size = formats.quantity(coin.position, signed=True)
        text = f"■ HALTED, POSITION OPEN {size} {formats.short_coin(coin.coin)}"
    elif look.state is RunState.RUNNING and coin is not None and coin.idle_reason:
        text, ink = "▲ NOT QUOTING", Ink.WARN
    elif look.state is RunState.HALTED and (elsewhere := _open_elsewhere(look)):
        text = f"■ HALTED, POSITION OPEN in {elsewhere}"
    return line((text, ink), (old, Ink.WARN))


def terminal_link(look: Look) -> Line:
    """What goes to the terminal, when asked for, and that it does not keep up, always."""
    sent = look.link.sent_bps
    told = (
        "" if sent is None else f"link {sent:.0f} B/s" if sent < 10_000 else f"link {sent / 1_000:.0f} kB/s"
    )
    return line(("▲ SLOW LINK " if look.link.fell_behind else "", Ink.WARN), (told, Ink.STRONG))


def _orders_left(look: Look) -> int:
    """Of our grids: their cancels may be unanswered, and what rests may still be filled."""
    coins = look.snapshot.coins if look.snapshot is not None else ()
    return sum(coin.grid.orders_active for coin in coins if coin.state in _STOPPED)


def _open_here(coin: CoinView | None) -> str:
    """Short, for 44 columns are left beside LIVE MAINNET on a phone."""
    if coin is None or not coin.position:
        return ""
    return f"OPEN {formats.quantity(coin.position, signed=True)} {formats.short_coin(coin.coin)}, "


def _open_elsewhere(look: Look) -> str:
    coins = look.snapshot.coins if look.snapshot is not None else ()
    return " ".join(formats.short_coin(coin.coin) for coin in coins if coin.position)


def status_line(look: Look, width: int) -> Line:
    """What doesn't fit goes in this order: account, clock, a slow link, connection, coin. What a key has asked for stays."""
    snapshot, coin = look.snapshot, look.coin
    name = coin.coin if coin is not None else "no coin"
    count = len(snapshot.coins) if snapshot is not None else 0
    if count > 1:
        name = f"{name} {look.coin_index % count + 1}/{count}"
    parts: list[tuple[int, Line]] = [
        (0, badge(look)),
        (2, line((name, Ink.STRONG))),
        (3 if look.paused_s is None else 1, connection(look)),
        (1, run_state(look)),
        (4 if look.link.sent_bps is None else 1, terminal_link(look)),
        (5, line((formats.short_account(snapshot.account) if snapshot else "", Ink.LABEL))),
    ]
    clock = line((formats.utc_clock(look.now_ms) + " ", Ink.LABEL))
    for dropped in (6, 5, 4, 3, 2):
        left = _joined([part for rank, part in parts if rank < dropped])
        right = clock if dropped > 4 else ()
        if width_of(left) + width_of(right) + (1 if right else 0) <= width:
            return justify(left, right, width)
    return fit(_joined([badge(look), run_state(look)]), width)


def _joined(parts: list[Line]) -> Line:
    made: Line = ()
    for part in parts:
        if part:
            made = (*made, *(line("  ") if made else ()), *part)
    return made


def alert_lines(look: Look, width: int, most: int = ALERT_ROWS, others: int = 0) -> list[Line]:
    """The worst alert with what treats it, in at most ``most`` rows: its text gives way before its fix does. Under it up to
    ``others`` more, with a row each.
    """
    alerts = look.alerts
    if not alerts:
        return []
    listed = alerts[1 : 1 + others]
    hidden = len(alerts) - 1 - len(listed)
    more = f"  +{hidden} more" if hidden else ""
    if alerts[0].severity is Severity.CRIT and not look.is_known(alerts[0]):
        more = f"  ! known{more}"
    rows = _alert_rows(look, alerts[0], more, width, most)
    return rows + [row for alert in listed for row in _alert_rows(look, alert, "", width, 1)]


_BELOW_TEXT = len(" ✖ ")
"""Where the second row of an alert begins, so that its words are read as its own."""


def _alert_rows(look: Look, alert: AlertView, more: str, width: int, most: int) -> list[Line]:
    known = look.is_known(alert)
    is_loud = alert.severity is Severity.CRIT and not known
    ink = Ink.ALARM if is_loud else SEVERITY_INKS[alert.severity]
    titles = {hint.key: hint.title.lower() for hint in look.hints}
    says_key = alert.fix.startswith(f"{alert.key} ")
    key = f" press {alert.key} {titles.get(alert.key, '')}".rstrip() if alert.key and not says_key else ""
    fix = f" > {clean(alert.fix)}" if alert.fix else ""
    tail = f"{key}{',' if key and fix else ''}{fix.replace(' > ', ' ', 1) if key and fix else fix}"
    text = f" {glyph(alert.severity)} {'known: ' if known else ''}{clean(alert.text)} "
    room = width * most - len(tail) - len(more)
    while True:
        head = _middle_cut(text, room)
        rows = wrapped(line((head, ink), (tail, Ink.KEY), (more, Ink.LABEL)), width, _BELOW_TEXT)
        if len(rows) <= most or room <= len(tail) // 4:
            return rows[:most]
        room = min(room, len(text)) - 4


def _middle_cut(text: str, room: int) -> str:
    """What begins a sentence says what it is about, and its end how to get out: what is cut is between."""
    if len(text) <= room:
        return text
    end = max(room // 3, 0)
    return f"{text[: max(room - end - 1, 0)]}…{text[len(text) - end :]}"


def footer_line(look: Look, width: int) -> Line:
    """Keys in the registry's order, refused ones dimmed. For want of room the lesser go first, then long titles, then gaps."""
    if look.view_only:
        return _view_only(look, width)
    shown = [hint for hint in look.hints if hint.in_footer and (hint.rank < RARE or not hint.refusal)]
    while width_of(_hints(shown)) > width and any(hint.rank >= LESSER for hint in shown):
        shown.remove(max(reversed(shown), key=lambda hint: hint.rank))
    for short, gap in ((False, 2), (True, 2), (True, 1)):
        made = _hints(shown, short, gap)
        if width_of(made) <= width:
            break
    return fit(made, width)


def _view_only(look: Look, width: int) -> Line:
    """Of a screen that may only look on and halt: who acts, and the keys that are left."""
    left = [hint for hint in look.hints if hint.key in ("H", "?", "Q")]
    who = line((clean(look.view_only), Ink.WARN))
    while len(left) > 1 and width_of(_hints(left)) + width_of(who) + 4 > width:
        left.pop()
    return fit((*_hints(left), *line("  "), *who), width)


def _hints(hints: list[KeyHint], short: bool = False, spaces: int = 2) -> Line:
    made: Line = ()
    for hint in hints:
        gap = " " * spaces if made else " "
        title = (hint.short or hint.title) if short else hint.title
        if hint.refusal:
            made = (*made, *line((f"{gap}{hint.key} {title}", Ink.DIM)))
        else:
            made = (*made, *line(gap, (hint.key, Ink.KEY), f" {title}"))
    return made


def too_small_lines(width: int, height: int) -> list[Line]:
    text = f"GridBot needs {SMALLEST[0]}x{SMALLEST[1]}, this terminal is {width}x{height}; trading goes on"
    rows: list[str] = [""]
    for word in text.split():
        if len(rows[-1]) + 1 + len(word) > width and rows[-1]:
            rows.append("")
        rows[-1] = f"{rows[-1]} {word}".strip()
    return [line((row, Ink.STRONG)) for row in rows]
