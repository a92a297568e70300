"""Orders, fills, prints and books as Hyperliquid writes them in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.paper.answers.books import MAX_LEVELS, WHOLE, Grouping, Row, levels
from core.paper.answers.candles import Candle, next_start
from core.paper.jsonio import Json, JsonObject
from core.paper.venue.book import Book
from core.paper.venue.orders import FillRecord, HistoryRow, Order, OrderUpdate, TimeInForce, TradePrint
from core.paper.wiretext import decimal_wire, micro_wire, units_wire

_MARKET_TIFS = (TimeInForce.FRONTEND_MARKET, TimeInForce.LIQUIDATION_MARKET)

_AVERAGE_DECIMALS = 10
"""Of the price of merged fills."""


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

    def full_order(self, order: Order, children: Sequence[Order] = ()) -> JsonObject:
        """A row of ``frontendOpenOrders``, and the order in ``orderStatus``. ``children`` are those that still wait for it."""
        trigger = order.trigger
        return {
            "coin": order.coin,
            "side": order.side.wire,
            "limitPx": self.price(order.coin, order.price),
            "sz": self.size(order.coin, order.remaining),
            "oid": order.oid,
            "timestamp": order.created_ms,
            "triggerCondition": self._condition(order),
            "isTrigger": trigger is not None,
            "triggerPx": self.price(order.coin, trigger.price if trigger is not None else 0),
            "children": [self.full_order(child) for child in children],
            "isPositionTpsl": trigger is not None and trigger.is_position,
            "reduceOnly": order.reduce_only,
            "orderType": _order_type(order),
            "origSz": self.size(order.coin, order.lots),
            "tif": None if trigger is not None else order.tif.value,
            "cloid": order.cloid,
        }

    def _condition(self, order: Order) -> str:
        if order.trigger is None:
            return "N/A"
        price = self._instruments[order.coin].price_text(order.trigger.price)
        return f"Price {'above' if order.trigger.is_above(order.side) else 'below'} {price}"

    def past_update(self, update: OrderUpdate) -> JsonObject:
        """As ``past_order``, at the moment of the update."""
        order = self.full_order(update.order)
        order["sz"] = self.size(update.order.coin, update.remaining)
        return {"order": order, "status": update.status.value, "statusTimestamp": update.time_ms}

    def order_update(self, update: OrderUpdate) -> JsonObject:
        """A row of ``orderUpdates``; a ``cloid`` that wasn't sent is null, as strict readers ask for."""
        return {
            "order": {**self._brief(update.order, update.remaining), "cloid": update.order.cloid},
            "status": update.status.value,
            "statusTimestamp": update.time_ms,
        }

    def past_order(self, order: Order, children: Sequence[Order] = ()) -> JsonObject:
        """A row of ``historicalOrders``, and what ``orderStatus`` tells."""
        return {
            "order": self.full_order(order, children),
            "status": order.status.value,
            "statusTimestamp": order.status_ms,
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
        if fill.builder_fee:
            row["builderFee"] = micro_wire(fill.builder_fee)
        if fill.cloid is not None:
            row["cloid"] = fill.cloid
        if fill.liquidated is not None:
            row["liquidation"] = {
                "liquidatedUser": fill.liquidated.user,
                "markPx": self.price(fill.coin, fill.liquidated.mark),
                "method": fill.liquidated.method,
            }
        row["feeToken"] = "USDC"
        row["twapId"] = None
        return row

    def merged_fill(self, fills: list[FillRecord]) -> JsonObject:
        """Partial fills of one order at one time as one: the average price, sums, and the rest as the first one has it."""
        first = fills[0]
        if len(fills) == 1:
            return self.fill(first)
        lots = sum(fill.lots for fill in fills)
        micro = sum(fill.lots * fill.price for fill in fills)
        average = (Decimal(micro) / lots).scaleb(-self._instruments[first.coin].price_decimals)
        merged = replace(
            first,
            lots=lots,
            closed_pnl=sum(fill.closed_pnl for fill in fills),
            fee=sum(fill.fee for fill in fills),
            builder_fee=sum(fill.builder_fee for fill in fills),
        )
        return {**self.fill(merged), "px": decimal_wire(average, _AVERAGE_DECIMALS)}

    def history(self, row: HistoryRow) -> JsonObject:
        """A row of ``userFunding`` or ``userNonFundingLedgerUpdates``."""
        return {"time": row.time_ms, "hash": row.hash, "delta": row.delta}

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

    def l2_book(
        self, book: Book, time_ms: int, grouping: Grouping = WHOLE, count: int = MAX_LEVELS
    ) -> JsonObject:
        """``spread`` is told with a grouped book alone, and where both sides have something."""
        sides: list[Json] = [
            [self._level(book.coin, row) for row in levels(book, side, grouping, count)]
            for side in (Side.BUY, Side.SELL)
        ]
        row: JsonObject = {"coin": book.coin, "time": time_ms, "levels": sides}
        bid, ask = book.bids.best, book.asks.best
        if grouping.figures is not None and bid is not None and ask is not None:
            row["spread"] = self.price(book.coin, ask - bid)
        return row

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

    def candle(self, coin: str, interval: str, candle: Candle) -> JsonObject:
        return {
            "t": candle.start_ms,
            "T": next_start(interval, candle.start_ms) - 1,
            "s": coin,
            "i": interval,
            "o": self.price(coin, candle.open),
            "c": self.price(coin, candle.close),
            "h": self.price(coin, candle.high),
            "l": self.price(coin, candle.low),
            "v": self.size(coin, candle.lots),
            "n": candle.trades,
        }

    def _level(self, coin: str, row: Row) -> JsonObject:
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


def _order_type(order: Order) -> str:
    if order.twap_id is not None:
        return "Twap Slice"
    if order.trigger is None:
        return "Market" if order.tif in _MARKET_TIFS else "Limit"
    purpose = "Take Profit" if order.trigger.is_take_profit else "Stop"
    return f"{purpose} {'Market' if order.trigger.is_market else 'Limit'}"
