"""Walking a recording: forwards, then backwards, for ever, without a jump. Pure; the server does the waiting.

Backwards the film is run in reverse. What was a book's successor becomes its predecessor: on passing a step, the quote that
stood *before* it comes back. Prints come before the book, as they do forwards, with the aggressor's side turned (an upward
step, bought forwards, is a downward one, sold, in reverse). Where the price didn't move, the turned print wouldn't
meet the quote; it then takes place at the quote that stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.domain.orders import Side
from core.paper.recording import Depth, Quote, RecordedStep, RecordedTrade, Recording


@dataclass(frozen=True, slots=True)
class MarketStep:
    """What the market does at once: prints first, then the deeper book, then the best quote, which has the last word."""

    coin: str
    trades: tuple[RecordedTrade, ...]
    depth: Depth | None
    quote: Quote | None


@dataclass(frozen=True, slots=True)
class ReplayPosition:
    """``index`` is the step to be taken next."""

    index: int = 0
    forward: bool = True


class Replay:
    """A cursor in a recording."""

    def __init__(self, recording: Recording, position: ReplayPosition | None = None) -> None:
        assert recording.steps, recording.name
        assert recording.steps[0].quote is not None, "a recording starts with a quote"
        self.recording = recording
        self._steps = recording.steps
        self._quotes = _standing_quotes(recording.steps)
        start = position or ReplayPosition()
        self._index = start.index if 0 <= start.index < len(self._steps) else 0
        self._forward = start.forward
        self.loops = 0

    @property
    def position(self) -> ReplayPosition:
        return ReplayPosition(self._index, self._forward)

    @property
    def coin(self) -> str:
        return self.recording.instrument.coin

    def scene(self) -> MarketStep:
        """The book as it stands before the next step; what a (re)started exchange begins with."""
        before = self._index - 1 if self._forward else self._index
        before = max(0, before)
        depth = next((s.depth for s in reversed(self._steps[: before + 1]) if s.depth is not None), None)
        return MarketStep(self.coin, (), depth, self._quotes[before])

    def wait_ms(self) -> int:
        """Recorded milliseconds between the last step and the next; 0 at the turning points."""
        previous = self._index - 1 if self._forward else self._index + 1
        if not 0 <= previous < len(self._steps):
            return 0
        return abs(self._steps[self._index].time_ms - self._steps[previous].time_ms)

    def advance(self) -> MarketStep:
        """Take the next step, turning round at either end."""
        index = self._index
        step = self._steps[index]
        if self._forward:
            result = MarketStep(self.coin, step.trades, step.depth, step.quote)
            if index + 1 < len(self._steps):
                self._index += 1
            else:
                self._forward = False
            return result
        result = self._backwards(index)
        if index > 0:
            self._index -= 1
        else:
            self._forward = True
            self.loops += 1
        return result

    def _backwards(self, index: int) -> MarketStep:
        step = self._steps[index]
        standing = self._quotes[index]
        trades = tuple(_turned(trade, standing) for trade in reversed(step.trades))
        return MarketStep(self.coin, trades, step.depth, self._quotes[max(0, index - 1)])


def _standing_quotes(steps: tuple[RecordedStep, ...]) -> list[Quote]:
    """The quote that stands after each step."""
    standing: list[Quote] = []
    for step in steps:
        if step.quote is not None:
            standing.append(step.quote)
        else:
            standing.append(standing[-1])
    return standing


def _turned(trade: RecordedTrade, standing: Quote) -> RecordedTrade:
    if trade.aggressor is Side.BUY:
        return replace(trade, aggressor=Side.SELL, price=min(trade.price, standing.bid))
    return replace(trade, aggressor=Side.BUY, price=max(trade.price, standing.ask))
