"""What the engine wants done. Journal rows are written before any byte leaves and before anyone sees the result."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from core.domain.commands import Command
from core.domain.fills import Adjustment
from core.domain.grid import GridRow
from core.domain.orders import Order
from core.view import HistoryPoint

Scalar = str | int | float | bool | None
Severity = Literal["info", "warn", "crit"]


class Tell(Protocol):
    """Publishes an event, from any thread."""

    def __call__(self, name: str, severity: Severity, **fields: Scalar) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Send these orders, once. Their rows are committed as SENT first."""

    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Modify:
    """Let new orders take the place of resting ones, once. ``pairs``: the old one, CANCELLING, and the new one, SENT; both rows
    are committed first.
    """

    pairs: tuple[tuple[Order, Order], ...]

    @property
    def orders(self) -> tuple[Order, ...]:
        """What is to be placed."""
        return tuple(new for _, new in self.pairs)


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel these orders by cloid."""

    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class CancelOrphan:
    """Cancel an order with our tag and instance that has no row."""

    coin: str
    cloid: str


@dataclass(frozen=True, slots=True)
class CancelForeign:
    """Cancel orders that aren't ours: (coin, order id). Only what an operator asks for does."""

    orders: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class SaveOrder:
    """The order's row changed."""

    order: Order


@dataclass(frozen=True, slots=True)
class SaveGrid:
    """A new generation of a coin's grid."""

    grid: GridRow


@dataclass(frozen=True, slots=True)
class SaveHalt:
    """Latch a halt: it survives a restart until ``LiftHalt``. ``coin`` empty means all."""

    coin: str
    reason: str


@dataclass(frozen=True, slots=True)
class LiftHalt:
    coin: str
    by: str


@dataclass(frozen=True, slots=True)
class SavePnlPeak:
    """The highest profit of all coins so far, unrealized included, USD."""

    pnl: Decimal


@dataclass(frozen=True, slots=True)
class SaveOverrides:
    """What an operator has set of a coin's grid in place of its settings, as text."""

    coin: str
    text: str


@dataclass(frozen=True, slots=True)
class SaveFeatures:
    """What a coin's bars have told so far, as text."""

    coin: str
    text: str


@dataclass(frozen=True, slots=True)
class SaveParked:
    """Which slots of a coin's grid an operator has parked, as text."""

    coin: str
    text: str


@dataclass(frozen=True, slots=True)
class SaveDayMark:
    """Where a coin's day began, as text."""

    coin: str
    text: str


@dataclass(frozen=True, slots=True)
class SaveStanding:
    """What a coin's grid is in the midst of, as text."""

    coin: str
    text: str


@dataclass(frozen=True, slots=True)
class SaveDeadMan:
    """When the dead man's switch may fire (venue time), written before it is asked for; 0: it is off."""

    until_ms: int


@dataclass(frozen=True, slots=True)
class SaveDay:
    """Where a day (``2026-01-30``, UTC) began: the profit so far and the account's value, USD."""

    day: str
    pnl: Decimal
    account_value: Decimal


@dataclass(frozen=True, slots=True)
class SaveHistory:
    """Where the account stood at the end of a minute."""

    point: HistoryPoint


@dataclass(frozen=True, slots=True)
class SaveAction:
    """The operator's log: a command and what became of it. ``before`` and ``after`` say how things stood, in a few words."""

    command: Command
    outcome: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class SaveAdjustment:
    """An accepted change of the position that no fill explains."""

    adjustment: Adjustment


@dataclass(frozen=True, slots=True)
class RevokeAdjustment:
    """The fills that an adjustment stood for have come: it counts no more."""

    id: str


@dataclass(frozen=True, slots=True)
class SavePosition:
    """What the ledger holds: ``lots`` signed, after so many ``fills`` and ``adjustments`` of the coin."""

    coin: str
    lots: int
    fills: int
    adjustments: int


