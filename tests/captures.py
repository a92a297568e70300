"""The pictures of the docs: the real application, on what the core showed in a real run, drawn as text.

``make captures`` makes the run (``captured_run``), draws it and writes the pictures between the markers of the pages; a test
does the same and compares. The run is of the session and the paper exchange themselves in virtual time, rather than of the
installed program in a terminal: so it comes out alike on every machine, and every character is compared, numbers too. The
screens are drawn afterwards with a clock that stands still, at the size that is named.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.page_parts import with_part
from core.view import Snapshot
from gridbot_tui.app import GridBotApp
from tests.captured_run import Moment, shown
from tests.tui.conftest import STILL
from tests.tui.factory import FakeClock, FakeCore

SEEN_AFTER_MS = 150
"""A screen is drawn some time after the core has spoken."""


@dataclass(frozen=True, slots=True)
class Capture:
    name: str
    size: tuple[int, int]
    of: Moment
    keys: tuple[str, ...] = ()


CAPTURES = (
    Capture("dashboard-80x24", (80, 24), Moment.CALM),
    Capture("alert-120x40", (120, 40), Moment.DRIFTS),
    Capture("phone-60x20", (60, 20), Moment.DRIFTS),
    Capture("runbook-80x24", (80, 24), Moment.DRIFTS, ("8",)),
    Capture("performance-80x24", (80, 24), Moment.CALM, ("7",)),
    Capture("flatten-80x24", (80, 24), Moment.LOOKED, ("F",)),
    Capture("help-80x24", (80, 24), Moment.CALM, ("question_mark",)),
)
PAGES: Mapping[Path, tuple[str, ...]] = {
    Path("README.md"): ("dashboard-80x24",),
    Path("docs/operator.md"): tuple(capture.name for capture in CAPTURES),
}


async def drawn(capture: Capture, snapshot: Snapshot) -> list[str]:
    """The rows of the terminal, without colours."""
    core, clock = FakeCore(snapshot), FakeClock(now_ms := snapshot.time_ms + SEEN_AFTER_MS)
    app = GridBotApp(core, clock=clock, monotonic=clock, options=STILL)
    async with app.run_test(size=capture.size) as pilot:
        for key in capture.keys:
            await pilot.press(key)
            clock.now_ms += 400  # a dialog is deaf to what was typed before it was seen
            await pilot.pause()
        clock.now_ms = now_ms
        app.tick()
        await pilot.pause()
        width, height = capture.size
        rows = app.screen._compositor.render_strips()  # the same strips that go to the terminal
        assert len(rows) == height
        return ["".join(segment.text for segment in row)[:width].rstrip() for row in rows]


def block(rows: list[str]) -> Iterator[str]:
    yield "```"
    yield from rows
    yield "```"


def current(page: str, names: tuple[str, ...], pictures: Mapping[str, list[str]]) -> str:
    for name in names:
        page = with_part(page, name, block(pictures[name]))
    return page


def pictures(directory: Path) -> dict[str, list[str]]:
    """Of each capture, its rows. ``directory`` is where the run keeps its state."""
    moments = shown(directory)

    async def draw() -> dict[str, list[str]]:
        return {capture.name: await drawn(capture, moments[capture.of]) for capture in CAPTURES}

    return asyncio.run(draw())


if __name__ == "__main__":
    # the pictures are of a terminal of 256 colours, whatever they are made in: with fewer, a dialog hides what is behind it
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TEXTUAL_THEME", "TEXTUAL_FPS"):
        os.environ.pop(name, None)
    os.environ |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    with tempfile.TemporaryDirectory() as name:
        made = pictures(Path(name))
    for path, wanted in PAGES.items():
        path.write_text(current(path.read_text(encoding="utf-8"), wanted, made), encoding="utf-8")
