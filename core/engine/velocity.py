"""How fast: orders really sent, and lots really traded, within the last minute. Plans never count (X6)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.domain.clock import Instant
from core.engine.levels import Blocked, Level
from core.engine.risk_engine import Exposure, Refusal, Rule, SpeedLimit, is_reducing

WINDOW_MS = 60_000


@dataclass(slots=True)
class Window:
    """Amounts of the last minute, by when they happened on the monotonic clock."""

    total: int = 0
    _rows: deque[tuple[int, int]] = field(default_factory=deque)

    def note(self, amount: int, mono_ms: int) -> None:
        """Oldest first."""
        if amount:
            self._forget(mono_ms)
            self._rows.append((mono_ms, amount))
            self.total += amount

    def used(self, now: Instant) -> int:
        self._forget(now.mono_ms)
        return self.total

    def _forget(self, mono_ms: int) -> None:
        """What is older than a minute; also where nobody asks, for there is no limit."""
        while self._rows and mono_ms - self._rows[0][0] >= WINDOW_MS:
            self.total -= self._rows.popleft()[1]

    def frees_at(self, most: int, now: Instant) -> int:
        """When no more than ``most`` will be left of it, monotonic ms; now if that is so already."""
        left = self.used(now)
        for mono_ms, amount in self._rows:
            if left <= most:
                return now.mono_ms
            left -= amount
            at_ms = mono_ms + WINDOW_MS
            if left <= most:
                return at_ms
        return now.mono_ms


@dataclass(slots=True)
class Velocity:
    """Of one coin. Limits of 0 are none."""

    max_orders: int = 0
    """Orders of it that may be sent within a minute."""
    max_lots: int = 0
    """Lots of it that may trade within a minute, bought and sold alike."""
    orders: Window = field(default_factory=Window)
    lots: Window = field(default_factory=Window)

    def speed_limit(self, least_lots: int, now: Instant) -> SpeedLimit | None:
        """What an order that may add exposure can have of lots now; ``least_lots``: the size that is waited for."""
        if not self.max_lots:
            return None
        used = self.lots.used(now)
        frees = self.lots.frees_at(max(0, self.max_lots - least_lots), now)
        return SpeedLimit(max(0, self.max_lots - used), used, self.max_lots, frees)

    def left(self, now: Instant) -> int:
        """How many more orders may be sent within the minute; call it only if there is a limit."""
        return self.max_orders - self.orders.used(now)

    def has_room(self, orders: int, now: Instant) -> bool:
        """Whether so many more orders may be sent within the minute."""
        return not self.max_orders or self.left(now) >= orders

    def admit(
        self, levels: Sequence[Level], exposure: Exposure, room: int, now: Instant
    ) -> tuple[tuple[Level, ...], tuple[Blocked, ...]]:
        """Which of ``levels`` may be sent now, at most ``room``, and which the order velocity stops: none that only reduces."""
        left = self.left(now) if self.max_orders else len(levels)
        admitted: list[Level] = []
        blocked: list[Blocked] = []
        for level in levels:
            side, lots = level.slot.side, level.lots
            if left <= 0 and not is_reducing(exposure, side, lots):
                blocked.append(Blocked(level, self._too_fast(len(admitted), now)))
                continue
            left -= 1
            exposure = exposure.with_order(side, lots)
            if len(admitted) < room:
                admitted.append(level)
        return tuple(admitted), tuple(blocked)

    def _too_fast(self, about_to_go: int, now: Instant) -> Refusal:
        """``about_to_go``: those of this batch, which will be the newest of the minute."""
        used = self.orders.used(now)
        reason = f"{used + about_to_go} orders within a minute are the limit ({self.max_orders})"
        is_by_batch = used < self.max_orders
        frees = now.mono_ms + WINDOW_MS if is_by_batch else self.orders.frees_at(self.max_orders - 1, now)
        return Refusal(Rule.ORDER_VELOCITY, reason, frees)