@dataclass(frozen=True, slots=True)
class SaveCheckpoint:
    """The fold of the anchor and of everything of the coin before ``cut_ms`` (venue time, exclusive).

    ``lots`` signed, ``cost`` in micro-USDC, ``realized`` and ``fees`` in USD.
    """

    coin: str
    cut_ms: int
    lots: int
    cost: int
    realized: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True)
class AskFunding:
    """Read funding payments over REST, from the newest one in the journal on."""


@dataclass(frozen=True, slots=True)
class AskFundingRates:
    """Read what a position pays or gets within the hour, of every coin: only while somebody must know what waiting costs."""


@dataclass(frozen=True, slots=True)
class AskTransfers:
    """Read deposits, withdrawals and transfers over REST, from the newest one in the journal on."""


@dataclass(frozen=True, slots=True)
class AskRequestBudget:
    """Read how many requests the exchange still takes of the account."""


@dataclass(frozen=True, slots=True)
class AskAgent:
    """Read what the exchange lists of the agent that signs."""

    address: str


@dataclass(frozen=True, slots=True)
class AskBook:
    """Read the best bid and ask of one coin over REST, to hold against a stream that is quiet."""

    coin: str


@dataclass(frozen=True, slots=True)
class AskListings:
    """Read whether, and in what steps, the exchange trades our coins."""


@dataclass(frozen=True, slots=True)
class AskDepth:
    """Read the whole book of one coin over REST: what a position could be closed against."""

    coin: str
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class AskLedgerUpdates:
    """Read the account's transfers, deposits and liquidations since a venue time, to explain a drift."""

    since_ms: int


@dataclass(frozen=True, slots=True)
class AskOrderStatus:
    coin: str
    cloid: str


@dataclass(frozen=True, slots=True)
class AskAccount:
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class AskOpenOrders:
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class Backfill:
    """Read fills over REST from ``since_ms`` (venue time, inclusive); ``None``: from the cursor with overlap. To ``until_ms``
    (inclusive), if it is given: then the cursor stays where it is.
    """

    since_ms: int | None = None
    ticket: str = ""
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class MoveMargin:
    """Add so many micro-USD to the margin of an isolated position, once."""

    coin: str
    micro: int
    ticket: str


@dataclass(frozen=True, slots=True)
class ArmDeadMan:
    """Have the exchange cancel everything of the account at ``until_ms`` (venue time), in place of an earlier time."""

    until_ms: int


@dataclass(frozen=True, slots=True)
class DisarmDeadMan:
    """Let no such time be set."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Close the market-data connection and open a new one."""

    reason: str


@dataclass(frozen=True, slots=True)
class ReportBug:
    """Write a crash report of a bug that ``where`` has, and that the run goes on with."""

    where: str
    error: Exception


@dataclass(frozen=True, slots=True)
class Notify:
    """One event for the log, the screen and every other observer. Names of the seed stay as they are."""

    name: str
    severity: Severity = "info"
    coin: str = ""
    fields: tuple[tuple[str, Scalar], ...] = ()


def notify(name: str, severity: Severity = "info", coin: str = "", **fields: Scalar) -> Notify:
    return Notify(name, severity, coin, tuple(fields.items()))


Effect = (
    Place
    | Modify
    | Cancel
    | CancelOrphan
    | CancelForeign
    | SaveOrder
    | SaveGrid
    | SaveHalt
    | LiftHalt
    | SavePnlPeak
    | SaveDay
    | SaveDayMark
    | SaveDeadMan
    | SaveHistory
    | SaveFeatures
    | SaveStanding
    | SaveParked
    | SaveOverrides
    | SaveAction
    | SaveAdjustment
    | RevokeAdjustment
    | SavePosition
    | SaveCheckpoint
    | AskFunding
    | AskFundingRates
    | AskTransfers
    | AskRequestBudget
    | AskAgent
    | AskBook
    | AskListings
    | AskDepth
    | AskLedgerUpdates
    | AskOrderStatus
    | AskAccount
    | AskOpenOrders
    | Backfill
    | MoveMargin
    | ArmDeadMan
    | DisarmDeadMan
    | Reconnect
    | ReportBug
    | Notify
)
