"""How long orders take on their way, from the tick that they were decided on to the exchange's answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.view.work import SpreadView


@dataclass(frozen=True, slots=True)
class StageView:
    """One stretch of the way, of this run. Microseconds; ``p50_us`` and ``p99_us`` are rounded up by at most an eighth."""

    name: str
    count: int = 0
    """Actions that went it. One action carries many orders, and is counted once."""
    p50_us: int = 0
    p99_us: int = 0
    worst_us: int = 0
    spread: SpreadView = field(default_factory=SpreadView)
    """By ``DURATION_ENDS_US``."""


@dataclass(frozen=True, slots=True)
class OrderTimesView:
    """When an order was where, in microseconds of the monotonic clock; 0: it was not, or not yet."""

    cloid: str
    coin: str
    tick_us: int = 0
    """The message came in that it was decided on. 0: it wasn't a quote or a fill of the stream."""
    decided_us: int = 0
    committed_us: int = 0
    """Its intent is on disk."""
    sent_us: int = 0
    """Its bytes were given to the connection."""
    acked_us: int = 0
    """The exchange's answer had been read."""


@dataclass(frozen=True, slots=True)
class LatencyView:
    stages: tuple[StageView, ...] = ()
    """In the order of the way, the whole of it up to the wire (``tick_to_wire``) before the exchange's part."""
    orders: tuple[OrderTimesView, ...] = ()
    """The newest, oldest first, bounded."""
