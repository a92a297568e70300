"""What keeps secrets out of core dumps and other programs. Python can't wipe one from memory, and nobody claims it does."""

from __future__ import annotations

import resource
import sys

_PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """For this process and its children: no core file. For the very beginning, before anything is read."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def forbid_reading() -> None:
    """On Linux: no process of this user may read this one's memory, and no handler of core dumps gets it. For before a key of
    real money is read."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
