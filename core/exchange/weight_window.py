"""The IP weight of the last minute: what was spent, what each lane must leave, and how long a refusal holds it. Pure.

No minute, wherever it begins, has more than the limit, so that it holds however the exchange cuts its own minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.exchange.lanes import Lane

PER_MINUTE = 1200

MINUTE_S = 61
"""Seconds after which what was spent in one of them is free again: it may have been spent at that second's end."""

FLOORS = {
    **dict.fromkeys((Lane.CANCEL, Lane.REDUCE), 0),
    Lane.WATCH: 10,
    Lane.PROOF: 60,
    Lane.MODIFY: 120,
    Lane.PLACE: 130,
    Lane.INFO: 300,
}
"""What each lane leaves. 120 is as many cancels and reductions within a minute, or those of 4,000 orders in batches (I7).
A placement leaves some to a change, for what frees weight frees little at a time.
Between the watch and the proof lie the looks at a unified account within a minute, 48.
"""

RESERVE = FLOORS[Lane.MODIFY]

PAUSE_S, PAUSE_MOST_S = 2.0, 60.0
"""The first pause after a refusal that names no time, and the longest: each doubles the one before it."""

GIVEN_MOST_S = 600.0
"""The longest pause that an exchange is believed to ask for."""

JITTER = 0.25
"""A pause is longer by up to so much of itself, so that those who were refused together don't come back together."""

QUIET_MS = 60_000
"""After so long without a refusal the next one is the first again: nothing of that minute counts any more."""


@dataclass(slots=True)
class WeightWindow:
    """Times are of a monotonic clock that all who share it have."""

    spent: dict[int, int] = field(default_factory=dict)
    """Weight by the second it was spent in, oldest first."""
    paused_until_ms: float = 0.0
    why: str = ""
    """What was refused, while it is paused."""
    refusals: int = 0
    """In a row, without a quiet time between them."""
    refused_ms: float = 0.0

    def forget(self, now_ms: float) -> None:
        """What is a minute old."""
        last, spent = int(now_ms // 1000) - MINUTE_S, self.spent
        while spent and (oldest := next(iter(spent))) <= last:
            del spent[oldest]

    def left(self, now_ms: float, per_minute: int) -> int:
        """Weight that could be spent now; below zero after cancels that waited for nobody."""
        self.forget(now_ms)
        return per_minute - sum(self.spent.values())

    def spend(self, weight: int, now_ms: float) -> None:
        self.spend_in(int(now_ms // 1000), weight)

    def spend_in(self, second: int, weight: int) -> None:
        """A second before the last one is of a process that had to wait for its turn, or of one that counted alone."""
        is_late = second not in self.spent and self.spent and second < next(reversed(self.spent))
        self.spent[second] = self.spent.get(second, 0) + weight
        if is_late:
            self.spent = dict(sorted(self.spent.items()))

    def wait_ms(self, weight: int, floor: int, now_ms: float, per_minute: int) -> float:
        """How long until ``weight`` may be taken above ``floor``, as far as is known; 0: now."""
        pause_ms = max(0.0, self.paused_until_ms - now_ms)
        short = weight + floor - self.left(now_ms, per_minute)
        if short <= 0:
            return pause_ms
        for second, spent in self.spent.items():
            short -= spent
            if short <= 0:
                return max(pause_ms, (second + MINUTE_S) * 1000 - now_ms, 1.0)
        return max(pause_ms, 1000.0)

    def refuse(self, given_s: float, why: str, now_ms: float, jitter: float) -> None:
        """The exchange says that it was too much. ``given_s``: how long it asks to be left alone, 0 if it doesn't say.
        ``jitter``: from 0 to 1. A request that left before the pause began lengthens it only if the exchange asks for it.
        """
        if now_ms >= self.paused_until_ms:
            is_quiet = now_ms - max(self.refused_ms, self.paused_until_ms) >= QUIET_MS
            self.refusals = 1 if is_quiet else self.refusals + 1
        elif not given_s:
            return
        self.refused_ms, self.why = now_ms, why
        doubled = min(PAUSE_S * 2 ** min(self.refusals - 1, 20), PAUSE_MOST_S)
        pause_s = max(given_s, PAUSE_S) if given_s else min(doubled * (1 + JITTER * jitter), PAUSE_MOST_S)
        self.paused_until_ms = max(self.paused_until_ms, now_ms + 1000 * pause_s)
