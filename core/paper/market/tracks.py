"""What was recorded of one coin, step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from core.domain.instrument import Instrument
from core.paper.market.made_book import depth_around
from core.paper.market.step import Depth, MarketTrade, Quote


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """All that the recording holds of one millisecond. Trades come before the book that they left behind."""

    time_ms: int
    trades: tuple[MarketTrade, ...]
    depth: Depth | None
    quote: Quote | None


class Track(Protocol):
    """Steps in order of time, by number from 0."""

    @property
    def coin(self) -> str: ...

    def __len__(self) -> int:
        """At least 1."""

    def time_ms(self, index: int) -> int: ...

    def step(self, index: int) -> RecordedStep: ...

    def quote(self, index: int) -> Quote:
        """The last one up to and with a step."""

    def depth(self, index: int) -> Depth | None:
        """The last one up to and with a step."""


class TickTrack:
    """Recorded steps. The first one has a quote. With ``made_for``, books are made around the quotes."""

    def __init__(
        self, coin: str, steps: tuple[RecordedStep, ...], made_for: Instrument | None = None
    ) -> None:
        assert steps, coin
        assert steps[0].quote is not None, "a recording starts with a quote"
        self.coin = coin
        self.steps = steps
        self._made_for = made_for
        self._quotes: list[Quote] = [step.quote for step in steps[:1] if step.quote is not None]
        for step in steps[1:]:
            self._quotes.append(step.quote or self._quotes[-1])

    def __len__(self) -> int:
        return len(self.steps)

    def time_ms(self, index: int) -> int:
        return self.steps[index].time_ms

    def step(self, index: int) -> RecordedStep:
        step = self.steps[index]
        if self._made_for is None or step.quote is None:
            return step
        return replace(step, depth=depth_around(self._made_for, step.quote))

    def quote(self, index: int) -> Quote:
        return self._quotes[index]

    def depth(self, index: int) -> Depth | None:
        if self._made_for is not None:
            return depth_around(self._made_for, self._quotes[index])
        earlier = (step.depth for step in reversed(self.steps[: index + 1]) if step.depth is not None)
        return next(earlier, None)
