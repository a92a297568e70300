"""Time as the engine sees it: always passed in, never read."""

from __future__ import annotations

from dataclasses import dataclass

DAY_MS = 86_400_000

CLOCK_OFF_MS = 5_000
"""Farther from the exchange's clock, this host's is wrong: whoever compares its logs with the exchange's is misled."""


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on three clocks, in milliseconds.

    ``mono_ms`` never steps: durations, time-outs and back-offs. ``wall_ms`` is this host's UTC: what people read.
    ``venue_ms`` is our estimate of the exchange's clock: nonces, ``expiresAfter`` and anything compared with its stamps.
    """

    mono_ms: int
    wall_ms: int
    venue_ms: int
