"""Walking a recording: forwards, then backwards, for ever, without a jump. Pure; the server does the waiting.

Backwards the film is run in reverse. What was a book's successor becomes its predecessor: on passing a step, the quote that
stood *before* it comes back. Prints come before the book, as they do forwards, with the aggressor's side turned (an upward
step, bought forwards, is a downward one, sold, in reverse). Where the price didn't move, the turned print wouldn't
meet the quote; it then takes place at the quote that stands.
"""

from __future__ import annotations

from dataclasses import replace

from core.domain.orders import Side
from core.paper.market.listing import Universe
from core.paper.market.recording import RecordedStep, Recording
from core.paper.market.step import MarketStep, MarketTrade, Quote


class Replay:
    """A cursor in a recording."""

    def __init__(self, recording: Recording) -> None:
        assert recording.steps, recording.name
        assert recording.steps[0].quote is not None, "a recording starts with a quote"
        self.recording = recording
        self._steps = recording.steps
        self._quotes = _standing_quotes(recording.steps)
        self._index = 0
        self._forward = True
        self.laps = 0

    @property
    def coin(self) -> str:
        return self.recording.instrument.coin

    @property
    def name(self) -> str:
        return self.recording.name

    @property
    def universe(self) -> Universe:
        return self.recording.universe

    @property
    def place(self) -> str:
        return f"{self._index} {'forward' if self._forward else 'backward'}"

    def resume(self, place: str) -> None:
        index, _, direction = place.partition(" ")
        if index.isdigit() and int(index) < len(self._steps):
            self._index = int(index)
            self._forward = direction != "backward"

    @property
    def progress(self) -> float | None:
        return None

    def scene(self) -> tuple[MarketStep, ...]:
        before = self._index - 1 if self._forward else self._index
        before = max(0, before)
        depth = next((s.depth for s in reversed(self._steps[: before + 1]) if s.depth is not None), None)
        return (MarketStep(self.coin, (), depth, self._quotes[before]),)

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
            self.laps += 1
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


def _turned(trade: MarketTrade, standing: Quote) -> MarketTrade:
    if trade.aggressor is Side.BUY:
        return replace(trade, aggressor=Side.SELL, price=min(trade.price, standing.bid))
    return replace(trade, aggressor=Side.BUY, price=max(trade.price, standing.ask))
