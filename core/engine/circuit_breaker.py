"""Circuit Breaker: one for each class of requests, so that trouble in one stops no more than what it makes unsafe.

Closed: all is well. Too many failures in a row, or one that says it all, open it for a cooldown. Then it is half-open: one
probe goes out. An answer closes it, a failure opens it again for twice as long, up to a cap. Each trip is forgotten after a
quiet time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from core.domain.causes import Cause
from core.domain.clock import Instant
from core.engine.back_off import shortened_ms
from core.view import BreakerState, TripView

DECAY_MS = 300_000
"""One trip is forgotten for every five quiet minutes."""

TRIPS_KEPT = 8
"""Of each breaker, for the console."""

PROBE_LIMIT_MS = 15_000
"""A probe without a word for so long is over; another may go."""


class BreakerName(StrEnum):
    """What each stops while it is open. None ever stops a cancel, a reduce-only order or what an operator asks for (I7)."""

    PLACE = "place"
    """New placements."""
    CANCEL = "cancel"
    """New placements: what could not be taken back isn't put out."""
    INFO = "info"
    """Routine reads, and new placements until the account can be seen again."""
    FEED = "feed"
    """New placements."""
    STORAGE = "storage"
    """New placements."""
    AUTH = "auth"
    """New placements, and cancels that were refused already: until an operator resumes."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The first cooldown and the longest, ms. Both 0: it stays open until it is told that what opened it has ended."""

    cooldown_ms: int
    cooldown_max_ms: int


POLICIES = {
    BreakerName.PLACE: Policy(10_000, 30_000),
    BreakerName.CANCEL: Policy(5_000, 60_000),
    BreakerName.INFO: Policy(2_500, 10_000),
    BreakerName.FEED: Policy(0, 0),
    BreakerName.STORAGE: Policy(5_000, 60_000),
    BreakerName.AUTH: Policy(0, 0),
}
"""Reads hurt nothing, so they are probed often and the grid is whole soon after an outage (I10)."""


