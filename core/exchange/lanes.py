"""The lanes of the order router, most urgent first: what gets us out goes before what gets us in."""

from __future__ import annotations

from enum import IntEnum


class Lane(IntEnum):
    """Lower is more urgent; none waits for a less urgent one."""

    CANCEL = 0
    REDUCE = 1
    """Reduce-only orders, stops, margin and leverage."""
    WATCH = 2
    """The look at what is held, by the clock: no other read can take the little that it needs, or is waited for by it."""
    PROOF = 3
    """Reads that the way out, or a start, can't go on without: what rests, what is held, what has traded."""
    MODIFY = 4
    PLACE = 5
    INFO = 6
    """All other reads: they wait for weight, and leave a share of it to the others (I7)."""
