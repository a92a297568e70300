"""Walking a recording: once, or forwards, then backwards, for ever, without a jump. Pure; the server does the waiting.

Backwards the film is run in reverse. What was a book's successor becomes its predecessor: on passing a step, the quote that
stood *before* it comes back. Prints come before the book, as they do forwards, with the aggressor's side turned (an upward
step, bought forwards, is a downward one, sold, in reverse). Where the price didn't move, the turned print wouldn't
meet the quote; it then takes place at the quote that stands.
"""

from __future__ import annotations

from dataclasses import replace

from core.domain.orders import Side
from core.paper.market.listing import Universe
from core.paper.market.recording import Recording
from core.paper.market.step import MarketStep, MarketTrade, Quote


class Replay:
    """A cursor in a recording of one or more coins, on one timeline. ``loops`` False stops it at its end."""

    hidden_depth = True
    """Recordings show at most twenty levels."""
    warning = ""

    def __init__(self, recording: Recording, loops: bool = True) -> None:
        assert recording.tracks, recording.name
        self.recording = recording
        self._tracks = recording.tracks
        self._shifts = recording.shifts_ms or (0,) * len(recording.tracks)
        self._loops = loops
        self._next = [0] * len(self._tracks)
        """The number of the step that each track takes next."""
        self._forward = True
        self._start_ms = min(self._time_ms(number, 0) for number in range(len(self._tracks)))
        self._end_ms = max(self._time_ms(n, len(track) - 1) for n, track in enumerate(self._tracks))
        self._at_ms = self._start_ms
        """Of the last step."""
        self._up: int | None = self._turn()
        """The track whose step is next."""
        self.has_ended = False
        self.laps = 0

    @property
    def name(self) -> str:
        return self.recording.name

    @property
    def universe(self) -> Universe:
        return self.recording.universe

    @property
    def notes(self) -> tuple[str, ...]:
        return self.recording.notes

    @property
    def place(self) -> str:
        return f"{','.join(map(str, self._next))} {'forward' if self._forward else 'backward'}"

    def resume(self, place: str) -> None:
        text, _, direction = place.partition(" ")
        indexes = [int(part) for part in text.split(",") if part.removeprefix("-").isdecimal()]
        forward = direction != "backward"
        lowest = 0 if forward else -1
        if len(indexes) != len(self._tracks) or (not forward and not self._loops):
            return
        if not all(lowest <= i < len(t) + lowest + 1 for i, t in zip(indexes, self._tracks, strict=True)):
            return
        old, self._next, self._forward = (self._next, self._forward), indexes, forward
        up = self._turn()
        if up is None:
            self._next, self._forward = old
            return
        self._up = up
        taken = [
            self._time_ms(n, i - 1 if forward else i + 1)
            for n, i in enumerate(indexes)
            if 0 <= (i - 1 if forward else i + 1) < len(self._tracks[n])
        ]
        edge = self._start_ms if forward else self._end_ms
        self._at_ms = (max(taken, default=edge)) if forward else (min(taken, default=edge))

    @property
    def progress(self) -> float | None:
        if self._loops:
            return None
        if self.has_ended or self._end_ms == self._start_ms:
            return 1.0
        return (self._at_ms - self._start_ms) / (self._end_ms - self._start_ms)

    def scene(self) -> tuple[MarketStep, ...]:
        steps: list[MarketStep] = []
        for index, track in zip(self._next, self._tracks, strict=True):
            before = max(0, index - 1 if self._forward else index)
            steps.append(MarketStep(track.coin, (), track.depth(before), track.quote(before)))
        return tuple(steps)

    def wait_ms(self) -> int | None:
        """0 at the turning points."""
        number = self._up
        if self.has_ended or number is None:
            return None
        return abs(self._time_ms(number, self._next[number]) - self._at_ms)

    def advance(self) -> MarketStep:
        """Take the next step, turning round at either end."""
        number = self._up
        assert number is not None, "the recording has ended"
        index, track = self._next[number], self._tracks[number]
        self._at_ms = self._time_ms(number, index)
        self._next[number] += 1 if self._forward else -1
        if self._forward:
            step = track.step(index)
            result = MarketStep(track.coin, step.trades, step.depth, step.quote)
        else:
            result = self._backwards(number, index)
        self._up = self._turn()
        if self._up is None:
            self._turn_round()
            self._up = self._turn()
        return result

    def _turn(self) -> int | None:
        """Whose turn it is; None if all tracks are at their end. Of two at one time the first goes first, backwards last."""
        left = [
            (self._time_ms(number, index), number)
            for number, index in enumerate(self._next)
            if 0 <= index < len(self._tracks[number])
        ]
        if not left:
            return None
        return (min(left) if self._forward else max(left))[1]

    def _turn_round(self) -> None:
        if not self._loops:
            self.has_ended = True
        elif self._forward:
            self._forward = False
            self._next = [len(track) - 1 for track in self._tracks]
        else:
            self._forward = True
            self._next = [0] * len(self._tracks)
            self.laps += 1

    def _time_ms(self, number: int, index: int) -> int:
        return self._tracks[number].time_ms(index) + self._shifts[number]

    def _backwards(self, number: int, index: int) -> MarketStep:
        track = self._tracks[number]
        step = track.step(index)
        standing = track.quote(index)
        trades = tuple(_turned(trade, standing) for trade in reversed(step.trades))
        return MarketStep(track.coin, trades, step.depth, track.quote(max(0, index - 1)))


def _turned(trade: MarketTrade, standing: Quote) -> MarketTrade:
    if trade.aggressor is Side.BUY:
        return replace(trade, aggressor=Side.SELL, price=min(trade.price, standing.bid))
    return replace(trade, aggressor=Side.BUY, price=max(trade.price, standing.ask))
