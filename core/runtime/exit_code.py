"""How the program ends."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What other programs may rely on."""

    CLEAN = 0
    INTERNAL = 1
    USAGE = 2
    HALTED = 3
    STORAGE = 4
    UNREACHABLE = 5
    REFUSED = 6
