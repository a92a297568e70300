"""The words of the view: what may be said of the core, a level of the grid, a stop and an alert."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)

DRIFT_ALERT_PCT, DRIFT_HALT_PCT = 1, 10
"""Of drift, by the seed: above the first it is an alert, above the second the coin halts."""

DRIFT_HALT = "position drift"
"""What the reason of such a halt begins with."""


class RunState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    HALTED = "halted"
    FLATTENING = "flattening"
    STOPPING = "stopping"
    DEAD = "dead"


class BudgetMode(StrEnum):
    """How sparingly an account's requests are spent."""

    NORMAL = "normal"
    THINNING = "thinning"
    """Orders that aren't worth it stay as they are, so that the rest lasts."""
    ONE_PER_10S = "one_per_10s"
    """Spent: the exchange takes one order in ten seconds."""


class CommandStatus(StrEnum):
    """What has become of an operator's command."""

    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Severity(StrEnum):
    INFO = "info"
    WARN = "warn"
    CRIT = "crit"

    @property
    def rank(self) -> int:
        """The graver the higher, from 0."""
        return ("info", "warn", "crit").index(self.value)


class LevelState(StrEnum):
    """What the ladder shows for a level. MISSING: should exist and doesn't. ORPHAN: exists and shouldn't. WAITING: is below the
    exchange's least order until more of its cell has traded.
    """

    OPEN = "open"
    IN_FLIGHT = "in_flight"
    MISSING = "missing"
    ORPHAN = "orphan"
    WAITING = "waiting"


class BreakerState(StrEnum):
    """Of a circuit breaker. HALF_OPEN: a probe is out, or goes with the next request."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class SessionState(StrEnum):
    """Of a coin's market. CLOSING: open, and so near to the close that the policy has begun. OPENING: open by the calendar, and
    not quoted since.
    """

    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    OPENING = "opening"


class StopState(StrEnum):
    """Of the stop that protects a position at the exchange. NONE: nothing is held, or no stop is configured for its side."""

    NONE = "none"
    RESTING = "resting"
    PLACING = "placing"
    MISSING = "missing"


class DeadManState(StrEnum):
    """Of the exchange's dead man's switch. OFF: not wanted, or cleared. ASKED: not answered yet. FIRED: it has cancelled
    everything, and isn't armed again yet.
    """

    OFF = "off"
    ASKED = "asked"
    ARMED = "armed"
    REFUSED = "refused"
    NOT_ELIGIBLE = "not_eligible"
    FIRED = "fired"


class OrderShown(StrEnum):
    """How an order stands, worst first: what ought not to be there is listed before what is as it should be."""

    CANCEL_FAILED = "cancel failed"
    ORPHAN = "orphan"
    """It rests on the account and is not in our books, or is somebody else's."""
    UNKNOWN = "unknown"
    CANCELLING = "cancelling"
    IN_FLIGHT = "in flight"
    AWAITING_FILLS = "awaiting fills"
    """The exchange has ended it, and more of it traded than has been told."""
    PARTIAL = "partial"
    OPEN = "open"
