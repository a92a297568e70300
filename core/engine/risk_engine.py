"""Risk Engine: what may be sent, judged on the worst case, with the reason when not.

The worst case of a side is the position plus every lot on that side that may still trade, UNKNOWN and CANCELLING orders
included (I4). Reducing the position is never refused (I7).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.domain.orders import Side


@dataclass(frozen=True, slots=True)
class Exposure:
    """Signed ``position`` and the lots that live orders may add on either side."""

    position: int
    open_buys: int
    open_sells: int

    @property
    def worst_long(self) -> int:
        return self.position + self.open_buys

    @property
    def worst_short(self) -> int:
        """As a positive number of lots short."""
        return self.open_sells - self.position

    def worst(self, side: Side) -> int:
        """Of what orders of ``side`` may build up, positive."""
        if side is Side.BUY:
            return self.position + self.open_buys
        return self.open_sells - self.position

    def with_order(self, side: Side, lots: int) -> Exposure:
        if side is Side.BUY:
            return Exposure(self.position, self.open_buys + lots, self.open_sells)
        return Exposure(self.position, self.open_buys, self.open_sells + lots)


class Rule(StrEnum):
    """What can stop a level's order. The comment says what the value is that would free it."""

    POST_ONLY = "post_only"  # the price, in price units, that the other side must be beyond; 0: there is none
    OWN_ORDER = "own_order"  # the price of that order
    CAP = "cap"  # the position, in signed lots, that leaves room for it
    PORTFOLIO = "portfolio"  # as of CAP
    MARGIN = "margin"  # as of CAP
    LIQUIDATION = "liquidation"  # as of CAP
    ORDER_VELOCITY = "order_velocity"  # monotonic ms at which there is room for one
    POSITION_VELOCITY = "position_velocity"  # monotonic ms at which there is room for a level's lots
    MAX_ORDER = "max_order"  # the most lots
    STOP = "stop"  # the price of the stop, in price units: what traded beyond it would be held without one
    REFUSED = "refused"  # monotonic ms of the next try
    PARKED = "parked"  # none: an operator ends it
    MIN_NOTIONAL = "min_notional"  # the fewest lots
    BREAKER = "breaker"  # monotonic ms of the probe; 0: no time ends it
    SESSION = "session"  # venue ms of the open; 0: soon
    AGENT = "agent"  # none: another agent ends it
    SKEW = "skew"  # the position, in signed lots, at which the grid leans against it no more
    RANGE_EXIT = "range_exit"  # the line, in price units, at which the price is back in the grid
    IDLE = "idle"  # none: what ends it is in words
    BUDGET = "budget"  # monotonic ms of its turn; 0: what trading gives back, or a budget that is bought
    QUEUED = "queued"  # none: the batch before it is answered in a moment


@dataclass(frozen=True, slots=True)
class Refusal:
    """The one rule that stops an order now, in a sentence, and the value that would free it."""

    rule: Rule
    reason: str
    value: int = 0
    ends: str = ""
    """What an ``IDLE`` one waits for, in a few words; empty if it ends by itself."""


@dataclass(frozen=True, slots=True)
class SideCap:
    """A cap in lots on the worst case of one side, for a reason beyond the coin's own."""

    side: Side
    rule: Rule
    lots: int
    reason: str


@dataclass(frozen=True, slots=True)
class SpeedLimit:
    """``room_lots`` may still trade within the minute, of ``max_lots``; ``frees_mono_ms`` is when a level's fit again."""

    room_lots: int
    used_lots: int
    max_lots: int
    frees_mono_ms: int


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Limits of one coin in lots; ``max_order_lots`` guards against a sizing mistake."""

    cap_long: int
    cap_short: int
    """The largest worst-case position on either side, both positive."""
    max_order_lots: int
    caps: tuple[SideCap, ...] = ()
    speed: SpeedLimit | None = None

    def cap(self, side: Side) -> int:
        """Of what orders of ``side`` may build up."""
        return self.cap_long if side is Side.BUY else self.cap_short


def is_reducing(exposure: Exposure, side: Side, lots: int) -> bool:
    """Whether all of it reduces the position, even if every other order of its side trades first."""
    return exposure.worst(side) + lots <= 0


def allow_order(exposure: Exposure, side: Side, lots: int, limits: RiskLimits) -> Refusal | None:
    """``None`` if an order that may open or add exposure can be sent.

    An order that only reduces (all of it, even if every other order of its side trades first) is always allowed.
    """
    assert lots > 0, lots
    worst = exposure.worst(side) + lots
    if worst <= 0:
        return None
    if lots > limits.max_order_lots:
        reason = f"{lots} lots is more than the largest order allowed ({limits.max_order_lots})"
        return Refusal(Rule.MAX_ORDER, reason, limits.max_order_lots)
    cap = limits.cap(side)
    if worst > cap:
        direction = "long" if side is Side.BUY else "short"
        room = exposure.position - side.sign * (worst - cap)
        reason = f"worst case {worst} lots {direction} would pass the cap of {cap}"
        return Refusal(Rule.CAP, reason, room)
    for other in limits.caps:
        if other.side is side and worst > other.lots:
            return Refusal(other.rule, other.reason, exposure.position - side.sign * (worst - other.lots))
    speed = limits.speed
    if speed is not None and lots > speed.max_lots:
        reason = f"{lots} lots is more than may trade within a minute ({speed.max_lots})"
        return Refusal(Rule.MAX_ORDER, reason, speed.max_lots)
    if speed is not None and lots > speed.room_lots:
        reason = f"{speed.used_lots} lots traded within a minute (limit {speed.max_lots})"
        return Refusal(Rule.POSITION_VELOCITY, reason, speed.frees_mono_ms)
    return None
