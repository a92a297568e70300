"""Nonces of a signer: a new one must be unused, above the 100th highest, and of about now."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

from core.domain.clock import DAY_MS
from core.paper.venue.refusals import RefusedError

KEPT = 100
"""A new nonce must be above the lowest of so many."""

REMEMBERED = 10_000
"""So many are still known as duplicates; a duplicate of an older one is refused as too low."""

_EDGE_MS = 120_000
"""The window is measured to be this much narrower than documented, at either end."""


class NonceRefusedError(RefusedError):
    """It stays unused."""


@dataclass(slots=True)
class NonceSet:
    """The remembered nonces of one signer, ascending."""

    kept: list[int] = field(default_factory=list)

    def admit(self, nonce: int, now_ms: int) -> list[int]:
        """Use ``nonce`` up; returns those that are forgotten from now on.

        Raises:
            NonceRefusedError: used, too low, or too high.
        """
        lowest = now_ms - 2 * DAY_MS + _EDGE_MS
        forgotten = self._forget_before(lowest)
        if len(self.kept) >= KEPT:
            lowest = max(lowest, self.kept[-KEPT])
        place = bisect_left(self.kept, nonce)
        if place < len(self.kept) and self.kept[place] == nonce:
            raise NonceRefusedError(f"Invalid nonce: duplicate nonce {nonce}")
        if nonce <= lowest:
            raise NonceRefusedError(f"Invalid nonce: nonce too low {nonce} < {lowest}")
        highest = now_ms + DAY_MS - _EDGE_MS
        if nonce >= highest:
            raise NonceRefusedError(f"Invalid nonce: nonce too high {nonce} > {highest}")
        insort(self.kept, nonce)
        if len(self.kept) > REMEMBERED:
            forgotten.append(self.kept.pop(0))
        return forgotten

    def _forget_before(self, lowest: int) -> list[int]:
        count = bisect_left(self.kept, lowest)
        forgotten = self.kept[:count]
        del self.kept[:count]
        return forgotten
