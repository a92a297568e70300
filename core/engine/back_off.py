"""How long is waited before what came to nothing is tried again: twice as long each time up to a cap, and a little less than
that by chance, so that many bots don't ask one exchange that comes back at the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from zlib import crc32

from core.domain.clock import Instant

JITTER = 0.25
"""The most of a wait that is left out."""

CANCEL_AGAIN_MS = 1_000
"""A cancel that was answered with an error is tried again no sooner: no storm of them while none gets through."""

CANCEL_AGAIN_MAX_MS = 10_000
FORGOTTEN_MS = 60_000
"""Cancels that fail after so long a time without a failure are another outage's."""


def shortened_ms(wait_ms: int, salt: str, number: int) -> int:
    """``wait_ms`` less up to a quarter of it: always the same for one ``salt`` and ``number``, another for others. No salt:
    nothing less.
    """
    if not salt:
        return wait_ms
    return wait_ms - int(wait_ms * JITTER * (crc32(f"{salt}:{number}".encode()) / 2**32))


@dataclass(slots=True)
class CancelPace:
    """Of one coin's cancels: what fails together is tried again together."""

    wait_ms: int = field(default_factory=lambda: CANCEL_AGAIN_MS)
    """After an error, from the sending of the cancel on."""
    _failures: int = 0
    _failed_mono_ms: int = 0

    def answered(self) -> None:
        """An action of cancels was taken: whatever became of each."""
        self.wait_ms, self._failures = CANCEL_AGAIN_MS, 0

    def failed(self, salt: str, now: Instant) -> None:
        """An action of cancels came to nothing. Those that were sent together count once."""
        since_ms = now.mono_ms - self._failed_mono_ms
        if self._failures and since_ms < CANCEL_AGAIN_MS // 2:
            return
        self._failures = self._failures + 1 if since_ms < FORGOTTEN_MS else 1
        self._failed_mono_ms = now.mono_ms
        doubled_ms = min(CANCEL_AGAIN_MS * 2 ** min(self._failures - 1, 10), CANCEL_AGAIN_MAX_MS)
        self.wait_ms = max(shortened_ms(doubled_ms, salt, self._failures), CANCEL_AGAIN_MS)
