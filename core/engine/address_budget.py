"""The requests that the exchange takes of an account in its life: 10,000, and one more for each USDC traded.

Every order, change and cancel of a batch is one, also one that fails; cancels have a larger cap of their own. What the exchange
told is counted on here. As it falls, what isn't worth a request is left out (thinning); near the reserve for stops, reductions
and operators the grid places one order every ten seconds, within it none, beyond the end again: the exchange takes that.
None of it ever stops a cancel, a reduction or an operator (I7).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from core.domain.causes import Cause
from core.domain.clock import Instant
from core.domain.effects import Effect, Severity, notify
from core.domain.events import (
    CancelOutcome,
    Event,
    FillsCommitted,
    MarginMoved,
    PlaceOutcome,
    Refused,
    Tick,
)
from core.domain.request_limits import RequestBudget, RequestBudgetObserved
from core.domain.router_events import DeadManAnswered
from core.engine.request_pace import MICRO, RequestPace
from core.view import BudgetMode

RESERVED = 100
"""Requests that the grid leaves to stops, reductions and operators. Below twice as many its orders go one at a time."""

EARNERS = 2
"""Orders of the grid that must rest before it leaves the reserve alone: without any nothing would ever give requests back."""

CANCELS_RESERVED = 1_000
"""Of the cancels' own cap, which orders that go one at a time eat into: with no more than that left they stop, too (I11)."""

THIN_BELOW_MS, NORMAL_ABOVE_MS = 12 * 3_600_000, 18 * 3_600_000
"""Thinning begins when the requests are gone within the first at the present churn, and ends beyond the second."""

THIN_SHARE, THIN_MOST = 20, 1_000
"""It also begins below this part of the cap, or this many if that is less, and ends above twice as many."""

RECENTER_TIMES = 4
"""While thinning a new grid waits so many times as long."""

RESIZE_SHARE = 4
"""While thinning an order keeps its size unless it is off by this part of it."""

PACE_MS = 11_000
"""Between two orders once the requests are spent: the exchange says ten seconds, and was seen to mean eleven."""

EXPIRED_COSTS = 5
"""What an action costs that reaches the exchange too late."""

READ_EVERY_MS, READ_IDLE_MS = 300_000, 1_800_000
"""How often the exchange is asked: while something is sent, and while nothing is."""

READ_THIN_MS, READ_SPENT_MS = 60_000, 15_000

_NUMBERS = re.compile(r"\((\d+) > (\d+)\)")
"""Of ``Too many cumulative requests sent (97460 > 97456)``: what would have been used, and the cap."""


def cancel_cap(cap: int) -> int:
    return min(cap + 100_000, 2 * cap)


