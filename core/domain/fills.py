"""Fills: what the exchange says happened. Every one of them moves the ledger, exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from core.domain.orders import Side


class FillSource(StrEnum):
    """How a fill first reached us. ``ws`` is the live stream; everything else counts as ``rest``."""

    WS = "ws"
    SNAPSHOT = "snapshot"
    REST = "rest"

    @property
    def counts_as_ws(self) -> bool:
        return self is FillSource.WS


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
    def end_lots(self) -> int:
        """The position after it."""
        return self.start_lots + self.signed_lots
