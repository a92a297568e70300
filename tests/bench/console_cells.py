"""The floor: the console's picture drawn by hand. Its panels' lines become cells, and the cells that changed are sent."""

from __future__ import annotations

import asyncio
import os

from rich.style import Style
from textual.geometry import Region

from gridbot_tui.app import GridBotApp
from widgets.ink import Ink, fit
from widgets.line_panel import LinePanel

_SYNC = ("\x1b[?2026h", "\x1b[?2026l")
_BRIDGE = 4
"""Unchanged cells between two runs that are cheaper sent again than jumped over."""

Cell = tuple[str, Style]


async def draw_cells(app: GridBotApp, hz: float) -> None:
    """Draw until cancelled, at the places the panels have now."""
    shown: dict[tuple[int, int], Cell] = {}
    pen = Pen()
    panels = [(panel, panel.region) for panel in app.screen.query(LinePanel) if panel.region]
    while True:
        look = app.look()
        out = [_SYNC[0]]
        for panel, region in panels:
            width, height = region.size
            for y, row in enumerate(panel.lines(look, width, height)[:height]):
                cells = [
                    (letter, _style(panel, span.ink)) for span in fit(row, width) for letter in span.text
                ]
                out.append(_changed(cells, shown, region, y, pen))
        if any(out[1:]):
            os.write(1, "".join([*out, _SYNC[1]]).encode())
        await asyncio.sleep(1 / hz)


class Pen:
    """The style that the terminal writes in."""

    style: Style | None = None


def _changed(cells: list[Cell], shown: dict[tuple[int, int], Cell], region: Region, y: int, pen: Pen) -> str:
    row = region.y + y
    dirty = [x for x, cell in enumerate(cells) if shown.get((region.x + x, row)) != cell]
    out = ""
    at = -1
    for x in dirty:
        start = at if 0 <= at <= x and x - at <= _BRIDGE else x
        if start != at:
            out += f"\x1b[{row + 1};{region.x + start + 1}H"
        for cell in cells[start : x + 1]:
            if cell[1] != pen.style:
                out += "\x1b[0;" + _codes(cell[1]) + "m"
                pen.style = cell[1]
            out += cell[0]
        shown[(region.x + x, row)] = cells[x]
        at = x + 1
    return out


_styles: dict[tuple[int, Ink], Style] = {}
_sgr: dict[Style, str] = {}


def _style(panel: LinePanel, ink: Ink) -> Style:
    key = (id(panel), ink)
    if key not in _styles:
        _styles[key] = panel.style_of(ink)
    return _styles[key]


def _codes(style: Style) -> str:
    if style not in _sgr:
        sent = style.render("x")
        _sgr[style] = sent[2 : sent.index("m")]
    return _sgr[style]
