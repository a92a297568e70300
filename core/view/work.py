"""How much the core has to do, how long it takes, and what waits: of this run."""

from __future__ import annotations

from dataclasses import dataclass, field

DURATION_ENDS_US = (
    *(100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000),
    *(1_000_000, 2_500_000, 5_000_000, 10_000_000),
)
BATCH_ENDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


@dataclass(frozen=True, slots=True)
class SpreadView:
    """How values are spread: ``counts`` has one number for each of the ends that it is kept for, of values up to that end and
    above the one before, and a last one for what is above all. Empty before the first value.
    """

    counts: tuple[int, ...] = ()
    total: int = 0
    """Of all values: microseconds, or orders."""


@dataclass(frozen=True, slots=True)
class ObserverView:
    """One that looks on: the log, alerts, metrics."""

    name: str
    waiting: int = 0
    """Events that it has not taken yet."""
    lost: int = 0
    """Events that it will never get: too many waited, or it failed at them."""


@dataclass(frozen=True, slots=True)
class SentView:
    """What was sent for one coin."""

    coin: str
    bids: int = 0
    asks: int = 0
    cancels: int = 0


@dataclass(frozen=True, slots=True)
class WorkView:
    turns: int = 0
    """Of the account's loop."""
    inbox: int = 0
    """Items that waited for it when it last ended one."""
    commits: SpreadView = field(default_factory=SpreadView)
    """Transactions of the journal, by how long each took to be on disk (``DURATION_ENDS_US``)."""
    checks: SpreadView = field(default_factory=SpreadView)
    """Looks at the account at the exchange, from question to comparison (``DURATION_ENDS_US``)."""
    batches: SpreadView = field(default_factory=SpreadView)
    """Actions that place or modify, by how many orders each had (``BATCH_ENDS``)."""
    sent: tuple[SentView, ...] = ()
    observers: tuple[ObserverView, ...] = ()
