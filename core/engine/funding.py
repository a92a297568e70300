"""Funding: what was paid and received, by coin. Signed: positive was received, negative paid."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from core.domain.clock import DAY_MS, Instant
from core.domain.fills import Funding

DAYS_KEPT = 7


@dataclass(slots=True)
class FundingBook:
    """All of it in ``total`` (USD), and the payments of the last days one by one."""

    total: Decimal = Decimal(0)
    rate: Decimal | None = None
    """The share of its notional that a long position pays within the hour, by the last look; ``None`` before the first."""
    days: tuple[tuple[int, Decimal], ...] = ()
    """What each UTC day (its first ms) brought, newest first: the last ``DAYS_KEPT`` with a payment."""
    _recent: deque[tuple[int, Decimal]] = field(default_factory=deque)

    @classmethod
    def restore(
        cls, total: Decimal, recent: Iterable[Funding], days: Mapping[int, Decimal] = MappingProxyType({})
    ) -> FundingBook:
        """From the journal: everything summed, the payments of the last two days, oldest first, and the days' sums."""
        return cls(
            total, days=_newest(days), _recent=deque((payment.time_ms, payment.usd) for payment in recent)
        )

    def add(self, payment: Funding, now: Instant) -> None:
        self.total += payment.usd
        day_ms, days = payment.time_ms - payment.time_ms % DAY_MS, dict(self.days)
        self.days = _newest({**days, day_ms: days.get(day_ms, Decimal(0)) + payment.usd})
        self._recent.append((payment.time_ms, payment.usd))
        while self._recent and self._recent[0][0] < now.venue_ms - 2 * DAY_MS:
            self._recent.popleft()

    def today(self, now: Instant) -> Decimal:
        """Since 00:00 UTC."""
        return self._since(now.venue_ms - now.venue_ms % DAY_MS)

    def paid_last_day(self, now: Instant) -> Decimal:
        """What the last 24 hours cost, net; 0 if they brought something. Never negative."""
        return max(Decimal(0), -self._since(now.venue_ms - DAY_MS))

    def _since(self, since_ms: int) -> Decimal:
        return sum((usd for time_ms, usd in self._recent if time_ms >= since_ms), Decimal(0))


def _newest(days: Mapping[int, Decimal]) -> tuple[tuple[int, Decimal], ...]:
    return tuple(sorted(days.items(), reverse=True)[:DAYS_KEPT])
