"""Orders and fills as the exchange keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.domain.orders import Side
from core.paper.jsonio import JsonObject

TWAP = "twap"
"""The type of the rows that tell what became of TWAP orders."""


class TimeInForce(StrEnum):
    ALO = "Alo"
    IOC = "Ioc"
    GTC = "Gtc"
    FRONTEND_MARKET = "FrontendMarket"
    LIQUIDATION_MARKET = "LiquidationMarket"
    """The exchange's own; nobody can send it."""

    @property
    def may_rest(self) -> bool:
        return self in (TimeInForce.ALO, TimeInForce.GTC)


class OrderStatus(StrEnum):
    """Hyperliquid's words; everything but OPEN is terminal. TRIGGERED is passed through: no order stays so."""

    OPEN = "open"
    FILLED = "filled"
    TRIGGERED = "triggered"
    CANCELED = "canceled"
    SELF_TRADE_CANCELED = "selfTradeCanceled"
    REDUCE_ONLY_CANCELED = "reduceOnlyCanceled"
    SIBLING_FILLED_CANCELED = "siblingFilledCanceled"
    MARGIN_CANCELED = "marginCanceled"
    LIQUIDATED_CANCELED = "liquidatedCanceled"
    DELISTED_CANCELED = "delistedCanceled"
    SCHEDULED_CANCEL = "scheduledCancel"
    REJECTED = "rejected"
    TICK_REJECTED = "tickRejected"
    MIN_NOTIONAL_REJECTED = "minTradeNtlRejected"
    MARGIN_REJECTED = "perpMarginRejected"
    REDUCE_ONLY_REJECTED = "reduceOnlyRejected"
    BAD_ALO_REJECTED = "badAloPxRejected"
    IOC_REJECTED = "iocCancelRejected"
    NO_LIQUIDITY_REJECTED = "marketOrderNoLiquidityRejected"
    BAD_TRIGGER_REJECTED = "badTriggerPxRejected"
    TOO_MANY_REJECTED = "tooManyOpenOrdersRejected"
    MAX_POSITION_REJECTED = "perpMaxPositionRejected"
    CAP_INCREASE_REJECTED = "positionIncreaseAtOpenInterestCapRejected"
    CAP_FLIP_REJECTED = "positionFlipAtOpenInterestCapRejected"


class Grouping(StrEnum):
    """How the orders of one action belong together."""

    NONE = "na"
    NORMAL_TPSL = "normalTpsl"
    """The first is the parent; the others wait until it is filled."""
    POSITION_TPSL = "positionTpsl"
    """They belong to the position, whatever its size."""


@dataclass(frozen=True, slots=True)
class WireTrigger:
    """``price`` still text, canonical."""

    price: str
    is_market: bool
    is_take_profit: bool


@dataclass(frozen=True, slots=True)
class WireOrder:
    """An order as sent: decimals still text, canonical. ``tif`` is None for a trigger order."""

    asset: int
    is_buy: bool
    price: str
    size: str
    reduce_only: bool
    tif: TimeInForce | None
    cloid: str | None
    trigger: WireTrigger | None = None


@dataclass(slots=True)
class Trigger:
    """What an order waits for before it goes to the book: the mark price at ``price`` or beyond."""

    price: int
    is_market: bool
    is_take_profit: bool
    is_position: bool = False
    """Belongs to the position; without a size of its own it closes all of it."""
    waits_for: int = 0
    """The oid of the parent that has to be filled first; 0 if none has."""
    siblings: tuple[int, ...] = ()
    """Oids of the orders that go once this one is filled."""
    has_fired: bool = False

    def is_above(self, side: Side) -> bool:
        """Whether an order of ``side`` fires at marks of ``price`` and above, or of ``price`` and below."""
        return (side is Side.SELL) is self.is_take_profit

    def is_met(self, side: Side, mark: int) -> bool:
        return mark >= self.price if self.is_above(side) else mark <= self.price


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What a client asks for: a price in price units, a size in lots. ``trigger`` is the order's own from then on."""

    coin: str
    side: Side
    price: int
    lots: int
    tif: TimeInForce
    reduce_only: bool = False
    cloid: str | None = None
    trigger: Trigger | None = None
    builder: tuple[str, int] | None = None
    """Who gets a fee on top, in tenths of a basis point."""
    twap_id: int | None = None
    """Whose suborder it is."""


@dataclass(slots=True, eq=False)
class Order:
    """An order of an account. ``remaining`` may be less than ``lots - filled``: a reduce-only order is shrunk."""

    oid: int
    user: str
    coin: str
    side: Side
    price: int
    lots: int
    remaining: int
    tif: TimeInForce
    reduce_only: bool
    cloid: str | None
    created_ms: int
    status: OrderStatus
    status_ms: int
    filled: int = 0
    filled_micro: int = 0
    """The notional of its fills."""
    rank: int = 0
    """The order's turn among those that came to rest in its book, from 1."""
    ahead: int = 0
    """The market's lots that stood before it at its price, when it was last stored."""
    trigger: Trigger | None = None
    children: tuple[int, ...] = ()
    """Oids of the trigger orders that wait for this one to be filled."""
    builder: tuple[str, int] | None = None
    """Who gets a fee on top of its fills' fees, in tenths of a basis point."""
    twap_id: int | None = None
    """Whose suborder it is."""

    @property
    def is_open(self) -> bool:
        return self.status is OrderStatus.OPEN

    @property
    def rests(self) -> bool:
        """Whether it stands in the book, or is about to: an open order that waits for nothing."""
        return self.is_open and (self.trigger is None or self.trigger.has_fired)


@dataclass(frozen=True, slots=True)
class OrderUpdate:
    """A row of ``orderUpdates``: the order as it was at that moment."""

    order: Order
    remaining: int
    status: OrderStatus
    time_ms: int


@dataclass(frozen=True, slots=True)
class Liquidated:
    """What both sides' fills say of a liquidation. ``method`` is ``market`` or ``backstop``."""

    user: str
    mark: int
    method: str


@dataclass(frozen=True, slots=True)
class FillRecord:
    """One side of one trade. ``closed_pnl`` is gross of ``fee``; both in micro-USDC, a positive fee is paid."""

    user: str
    coin: str
    time_ms: int
    tid: int
    oid: int
    cloid: str | None
    side: Side
    price: int
    lots: int
    start_lots: int
    closed_pnl: int
    fee: int
    crossed: bool
    direction: str
    hash: str
    liquidated: Liquidated | None = None
    builder_fee: int = 0
    """The builder's part of ``fee``."""
    twap_id: int | None = None
    """The TWAP order that took part in the trade with a suborder, on its own side alone."""


@dataclass(frozen=True, slots=True)
class TradePrint:
    """A row of ``trades``. ``side`` is the aggressor's; the market's own party has the market's address."""

    coin: str
    side: Side
    price: int
    lots: int
    time_ms: int
    tid: int
    hash: str
    buyer: str
    seller: str


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """What befell an account besides fills: a row of ``userFunding`` (``delta.type`` is ``funding``), of ``twapHistory``
    (``twap``) or of ``userNonFundingLedgerUpdates``. ``delta`` as it goes over the wire.
    """

    user: str
    time_ms: int
    hash: str
    delta: JsonObject

    @property
    def is_funding(self) -> bool:
        return self.delta["type"] == "funding"

    @property
    def is_twap(self) -> bool:
        return self.delta["type"] == TWAP

    @property
    def is_ledger(self) -> bool:
        return not self.is_funding and not self.is_twap
