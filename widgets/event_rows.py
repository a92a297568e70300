"""The event tail: the newest records under the active filter, newest last."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from core.view import Severity
from widgets import formats
from widgets.fields import SEVERITY_INKS, glyph
from widgets.ink import Ink, Line, Span, fit, justify, line, shorten
from widgets.look import AGED_S, STALE_S, EventFilter, Look

if TYPE_CHECKING:
    from core.view import EventView

_PREFIXES: dict[EventFilter, tuple[str, ...]] = {
    EventFilter.ALL: ("",),
    EventFilter.DRIFT: ("position_drift", "resync", "adjustment"),
    EventFilter.COMPRESSION: ("grid_compression",),
    EventFilter.FILLS: ("fill",),
    EventFilter.WARNINGS: ("",),
}
_NAME_WIDTHS = (20, 26)
_WIDE = 100
_FILTER_KEYS = "[d]rift [s]pacing fi[l]l [x] all"


def matching(events: tuple[EventView, ...], wanted: EventFilter) -> list[EventView]:
    found = [event for event in events if event.name.startswith(_PREFIXES[wanted])]
    if wanted is EventFilter.WARNINGS:
        return [event for event in found if event.severity is not Severity.INFO]
    return found


@lru_cache(maxsize=96)
def event_line(event: EventView, width: int, with_coin: bool) -> Line:
    """``14:02:55Z ▲ warn grid_compression     0.150% -> 0.120%``."""
    is_info = event.severity is Severity.INFO
    ink = Ink.LABEL if is_info else SEVERITY_INKS[event.severity]
    word = f"{' ' if is_info else glyph(event.severity)} {event.severity.value:<4}"
    coin = f"{formats.short_coin(event.coin):<6} " if with_coin else ""
    name_width = _NAME_WIDTHS[width >= _WIDE]
    name = f"{shorten(event.name, name_width):<{name_width}} "
    made = line(
        (f"{formats.utc_clock(event.time_ms)} ", Ink.LABEL), (f"{word} ", ink), coin, name, event.detail
    )
    return fit(made, width)


def event_lines(look: Look, width: int, height: int) -> list[Line]:
    events = look.snapshot.events if look.snapshot is not None else ()
    shown = matching(events, look.event_filter)
    head = line(
        ("─", Ink.RULE),
        ("5 Events", Ink.STRONG),
        (f" · {formats.age(look.snapshot_age_s)}" if look.snapshot_age_s > AGED_S else "", Ink.WARN),
        (" STALE" if look.snapshot_age_s >= STALE_S else "", Ink.CRIT),
        ("  filter: ", Ink.LABEL),
        (look.event_filter.value, Ink.STRONG),
    )
    keys = line((f"  {_FILTER_KEYS}", Ink.LABEL))
    count = (Span(f" {len(shown)}/{len(events)} ", Ink.LABEL), Span("─", Ink.RULE))
    title = justify((*head, *keys), count, width, "─", Ink.RULE)
    many = look.snapshot is not None and len(look.snapshot.coins) > 1
    rows = [event_line(event, width, many) for event in shown[-(height - 1) :]]
    return [title, *rows] if shown and height > 1 else [title, line((" nothing yet", Ink.LABEL))]
