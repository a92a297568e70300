"""The events screen's list: what a filter and a search leave of the core's events, newest last."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from core.view import EventView, Severity
from widgets import formats
from widgets.event_rows import matching
from widgets.fields import SEVERITY_INKS, glyph
from widgets.ink import Ink, Line, Span, clean, line
from widgets.look import EventFilter, Look
from widgets.table_rows import Cell, Column, Follow, Listing

_NAMES = (10, 25)
_DETAIL = Column("detail", 14, grows=True)
_KEYS = (
    *(("d", "drift"), ("s", "spacing"), ("l", "fills"), ("i", "important"), ("x", "all"), ("/", "search")),
    *(("enter", "record"),),
)


def holding(event: EventView, text: str) -> bool:
    """Whether a search finds it: in its name, its coin, its line or its whole record, in any case."""
    wanted = text.casefold()
    return wanted in f"{event.name} {event.coin} {event.detail} {event.line}".casefold()


@dataclass(slots=True)
class EventList:
    """Filtered anew only when the events, the filter or the search have changed."""

    text: str = ""
    """Only what has this in it is listed."""
    last_seen: int = -1
    """The newest event that was there when the cursor left the end."""
    found: tuple[EventView, ...] = ()
    name_width: int = _NAMES[0]
    """As the names need it: short ones leave the room to what they tell."""
    _made_of: tuple[object, ...] = ()

    def update(self, look: Look) -> None:
        events = look.snapshot.events if look.snapshot is not None else ()
        made_of = (id(events), len(events), events[-1].seq if events else -1, look.event_filter, self.text)
        if made_of == self._made_of:
            return
        self._made_of = made_of
        listed = matching(events, look.event_filter)
        self.found = tuple(event for event in listed if not self.text or holding(event, self.text))
        longest = max((len(event.name) for event in self.found), default=0)
        self.name_width = min(max(longest, _NAMES[0]), _NAMES[1])

    def listing(self, look: Look, is_at_end: bool) -> Listing:
        self.update(look)
        found = self.found
        keys = tuple(event.seq for event in found)
        if is_at_end:
            self.last_seen = keys[-1] if keys else -1
        events = look.snapshot.events if look.snapshot is not None else ()
        others = bool(events) and events[0].time_ms // formats.DAY_MS != look.now_ms // formats.DAY_MS
        many = look.snapshot is not None and len(look.snapshot.coins) > 1
        coin = (Column("coin", 6, rank=2),) if many else ()
        time = Column("time", 11 if others else 9)
        columns = (time, Column("level", 6, rank=1), *coin, Column("event", self.name_width), _DETAIL)

        def cells(at: int) -> tuple[Cell, ...]:
            return _cells(found[at], look.now_ms, many)

        return Listing(
            "5 Events",
            columns,
            keys,
            cells,
            Follow.LAST,
            self._empty(look.event_filter, len(events)),
            self._note(look.event_filter, len(events)),
            (self._foot(keys),),
            age_s=look.snapshot_age_s,
        )

    def _note(self, wanted: EventFilter, total: int) -> str:
        sought = f" /{self.text}" if self.text else ""
        return f"filter: {wanted.value}{clean(sought)}  {len(self.found):,} of {total:,}"

    def _empty(self, wanted: EventFilter, total: int) -> str:
        if not total:
            return "nothing yet"
        return f"none of {total:,} events; x shows all, `gridbot events` the older ones"

    def _foot(self, keys: tuple[int, ...]) -> Line:
        new = len(keys) - bisect_right(keys, self.last_seen)
        if new > 0:
            return line((f" ▼ {new:,} new  ", Ink.WARN), ("end", Ink.KEY), (" shows them", Ink.LABEL))
        spans: list[Span | tuple[str, Ink]] = [(" ", Ink.LABEL)]
        for key, title in _KEYS:
            spans += [(key, Ink.KEY), (f" {title}  ", Ink.LABEL)]
        return line(*spans)


def _cells(event: EventView, now_ms: int, many: bool) -> tuple[Cell, ...]:
    is_today = event.time_ms // formats.DAY_MS == now_ms // formats.DAY_MS
    time = formats.utc_clock(event.time_ms) if is_today else formats.utc_minute(event.time_ms)
    is_info = event.severity is Severity.INFO
    ink = Ink.LABEL if is_info else SEVERITY_INKS[event.severity]
    level = f"{' ' if is_info else glyph(event.severity)} {event.severity.value}"
    coin = (formats.short_coin(event.coin),) if many else ()
    return (Span(time, Ink.LABEL), Span(level, ink), *coin, event.name, event.detail)
