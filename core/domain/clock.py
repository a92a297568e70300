"""Time as the engine sees it: always passed in, never read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on three clocks, in milliseconds.

    ``mono_ms`` never steps: durations, time-outs and back-offs. ``wall_ms`` is this host's UTC: what people read.
    ``venue_ms`` is our estimate of the exchange's clock: nonces, ``expiresAfter`` and anything compared with its stamps.
    """

    mono_ms: int
    wall_ms: int
    venue_ms: int
