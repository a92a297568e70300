"""What comes into the engine. Decoded once at the edge: integers, enums, plain text."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from core.domain.causes import Cause, Failure
from core.domain.commands import Command
from core.domain.depth import Depth
from core.domain.fills import Fill, ForeignFill, Funding
from core.domain.holdings import CellPart
from core.domain.listing import ListingsObserved
from core.domain.margin import HeldMargin
from core.domain.orders import Side
from core.domain.request_limits import NO_WEIGHT, IpWeight, RequestBudgetObserved
from core.domain.router_events import RouterEvent
from core.domain.transfers import Transfer


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask of one coin, in price units; ``None`` where that side is empty."""

    coin: str
    bid: int | None
    ask: int | None
    time_ms: int
    arrived_us: int = field(default=0, compare=False)
    """When its bytes came in, by the monotonic clock; 0: not over the stream. For measuring alone, as in the others."""


@dataclass(frozen=True, slots=True)
class FillsArrived:
    """Fills as a feed or a REST read brought them: not yet durable, perhaps known. The engine never sees this.

    ``ticket`` names the one REST read that brought them; empty for the stream.
    """

    fills: tuple[Fill, ...]
    ticket: str = ""
    foreign: tuple[ForeignFill, ...] = ()
    arrived_us: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class FillConflict:
    """A fill whose key is known with another content: ``known`` stands, ``told`` was refused."""

    known: Fill
    told: Fill


@dataclass(frozen=True, slots=True)
class FillsCommitted:
    """Fills that are in the journal now and were not before, and how many were refused as duplicates, by coin."""

    fills: tuple[Fill, ...]
    duplicates: tuple[tuple[str, int], ...] = ()
    foreign: tuple[ForeignFill, ...] = ()
    """Those that are new."""
    conflicts: tuple[FillConflict, ...] = ()
    matched: tuple[tuple[str, int], ...] = ()
    """By how much the matched profit of each coin's grid grew with them, micro-USDC."""
    parts: tuple[CellPart, ...] = ()
    """What of them was taken from cells whose orders they aren't."""
    arrived_us: int = field(default=0, compare=False)
    """Of the first of them that came over the stream."""


@dataclass(frozen=True, slots=True)
class FundingArrived:
    """Funding payments as a read brought them: not yet durable, perhaps known. The engine never sees this."""

    payments: tuple[Funding, ...]


@dataclass(frozen=True, slots=True)
class FundingCommitted:
    """Funding payments that are in the journal now and were not before."""

    payments: tuple[Funding, ...]


@dataclass(frozen=True, slots=True)
class TransfersArrived:
    """Transfers as a read brought them: not yet durable, perhaps known. The engine never sees this."""

    transfers: tuple[Transfer, ...]


@dataclass(frozen=True, slots=True)
class TransfersCommitted:
    """Transfers that are in the journal now and were not before."""

    transfers: tuple[Transfer, ...]


@dataclass(frozen=True, slots=True)
class BookObserved:
    """The best bid and ask of one coin over REST, asked for at ``asked_mono_ms``."""

    quote: Quote
    asked_mono_ms: int


@dataclass(frozen=True, slots=True)
class DepthObserved:
    """The book of one coin over REST, all that the exchange tells of it."""

    depth: Depth
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class LedgerUpdatesObserved:
    """What moved on the account without a fill since ``since_ms`` (venue time): (kind, how often), e.g. ``deposit``."""

    since_ms: int
    kinds: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class OrderUpdate:
    """A row of ``orderUpdates``, or of an ``orderStatus`` answer: evidence about one order.

    ``remaining`` is the venue's ``sz`` in lots: what had not traded when it was written.
    """

    coin: str
    cloid: str | None
    order_id: int
    status: str
    remaining: int
    original: int
    time_ms: int
    is_streamed: bool = False
    """Over the stream, not from a REST answer."""
    cause: Cause = Cause.REFUSED
    """Why it was refused, if it was."""


@dataclass(frozen=True, slots=True)
class Resting:
    """The venue took the order and it rests."""

    order_id: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """The venue took a trigger order, which waits for its price. Its order id is told later, by an update or a list."""


@dataclass(frozen=True, slots=True)
class Traded:
    """The venue answered ``filled``: for an IOC, ``lots`` is all that will ever trade."""

    order_id: int
    lots: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The venue certainly did not place it; ``reason`` in its words."""

    reason: str
    cause: Cause = Cause.REFUSED


@dataclass(frozen=True, slots=True)
class Unsettled:
    """No answer, or none that can be trusted: it may be live. Evidence must follow."""

    reason: str
    cause: Cause = Cause.UNANSWERED


PlaceResult = Resting | Waiting | Traded | Refused | Unsettled


@dataclass(frozen=True, slots=True)
class PlaceOutcome:
    """What became of one action that places, order by order; ``failure`` if it was not answered order by order.

    ``replaced``: the orders whose place these were to take, as the results of ``CancelOutcome``.
    """

    results: tuple[tuple[str, PlaceResult], ...]
    failure: Failure | None = None
    replaced: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CancelOutcome:
    """What the venue answered to a cancel action: per cloid ``""`` for success, else its words or our doubt.

    Success or ``never placed, already canceled, or filled`` settles nothing by itself: how much had traded is told by
    the order's update or status. ``failure``: the first of its actions that was not answered cancel by cancel.
    """

    results: tuple[tuple[str, str], ...]
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class OrderNotFound:
    """``orderStatus`` by cloid answered ``unknownOid``, asked when the venue's own stamps had reached ``venue_ms``."""

    cloid: str
    venue_ms: int


