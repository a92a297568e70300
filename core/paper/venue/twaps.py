"""TWAP orders: a size bought or sold in suborders over a time. What one is, and how large its suborders are.

A suborder's turn comes every 30 seconds, at the start first: two a minute and one more. Up to its turn the order should have
done that many equal parts of its size. A turn whose part is done already passes; one that is due is for at least the smallest
order's worth, so that small orders over long times have fewer suborders. (Hyperliquid documentation: Order types.)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from core.domain.instrument import MIN_NOTIONAL_MICRO
from core.domain.orders import Side
from core.paper.jsonio import JsonObject
from core.paper.wiretext import micro_wire, units_wire

TURN_EVERY_MS = 30_000

_MINUTE_MS = 60_000
_CATCH_UP = 3
"""A suborder is at most so many equal parts."""
_SPREAD_PERCENT = 20
"""How far a randomized suborder may be from what is due."""


class TwapStatus(StrEnum):
    """Hyperliquid's words; everything but ACTIVATED is terminal."""

    ACTIVATED = "activated"
    FINISHED = "finished"
    TERMINATED = "terminated"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class WireTwap:
    """A TWAP order as sent: the size still text, canonical."""

    asset: int
    is_buy: bool
    size: str
    reduce_only: bool
    minutes: int
    randomize: bool


@dataclass(slots=True)
class Twap:
    """A running TWAP order. ``executed`` in lots, ``executed_micro`` the notional of its fills."""

    twap_id: int
    user: str
    coin: str
    side: Side
    lots: int
    minutes: int
    reduce_only: bool
    randomize: bool
    created_ms: int
    due_ms: int
    """When the next suborder's turn comes."""
    turn: int = 0
    """How many turns have passed."""
    executed: int = 0
    executed_micro: int = 0

    @property
    def turns(self) -> int:
        return self.minutes * _MINUTE_MS // TURN_EVERY_MS + 1

    @property
    def is_over(self) -> bool:
        return self.turn >= self.turns or self.executed >= self.lots

    @property
    def least_micro(self) -> int:
        """What a suborder is worth at least; with room for chance where there is to be any, as live suborders have it."""
        return MIN_NOTIONAL_MICRO * (100 + (_SPREAD_PERCENT if self.randomize else 0)) // 100

    def skip_missed(self, now_ms: int) -> None:
        """Let the turns pass that were missed, but for the latest."""
        missed = min((now_ms - self.due_ms) // TURN_EVERY_MS, self.turns - 1 - self.turn)
        self.turn += missed
        self.due_ms += missed * TURN_EVERY_MS

    def pass_turn(self) -> None:
        self.turn += 1
        self.due_ms += TURN_EVERY_MS


def suborder_lots(twap: Twap, limit_price: int, unit: int) -> int:
    """The size of this turn's suborder, in multiples of ``unit`` lots; 0 if nothing is due.

    What would be left as less than the smallest suborder goes along.
    """
    left = twap.lots - twap.executed
    due = -(-twap.lots * (twap.turn + 1) // twap.turns) - twap.executed
    if due <= 0:
        return 0
    if twap.randomize and twap.turn < twap.turns - 1:
        percent = Random(f"{twap.twap_id}:{twap.turn}").randint(100 - _SPREAD_PERCENT, 100 + _SPREAD_PERCENT)
        due = due * percent // 100
    least = -(-twap.least_micro // limit_price)
    lots = max(min(due, _CATCH_UP * twap.lots // twap.turns), -(-least // unit) * unit)
    if left - lots < least:
        lots = left
    return lots - lots % unit


def state_row(twap: Twap, sz_decimals: int) -> JsonObject:
    """The order in ``twapStates`` and ``twapHistory``."""
    return {
        "coin": twap.coin,
        "user": twap.user,
        "side": twap.side.wire,
        "sz": units_wire(twap.lots, sz_decimals),
        "executedSz": units_wire(twap.executed, sz_decimals),
        "executedNtl": micro_wire(twap.executed_micro),
        "minutes": twap.minutes,
        "reduceOnly": twap.reduce_only,
        "randomize": twap.randomize,
        "timestamp": twap.created_ms,
        "trigger": None,
        "stopPx": None,
    }
