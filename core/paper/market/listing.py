"""What is listed, and under which rules: coins, margin tiers, dexs. As ``meta`` and ``perpDexs`` tell it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from core.domain.instrument import Instrument

FIRST_DEX = ""
"""The validator-operated dex has no name."""

_BUILDER_ASSETS = 100_000
_ASSETS_PER_DEX = 10_000

MarginMode = Literal["strictIsolated", "noCross"]


@dataclass(frozen=True, slots=True)
class Tier:
    """From ``lower_micro`` of notional (micro-USDC) on, at most ``max_leverage``."""

    lower_micro: int
    max_leverage: int


@dataclass(frozen=True, slots=True)
class Rules:
    """How a coin trades. ``tiers`` begin at 0; a single tier needs no margin table of its own.

    ``sz_decimals`` may become fewer than those of the instrument, whose lots stay: orders then come in multiples of lots.
    """

    coin: str
    sz_decimals: int
    tiers: tuple[Tier, ...]
    margin_mode: MarginMode | None = None
    impact_micro: int = 6_000_000_000
    """The notional at which impact prices are taken: 20,000 USDC for BTC and ETH, 6,000 for others."""
    has_growth_mode: bool = False
    is_delisted: bool = False
    open_interest_cap_micro: int | None = None
    """The notional of all longs from which on positions may only shrink; None: no cap."""

    @property
    def dex(self) -> str:
        """``xyz`` of ``xyz:TSLA``, empty for a coin of the first dex."""
        return self.coin.rpartition(":")[0]

    @property
    def max_leverage(self) -> int:
        return self.tiers[0].max_leverage


@dataclass(frozen=True, slots=True)
class Listing:
    """A coin with its place in the universe."""

    instrument: Instrument
    rules: Rules
    margin_table_id: int

    @property
    def coin(self) -> str:
        return self.instrument.coin

    @property
    def dex(self) -> str:
        return self.rules.dex


@dataclass(frozen=True, slots=True)
class Universe:
    """All coins of an exchange. Assets of the first dex count from 0, those of the n-th builder dex from 100000 + n * 10000."""

    listings: dict[str, Listing]
    """By coin, in order of asset id."""
    dexs: tuple[str, ...]
    """The first is the first dex, whether or not it lists anything."""
    _by_asset: dict[int, Listing] = field(repr=False)

    @staticmethod
    def of(rules: Iterable[Rules]) -> Universe:
        """Dexs in order of appearance."""
        by_dex: dict[str, list[Rules]] = {FIRST_DEX: []}
        for rule in rules:
            by_dex.setdefault(rule.dex, []).append(rule)
        tables: dict[tuple[Tier, ...], int] = {}
        listings: list[Listing] = []
        for number, dex_rules in enumerate(by_dex.values()):
            base = _BUILDER_ASSETS + number * _ASSETS_PER_DEX if number else 0
            for index, rule in enumerate(dex_rules):
                is_flat = len(rule.tiers) == 1
                table = rule.max_leverage if is_flat else tables.setdefault(rule.tiers, 51 + len(tables))
                instrument = Instrument(rule.coin, base + index, rule.sz_decimals, rule.max_leverage)
                listings.append(Listing(instrument, rule, table))
        return Universe(
            {listing.coin: listing for listing in listings},
            tuple(by_dex),
            {listing.instrument.asset_id: listing for listing in listings},
        )

    @property
    def instruments(self) -> dict[str, Instrument]:
        return {coin: listing.instrument for coin, listing in self.listings.items()}

    def by_asset(self, asset: int) -> Listing | None:
        return self._by_asset.get(asset)

    def of_dex(self, dex: str) -> list[Listing]:
        return [listing for listing in self.listings.values() if listing.dex == dex]

    def with_rules(self, changed: Rules) -> Universe:
        """The same universe with a coin under other rules. Ids stay, and so do units: what rests in lots goes on doing so."""
        assert changed.coin in self.listings, changed.coin
        rules = (listing.rules for listing in self.listings.values())
        fresh = Universe.of(changed if rule.coin == changed.coin else rule for rule in rules)
        listings = {
            coin: replace(
                listing,
                instrument=replace(
                    listing.instrument, sz_decimals=self.listings[coin].instrument.sz_decimals
                ),
            )
            for coin, listing in fresh.listings.items()
        }
        by_asset = {listing.instrument.asset_id: listing for listing in listings.values()}
        return Universe(listings, fresh.dexs, by_asset)
