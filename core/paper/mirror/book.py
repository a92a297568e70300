"""One coin of the source: what it shows now, told onwards as changes alone.

A level at which the source shows nothing new isn't told again: what our users have taken from it stays taken, so that nobody
eats the same liquidity twice. A print at a level is news of that level, whatever size it shows afterwards.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.paper.market.step import LevelChange, MarketStep
from core.paper.mirror.decode import SourceLevels, SourceTrade

_TRADED = -1
"""Stands for a size after a print: no size that can be shown is equal to it."""
_REMEMBERED_TIDS = 2_000

_Best = tuple[int, int] | None


class SourceBook:
    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self._shown: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self._book_ms = 0
        """Venue time of the newest book or quote; older ones change nothing."""
        self._trades_from_ms = 0
        self._tids: deque[int] = deque(maxlen=_REMEMBERED_TIDS)

    @property
    def coin(self) -> str:
        return self.instrument.coin

    def begin(self, time_ms: int) -> None:
        """Prints up to ``time_ms`` are history, which a server tells new subscribers."""
        self._trades_from_ms = time_ms

    def on_book(self, time_ms: int, bids: SourceLevels, asks: SourceLevels) -> MarketStep | None:
        if time_ms < self._book_ms:
            return None
        self._book_ms = time_ms
        return self._step([*self._levels(Side.BUY, bids), *self._levels(Side.SELL, asks)])

    def on_best(self, time_ms: int, bid: _Best, ask: _Best) -> MarketStep | None:
        if time_ms < self._book_ms:
            return None
        self._book_ms = time_ms
        return self._step([*self._best(Side.BUY, bid), *self._best(Side.SELL, ask)])

    def on_trades(self, trades: Iterable[SourceTrade]) -> MarketStep | None:
        """Each print once, oldest first."""
        news = [t for t in trades if t.time_ms > self._trades_from_ms and t.tid not in self._tids]
        news.sort(key=lambda trade: trade.time_ms)
        for trade in news:
            self._tids.append(trade.tid)
            shown = self._shown[trade.trade.aggressor.opposite]
            if trade.trade.price in shown:
                shown[trade.trade.price] = _TRADED
        if not news:
            return None
        return MarketStep(self.coin, tuple(trade.trade for trade in news), None, None)

    def on_prices(self, oracle: int, mark: int) -> MarketStep:
        return MarketStep(self.coin, (), None, None, oracle, mark)

    def withdraw(self) -> MarketStep:
        """Take back everything that was shown; what comes next is new."""
        changes = [LevelChange(side, price, 0) for side, shown in self._shown.items() for price in shown]
        for shown in self._shown.values():
            shown.clear()
        return MarketStep(self.coin, (), None, None, levels=tuple(changes))

    def scene(self) -> MarketStep:
        """All of it, as it stands."""
        changes = [
            LevelChange(side, price, lots)
            for side, shown in self._shown.items()
            for price, lots in shown.items()
            if lots != _TRADED
        ]
        return MarketStep(self.coin, (), None, None, levels=tuple(changes))

    def _step(self, changes: list[LevelChange]) -> MarketStep | None:
        return MarketStep(self.coin, (), None, None, levels=tuple(changes)) if changes else None

    def _levels(self, side: Side, source: SourceLevels) -> list[LevelChange]:
        now = dict(source.levels)
        if source.is_whole:
            gone = [price for price in self._shown[side] if price not in now]
        else:
            worst = source.levels[-1][0] * side.sign
            gone = [p for p in self._shown[side] if p not in now and p * side.sign >= worst]
        return self._note(side, gone, source.levels)

    def _best(self, side: Side, best: _Best) -> list[LevelChange]:
        if best is None:
            return self._note(side, list(self._shown[side]), ())
        better = [price for price in self._shown[side] if price * side.sign > best[0] * side.sign]
        return self._note(side, better, (best,))

    def _note(self, side: Side, gone: list[int], levels: tuple[tuple[int, int], ...]) -> list[LevelChange]:
        shown = self._shown[side]
        changes = [LevelChange(side, price, 0) for price in gone]
        for price in gone:
            del shown[price]
        for price, lots in levels:
            if shown.get(price) != lots:
                shown[price] = lots
                changes.append(LevelChange(side, price, lots))
        return changes
