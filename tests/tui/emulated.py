"""The console before a terminal that somebody else wrote: its bytes go through pyte, and its screen is read there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pyte
from rich.color import Color, ColorType
from rich.style import Style
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.pilot import Pilot

from gridbot_tui.app import GridBotApp


@dataclass
class Emulator:
    """``sent`` is how many bytes the newest updates took, until ``forget``."""

    columns: int
    rows: int
    sent: int = 0
    screen: pyte.Screen = field(init=False)

    def __post_init__(self) -> None:
        self.screen = pyte.Screen(self.columns, self.rows)
        self._stream = pyte.Stream(self.screen)

    def feed(self, data: str) -> None:
        self.sent += len(data.encode())
        self._stream.feed(data)

    def resize(self, columns: int, rows: int) -> None:
        """As a terminal may: what it showed is gone."""
        self.screen.resize(rows, columns)
        self.scribble()

    def scribble(self) -> None:
        """Somebody else has written all over it."""
        for y in range(self.screen.lines):
            self._stream.feed(f"\x1b[{y + 1};1H" + "#" * self.screen.columns)

    def row(self, y: int) -> str:
        return str(self.screen.display[y])


class _Wire(HeadlessDriver):
    """A driver that isn't headless, without a terminal to set up."""

    emulator: Emulator

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.emulator.feed(data)


async def in_emulator(
    app: GridBotApp, emulator: Emulator, script: Callable[[Pilot[None]], Awaitable[None]]
) -> None:
    """Run the console before the emulator; ``script`` presses its keys."""
    failed: list[BaseException] = []

    async def play(pilot: Pilot[object]) -> None:
        try:
            await pilot.pause()
            await script(pilot)  # type: ignore[arg-type]
        except BaseException as error:
            failed.append(error)
        app.exit()

    app.driver_class = type("Wire", (_Wire,), {"emulator": emulator})
    await app.run_async(headless=False, size=(emulator.columns, emulator.rows), mouse=False, auto_pilot=play)
    if failed:
        raise failed[0]


def differences(app: App[Any], emulator: Emulator) -> list[str]:
    """Where the terminal doesn't show what Textual composed: letters, colours, attributes, cell by cell."""
    found: list[str] = []
    for y, strip in enumerate(app.screen._compositor.render_strips()):
        x = 0
        for text, style, _ in strip:
            for letter in text:
                cell = emulator.screen.buffer[y][x]
                if cell.data != letter or _seen(cell) != _meant(letter, style or Style()):
                    found.append(f"({x},{y}) {letter!r} {style} is {cell}")
                x += 1
    return found


Looks = tuple[str, str, bool, bool, bool]


def _meant(letter: str, style: Style) -> Looks:
    front, back = _name(style.color), _name(style.bgcolor)
    bare = letter == " " and not style.reverse and not style.underline
    return (
        "" if bare else front,
        back,
        False if bare else bool(style.bold),
        bool(style.reverse),
        bool(style.underline),
    )


def _seen(cell: pyte.screens.Char) -> Looks:
    front = "" if cell.fg == "default" else cell.fg
    back = "" if cell.bg == "default" else cell.bg.replace("bfight", "bright")
    bare = cell.data == " " and not cell.reverse and not cell.underscore
    return (
        "" if bare else front,
        back,
        False if bare else cell.bold,
        cell.reverse,
        cell.underscore,
    )


_SIXTEEN = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")


def _name(color: Color | None) -> str:
    """As pyte calls it: six digits, or one of the sixteen names."""
    if color is None or color.is_default:
        return ""
    if color.type is ColorType.STANDARD and color.number is not None:
        return f"{'bright' if color.number > 7 else ''}{_SIXTEEN[color.number % 8]}"
    return color.get_truecolor().hex.removeprefix("#").lower()
