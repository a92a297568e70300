"""What has been traded: candles, the last 24 hours and the latest prints of every coin. In memory, fed with every batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from core.domain.clock import DAY_MS
from core.paper.answers.candles import Candle, Candles
from core.paper.venue.batch import Batch
from core.paper.venue.orders import TradePrint


@dataclass(frozen=True, slots=True)
class Day:
    """The 24 hours before a moment. ``previous`` is the price when they began, or the first one known; 0 before any trade."""

    lots: int
    micro: int
    previous: int


class _CoinTape:
    def __init__(self, kept_prints: int) -> None:
        self.prints: deque[TradePrint] = deque(maxlen=kept_prints)
        self.candles = Candles()
        self._minutes: deque[Candle] = deque()
        """Those of the last 24 hours in which something traded, but for the open one."""
        self._lots = 0
        self._micro = 0
        self._previous = 0

    def add(self, trade: TradePrint) -> None:
        self.prints.append(trade)
        over = self.candles.trade(trade.time_ms, trade.price, trade.lots)
        if over is not None:
            self._minutes.append(over)
            self._lots += over.lots
            self._micro += over.micro
        if not self._previous:
            self._previous = trade.price

    def day(self, now_ms: int) -> Day:
        while self._minutes and self._minutes[0].start_ms <= now_ms - DAY_MS:
            old = self._minutes.popleft()
            self._lots -= old.lots
            self._micro -= old.micro
            self._previous = old.close
        minute = self.candles.minute
        if minute is None:
            return Day(0, 0, 0)
        if minute.start_ms <= now_ms - DAY_MS:
            return Day(self._lots, self._micro, minute.close)
        return Day(self._lots + minute.lots, self._micro + minute.micro, self._previous)


class Tape:
    """``kept_prints`` is how many of the latest trades of a coin can be asked for."""

    def __init__(self, coins: Iterable[str], kept_prints: int) -> None:
        self._coins = {coin: _CoinTape(kept_prints) for coin in coins}

    def on_batch(self, batch: Batch) -> None:
        for trade in batch.prints:
            self._coins[trade.coin].add(trade)

    def prints(self, coin: str) -> list[TradePrint]:
        """Newest first."""
        return list(reversed(self._coins[coin].prints))

    def candles(self, coin: str) -> Candles:
        return self._coins[coin].candles

    def day(self, coin: str, now_ms: int) -> Day:
        return self._coins[coin].day(now_ms)

    def micro_by_day(self, first_ms: int, now_ms: int, days: int) -> list[int]:
        """The notional of all coins' trades on ``days`` days from the UTC midnight ``first_ms`` on, micro-USDC."""
        totals = [0] * days
        for tape in self._coins.values():
            for candle in tape.candles.all("1d", now_ms):
                day = (candle.start_ms - first_ms) // DAY_MS
                if 0 <= day < days:
                    totals[day] += candle.micro
        return totals
