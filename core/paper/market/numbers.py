"""Recorded numbers as price units and lots.

Other venues quote finer than Hyperliquid allows (five significant figures, ``szDecimals``). Their prices are rounded to valid
ticks away from the middle of the book, and what their sizes have beyond whole lots is carried to the next print, so that no
volume is lost or made.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.domain.units import InexactNumberError, parse_decimal, parse_units


class Numbers:
    """Reads the numbers of one coin, and counts what it had to round."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.prices_rounded = 0
        self.sizes_rounded = 0
        self._rest = Decimal(0)
        """Less than a lot of volume that no print has carried yet."""
        self._prices: dict[tuple[str, Side], tuple[int, bool]] = {}
        """What each text was read as, and whether it was rounded: quotes say the same few thousand numbers again and again."""
        self._sizes: dict[str, tuple[int, bool]] = {}

    def bid(self, text: str) -> int:
        """Rounded down. Raises ``ValueError``, as all of these."""
        return self._price(text, Side.BUY)

    def ask(self, text: str) -> int:
        return self._price(text, Side.SELL)

    def print_price(self, text: str, aggressor: Side) -> int:
        """A buyer has paid an ask, a seller got a bid."""
        return self._price(text, aggressor.opposite)

    def nearest(self, text: str) -> int:
        """Of two as near, the lower."""
        exact = self._exact_price(text)
        if exact is not None:
            return exact
        self.prices_rounded += 1
        scaled = _positive(text).scaleb(self.instrument.price_decimals)
        down = self.instrument.round_price_down(int(scaled))
        up = self.instrument.round_price_up(int(scaled) + 1)
        return down if down > 0 and scaled - down <= up - scaled else up

    def shown_lots(self, text: str) -> int:
        """A standing size: rounded down, but at least a lot."""
        known = self._sizes.get(text)
        if known is None:
            exact = _positive(text).scaleb(self.instrument.sz_decimals)
            lots = int(exact)
            known = self._sizes[text] = max(1, lots), lots != exact
        lots, was_rounded = known
        self.sizes_rounded += was_rounded
        return lots

    def traded_lots(self, text: str) -> int:
        """A traded size, which may be 0 lots: the rest goes to the next one."""
        exact = _positive(text).scaleb(self.instrument.sz_decimals)
        return self._carry(exact)

    def volume_lots(self, text: str) -> int:
        """A bar's volume, which may be nothing."""
        exact = parse_decimal(_plain(text)).scaleb(self.instrument.sz_decimals)
        if exact < 0:
            raise ValueError(f"{text} is below zero")
        return self._carry(exact)

    def note(self) -> str:
        """What was rounded, as a sentence; empty if nothing was."""
        told = [f"{self.prices_rounded} prices were rounded to valid ticks"] if self.prices_rounded else []
        if self.sizes_rounded:
            told.append(f"{self.sizes_rounded} sizes were rounded to whole lots")
        if not told:
            return ""
        return f"{self.instrument.coin} was recorded finer than Hyperliquid trades it: {' and '.join(told)}."

    def _carry(self, exact: Decimal) -> int:
        if not self._rest and exact == (whole := int(exact)):
            return whole
        self.sizes_rounded += exact != int(exact)
        self._rest += exact
        lots = int(self._rest)
        self._rest -= lots
        return lots

    def _price(self, text: str, toward: Side) -> int:
        known = self._prices.get((text, toward))
        if known is None:
            exact = self._exact_price(text)
            read = (self._rounded_price(text, toward), True) if exact is None else (exact, False)
            known = self._prices[text, toward] = read
        price, was_rounded = known
        self.prices_rounded += was_rounded
        return price

    def _rounded_price(self, text: str, toward: Side) -> int:
        scaled = _positive(text).scaleb(self.instrument.price_decimals)
        down = int(scaled)
        if toward is Side.SELL:
            return self.instrument.round_price_up(down if down == scaled else down + 1)
        rounded = self.instrument.round_price_down(down)
        if rounded <= 0:
            raise ValueError(f"{text} is below the smallest price of {self.instrument.coin}")
        return rounded

    def _exact_price(self, text: str) -> int | None:
        """None if it is finer than a tick."""
        try:
            price = parse_units(_plain(text), self.instrument.price_decimals)
        except InexactNumberError:
            _positive(text)
            return None
        if price <= 0:
            raise ValueError(f"{text} is not above zero")
        return price if self.instrument.is_valid_price(price) else None


def _positive(text: str) -> Decimal:
    value = parse_decimal(_plain(text))
    if value <= 0:
        raise ValueError(f"{text} is not above zero")
    return value


def _plain(text: str) -> str:
    """Recorders write small sizes as floats (``1e-05``), which the venue never does."""
    if "e" not in text and "E" not in text:
        return text
    try:
        return format(Decimal(text), "f")
    except InvalidOperation:
        return text
