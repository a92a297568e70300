"""What can be traded, and its price and size rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from core.domain.margin import MarginTier, flat_tiers
from core.domain.units import (
    PERP_PRICE_DECIMALS,
    parse_units,
    round_units,
    units_text,
    units_to_decimal,
)

MIN_NOTIONAL_MICRO = 10_000_000
"""Hyperliquid refuses an opening order below 10 USDC."""

_SIGNIFICANT_FIGURES = 5
_POWERS: tuple[int, ...] = tuple(10**n for n in range(PERP_PRICE_DECIMALS + 1))


@dataclass(frozen=True, slots=True)
class Instrument:
    """One perpetual, as ``meta`` of the venue describes it.

    ``coin`` is the full name (``BTC``, ``xyz:TSLA``), ``asset_id`` what orders carry. ``only_isolated``: cross margin isn't
    allowed.
    """

    coin: str
    asset_id: int
    sz_decimals: int
    max_leverage: int
    only_isolated: bool = False
    margin_table: tuple[MarginTier, ...] = ()
    """Empty: one tier."""
    traded_with_decimals: int | None = None
    """The exchange's ``szDecimals`` by now, if they aren't those that lots are counted in."""

    @property
    def tiers(self) -> tuple[MarginTier, ...]:
        return self.margin_table or flat_tiers(self.max_leverage)

    @property
    def price_decimals(self) -> int:
        return PERP_PRICE_DECIMALS - self.sz_decimals

    @property
    def traded_decimals(self) -> int:
        return self.sz_decimals if self.traded_with_decimals is None else self.traded_with_decimals

    @property
    def lot_step(self) -> int:
        """Orders come in multiples of so many lots."""
        coarser = max(0, self.sz_decimals - self.traded_decimals)
        return _POWERS[coarser]

    def traded_with(self, sz_decimals: int) -> Instrument:
        """By other ``szDecimals``; lots, and price units, stay what they are."""
        return replace(self, traded_with_decimals=None if sz_decimals == self.sz_decimals else sz_decimals)

    def whole_lots(self, lots: int) -> int:
        """The most that can be ordered of so many lots."""
        return lots - lots % self.lot_step

    def tick(self, price: int) -> int:
        """The distance between valid prices around ``price``, in price units.

        Five significant figures, at most ``6 - sz_decimals`` decimals, and whole numbers are always allowed
        (Hyperliquid: tick and lot size). The tick therefore grows with the price: a level is rounded for itself.
        """
        assert price > 0, price
        too_many = len(str(price)) - _SIGNIFICANT_FIGURES
        return _POWERS[min(too_many, PERP_PRICE_DECIMALS - self.sz_decimals)] if too_many > 0 else 1

    def is_valid_price(self, price: int) -> bool:
        return price > 0 and price % self.tick(price) == 0

    def round_price_down(self, price: int) -> int:
        """The highest valid price at or below ``price``; 0 if there is none."""
        return price - price % self.tick(price) if price > 0 else 0

    def round_price_up(self, price: int) -> int:
        """The lowest valid price at or above ``price``; there is none at or below zero."""
        price = max(1, price)
        tick = self.tick(price)
        return -(-price // tick) * tick

    def min_lots(self, price: int) -> int:
        """The fewest lots that can be ordered and whose notional at ``price`` reaches the venue's minimum."""
        least, step = -(-MIN_NOTIONAL_MICRO // price), self.lot_step
        return -(-least // step) * step

    def parse_price(self, text: str) -> int:
        """An order's or trade's price, exactly; raises ``InexactNumberError``."""
        return parse_units(text, self.price_decimals)

    def price_units(self, price: Decimal) -> int:
        """A price that somebody wrote down, in whole units, rounded down; it need not be on a tick."""
        return int(price.scaleb(self.price_decimals))

    def parse_size(self, text: str) -> int:
        """A size in lots, exactly; raises ``InexactNumberError``."""
        return parse_units(text, self.sz_decimals)

    def round_size(self, text: str) -> int:
        """A position in lots from a field that carries float noise."""
        return round_units(text, self.sz_decimals)

    def price_text(self, price: int) -> str:
        return units_text(price, PERP_PRICE_DECIMALS - self.sz_decimals)

    def size_text(self, lots: int) -> str:
        return units_text(lots, self.sz_decimals)

    def price_decimal(self, price: int) -> Decimal:
        return units_to_decimal(price, self.price_decimals)

    def size_decimal(self, lots: int) -> Decimal:
        return units_to_decimal(lots, self.sz_decimals)
