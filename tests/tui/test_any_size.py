"""Between two sizes a layout passes through odd ones: nothing that is drawn may fail for want of room."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from core.view import Snapshot
from tests.tui.conftest import Console
from tests.tui.factory import NOW_MS, drifting, halted, snapshot
from widgets.event_rows import event_lines
from widgets.fields import Field, panel_lines
from widgets.health_rows import risk_fields, system_fields
from widgets.ink import Line, width_of
from widgets.ladder_rows import ladder_lines
from widgets.look import Look
from widgets.panel_rows import fill_fields, grid_fields, position_fields
from widgets.status_rows import alert_lines, footer_line, status_line, too_small_lines

MakeConsole = Callable[[Snapshot | None], Console]


def panel(fields: Callable[[Look], list[Field]]) -> Callable[[Look, int, int], list[Line]]:
    return lambda look, width, height: panel_lines("1 Title", fields(look), 0.0, width, height)


DRAWN: dict[str, Callable[[Look, int, int], list[Line]]] = {
    "position": panel(position_fields),
    "fills": panel(fill_fields),
    "grid": panel(grid_fields),
    "system": panel(system_fields),
    "risk": panel(risk_fields),
    "ladder": ladder_lines,
    "events": event_lines,
    "status": lambda look, width, _: [status_line(look, width)],
    "alert": lambda look, width, height: alert_lines(look, width, 3, max(0, height - 3)),
    "footer": lambda look, width, _: [footer_line(look, width)],
    "too small": lambda _, width, height: too_small_lines(width, height),
}


@pytest.mark.parametrize("name", DRAWN)
def test_it_is_drawn_at_any_size(name: str) -> None:
    for shown in (snapshot(), halted(), drifting(), None):
        look = Look(shown, NOW_MS + 27_000)
        for width in (*range(61), 80, 200):
            for height in (0, 1, 2, 3, 8, 50):
                lines = DRAWN[name](look, width, height)
                assert width < 60 or all(width_of(each) <= width for each in lines), (width, height)


async def test_a_terminal_that_is_resized_again_and_again_goes_on(console: MakeConsole) -> None:
    it = console(drifting())
    sizes = random.Random(7)
    async with it.app.run_test(size=(200, 50)) as pilot:
        for number in range(25):
            size = sizes.choice((20, 61, 80, 120, 200, 300)), sizes.choice((3, 15, 24, 40, 50, 90))
            await pilot.resize_terminal(*size)
            if number % 3:
                it.app.tick()
                await pilot.pause()
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "POSITION DRIFT" in it.read("#alert")
