"""Order books as ``l2Book`` shows them: whole, or gathered into coarser prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.domain.orders import Side
from core.paper.jsonio import MalformedRequestError, get_optional_int
from core.paper.venue.book import Book

MAX_LEVELS = 20
"""Levels a side."""

FAST_LEVELS = 5
"""Levels a side of a ``fast`` subscription."""

_SEARCHED_LEVELS = 10_000
"""How many levels may be gathered into the coarser ones; what stands farther away isn't shown."""

_FINEST_FIGURES = 5

Row = tuple[int, int, int]
"""Price, lots, orders."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Prices of ``figures`` significant figures (None: all as they are), the last one a multiple of ``mantissa``."""

    figures: int | None = None
    mantissa: int | None = None

    def step(self, price: int) -> int:
        assert self.figures is not None
        return int(10 ** max(0, len(str(price)) - self.figures)) * (self.mantissa or 1)


WHOLE = Grouping()


def get_grouping(request: dict[str, object]) -> Grouping:
    """Raises ``MalformedRequestError`` for what Hyperliquid doesn't offer: 2 to 5 figures, and with 5 a mantissa of 2 or 5."""
    figures = get_optional_int(request, "nSigFigs")
    mantissa = get_optional_int(request, "mantissa")
    if figures not in (None, 2, 3, 4, _FINEST_FIGURES):
        raise MalformedRequestError(f"nSigFigs {figures} is not offered")
    if mantissa not in (None, 2, 5) or (mantissa is not None and figures != _FINEST_FIGURES):
        raise MalformedRequestError(f"mantissa {mantissa} is not offered with nSigFigs {figures}")
    return Grouping(figures, mantissa)


def levels(book: Book, side: Side, grouping: Grouping, count: int) -> list[Row]:
    """At most ``count`` from the best."""
    if grouping.figures is None:
        return book.depth(side, count)
    return _gathered(book.depth(side, _SEARCHED_LEVELS), side, grouping, count)


def _gathered(rows: Iterable[Row], side: Side, grouping: Grouping, count: int) -> list[Row]:
    """Bids are rounded down, asks up."""
    found: list[Row] = []
    for price, lots, orders in rows:
        step = grouping.step(price)
        coarse = price // step * step if side is Side.BUY else -(-price // step) * step
        if found and found[-1][0] == coarse:
            _, more, others = found[-1]
            found[-1] = (coarse, more + lots, others + orders)
        elif len(found) < count:
            found.append((coarse, lots, orders))
        else:
            break
    return found
