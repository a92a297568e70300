"""Recorded markets: reading a recording's CSV files, exactly or not at all.

A recording is up to three files of one coin, plain or gzipped: ``…_<COIN>_trades.csv.gz`` (``time,px,sz,side``; side is
the aggressor's), ``…_bbo`` (``time,bid_px,bid_sz,ask_px,ask_sz``) and ``…_l2book`` (``time,b0_px,b0_sz,a0_px,a0_sz,b1_px,…``).
Times are the venue's, in milliseconds, ascending. Other columns are ignored.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar

from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.domain.units import InexactNumberError
from core.paper.config import CorruptRecordingError, UnknownMarketError
from core.paper.market.instruments import known_rules
from core.paper.market.listing import Universe
from core.paper.market.step import Depth, MarketTrade, Quote

BUNDLED = Path(__file__).parent / "data" / "hl_tick_2025-09-04_BTC_trades.csv.gz"

_NAME = re.compile(r"(?P<stem>.*_(?P<coin>[A-Za-z0-9]+)_)(trades|bbo|l2book)(?P<suffix>\.csv(\.gz)?)\Z")
_TRADE_COLUMNS = ("time", "px", "sz", "side")
_QUOTE_COLUMNS = ("time", "bid_px", "bid_sz", "ask_px", "ask_sz")
_DEPTH_COLUMNS = ("time", "b0_px", "b0_sz", "a0_px", "a0_sz")

_HL_NAME = re.compile(r"hl_(?P<coin>[A-Za-z0-9]+)_.*\.csv(\.gz)?\Z")


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """All that the recording holds of one millisecond. Trades come before the book that they left behind."""

    time_ms: int
    trades: tuple[MarketTrade, ...]
    depth: Depth | None
    quote: Quote | None


@dataclass(frozen=True, slots=True)
class Recording:
    """``name`` identifies it across restarts. The first step has a quote."""

    name: str
    universe: Universe
    steps: tuple[RecordedStep, ...]

    @property
    def instrument(self) -> Instrument:
        """Of its one coin."""
        return next(iter(self.universe.instruments.values()))


def load_recording(market: str) -> Recording:
    """Read what ``replay:FILE`` names; ``replay:bundled`` is the recording that comes with the package.

    Raises:
        UnknownMarketError: another kind of market, no such file, a name that tells no coin, a coin without rules.
        CorruptRecordingError: the file and line that can't be read, and why.
    """
    kind, _, target = market.partition(":")
    if kind != "replay" or not target:
        raise UnknownMarketError(
            f"The market {market!r} can't be run: synthetic and mirror: are not available yet. "
            "Fix: use replay:bundled, or replay:FILE with a recording."
        )
    path = BUNDLED if target == "bundled" else Path(target)
    if not path.is_file():
        raise UnknownMarketError(f"There is no recording at {path}. Fix: name a file, or use replay:bundled.")
    files, coin = _siblings(path)
    universe = Universe.of([known_rules(coin)])
    return Recording(path.name, universe, _merge(files, universe.instruments[coin]))


def _siblings(path: Path) -> tuple[dict[str, Path], str]:
    match = _NAME.match(path.name)
    if match is None:
        if _HL_NAME.match(path.name):
            raise UnknownMarketError(
                f"{path.name} is not a recording of ticks; candles can't be replayed yet. "
                "Fix: name a …_<COIN>_trades.csv.gz that has its _bbo beside it."
            )
        raise UnknownMarketError(
            f"The name {path.name} tells no coin. Fix: call it …_<COIN>_trades.csv or …_<COIN>_trades.csv.gz."
        )
    files: dict[str, Path] = {}
    for kind in ("trades", "bbo", "l2book"):
        for suffix in (match["suffix"], ".csv.gz", ".csv"):
            candidate = path.with_name(f"{match['stem']}{kind}{suffix}")
            if kind not in files and candidate.is_file():
                files[kind] = candidate
    return files, match["coin"]


def _merge(files: dict[str, Path], instrument: Instrument) -> tuple[RecordedStep, ...]:
    """One timeline; prints from before the first quote are left out, as nothing can be matched without a book."""
    if "bbo" not in files:
        raise UnknownMarketError(
            f"The recording of {instrument.coin} has no _bbo file. Fix: put it beside the other files."
        )
    quotes = dict(_read(files["bbo"], _QUOTE_COLUMNS, _quote, instrument))
    if not quotes:
        raise CorruptRecordingError(files["bbo"], 0, "it holds no quotes")
    depths: dict[int, Depth] = {}
    if "l2book" in files:
        depths = dict(_read(files["l2book"], _DEPTH_COLUMNS, _depth, instrument))
    trades: dict[int, list[MarketTrade]] = {}
    if "trades" in files:
        for time_ms, trade in _read(files["trades"], _TRADE_COLUMNS, _trade, instrument):
            trades.setdefault(time_ms, []).append(trade)
    start = min(quotes)
    times = sorted(t for t in {*quotes, *depths, *trades} if t >= start)
    return tuple(RecordedStep(t, tuple(trades.get(t, ())), depths.get(t), quotes.get(t)) for t in times)


_Cells = dict[str, str]
_Row = TypeVar("_Row")
_Parser = Callable[[_Cells, Instrument], _Row]


def _read(
    path: Path, needed: tuple[str, ...], parse: _Parser[_Row], instrument: Instrument
) -> Iterator[tuple[int, _Row]]:
    """(time, row) of every line, checked: columns, numbers, ascending times."""
    last_ms = 0
    for number, cells in _cells(path, needed):
        try:
            time_ms = int(cells["time"])
            row = parse(cells, instrument)
        except (ValueError, InexactNumberError) as error:
            raise CorruptRecordingError(path, number, str(error)) from error
        if time_ms < last_ms:
            raise CorruptRecordingError(
                path, number, f"time {time_ms} comes after {last_ms}; rows must be sorted by time"
            )
        last_ms = time_ms
        yield time_ms, row


def _cells(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, _Cells]]:
    header: list[str] | None = None
    number = 0
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            for number, line in enumerate(lines, start=1):
                values = line.rstrip("\r\n").split(",")
                if header is None:
                    header = values
                    missing = [name for name in needed if name not in header]
                    if missing:
                        raise CorruptRecordingError(path, 1, f"the header lacks {', '.join(missing)}")
                elif len(values) != len(header):
                    raise CorruptRecordingError(
                        path, number, f"{len(values)} columns, but the header has {len(header)}"
                    )
                else:
                    yield number, dict(zip(header, values, strict=True))
    except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise CorruptRecordingError(path, number + 1, f"it can't be unpacked ({error})") from error
    if header is None:
        raise CorruptRecordingError(path, 1, "the file is empty")


def _price(text: str, instrument: Instrument) -> int:
    return _positive(instrument.parse_price(_plain(text)), text)


def _lots(text: str, instrument: Instrument) -> int:
    return _positive(instrument.parse_size(_plain(text)), text)


def _plain(text: str) -> str:
    """Recorders write small sizes as floats (``1e-05``), which the venue never does."""
    if "e" not in text and "E" not in text:
        return text
    try:
        return format(Decimal(text), "f")
    except InvalidOperation:
        return text


def _positive(value: int, text: str) -> int:
    if value <= 0:
        raise ValueError(f"{text} is not above zero")
    return value


def _trade(cells: _Cells, instrument: Instrument) -> MarketTrade:
    return MarketTrade(
        _price(cells["px"], instrument), _lots(cells["sz"], instrument), Side.from_wire(cells["side"])
    )


def _quote(cells: _Cells, instrument: Instrument) -> Quote:
    quote = Quote(
        _price(cells["bid_px"], instrument),
        _lots(cells["bid_sz"], instrument),
        _price(cells["ask_px"], instrument),
        _lots(cells["ask_sz"], instrument),
    )
    if quote.bid >= quote.ask:
        raise ValueError(f"the bid {cells['bid_px']} is not below the ask {cells['ask_px']}")
    return quote


def _depth(cells: _Cells, instrument: Instrument) -> Depth:
    """Levels may end early: an empty price ends its side."""
    sides: list[tuple[tuple[int, int], ...]] = []
    for letter in "ba":
        levels: list[tuple[int, int]] = []
        while text := cells.get(f"{letter}{len(levels)}_px", ""):
            lots = _lots(cells.get(f"{letter}{len(levels)}_sz", ""), instrument)
            levels.append((_price(text, instrument), lots))
        sides.append(tuple(levels))
    bids, asks = sides
    if not bids or not asks or bids[0][0] >= asks[0][0]:
        raise ValueError("the book has an empty side, or its best bid is not below its best ask")
    if sorted(bids, reverse=True) != list(bids) or sorted(asks) != list(asks):
        raise ValueError("the levels of the book are not sorted from the best")
    return Depth(bids, asks)