@dataclass(slots=True)
class Breaker:
    name: BreakerName
    trip_above: int = 3
    """Failures in a row that are borne; one more opens it."""
    streak: int = 0
    reason: str = ""
    """Of the last trip, or of the failures since the last answer."""
    cause: Cause = Cause.UNANSWERED
    salt: str = ""
    """Of this run: what its cooldowns are shortened by is another than in others."""
    past: tuple[TripView, ...] = ()
    """When it was open in this run, oldest first, bounded."""
    opened_mono_ms: int = 0
    """When it opened first, of this outage; 0 while closed."""
    _until_mono_ms: int | None = 0
    """The end of the cooldown; ``None``: there is none."""
    _trips: int = 0
    _quiet_since_mono_ms: int = 0
    _probing_since_mono_ms: int = 0

    def state(self, now: Instant) -> BreakerState:
        if not self.opened_mono_ms:
            return BreakerState.CLOSED
        is_over = self._until_mono_ms is not None and now.mono_ms >= self._until_mono_ms
        return BreakerState.HALF_OPEN if is_over else BreakerState.OPEN

    def is_open(self, now: Instant) -> bool:
        return self.state(now) is BreakerState.OPEN

    def trips(self, now: Instant) -> int:
        """How often it opened, less one for every quiet ``DECAY_MS`` since it closed."""
        if self.opened_mono_ms:
            return self._trips
        return max(0, self._trips - (now.mono_ms - self._quiet_since_mono_ms) // DECAY_MS)

    def cooldown_left_ms(self, now: Instant) -> int | None:
        """``None`` if no time ends it."""
        return None if self._until_mono_ms is None else max(0, self._until_mono_ms - now.mono_ms)

    @property
    def until_mono_ms(self) -> int:
        """The end of the cooldown; 0 if no time ends it."""
        return self._until_mono_ms or 0

    # -- what happened ------------------------------------------------------------------------------------------

    def failure(
        self, cause: Cause, reason: str, now: Instant, at_once: bool = False, wait_ms: int = 0
    ) -> bool:
        """Count one; whether it opened the breaker. ``at_once``: one is enough. ``wait_ms``: the least cooldown."""
        self.streak += 1
        self._probing_since_mono_ms = 0
        state = self.state(now)
        if state is BreakerState.OPEN:
            if self._until_mono_ms is not None:  # of a request that left before it opened
                self._until_mono_ms = max(self._until_mono_ms, now.mono_ms + wait_ms)
            return False
        self.reason, self.cause = reason, cause
        if state is BreakerState.CLOSED and not at_once and self.streak <= self.trip_above:
            return False
        self._note_trip(reason, now)
        self._trips = self.trips(now) + 1
        self.opened_mono_ms = self.opened_mono_ms or now.mono_ms
        policy = POLICIES[self.name]
        doubled = min(policy.cooldown_ms * 2 ** min(self._trips - 1, 20), policy.cooldown_max_ms)
        shortened = shortened_ms(doubled, self.salt, self._trips)
        self._until_mono_ms = now.mono_ms + max(shortened, wait_ms) if doubled else None
        return True

    def success(self, now: Instant, by: str = "an answer") -> int:
        """An answer: it closes. How long it had been open, in ms; 0 if it was not. ``by``: who or what closed it."""
        self.streak, self._probing_since_mono_ms, self.reason = 0, 0, ""
        if not self.opened_mono_ms:
            return 0
        was_open_ms = max(1, now.mono_ms - self.opened_mono_ms)
        self.past = (*self.past[:-1], replace(self.past[-1], closed_ms=now.wall_ms, closed_by=by))
        self.opened_mono_ms, self._until_mono_ms = 0, 0
        self._quiet_since_mono_ms = now.mono_ms
        return was_open_ms

    def _note_trip(self, reason: str, now: Instant) -> None:
        """It opens, or its probe failed: the same outage again."""
        if self.opened_mono_ms:
            last = self.past[-1]
            self.past = (*self.past[:-1], replace(last, reason=reason, times=last.times + 1))
        else:
            self.past = (*self.past, TripView(self.name.value, now.wall_ms, reason))[-TRIPS_KEPT:]

    def end_cooldown(self, now: Instant) -> bool:
        """What opened it may be over: the next request is the probe. Whether it was open."""
        was_open = self.is_open(now)
        if was_open:
            self._until_mono_ms = now.mono_ms
        return was_open

    # -- the probe ----------------------------------------------------------------------------------------------

    def may_probe(self, now: Instant) -> bool:
        return self.state(now) is BreakerState.HALF_OPEN and not self._is_probing(now)

    def probe(self, now: Instant) -> None:
        self._probing_since_mono_ms = now.mono_ms

    def probe_did_not_leave(self) -> None:
        """It said nothing about the exchange; another may go."""
        self._probing_since_mono_ms = 0

    def _is_probing(self, now: Instant) -> bool:
        since = self._probing_since_mono_ms
        return bool(since) and now.mono_ms - since < PROBE_LIMIT_MS


def _all() -> dict[BreakerName, Breaker]:
    return {name: Breaker(name) for name in BreakerName}


@dataclass(slots=True)
class Breakers:
    """Those of one account."""

    by_name: dict[BreakerName, Breaker] = field(default_factory=_all)

    def __getitem__(self, name: BreakerName) -> Breaker:
        return self.by_name[name]

    def __iter__(self) -> Iterator[Breaker]:
        return iter(self.by_name.values())

    def spread(self, salt: str) -> None:
        """Shorten the cooldowns by chance: another ``salt``, other cooldowns."""
        for breaker in self:
            breaker.salt = f"{salt}:{breaker.name.value}"

    def trip_above(self, failures: int) -> None:
        """So many failures in a row are borne, by each."""
        for breaker in self:
            breaker.trip_above = failures

    def trips(self) -> tuple[TripView, ...]:
        """When any was open in this run, oldest first, bounded."""
        return tuple(sorted((trip for breaker in self for trip in breaker.past), key=lambda t: t.opened_ms))

    @property
    def api_error_streak(self) -> int:
        """Requests of one kind in a row without a usable answer: the worst of placements, cancels and reads."""
        return max(self[name].streak for name in (BreakerName.PLACE, BreakerName.CANCEL, BreakerName.INFO))

    def stopping(self, now: Instant) -> Breaker | None:
        """The one that keeps new orders from being placed; ``None`` if none does."""
        for name in _STOP_PLACING:
            breaker = self.by_name[name]
            if breaker.opened_mono_ms and (name is BreakerName.INFO or breaker.is_open(now)):
                return breaker
        return None

    def probed_by_placing(self, now: Instant) -> list[Breaker]:
        """Those that wait for the next placement to tell whether they may close."""
        opened = [self.by_name[name] for name in _PLACING_PROBES if self.by_name[name].opened_mono_ms]
        return [breaker for breaker in opened if breaker.state(now) is BreakerState.HALF_OPEN]

    @property
    def all_closed(self) -> bool:
        return not any(breaker.opened_mono_ms for breaker in self.by_name.values())


_STOP_PLACING = (
    *(BreakerName.AUTH, BreakerName.STORAGE, BreakerName.FEED),
    *(BreakerName.INFO, BreakerName.CANCEL, BreakerName.PLACE),
)
"""What needs an operator first, then what explains the others."""

_PLACING_PROBES = (BreakerName.PLACE, BreakerName.AUTH, BreakerName.STORAGE)
