"""Whether an answer is of now: a node of the exchange may lag by half a minute, and what it shows proves nothing.

Of the answers that a proof rests on the account's alone carries its time; a list of orders has none. So the account is asked
for after the list: a node that was behind with the one is behind with the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.clock import Instant
from core.domain.events import AccountObserved

LAG_MS = 2_000
"""An answer that is so much older than its question, by our reckoning of the venue's clock, is of a node that lags."""


LAG_MOST_MS = 40_000
"""No node that still answers lags for longer: what seems to is our reckoning, which is ahead of the exchange's clock."""


@dataclass(slots=True)
class Proof:
    """Of what a list has shown: the account's answer after it is of now. ``cleared`` is when the newest list came that showed
    nothing, ``since`` the first of them in a row.
    """

    cleared: Instant | None = None
    since: Instant | None = None
    _first: AccountObserved | None = None
    """The first answer in that row that seemed to lag."""

    def clear(self, now: Instant) -> None:
        self.cleared, self.since = now, self.since or now

    def look_again(self) -> None:
        """Another list is asked for; nothing was found that would speak against those before."""
        self.cleared = None

    def lost(self) -> None:
        """Something was found after all."""
        self.cleared = self.since = self._first = None

    def is_followed_by(self, seen: AccountObserved) -> bool:
        """Whether that answer was asked for after the list."""
        return self.cleared is not None and seen.asked_mono_ms >= self.cleared.mono_ms

    def lag_text(self, seen: AccountObserved) -> str:
        """How far behind an answer after the list is; empty if it is of a time after the first of the lists."""
        assert self.cleared is not None
        behind_ms = self.cleared.venue_ms - seen.venue_ms
        if behind_ms <= LAG_MS or self._is_of_a_clock(seen):
            return ""
        return f"the exchange shows what was {behind_ms / 1000:.0f} s ago"

    def _is_of_a_clock(self, seen: AccountObserved) -> bool:
        """Nothing was found for longer than a node lags, and the times of the answers went on as ours did."""
        assert self.since is not None
        self._first = first = self._first or seen
        fell_ms = seen.asked_mono_ms - first.asked_mono_ms - (seen.venue_ms - first.venue_ms)
        return seen.asked_mono_ms - self.since.mono_ms >= LAG_MOST_MS and fell_ms <= LAG_MS