@dataclass(frozen=True, slots=True)
class RemoteOrder:
    """One resting order of the account, as ``frontendOpenOrders`` lists it."""

    coin: str
    cloid: str | None
    order_id: int
    side: Side
    price: int
    remaining: int
    is_trigger: bool


@dataclass(frozen=True, slots=True)
class OrderElsewhere:
    """A resting order of the account in a coin that isn't traded here."""

    coin: str
    order_id: int
    is_trigger: bool


@dataclass(frozen=True, slots=True)
class OpenOrdersObserved:
    """All resting orders of the account. ``asked_mono_ms`` is when the request left: later orders may be absent."""

    orders: tuple[RemoteOrder, ...]
    asked_mono_ms: int
    ticket: str = ""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """Coin and cloid of orders with our tag in coins that aren't traded here, but for stops."""
    others: tuple[OrderElsewhere, ...] = ()
    """Every order in coins that aren't traded here."""


@dataclass(frozen=True, slots=True)
class FundingRatesObserved:
    """By coin: the share of a position's notional that long pays short within the hour; negative: short pays long."""

    rates: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True)
class AccountObserved:
    """One ``clearinghouseState``: signed positions in lots, money in USD, the venue's time of it."""

    positions: tuple[tuple[str, int], ...]
    account_value: Decimal
    margin_used: Decimal
    venue_ms: int
    asked_mono_ms: int
    ticket: str = ""
    raw_usd: Decimal = Decimal(0)
    """``totalRawUsd``: cash less what the positions cost, so that the value of all positions added to it is the account's."""
    liquidations: tuple[tuple[str, Decimal], ...] = ()
    """Where the exchange would liquidate a position, USD; coins without such a price are left out."""
    held: tuple[HeldMargin, ...] = ()
    """How the exchange margins the positions of our coins."""


@dataclass(frozen=True, slots=True)
class BackfillDone:
    """A REST read of fills reached its end. ``seen`` rows, ``new`` of them unknown before; ``error`` empty if it worked.

    ``cursor_ms``: every fill up to this venue time was in it, or in an earlier read, but for what a lagging node left out.
    """

    ticket: str
    seen: int
    new: int
    cursor_ms: int
    error: str = ""
    read: str = ""
    """The ``ticket`` of its ``FillsArrived``."""
    cause: Cause = Cause.UNANSWERED
    """Of the error."""
    retry_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class FeedChanged:
    """The market-data connection came up (every subscription acknowledged) or went down."""

    connected: bool
    generation: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """A REST read failed for good: ``what`` was asked, ``reason`` in a sentence; the rest as in ``Failure``."""

    what: str
    reason: str
    ticket: str = ""
    cause: Cause = Cause.UNANSWERED
    retry_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class MarginMoved:
    """The answer to a ``MoveMargin``: ``error`` is empty if it was done. ``is_definite``: an error that left all as it was."""

    coin: str
    ticket: str
    error: str = ""
    is_definite: bool = True


@dataclass(frozen=True, slots=True)
class WireQuarantined:
    """A message that did not decode exactly. It touched nothing; ``sample`` is its raw text, cut."""

    channel: str
    reason: str
    sample: str


@dataclass(frozen=True, slots=True)
class CommandReceived:
    command: Command


@dataclass(frozen=True, slots=True)
class StopRequested:
    """SIGTERM, SIGINT, the end of ``--for``, or quit: cancel ours, drain, reconcile; ``at_once``: one begun ends as it is."""

    reason: str
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class LoopLagged:
    """The process stood still for ``gap_ms`` (CPU steal, a suspended machine, a slow commit): what is known is old."""

    gap_ms: int


@dataclass(frozen=True, slots=True)
class StorageRecovered:
    """The journal could not be written for ``lasted_ms``, and can again. Nothing that came meanwhile is lost."""

    lasted_ms: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed. ``last_message_ms`` is the wall time of the feed's last message of any kind; 0 before the first."""

    last_message_ms: int
    rest_latency_ms: float
    commit_ms: int = 0
    """How long the journal's last commit took."""
    backlog: int = 0
    """Items that wait in the inbox."""
    weight: IpWeight = NO_WEIGHT


Event = (
    Quote
    | FillsCommitted
    | FundingCommitted
    | TransfersCommitted
    | BookObserved
    | DepthObserved
    | LedgerUpdatesObserved
    | OrderUpdate
    | PlaceOutcome
    | CancelOutcome
    | OrderNotFound
    | OpenOrdersObserved
    | AccountObserved
    | RequestBudgetObserved
    | FundingRatesObserved
    | ListingsObserved
    | BackfillDone
    | FeedChanged
    | RequestFailed
    | MarginMoved
    | RouterEvent
    | WireQuarantined
    | CommandReceived
    | StopRequested
    | StorageRecovered
    | LoopLagged
    | Tick
)
