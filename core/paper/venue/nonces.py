"""Nonces: the 100 highest of a signer are kept; a new one must be unused, above the lowest kept, and of about now."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

KEPT = 100

_DAY_MS = 86_400_000


class NonceRefusedError(Exception):
    """The text is Hyperliquid's."""


@dataclass(slots=True)
class NonceSet:
    """The kept nonces of one signer, ascending."""

    kept: list[int] = field(default_factory=list)

    def admit(self, nonce: int, now_ms: int) -> int | None:
        """Use ``nonce`` up; returns the one that fell out of the kept ones, if any did.

        Raises:
            NonceRefusedError: it stays unused.
        """
        lowest = now_ms - 2 * _DAY_MS
        if len(self.kept) == KEPT:
            lowest = max(lowest, self.kept[0])
        place = bisect_left(self.kept, nonce)
        if place < len(self.kept) and self.kept[place] == nonce:
            raise NonceRefusedError(f"Invalid nonce: duplicate nonce {nonce}")
        if nonce <= lowest:
            raise NonceRefusedError(f"Invalid nonce: nonce too low {nonce} < {lowest}")
        if nonce >= now_ms + _DAY_MS:
            raise NonceRefusedError(f"Invalid nonce: nonce too high {nonce} > {now_ms + _DAY_MS}")
        insort(self.kept, nonce)
        return self.kept.pop(0) if len(self.kept) > KEPT else None
