"""Recordings of ticks: up to three files of one coin that become one track.

``…_<COIN>_trades`` (``time,px,sz,side``; side is the aggressor's), ``…_bbo`` (``time,bid_px,bid_sz,ask_px,ask_sz``) and
``…_l2book`` (``time,b0_px,b0_sz,a0_px,a0_sz,b1_px,…``). Times are the venue's; other columns are ignored. Where there is no
``_bbo``, the best levels of ``_l2book`` are the quotes; where there is no book at all, one is made around the prints.
"""

from __future__ import annotations

from pathlib import Path

from core.domain.orders import Side
from core.paper.config import CorruptRecordingError
from core.paper.market.csvfile import Cells, timed_rows
from core.paper.market.made_book import quote_after
from core.paper.market.numbers import Numbers
from core.paper.market.step import Depth, MarketTrade, Quote
from core.paper.market.tracks import RecordedStep, TickTrack

PRICE_COLUMNS = {"trades": "px", "bbo": "bid_px", "l2book": "b0_px"}
"""By kind of file, a column that tells the coin's price."""

_TRADE_COLUMNS = ("time", "px", "sz", "side")
_QUOTE_COLUMNS = ("time", "bid_px", "bid_sz", "ask_px", "ask_sz")
_DEPTH_COLUMNS = ("time", "b0_px", "b0_sz", "a0_px", "a0_sz")


def load_ticks(files: dict[str, Path], numbers: Numbers) -> tuple[TickTrack, int]:
    """The track of ``files`` (by kind: trades, bbo, l2book; at least one), and how many prints are older than the first
    recorded quote: they get quotes made around them.

    Raises:
        CorruptRecordingError: the file and line that can't be read, and why.
    """
    trades: dict[int, list[MarketTrade]] = {}
    if "trades" in files:
        for time_ms, trade in timed_rows(
            files["trades"], _TRADE_COLUMNS, lambda cells: _trade(cells, numbers)
        ):
            if trade.lots:
                trades.setdefault(time_ms, []).append(trade)
    depths: dict[int, Depth] = {}
    if "l2book" in files:
        depths = dict(timed_rows(files["l2book"], _DEPTH_COLUMNS, lambda cells: _depth(cells, numbers)))
    quotes: dict[int, Quote] = {}
    if "bbo" in files:
        quotes = dict(timed_rows(files["bbo"], _QUOTE_COLUMNS, lambda cells: _quote(cells, numbers)))
    elif depths:
        quotes = {time_ms: _best(depth) for time_ms, depth in depths.items()}
    first_ms = min(quotes, default=None)
    early = [time_ms for time_ms in trades if first_ms is None or time_ms < first_ms]
    for time_ms in early:
        last = trades[time_ms][-1]
        quotes[time_ms] = quote_after(numbers.instrument, last.price, last.aggressor)
    if not quotes:
        raise CorruptRecordingError(next(iter(files.values())), 0, "it holds no rows")
    start_ms = min(quotes)
    steps = tuple(
        RecordedStep(t, tuple(trades.get(t, ())), depths.get(t), quotes.get(t))
        for t in sorted({*quotes, *depths, *trades})
        if t >= start_ms
    )
    track = TickTrack(numbers.instrument.coin, steps, numbers.instrument if first_ms is None else None)
    return track, sum(len(trades[time_ms]) for time_ms in early) if first_ms is not None else 0


def _trade(cells: Cells, numbers: Numbers) -> MarketTrade:
    aggressor = Side.from_wire(cells["side"])
    return MarketTrade(
        numbers.print_price(cells["px"], aggressor), numbers.traded_lots(cells["sz"]), aggressor
    )


def _quote(cells: Cells, numbers: Numbers) -> Quote:
    quote = Quote(
        numbers.bid(cells["bid_px"]),
        numbers.shown_lots(cells["bid_sz"]),
        numbers.ask(cells["ask_px"]),
        numbers.shown_lots(cells["ask_sz"]),
    )
    if quote.bid >= quote.ask:
        raise ValueError(f"the bid {cells['bid_px']} is not below the ask {cells['ask_px']}")
    return quote


def _depth(cells: Cells, numbers: Numbers) -> Depth:
    """Levels may end early: an empty price ends its side. Levels that round to one price are one."""
    bids, asks = _levels(cells, "b", numbers), _levels(cells, "a", numbers)
    if not bids or not asks or bids[0][0] >= asks[0][0]:
        raise ValueError("the book has an empty side, or its best bid is not below its best ask")
    if sorted(bids, reverse=True) != bids or sorted(asks) != asks:
        raise ValueError("the levels of the book are not sorted from the best")
    return Depth(tuple(bids), tuple(asks))


def _levels(cells: Cells, letter: str, numbers: Numbers) -> list[tuple[int, int]]:
    levels: list[tuple[int, int]] = []
    number = 0
    while text := cells.get(f"{letter}{number}_px", ""):
        price = numbers.bid(text) if letter == "b" else numbers.ask(text)
        lots = numbers.shown_lots(cells.get(f"{letter}{number}_sz", ""))
        if levels and levels[-1][0] == price:
            lots += levels.pop()[1]
        levels.append((price, lots))
        number += 1
    return levels


def _best(depth: Depth) -> Quote:
    return Quote(*depth.bids[0], *depth.asks[0])
