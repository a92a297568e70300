"""Hermetic consoles: no terminal, colour setting or clock of this machine reaches them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from textual.css.model import RuleSet

from core.view import Snapshot
from gridbot_tui.app import GridBotApp
from gridbot_tui.screen_options import ScreenOptions
from gridbot_tui.stylesheet import KeptStylesheet
from tests.tui.factory import FakeClock, FakeCore
from widgets.line_panel import LinePanel

STILL = ScreenOptions(refresh_hz=0.1)
"""Draws so rarely that no test sees it happen by itself."""


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until another thread's doing has arrived."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never happened")


@dataclass
class Console:
    app: GridBotApp
    core: FakeCore
    clock: FakeClock

    def read(self, selector: str) -> str:
        """The text of one panel of the screen on top."""
        return self.app.screen.query_one(selector, LinePanel).text

    def toasts(self) -> list[str]:
        return [toast.text for toast in self.app.look().toasts]


@pytest.fixture(scope="session", autouse=True)
def _the_css_is_read_once() -> Iterator[None]:
    """It never changes, and to read it takes longer than most tests: what an application has read, the next one has too."""
    read: dict[tuple[Any, ...], list[RuleSet]] = {}
    parse = KeptStylesheet._parse_rules

    def parse_rules(self: KeptStylesheet, *piece: Any, **how: Any) -> list[RuleSet]:
        key = (*self._variables.items(), *piece, *how.items())
        if key not in read:
            read[key] = parse(self, *piece, **how)
        return read[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KeptStylesheet, "_parse_rules", parse_rules)
        yield


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TEXTUAL_THEME", "TEXTUAL_FPS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture
def console() -> Callable[[Snapshot | None], Console]:
    """A console over a canned Snapshot. It draws when a key or the test asks, never because time passed."""

    def make(first: Snapshot | None, options: ScreenOptions = STILL) -> Console:
        core, clock = FakeCore(first), FakeClock()
        app = GridBotApp(core, clock=clock, monotonic=clock, options=options)
        return Console(app, core, clock)

    return make
