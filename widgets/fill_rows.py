"""The fills screen's list: the newest first, and under it by which way fills came, over the journal's lifetime."""

from __future__ import annotations

from collections.abc import Sequence

from core.view import CoinView, FillsView, FillView
from widgets import formats
from widgets.fields import SEVERITY_INKS, glyph
from widgets.ink import Ink, Line, Span, line
from widgets.look import Look
from widgets.order_rows import coin_column, price_text, side_cell
from widgets.panel_rows import source_notes, source_severity
from widgets.table_rows import Cell, Column, Follow, Listing

_CLOID_WIDTH, _TID_WIDTH = 34, 16
_SLOW_MS = 2_000
"""A live fill that took so long to be known is marked."""


def fill_listing(look: Look) -> Listing:
    fills = look.snapshot.fills[::-1] if look.snapshot is not None else ()
    coins = {coin.coin: coin for coin in look.snapshot.coins} if look.snapshot is not None else {}
    decimals: dict[str, int] = {}
    for fill in fills:
        decimals[fill.coin] = max(decimals.get(fill.coin, 0), formats.decimals_of(fill.size))

    def cells(at: int) -> Sequence[Cell]:
        return _cells(fills[at], coins.get(fills[at].coin), decimals, look.now_ms)

    return Listing(
        title="3 Fills",
        columns=_columns(fills, coins, decimals),
        keys=tuple((fill.coin, fill.time_ms, fill.trade_id, fill.cloid) for fill in fills),
        cells=cells,
        follow=Follow.FIRST,
        empty="no fill yet" if look.snapshot is not None else "waiting for the core's first report",
        note="the newest",
        detail=lambda at: _detail(fills[at]),
        footer=(sources_line(look),),
        age_s=look.market_age_s,
    )


def _columns(
    fills: Sequence[FillView], coins: dict[str, CoinView], decimals: dict[str, int]
) -> tuple[Column, ...]:
    prices = [len(price_text(fill.price, coins.get(fill.coin))) for fill in fills]
    sizes = [len(f"{fill.size:,.{decimals[fill.coin]}f}") for fill in fills]
    return (
        Column("time", 11, rank=1),
        *coin_column({fill.coin for fill in fills} | set(coins)),
        Column("S", 1),
        Column("price", max([9, *prices]), is_number=True),
        Column("size", max([6, *sizes]), is_number=True),
        Column("PnL", 10, rank=2, is_number=True),
        Column("fee", 9, rank=4, is_number=True),
        Column("source", 8, rank=3),
        Column("role", 5, rank=5),
        Column("latency", 7, rank=6, is_number=True),
        Column("tid", _TID_WIDTH, rank=8, is_number=True),
        Column("cloid", _CLOID_WIDTH, rank=9),
        Column("what", 11, rank=7, grows=True),
    )


def _cells(fill: FillView, coin: CoinView | None, decimals: dict[str, int], now_ms: int) -> Sequence[Cell]:
    is_slow = fill.latency_ms is not None and fill.latency_ms >= _SLOW_MS
    fee = f"{fill.fee_usd:,.4f}" if fill.fee_token == "USDC" else f"{fill.fee_usd:f} {fill.fee_token}"
    latency = "n/a" if fill.latency_ms is None else f"{fill.latency_ms:,}ms"
    return (
        time_text(fill.time_ms, now_ms),
        formats.short_coin(fill.coin),
        side_cell(fill.side),
        price_text(fill.price, coin),
        f"{fill.size:,.{decimals[fill.coin]}f}",
        f"{fill.pnl_usd:+,.2f}" if fill.pnl_usd else "0",
        fee,
        Span(fill.source, Ink.TEXT if fill.source == "ws" else Ink.WARN),
        fill.liquidity,
        Span(latency, Ink.WARN if is_slow else Ink.TEXT),
        str(fill.trade_id),
        fill.cloid or "none",
        Span(fill.note, Ink.WARN if fill.note else Ink.TEXT),
    )


def time_text(time_ms: int, now_ms: int) -> str:
    """The second of today, the minute of another day."""
    return (
        formats.utc_clock(time_ms)
        if time_ms // formats.DAY_MS == now_ms // formats.DAY_MS
        else formats.utc_minute(time_ms)
    )


def _detail(fill: FillView) -> Line:
    latency = "read back" if fill.latency_ms is None else f"known after {fill.latency_ms:,} ms"
    parts = [fill.note] if fill.note else []
    parts += [
        fill.liquidity,
        f"{fill.source}, {latency}",
        f"tid {fill.trade_id}",
        f"cloid {fill.cloid or 'none'}",
    ]
    return line(
        " ", (parts[0], Ink.WARN if fill.note else Ink.LABEL), (" · " + " · ".join(parts[1:]), Ink.LABEL)
    )


def sources_line(look: Look) -> Line:
    """``ws 412  rest 6  98.6% WS  duplicates 11  external 2``: of all coins, over the journal's lifetime."""
    fills = _together(look)
    severity = source_severity(fills)
    grade = (f"{glyph(severity)} ", SEVERITY_INKS[severity]) if severity is not None else ""
    notes = source_notes(fills)
    return line(
        " ",
        grade,
        (f"ws {fills.from_ws:,}  rest {fills.from_rest:,}  {notes[0]}", Ink.STRONG),
        (f"  duplicates {fills.duplicates:,}  external {fills.external:,}  of {fills.total:,}", Ink.LABEL),
    )


def _together(look: Look) -> FillsView:
    each = [coin.fills for coin in look.snapshot.coins] if look.snapshot is not None else []
    return FillsView(
        total=sum(fills.total for fills in each),
        external=sum(fills.external for fills in each),
        from_ws=sum(fills.from_ws for fills in each),
        from_rest=sum(fills.from_rest for fills in each),
        duplicates=sum(fills.duplicates for fills in each),
    )
