"""Risk Engine: what may be sent, judged on the worst case, with the reason when not.

The worst case of a side is the position plus every lot on that side that may still trade, UNKNOWN and CANCELLING orders
included (I4). Reducing the position is never refused (I7).
"""

from __future__ import annotations

from dataclasses import dataclass

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

    def with_order(self, side: Side, lots: int) -> Exposure:
        if side is Side.BUY:
            return Exposure(self.position, self.open_buys + lots, self.open_sells)
        return Exposure(self.position, self.open_buys, self.open_sells + lots)


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Limits of one coin in lots; ``max_order_lots`` guards against a sizing mistake."""

    cap_lots: int
    max_order_lots: int


def allow_order(exposure: Exposure, side: Side, lots: int, limits: RiskLimits) -> str:
    """``""`` if an order that may open or add exposure can be sent, else the reason in a sentence.

    An order that only reduces (all of it, even if every other order of its side trades first) is always allowed.
    """
    assert lots > 0, lots
    after = exposure.with_order(side, lots)
    worst = after.worst_long if side is Side.BUY else after.worst_short
    if worst <= 0:
        return ""
    if lots > limits.max_order_lots:
        return f"{lots} lots is more than the largest order allowed ({limits.max_order_lots})"
    if worst > limits.cap_lots:
        direction = "long" if side is Side.BUY else "short"
        return f"worst case {worst} lots {direction} would pass the cap of {limits.cap_lots}"
    return ""
