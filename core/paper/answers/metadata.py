"""What is listed, under which rules: ``meta`` and its relatives."""

from __future__ import annotations

from core.paper.answers.arguments import Handler, Request, get_dex
from core.paper.jsonio import Json, JsonObject, MalformedRequestError, get_int
from core.paper.market.listing import FIRST_DEX, Listing, Tier
from core.paper.venue.validation import MARKET_VALUE_USD
from core.paper.venue.venue import Venue
from core.paper.wiretext import micro_wire, units_wire

_SINGLE_TIER_TABLES = 51
"""Margin tables below this id have one tier, whose highest leverage is the id."""
_UNLISTED_TABLES = 50
"""Those below aren't told with ``meta``: its readers have to know that an id is its leverage."""

_DEPLOYER = "0x" + b"paper market builder".hex()
_NO_CAP = "1000000000.0"
_EPOCH = "1970-01-01T00:00:00"


class Metadata:
    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def handlers(self) -> dict[str, Handler]:
        return {
            "meta": lambda request, _: self.meta(get_dex(request)),
            "allPerpMetas": lambda *_: [self.meta(dex) for dex in self._venue.universe.dexs],
            "perpDexs": lambda *_: [self._dex(dex) for dex in self._venue.universe.dexs],
            "marginTable": self._margin_table,
            "maxMarketOrderNtls": lambda *_: [[most, units_wire(usd, 0)] for most, usd in MARKET_VALUE_USD],
            "perpDexLimits": self._dex_limits,
            "perpDexStatus": self._dex_status,
            "perpCategories": lambda *_: [],
            "perpConciseAnnotations": lambda *_: [],
            "perpAnnotation": lambda *_: None,
        }

    def meta(self, dex: str) -> JsonObject | None:
        """None for a dex that doesn't exist."""
        if dex not in self._venue.universe.dexs:
            return None
        listings = self._venue.universe.of_dex(dex)
        tables = {
            listing.margin_table_id: listing.rules.tiers
            for listing in listings
            if listing.margin_table_id >= _UNLISTED_TABLES
        }
        universe: list[Json] = [_universe_row(listing) for listing in listings]
        return {
            "universe": universe,
            "marginTables": [[table, margin_table(tiers)] for table, tiers in sorted(tables.items())],
            "collateralToken": 0,
        }

    def _margin_table(self, request: Request, _: int) -> Json:
        number = get_int(request, "id")
        for listing in self._venue.universe.of_dex(get_dex(request)):
            if listing.margin_table_id == number:
                return margin_table(listing.rules.tiers)
        if not 1 <= number < _SINGLE_TIER_TABLES:
            raise MalformedRequestError(f"no margin table {number}")
        return margin_table((Tier(0, number),))

    def _dex(self, dex: str) -> Json:
        """The first dex is null. Hyperliquid names deployers; here one address stands for all of them."""
        if dex == FIRST_DEX:
            return None
        coins = [listing.coin for listing in self._venue.universe.of_dex(dex)]
        return {
            "name": dex,
            "fullName": dex,
            "deployer": _DEPLOYER,
            "oracleUpdater": None,
            "feeRecipient": None,
            "assetToStreamingOiCap": [[coin, _NO_CAP] for coin in coins],
            "subDeployers": [],
            "deployerFeeScale": "1.0",
            "lastDeployerFeeScaleChangeTime": _EPOCH,
            "assetToFundingMultiplier": [[coin, "1.0"] for coin in coins],
            "assetToFundingInterestRate": [],
        }

    def _dex_limits(self, request: Request, _: int) -> Json:
        dex = self._builder_dex(request)
        if dex is None:
            return None
        coins = [listing.coin for listing in self._venue.universe.of_dex(dex)]
        return {
            "totalOiCap": _NO_CAP,
            "oiSzCapPerPerp": _NO_CAP,
            "maxTransferNtl": _NO_CAP,
            "coinToOiCap": [[coin, _NO_CAP] for coin in coins],
        }

    def _dex_status(self, request: Request, _: int) -> Json:
        """The deposits of all users: what they hold there, which is what they have put in."""
        dex = get_dex(request)
        if request.get("dex") is None or dex not in self._venue.universe.dexs:
            raise MalformedRequestError("dex must be the name of a dex")
        held = sum(account.cash.get(dex, 0) for account in self._venue.ledger.accounts.values())
        return {"totalNetDeposit": micro_wire(held)}

    def _builder_dex(self, request: Request) -> str | None:
        """Raises ``MalformedRequestError`` for the first dex, which has no limits of this kind."""
        dex = get_dex(request)
        if dex == FIRST_DEX:
            raise MalformedRequestError("dex must be the name of a builder dex")
        return dex if dex in self._venue.universe.dexs else None


def margin_table(tiers: tuple[Tier, ...]) -> JsonObject:
    return {
        "description": f"tiered {tiers[0].max_leverage}x" if len(tiers) > 1 else "",
        "marginTiers": [
            {"lowerBound": micro_wire(tier.lower_micro), "maxLeverage": tier.max_leverage} for tier in tiers
        ],
    }


def _universe_row(listing: Listing) -> JsonObject:
    """Flags are absent where they don't hold."""
    rules = listing.rules
    row: JsonObject = {
        "szDecimals": rules.sz_decimals,
        "name": listing.coin,
        "maxLeverage": rules.max_leverage,
        "marginTableId": listing.margin_table_id,
    }
    if rules.margin_mode is not None:
        row["onlyIsolated"] = True
    if rules.is_delisted:
        row["isDelisted"] = True
    if rules.margin_mode is not None:
        row["marginMode"] = rules.margin_mode
    if rules.has_growth_mode:
        row["growthMode"] = "enabled"
        row["lastGrowthModeChangeTime"] = _EPOCH
    return row
