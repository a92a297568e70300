"""Orders, fills, prints and books as Hyperliquid writes them in JSON."""

from __future__ import annotations

from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.paper.jsonio import Json, JsonObject
from core.paper.venue.book import Book
from core.paper.venue.orders import FillRecord, Order, OrderUpdate, TimeInForce, TradePrint
from core.paper.wiretext import micro_wire, units_wire

MAX_LEVELS = 20
"""Levels a side of ``l2Book``."""


class Rows:
    """Writes rows for the coins of one exchange."""

    def __init__(self, instruments: dict[str, Instrument]) -> None:
        self._instruments = instruments

    def price(self, coin: str, price: int) -> str:
        return units_wire(price, self._instruments[coin].price_decimals)

    def size(self, coin: str, lots: int) -> str:
        return units_wire(lots, self._instruments[coin].sz_decimals)

    def open_order(self, order: Order) -> JsonObject:
        """A row of ``openOrders``: ``cloid`` and ``reduceOnly`` are absent where there is nothing to say."""
        return self._brief(order, order.remaining)

    def full_order(self, order: Order) -> JsonObject:
        """A row of ``frontendOpenOrders``, and the order in ``orderStatus``."""
        return {
            "coin": order.coin,
            "side": order.side.wire,
            "limitPx": self.price(order.coin, order.price),
            "sz": self.size(order.coin, order.remaining),
            "oid": order.oid,
            "timestamp": order.created_ms,
            "triggerCondition": "N/A",
            "isTrigger": False,
            "triggerPx": "0.0",
            "children": [],
            "isPositionTpsl": False,
            "reduceOnly": order.reduce_only,
            "orderType": "Market" if order.tif is TimeInForce.FRONTEND_MARKET else "Limit",
            "origSz": self.size(order.coin, order.lots),
            "tif": order.tif.value,
            "cloid": order.cloid,
        }

    def order_update(self, update: OrderUpdate) -> JsonObject:
        return {
            "order": self._brief(update.order, update.remaining),
            "status": update.status.value,
            "statusTimestamp": update.time_ms,
        }

    def fill(self, fill: FillRecord) -> JsonObject:
        row: JsonObject = {
            "coin": fill.coin,
            "px": self.price(fill.coin, fill.price),
            "sz": self.size(fill.coin, fill.lots),
            "side": fill.side.wire,
            "time": fill.time_ms,
            "startPosition": self.size(fill.coin, fill.start_lots),
            "dir": fill.direction,
            "closedPnl": micro_wire(fill.closed_pnl),
            "hash": fill.hash,
            "oid": fill.oid,
            "crossed": fill.crossed,
            "fee": micro_wire(fill.fee),
            "tid": fill.tid,
        }
        if fill.cloid is not None:
            row["cloid"] = fill.cloid
        row["feeToken"] = "USDC"
        row["twapId"] = None
        return row

    def trade(self, trade: TradePrint) -> JsonObject:
        return {
            "coin": trade.coin,
            "side": trade.side.wire,
            "px": self.price(trade.coin, trade.price),
            "sz": self.size(trade.coin, trade.lots),
            "time": trade.time_ms,
            "hash": trade.hash,
            "tid": trade.tid,
            "users": [trade.buyer, trade.seller],
        }

    def l2_book(self, book: Book, time_ms: int) -> JsonObject:
        return {
            "coin": book.coin,
            "time": time_ms,
            "levels": [
                [self._level(book.coin, row) for row in book.depth(side, MAX_LEVELS)]
                for side in (Side.BUY, Side.SELL)
            ],
        }

    def bbo(self, book: Book, time_ms: int) -> JsonObject:
        sides: list[Json] = []
        for side in (Side.BUY, Side.SELL):
            top = book.top(side)
            sides.append(None if top is None else self._level(book.coin, top))
        return {"coin": book.coin, "time": time_ms, "bbo": sides}

    def mid(self, book: Book) -> str | None:
        """The exact middle, which may lie between two ticks; of a one-sided book the last trade; None before any."""
        bid, ask = book.bids.best, book.asks.best
        decimals = self._instruments[book.coin].price_decimals
        if bid is not None and ask is not None:
            return units_wire((bid + ask) * 5, decimals + 1)
        return units_wire(book.last_price, decimals) if book.last_price else None

    def mids(self, books: dict[str, Book]) -> dict[str, Json]:
        return {coin: mid for coin, book in books.items() if (mid := self.mid(book)) is not None}

    def _level(self, coin: str, row: tuple[int, int, int]) -> JsonObject:
        price, lots, count = row
        return {"px": self.price(coin, price), "sz": self.size(coin, lots), "n": count}

    def _brief(self, order: Order, remaining: int) -> JsonObject:
        row: JsonObject = {
            "coin": order.coin,
            "side": order.side.wire,
            "limitPx": self.price(order.coin, order.price),
            "sz": self.size(order.coin, remaining),
            "oid": order.oid,
            "timestamp": order.created_ms,
            "origSz": self.size(order.coin, order.lots),
        }
        if order.cloid is not None:
            row["cloid"] = order.cloid
        if order.reduce_only:
            row["reduceOnly"] = True
        return row