@dataclass(slots=True)
class AddressBudget:
    """Of one account. Before the exchange has told, nothing is held back."""

    told: RequestBudget | None = None
    read_wall_ms: int = 0
    mode: BudgetMode = BudgetMode.NORMAL
    pace: RequestPace = field(default_factory=RequestPace)
    next_mono_ms: int = 0
    """When the next order of the grid may go, once they go one at a time."""
    _sent: int = 0
    _traded_micro: int = 0
    """Since the start."""
    _asked: tuple[int, int] = (0, 0)
    """Both of them when the exchange was asked: what was sent after that may not be in its answer."""
    _since: tuple[int, int] = (0, 0)
    """Both of them when it was asked for what it has told."""
    _asked_venue_ms: int | None = None
    _served: str = ""
    """The coin that placed last, while orders go one at a time."""

    # -- what there is ------------------------------------------------------------------------------------------

    @property
    def cap(self) -> int:
        return self.told.cap + (self._traded_micro - self._since[1]) // MICRO if self.told else 0

    @property
    def used(self) -> int:
        return self.told.used + self._sent - self._since[0] if self.told else 0

    @property
    def left(self) -> int:
        """Below zero once one at a time goes."""
        return self.cap - self.used

    @property
    def cancels_left(self) -> int:
        return max(0, cancel_cap(self.cap) - self.used)

    def empty_in_ms(self, now: Instant) -> int | None:
        """At the present churn; ``None`` if it doesn't fall or isn't known."""
        return self.pace.empty_in_ms(self.left, now) if self.told else None

    # -- what the grid may do -----------------------------------------------------------------------------------

    def room(self, is_busy: bool, resting: int, now: Instant) -> int:
        """How many orders of the grid may go now that they go one at a time. ``is_busy``: one is on its way, or a stop has its
        turn first. ``resting``: orders of the grid, of all coins.
        """
        is_held = now.mono_ms < self.next_mono_ms or self.cancels_left <= CANCELS_RESERVED or is_busy
        return 0 if is_held or self.keeps_reserve(resting) else 1

    def keeps_reserve(self, resting: int) -> bool:
        """Whether what is left is not for the grid, of which so many orders rest in all coins."""
        return 0 < self.left <= RESERVED and resting >= EARNERS

    def takes_stop(self, flatten_waits: bool, now: Instant) -> bool:
        """Whether a stop may go now. Beyond the end it waits for its ten seconds, too: sent sooner it is refused, and so is
        each coin's beside another's. ``flatten_waits``: one was refused so, and its next order comes first.
        """
        if self.mode is not BudgetMode.ONE_PER_10S or self.left > 0:
            return True
        return now.mono_ms >= self.next_mono_ms and not flatten_waits

    def acted(self, now: Instant) -> None:
        """Something else than an order takes the turn."""
        if self.mode is BudgetMode.ONE_PER_10S:
            self.next_mono_ms = now.mono_ms + PACE_MS

    def placed(self, coin: str, now: Instant) -> None:
        """An order left: the next one waits, and other coins come first."""
        if self.mode is BudgetMode.ONE_PER_10S:
            self.next_mono_ms, self._served = now.mono_ms + PACE_MS, coin

    def in_turn(self, coins: list[str]) -> list[str]:
        """Who is asked first: whoever placed last comes last, while orders go one at a time."""
        if self.mode is not BudgetMode.ONE_PER_10S or self._served not in coins:
            return coins
        at = coins.index(self._served) + 1
        return coins[at:] + coins[:at]

    @property
    def read_every_ms(self) -> int:
        match self.mode:
            case BudgetMode.ONE_PER_10S:
                return READ_SPENT_MS
            case BudgetMode.THINNING:
                return READ_THIN_MS
            case BudgetMode.NORMAL:
                return READ_EVERY_MS if self._sent > self._asked[0] or not self.told else READ_IDLE_MS

    def asked(self, now: Instant) -> None:
        """The question leaves now."""
        self._asked, self._asked_venue_ms = (self._sent, self._traded_micro), now.venue_ms

    # -- what has happened --------------------------------------------------------------------------------------

    def heed(self, event: Event, now: Instant) -> list[Effect]:
        """Count on by an event, and tell when another mode begins."""
        match event:
            case RequestBudgetObserved():
                self.told, self._since, self.read_wall_ms = event.budget, self._asked, now.wall_ms
            case PlaceOutcome():
                self._on_placed(event, now)
            case CancelOutcome():
                self._on_cancelled(event, now)
            case MarginMoved() | DeadManAnswered():
                self._count(1, now)
            case FillsCommitted():
                since = self._asked_venue_ms
                fills = [f for f in event.fills if since is not None and f.time_ms >= since]
                self._earn(sum(f.lots * f.price for f in fills), now)
            case Tick():
                pass  # the pace fades with time
            case _:
                return []  # least of all a quote, of which there are hundreds a second: an hour's pace is sixty sums
        return self._enter(self._mode(now), now)

    def _on_placed(self, event: PlaceOutcome, now: Instant) -> None:
        if event.failure is not None and _is_spent(event.failure.cause):
            self._learn(event.failure.text, len(event.results), is_cancel=False)
            return
        causes = [result.cause for _, result in event.results if isinstance(result, Refused)]
        free = sum(not cause.was_sent or _is_spent(cause) for cause in causes)
        late = (EXPIRED_COSTS - 1) * causes.count(Cause.EXPIRED)
        self._count(len(event.results) - free + late, now)

    def _on_cancelled(self, event: CancelOutcome, now: Instant) -> None:
        failure = event.failure
        if failure is not None and _is_spent(failure.cause):
            self._learn(failure.text, len(event.results), is_cancel=True)
        elif failure is None or failure.cause.was_sent:
            late = EXPIRED_COSTS if failure is not None and failure.cause is Cause.EXPIRED else 1
            self._count(late * len(event.results), now)

    def _learn(self, text: str, items: int, is_cancel: bool) -> None:
        """A refusal names what would have been used and the cap; without them there is nothing left."""
        found = _NUMBERS.search(text)
        if found is None:
            cap = self.cap or 10_000
            self.told = RequestBudget(cap, cancel_cap(cap) if is_cancel else cap)
        else:
            wanted, cap = int(found[1]), int(found[2])
            if is_cancel:
                cap = cap - 100_000 if cap > 200_000 else cap // 2
            self.told = RequestBudget(cap, max(0, wanted - items))
        self._since = (self._sent, self._traded_micro)

    def _count(self, requests: int, now: Instant) -> None:
        if requests:
            self._sent += requests
            self.pace.note(requests, 0, now)

    def _earn(self, micro: int, now: Instant) -> None:
        if micro:
            self._traded_micro += micro
            self.pace.note(0, micro, now)

    # -- the mode -----------------------------------------------------------------------------------------------

    def _mode(self, now: Instant) -> BudgetMode:
        """Each begins at one figure and ends at a better one, so that none comes and goes."""
        if self.told is None:
            return BudgetMode.NORMAL
        left, was = self.left, self.mode
        if left <= RESERVED * (2 if was is BudgetMode.ONE_PER_10S else 1):
            return BudgetMode.ONE_PER_10S
        empty_ms, thin = self.empty_in_ms(now), was is not BudgetMode.NORMAL
        is_soon = empty_ms is not None and empty_ms < (NORMAL_ABOVE_MS if thin else THIN_BELOW_MS)
        few = min(self.cap // THIN_SHARE, THIN_MOST) * (2 if thin else 1)
        return BudgetMode.THINNING if is_soon or left < few else BudgetMode.NORMAL

    def _enter(self, mode: BudgetMode, now: Instant) -> list[Effect]:
        before, self.mode = self.mode, mode
        if mode is before:
            return []
        empty_ms = self.empty_in_ms(now)
        hours = None if empty_ms is None else str(round(empty_ms / 3_600_000, 1))
        told = {"mode": mode.value, "before": before.value, "left": self.left, "cap": self.cap}
        return [notify("request_budget", _GRADES[mode], "", **told, hours_to_empty=hours)]


_GRADES: dict[BudgetMode, Severity] = {
    BudgetMode.NORMAL: "info",
    BudgetMode.THINNING: "warn",
    BudgetMode.ONE_PER_10S: "crit",
}


def _is_spent(cause: Cause) -> bool:
    return cause is Cause.RATE_ADDRESS
