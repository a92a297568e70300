"""How a screen was left."""

from __future__ import annotations

from enum import StrEnum


class Departure(StrEnum):
    """What the application's end means for the core; an end without one is the core's own."""

    DETACHED = "detached"
    """The operator left; the core trades on."""
    HALTED = "halted"
    """The operator left after a halt; the core watches on and quotes nothing."""
    TERMINAL_LOST = "terminal_lost"
    """Nothing can be read or drawn any more."""
