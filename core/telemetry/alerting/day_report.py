"""The day in a message, once it is over: what was made, of how many fills, at what cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from core.domain.clock import DAY_MS
from core.telemetry.alerting.message import Message
from core.view import CoinView, Severity, Snapshot


@dataclass(frozen=True, slots=True)
class _Begun:
    """Lifetime counts where the day began, or where it was first looked at. Money in USD."""

    time_ms: int
    fills: int
    fees: Decimal
    funding: Decimal


class DayReport:
    """Looks at each Snapshot; the day is that of its own time, UTC."""

    def __init__(self) -> None:
        self._last: Snapshot | None = None
        self._begun: dict[str, _Begun] = {}

    def look(self, snapshot: Snapshot) -> Message | None:
        """The report of the day before, when one has begun. One that is set back begins none."""
        last, out = self._last, None
        if last is not None and _day(snapshot) > _day(last):
            out = Message("day", Severity.INFO, self._text(last), snapshot.time_ms)
            self._begun.clear()
        for coin in snapshot.coins:
            self._begun.setdefault(coin.coin, _begin(coin, snapshot.time_ms))
        if last is None or _day(snapshot) >= _day(last):
            self._last = snapshot
        return out

    def _text(self, last: Snapshot) -> str:
        day = datetime.fromtimestamp(last.time_ms / 1000, UTC)
        lines = [
            f"{day:%Y-%m-%d}: {_usd(last.risk.day_usd)} USD, the account has {last.risk.account_value_usd:.2f}"
        ]
        lines += [self._line(coin, last) for coin in last.coins]
        return "\n".join(lines)

    def _line(self, coin: CoinView, last: Snapshot) -> str:
        begun = self._begun[coin.coin]
        fees, funding = coin.fees_usd - begun.fees, coin.funding_usd - begun.funding
        at = datetime.fromtimestamp(begun.time_ms / 1000, UTC)
        since = f" (since {at:%H:%M}Z)" if begun.time_ms % DAY_MS > 60_000 else ""
        held = f"holds {coin.position:+f}" if coin.position else "flat"
        halted = f", HALTED: {coin.halt_reason}" if coin.halt_reason else ""
        return (
            f"{coin.coin} {_usd(coin.daily_usd)} USD, {coin.fills.total - begun.fills} fills, fees {fees:.2f}, "
            f"funding {_usd(funding)}{since}, {held}{halted}"
        )


def _begin(coin: CoinView, time_ms: int) -> _Begun:
    return _Begun(time_ms, coin.fills.total, coin.fees_usd, coin.funding_usd)


def _day(snapshot: Snapshot) -> int:
    return snapshot.time_ms // DAY_MS


def _usd(amount: Decimal) -> str:
    return f"{amount:+.2f}"
