"""The faults in force: which event is struck, how often each has struck, and what is left of it.

Each fault draws from its own seeded sequence, one number per event that it could strike while its window is open: the same
faults and the same events give the same strikes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.paper.faults.kinds import Kind, Place
from core.paper.faults.spec import Fault, FaultRow

_DELAYS = frozenset({Kind.WS_DELAY, Kind.HTTP_DELAY})
"""A struck event may be late and something else besides."""


@dataclass(slots=True)
class Armed:
    """A fault with its sequence, its window (monotonic seconds) and its count."""

    fault: Fault
    number: int
    opens_s: float
    closes_s: float | None
    strikes: int = 0
    is_tried: bool = False
    """A state draws once, when its window opens."""
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(f"{self.fault.seed}:{self.fault.kind}:{self.number}")

    @property
    def left(self) -> int | None:
        """Strikes still to come; None without a limit."""
        return None if self.fault.count is None else self.fault.count - self.strikes

    def is_open(self, now_s: float) -> bool:
        return self.opens_s <= now_s and (self.closes_s is None or now_s < self.closes_s) and self.left != 0

    def draw(self, now_s: float) -> bool:
        """Whether the next event is struck; a strike is counted."""
        if not self.is_open(now_s) or self.dice.random() >= self.fault.probability:
            return False
        self.strikes += 1
        return True

    def row(self, now_s: float) -> FaultRow:
        state = "waiting" if now_s < self.opens_s else "active" if self.is_open(now_s) else "over"
        left_s = None if self.closes_s is None else round(max(0.0, self.closes_s - now_s), 3)
        return {
            **self.fault.row(),
            "strikes": self.strikes,
            "left": self.left,
            "left_s": left_s,
            "state": state,
        }


class FaultMenu:
    """``clock_s`` is monotonic."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._armed: dict[Place, list[Armed]] = {}
        self._in_order: list[Armed] = []

    @property
    def is_armed(self) -> bool:
        """Whether there are any, spent ones included."""
        return bool(self._in_order)

    def replace(self, faults: Sequence[Fault]) -> None:
        """Their windows begin now."""
        now_s = self._clock_s()
        self._armed, self._in_order = {}, []
        for number, fault in enumerate(faults):
            opens_s = now_s + fault.after_s
            armed = Armed(fault, number, opens_s, None if fault.for_s is None else opens_s + fault.for_s)
            self._in_order.append(armed)
            self._armed.setdefault(fault.rules.place, []).append(armed)

    def at(self, place: Place) -> Sequence[Armed]:
        return self._armed.get(place, ())

    def strike(
        self, place: Place, matches: Callable[[Fault], bool], shared: dict[int, bool] | None = None
    ) -> list[Armed]:
        """What strikes this event, in the order of the list: delays, and at most one fault that is none.

        ``shared`` holds the draws of an event that happens to many, by number, for the faults of scope ``all``.
        """
        now_s = self._clock_s()
        struck: list[Armed] = []
        for armed in self.at(place):
            if not matches(armed.fault):
                continue
            if shared is None or armed.fault.scope == "each":
                is_struck = armed.draw(now_s)
            else:
                if armed.number not in shared:
                    shared[armed.number] = armed.draw(now_s)
                is_struck = shared[armed.number]
            if is_struck:
                struck.append(armed)
                if armed.fault.kind not in _DELAYS:
                    break
        return struck

    def rows(self) -> list[FaultRow]:
        now_s = self._clock_s()
        return [armed.row(now_s) for armed in self._in_order]
