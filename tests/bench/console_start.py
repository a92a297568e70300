"""From a start to the first picture: the program beside the least that Textual can draw, in time and in processor time."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench.console_pty import Pty
from tests.bench.report import Row, row

ROUNDS = 5
_MAIN = "from gridbot_tui.main import main; main()"
_LEAST = """
from textual.app import App
from textual.widgets import Static
class Least(App):
    def compose(self):
        yield Static("Grid ladder")
Least().run(mouse=False)
"""


def rows() -> list[Row]:
    ours: list[float] = []
    least: list[float] = []
    for _ in range(ROUNDS):
        least.append(_first_ms("-c", _LEAST))
        with TemporaryDirectory() as place:
            ours.append(_first_ms("-c", _MAIN, "run", "--state-dir", str(Path(place, "state"))))
    name = "start to first picture"
    return [
        row(
            name,
            median(ours),
            "ms",
            "the least that Textual can draw",
            median(least),
            1 / 1.15,
            less_is_better=True,
        )
    ]


def _first_ms(*arguments: str) -> float:
    terminal = Pty([sys.executable, *arguments], 120, 40, {**os.environ, "TEXTUAL_ANIMATIONS": "none"})
    try:
        return (terminal.wait_for(b"Grid ladder", 60) - terminal.started) * 1_000
    finally:
        terminal.close()
