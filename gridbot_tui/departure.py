"""How a screen was left."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.view import Snapshot


class Departure(StrEnum):
    """What the application's end means for the core; an end without one is the core's own."""

    DETACHED = "detached"
    """The operator left; the core trades on."""
    HALTED = "halted"
    """The operator left after a halt; the core watches on and quotes nothing."""
    TERMINAL_LOST = "terminal_lost"
    """Nothing can be read or drawn any more."""


def goes_on_text(pid: int, left: Departure = Departure.DETACHED, last: Snapshot | None = None) -> str:
    """What the bot does without the screen, and the commands that fit. ``last``: the screen's last state, if known."""
    from core.view import RunState

    if left is Departure.HALTED or (last and last.state in (RunState.HALTED, RunState.FLATTENING)):
        does, then = "watches on, halted,", "`gridbot resume` lets it quote again"
    else:
        does, then = "trades on" if last else "runs on", "`gridbot halt` stops its quoting"
    return f"the bot {does} as pid {pid}; `gridbot attach` brings the screen back, {then}"
