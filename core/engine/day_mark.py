"""Where a coin's day began: so that what its line says of today is what the account's limits count of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import SaveDayMark
from core.engine.account_risk import day_name, is_day

if TYPE_CHECKING:
    from core.engine.coin import Coin


@dataclass(frozen=True, slots=True)
class DayMark:
    """The coin's profit at 00:00 UTC of ``day`` (``2026-01-30``), unrealized included, USD; or what is nearest to it that is
    known: when it was first looked at on that day, less what had been made on it.
    """

    day: str = ""
    start: Decimal = Decimal(0)

    def saved(self) -> str:
        return f"{self.day} {self.start}"

    @staticmethod
    def restored(text: str) -> DayMark:
        """What ``saved`` wrote; none from nothing."""
        day, _, start = text.partition(" ")
        return DayMark(day, Decimal(start)) if start else DayMark()


def made_today(coin: Coin, now: Instant) -> Decimal:
    """Profit since 00:00 UTC, unrealized included, USD."""
    profit = coin.ledger.net_usd + coin.unrealized_usd()
    if is_day(coin.day_mark.day, now):
        return profit - coin.day_mark.start
    was_flat = coin.ledger.lots_at_midnight(now) == 0
    return coin.ledger.day_realized_at(now) + (coin.unrealized_usd() if was_flat else 0)


def mark_day(coin: Coin, now: Instant) -> list[SaveDayMark]:
    """Once a day, at its first look. A clock that is set back begins none."""
    if is_day(coin.day_mark.day, now):
        return []
    profit = coin.ledger.net_usd + coin.unrealized_usd()
    coin.day_mark = DayMark(day_name(now.venue_ms), profit - made_today(coin, now))
    return [SaveDayMark(coin.name, coin.day_mark.saved())]
