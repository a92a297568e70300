"""The ladder: asks above, the mid bar, bids below; each level's size, what is left of it, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from core.view import LevelState, Severity
from widgets import formats
from widgets.ages import quote
from widgets.fields import title_line, worst
from widgets.ink import Ink, Line, Span, cut, dimmed, fit, line, shorten, width_of
from widgets.look import AGED_S, STALE_S, Look

if TYPE_CHECKING:
    from core.view import CoinView, LevelView

_MARKS = {
    LevelState.OPEN: " ",
    LevelState.IN_FLIGHT: "~",
    LevelState.MISSING: "!",
    LevelState.ORPHAN: "?",
    LevelState.WAITING: ".",
}
_TROUBLE = {LevelState.MISSING: "missing", LevelState.ORPHAN: "orphan"}
_MAX_BAR = 20
_DISTANCE_FROM_WIDTH = 52
_ENTRY = " ◄ entry"


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths that hold for every row of one picture, so that prices and sizes line up."""

    price: int
    size: int
    size_decimals: int
    bar: int
    has_distance: bool
    largest: Decimal
    width: int

    @property
    def before_bar(self) -> int:
        return 4 + self.price + 2 + self.size + 1 + (9 if self.has_distance else 0)


def columns_for(coin: CoinView, width: int) -> Columns:
    levels = coin.grid.levels
    prices = [coin.mid, *[level.price for level in levels]]
    longest = [max(prices), *[price for price in prices if not price][:1]]
    sizes = {level.size for level in levels}
    decimals = max((formats.decimals_of(size) for size in sizes), default=0)
    made = Columns(
        price=max(len(formats.price(price, coin.price_decimals)) for price in longest),
        size=max((len(f"{size:,.{decimals}f}") for size in sizes), default=0),
        size_decimals=decimals,
        bar=0,
        has_distance=width >= _DISTANCE_FROM_WIDTH,
        largest=max(sizes, default=Decimal(0)),
        width=width,
    )
    bar = max(min(width - made.before_bar - 1, _MAX_BAR), 0)
    return Columns(made.price, made.size, decimals, bar, made.has_distance, made.largest, width)


def level_line(level: LevelView, coin: CoinView, columns: Columns, is_entry: bool = False) -> Line:
    """`` S~   64,786.0  0.0125 ████░░``, or the reason instead of the bar where no order rests."""
    side_ink = Ink.BUY if level.side == "buy" else Ink.SELL
    price = f"{formats.price(level.price, coin.price_decimals):>{columns.price}}"
    size = f"  {level.size:>{columns.size},.{columns.size_decimals}f} "
    made: Line = (
        *_mark(level.side, level.state),
        Span(price, Ink.TEXT),
        Span(size, Ink.LABEL),
    )
    if columns.has_distance:
        made = (*made, Span(f"{_distance(level, coin):>8} ", Ink.LABEL))
    room = columns.width - width_of(made) - (len(_ENTRY) if is_entry else 0)
    trouble = _TROUBLE.get(level.state, "")
    if trouble or level.blocked_by:
        why = shorten(level.blocked_by or trouble, max(room, 0))
        tail = line((why, Ink.WARN if trouble else Ink.LABEL))
    else:
        tail = _bar(level.size, level.remaining, columns.largest, columns.bar, side_ink)
    if is_entry:
        bar_room = max(min(room, columns.bar), 0)
        tail = (*fit(cut(tail, bar_room), bar_room), *line((_ENTRY, Ink.STRONG)))
    return (*made, *tail)


@lru_cache(maxsize=32)
def _mark(side: str, state: LevelState) -> Line:
    letter, ink = ("B", Ink.BUY) if side == "buy" else ("S", Ink.SELL)
    return line((f" {letter}", ink), (_MARKS[state] + " ", Ink.WARN if state in _TROUBLE else ink))


