"""The orders screen's list: what ought not to be there first, each with how far it is from the mid and how it stands."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from decimal import Decimal

from core.view import CoinView, OrderShown, OrderView, Severity
from widgets import formats
from widgets.ink import Ink, Line, Span, line
from widgets.look import Look
from widgets.strip_rows import filled_text
from widgets.table_rows import Cell, Column, Listing

_STATES: dict[OrderShown, tuple[str, Ink]] = {
    OrderShown.CANCEL_FAILED: ("✖", Ink.CRIT),
    OrderShown.ORPHAN: ("▲", Ink.WARN),
    OrderShown.UNKNOWN: ("▲", Ink.WARN),
    OrderShown.CANCELLING: ("~", Ink.TEXT),
    OrderShown.IN_FLIGHT: ("~", Ink.TEXT),
    OrderShown.AWAITING_FILLS: ("~", Ink.TEXT),
    OrderShown.PARTIAL: ("✓", Ink.TEXT),
    OrderShown.OPEN: ("✓", Ink.LABEL),
}
_STATE_WIDTH = 16
_CLOID_WIDTH, _OID_WIDTH = 34, 13


def order_key(order: OrderView) -> Hashable:
    """What tells an order from all others as it comes and goes: its cloid, or the exchange's number for one without."""
    return order.coin, order.cloid or order.order_id


def order_listing(look: Look) -> Listing:
    orders = look.snapshot.orders if look.snapshot is not None else ()
    coins = {coin.coin: coin for coin in look.snapshot.coins} if look.snapshot is not None else {}
    sizes = size_decimals(orders)
    strange = sum(order.state in (OrderShown.CANCEL_FAILED, OrderShown.ORPHAN) for order in orders)

    def cells(at: int) -> Sequence[Cell]:
        return _cells(orders[at], coins.get(orders[at].coin), sizes, look.now_ms)

    return Listing(
        title="2 Orders",
        columns=_columns(orders, coins, sizes),
        keys=tuple(order_key(order) for order in orders),
        cells=cells,
        empty="no order rests" if look.snapshot is not None else "waiting for the core's first report",
        note=f"{strange} that ought not to be there" if strange else "",
        detail=lambda at: _detail(orders[at]),
        severity=_severity(orders),
        age_s=look.market_age_s,
    )


def size_decimals(rows: Sequence[OrderView]) -> dict[str, int]:
    """By coin, so many that every size is exact and the points stand under each other."""
    decimals: dict[str, int] = {}
    for row in rows:
        decimals[row.coin] = max(decimals.get(row.coin, 0), formats.decimals_of(row.size))
    return decimals


def price_text(price: Decimal, coin: CoinView | None) -> str:
    return formats.price(price, coin.price_decimals) if coin is not None else formats.quantity(price)


def coin_column(names: set[str]) -> tuple[Column, ...]:
    """Where more than one coin is listed."""
    if len(names) < 2:
        return (Column("", 0, rank=99),)
    return (Column("coin", max(len(formats.short_coin(name)) for name in names), rank=1),)


def side_cell(side: str) -> Span:
    return Span("B", Ink.BUY) if side == "buy" else Span("S", Ink.SELL)


def _columns(
    orders: Sequence[OrderView], coins: dict[str, CoinView], sizes: dict[str, int]
) -> tuple[Column, ...]:
    prices = [len(price_text(order.price, coins.get(order.coin))) for order in orders]
    amounts = [len(f"{order.size:,.{sizes[order.coin]}f}") for order in orders]
    return (
        *coin_column({order.coin for order in orders} | set(coins)),
        Column("S", 1),
        Column("price", max([9, *prices]), is_number=True),
        Column("size", max([6, *amounts]), is_number=True),
        Column("filled", 6, rank=3, is_number=True),
        Column("state", _STATE_WIDTH),
        Column("bp to mid", 9, rank=2, is_number=True),
        Column("level", 7, rank=5, is_number=True),
        Column("age", 6, rank=4, is_number=True),
        Column("oid", _OID_WIDTH, rank=7, is_number=True),
        Column("cloid", _CLOID_WIDTH, rank=8),
        Column("what", 12, rank=6, grows=True),
    )


def _cells(order: OrderView, coin: CoinView | None, sizes: dict[str, int], now_ms: int) -> Sequence[Cell]:
    glyph, ink = _STATES[order.state]
    return (
        formats.short_coin(order.coin),
        side_cell(order.side),
        price_text(order.price, coin),
        f"{order.size:,.{sizes[order.coin]}f}",
        filled_text(order),
        Span(f"{glyph} {order.state.value}", ink),
        distance_text(order, coin),
        order.slot.rpartition(" ")[2] or order.purpose,
        formats.age((now_ms - order.since_ms) / 1_000),
        str(order.order_id) if order.order_id is not None else "none yet",
        order.cloid or "none",
        order.note,
    )


def distance_text(order: OrderView, coin: CoinView | None) -> str:
    """Above the mid positive, in basis points."""
    if coin is None or not coin.mid:
        return formats.NOTHING
    return f"{float(10_000 * (order.price - coin.mid) / coin.mid):+,.1f}"


def _detail(order: OrderView) -> Line:
    """``cloid 0x… · oid 5 · grid buy 3 · the exchange's words``: what a narrow screen has no column for."""
    parts = [f"oid {order.order_id if order.order_id is not None else 'none yet'}"]
    parts.append(f"{order.purpose} {order.slot}".strip())
    if order.note:
        parts.insert(0, order.note)
    parts.append(f"cloid {order.cloid or 'none'}")
    ink = Ink.WARN if order.note else Ink.LABEL
    return line(" ", (parts[0], ink), (" · " + " · ".join(parts[1:]), Ink.LABEL))


def _severity(orders: Sequence[OrderView]) -> Severity:
    states = {order.state for order in orders}
    if OrderShown.CANCEL_FAILED in states:
        return Severity.CRIT
    return Severity.WARN if states & {OrderShown.ORPHAN, OrderShown.UNKNOWN} else Severity.INFO
