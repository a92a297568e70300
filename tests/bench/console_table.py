"""The equal data as most Textual dashboards show it: stock DataTables, each cell updated as its value arrives."""

from __future__ import annotations

from typing import Any

from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.widgets import DataTable, Footer, Static

from gridbot_tui import keymap
from tests.bench.console_feed import Feed
from widgets import formats
from widgets.fields import Field
from widgets.health_rows import risk_fields, system_fields
from widgets.look import Look
from widgets.panel_rows import fill_fields, grid_fields, position_fields

_PANELS = {
    "position": position_fields,
    "fills": fill_fields,
    "grid": grid_fields,
    "system": system_fields,
    "risk": risk_fields,
}
_EVENTS = 9


class TableApp(App[None]):
    """``hz`` 0: as each update arrives, looked for a thousand times a second."""

    CSS = "DataTable { height: 1fr; width: 1fr; } #events { height: 10; } #ladder { width: 1fr; } #status { height: 1; }"

    def __init__(self, feed: Feed, hz: float) -> None:
        super().__init__()
        self._feed, self._hz = feed, hz
        self._shown = -1

    def compose(self) -> ComposeResult:
        yield Static(id="status")
        with Horizontal():
            for name in _PANELS:
                yield DataTable(id=name, show_header=False, show_cursor=False)
            yield DataTable(id="ladder", show_cursor=False)
        yield DataTable(id="events", show_cursor=False)
        yield Footer()

    def on_mount(self) -> None:
        for name in _PANELS:
            table = self._table(name)
            for column in ("label", "value", "note"):
                table.add_column(column, key=column, width=14)
            for field in _PANELS[name](self._look()):
                table.add_row(field.label, field.value, "", key=field.label)
        ladder = self._table("ladder")
        for column in ("side", "price", "size", "left", "away"):
            ladder.add_column(column, key=column, width=9)
        coin = self._look().coin
        assert coin is not None
        for at, level in enumerate(coin.grid.levels):
            ladder.add_row(level.side, str(level.price), str(level.size), "", "", key=str(at))
        events = self._table("events")
        for column in ("time", "level", "name", "detail"):
            events.add_column(column, key=column, width=24)
        for at in range(_EVENTS):
            events.add_row("", "", "", "", key=str(at))
        self.set_interval(1 / (self._hz or 1_000), self._tick)

    def _table(self, name: str) -> DataTable[Any]:
        return self.query_one(f"#{name}", DataTable)

    def _look(self) -> Look:
        snapshot = self._feed.latest()
        assert snapshot is not None
        return Look(snapshot, snapshot.time_ms, hints=keymap.hints(snapshot))

    def _tick(self) -> None:
        look = self._look()
        assert look.snapshot is not None
        if look.snapshot.version == self._shown:
            return
        self._shown = look.snapshot.version
        self.query_one("#status", Static).update(
            f"PAPER BTC {look.state} {formats.utc_clock(look.now_ms)}", layout=False
        )
        for name, fields in _PANELS.items():
            self._fields(self._table(name), fields(look))
        self._ladder(look)
        self._events(look)

    def _fields(self, table: DataTable[Any], fields: list[Field]) -> None:
        for field in fields:
            if field.label in table.rows:
                table.update_cell(field.label, "value", field.value)
                table.update_cell(field.label, "note", field.notes[0] if field.notes else "")

    def _ladder(self, look: Look) -> None:
        coin = look.coin
        assert coin is not None
        table = self._table("ladder")
        for at, level in enumerate(coin.grid.levels):
            table.update_cell(str(at), "left", formats.quantity(level.remaining))
            table.update_cell(str(at), "away", f"{(level.price / coin.mid - 1) * 10_000:+.1f}bp")

    def _events(self, look: Look) -> None:
        assert look.snapshot is not None
        table = self._table("events")
        for at, event in enumerate(look.snapshot.events[-_EVENTS:]):
            table.update_cell(str(at), "time", formats.utc_clock(event.time_ms))
            table.update_cell(str(at), "level", event.severity.value)
            table.update_cell(str(at), "name", event.name)
            table.update_cell(str(at), "detail", event.detail)