def _distance(level: LevelView, coin: CoinView) -> str:
    return f"{(float(level.price) / float(coin.mid) - 1) * 10_000:+.1f}bp" if coin.mid else ""


@lru_cache(maxsize=128)
def _bar(size: Decimal, remaining: Decimal, largest: Decimal, width: int, ink: Ink) -> Line:
    """Full length = the largest level; ``░`` is the part that filled. A remainder never rounds away."""
    if not width or not largest:
        return ()
    whole = max(round(size / largest * width), 1)
    left = round(remaining / largest * width)
    left = min(max(left, 1 if remaining else 0), whole)
    if left == whole and remaining < size and whole > 1:
        left -= 1
    return line(("█" * left, ink), ("░" * (whole - left), ink))


def mid_line(look: Look, coin: CoinView, columns: Columns) -> Line:
    mid = f"{formats.price(coin.mid, coin.price_decimals):>{columns.price}}"
    quote_age_s = look.quote_age_s
    notes = []
    if quote_age_s is None:
        notes.append("no quote yet")
    elif quote_age_s > AGED_S:
        notes.append(f"{formats.age(quote_age_s)} old")
    if coin.ask and coin.bid:
        notes.append(f"spread {coin.ask - coin.bid:,.{coin.price_decimals}f}")
    text = f"mid {mid}"
    for note in notes:
        if len(text) + 2 + len(note) <= columns.width:
            text = f"{text}  {note}"
    return fit(line((text, Ink.MID)), columns.width, " ", Ink.MID)


def ladder_lines(look: Look, width: int, height: int) -> list[Line]:
    coin = look.coin
    age_s = look.market_age_s
    if coin is None:
        return [title_line("Grid ladder", Severity.INFO, age_s, width)]
    columns = columns_for(coin, width)
    levels = coin.grid.levels
    asks = [level for level in levels if level.side != "buy"]
    bids = [level for level in levels if level.side == "buy"]
    above, below = _shares(len(asks), len(bids), max(height - 2, 0))
    entry = _entry_level(coin)
    severity = worst(tuple(Severity.WARN for level in levels if level.state in _TROUBLE))

    def draw(level: LevelView) -> Line:
        return level_line(level, coin, columns, is_entry=level is entry)

    top = [draw(level) for level in asks[len(asks) - above :]]
    if above < len(asks):
        kept = max(above - 1, 0)
        top = [_more_line(len(asks) - kept, "asks", asks[0], coin), *top[1:]][:above]
    bottom = [draw(level) for level in bids[:below]]
    if below < len(bids) and below:
        bottom = [*bottom[:-1], _more_line(len(bids) - below + 1, "bids", bids[-1], coin)]
    rows = max(height - 2, 0)
    blank = max(min(rows // 2 - above, rows - above - below), 0)
    empty = [] if levels else [line((" no orders rest", Ink.LABEL))]
    body = [*[line(" ")] * blank, *top, mid_line(look, coin, columns), *bottom, *empty]
    if age_s >= STALE_S:
        body = [dimmed(row) for row in body]
    return [title_line("Grid ladder", severity, age_s, width, quote(look)), *body]


def _shares(asks: int, bids: int, rows: int) -> tuple[int, int]:
    """How many rows each side gets: half each, and what one leaves the other may have."""
    above = min(asks, rows // 2)
    below = min(bids, rows - above)
    above = min(asks, rows - below)
    return above, below


def _more_line(count: int, name: str, last: LevelView, coin: CoinView) -> Line:
    return line((f" … {count} more {name} to {formats.price(last.price, coin.price_decimals)}", Ink.LABEL))


def _entry_level(coin: CoinView) -> LevelView | None:
    """The level nearest to the entry price, if the grid reaches there."""
    levels = coin.grid.levels
    if not coin.position or not coin.entry or not levels:
        return None
    if not levels[-1].price <= coin.entry <= levels[0].price:
        return None
    return min(levels, key=lambda level: abs(level.price - coin.entry))
