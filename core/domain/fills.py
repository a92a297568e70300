"""Fills: what the exchange says happened. Every one of them moves the ledger, exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from core.domain.orders import Side

REACHABLE_FILLS = 10_000
"""The exchange lists no more of an account's fills than its newest ones, so many (Hyperliquid: userFillsByTime)."""


class FillSource(StrEnum):
    """How a fill first reached us. ``ws`` is the live stream; everything else counts as ``rest``."""

    WS = "ws"
    SNAPSHOT = "snapshot"
    REST = "rest"
    RESOLVER = "resolver"
    """A read that was made to settle one order."""

    @property
    def counts_as_ws(self) -> bool:
        return self is FillSource.WS


class FillKind(StrEnum):
    """What sort of happening a fill tells of; all of them move the position."""

    TRADE = "trade"
    LIQUIDATION = "liquidation"
    """Ours: the account was liquidated. Having traded against somebody's liquidation is a plain trade."""
    ADL = "adl"
    SETTLEMENT = "settlement"


class FillKey(NamedTuple):
    """What makes a fill the same fill.

    Hyperliquid documents (block time, coin, tid) as globally unique; ``trade_id`` alone is a 50-bit hash, and 0 for
    system rows. For those ``discriminator`` holds the fields that tell two of them apart; else it is empty.
    """

    account: str
    coin: str
    time_ms: int
    trade_id: int
    discriminator: str


@dataclass(frozen=True, slots=True)
class Fill:
    """One fill of the account.

    ``price`` in price units and ``lots`` > 0 are exact; ``start_lots`` is the signed position before it, rounded to whole lots.
    ``closed_pnl`` is the venue's, gross of fees; a positive ``fee`` is paid. ``raw`` is the row as it arrived.
    """

    account: str
    coin: str
    time_ms: int
    trade_id: int
    order_id: int
    cloid: str | None
    side: Side
    price: int
    lots: int
    start_lots: int
    closed_pnl: Decimal
    fee: Decimal
    fee_token: str
    crossed: bool
    direction: str
    hash: str
    source: FillSource
    raw: str
    kind: FillKind = FillKind.TRADE

    @property
    def key(self) -> FillKey:
        discriminator = ""
        if self.trade_id == 0:
            discriminator = (
                f"{self.order_id}:{self.hash}:{self.start_lots}:{self.lots}:{self.price}:{self.side.wire}"
            )
        return FillKey(self.account, self.coin, self.time_ms, self.trade_id, discriminator)

    @property
    def signed_lots(self) -> int:
        return self.side.sign * self.lots

    @property
    def cash_micro(self) -> int:
        """What it brought in, micro-USDC: the proceeds of a sell, less the cost of a buy; without the fee."""
        return -self.price * self.signed_lots

    @property
    def end_lots(self) -> int:
        """The position after it."""
        return self.start_lots + self.signed_lots


@dataclass(frozen=True, slots=True)
class ForeignFill:
    """A fill of the account in a coin that isn't traded here (spot, another dex): kept as it came, it moves no position."""

    account: str
    coin: str
    time_ms: int
    trade_id: int
    order_id: int
    raw: str


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change of the position that no fill explains and that an operator has accepted: from ``start_lots`` to ``end_lots``.

    It stands in the chain of fills at ``time_ms`` (venue time). ``price`` in price units is what the added lots are taken to
    have cost. It is not a fill: no profit, no fee. ``id`` is unique over the journal's life.
    """

    id: str
    coin: str
    time_ms: int
    start_lots: int
    end_lots: int
    price: int
    accepted_ms: int
    accepted_by: str
    explanation: str

    @property
    def key(self) -> FillKey:
        """Sorts among the fills of its millisecond, after all that have an account."""
        return FillKey("~", self.coin, self.time_ms, 0, self.id)

    @property
    def signed_lots(self) -> int:
        return self.end_lots - self.start_lots

    @property
    def cash_micro(self) -> int:
        """What it would have brought in as a trade at its price, micro-USDC."""
        return -self.price * self.signed_lots


@dataclass(frozen=True, slots=True)
class Funding:
    """One funding payment of one coin, a row of ``userFunding``. ``usd`` is signed: positive was received, negative paid."""

    account: str
    coin: str
    time_ms: int
    usd: Decimal
    hash: str
    raw: str
