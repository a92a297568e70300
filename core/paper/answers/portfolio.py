"""``clearinghouseState``: what an account is worth in one dex, by Hyperliquid's identities.

accountValue = totalRawUsd + sum(szi * mark). A cross position's marginUsed is its value over its leverage; an isolated one's
is its signed value plus its rawUsd, that is what was set aside for it and its unrealized PnL.
"""

from __future__ import annotations

from decimal import Decimal

from core.paper.jsonio import Json, JsonObject
from core.paper.venue.accounts import Account
from core.paper.venue.margin import Held
from core.paper.venue.tiers import maintenance_tiers
from core.paper.venue.venue import Venue
from core.paper.wiretext import decimal_wire, micro_wire, units_wire


def clearinghouse_state(venue: Venue, account: Account, dex: str, now_ms: int) -> JsonObject:
    margin = venue.margin
    held = margin.held(account, dex)
    cross = [h for h in held if h.leverage.is_cross]
    available = margin.cross_value(account, dex) - margin.cross_maintenance(account, dex)
    positions: list[Json] = [{"type": "oneWay", "position": _position(h, available)} for h in held]
    return {
        "marginSummary": _summary(held, account.cash.get(dex, 0)),
        "crossMarginSummary": _summary(cross, margin.cross_cash(account, dex)),
        "crossMaintenanceMarginUsed": micro_wire(sum(h.maintenance for h in cross)),
        "withdrawable": micro_wire(margin.withdrawable(account, dex)),
        "assetPositions": positions,
        "time": now_ms,
    }


def _summary(held: list[Held], raw: int) -> JsonObject:
    return {
        "accountValue": micro_wire(raw + sum(h.signed_value for h in held)),
        "totalNtlPos": micro_wire(sum(h.value for h in held)),
        "totalRawUsd": micro_wire(raw),
        "totalMarginUsed": micro_wire(sum(h.margin_used for h in held)),
    }


def _position(held: Held, cross_available: int) -> JsonObject:
    instrument, position = held.listing.instrument, held.position
    leverage: JsonObject = {
        "type": "cross" if held.leverage.is_cross else "isolated",
        "value": held.leverage.value,
    }
    if not held.leverage.is_cross:
        leverage["rawUsd"] = micro_wire(position.raw)
    available = cross_available if held.leverage.is_cross else held.margin_used - held.maintenance
    entry_margin = Decimal(abs(position.cost)) / held.leverage.value
    entry = Decimal(abs(position.cost)) / abs(position.lots)
    return {
        "coin": instrument.coin,
        "szi": units_wire(position.lots, instrument.sz_decimals),
        "leverage": leverage,
        "entryPx": decimal_wire(entry.scaleb(-instrument.price_decimals), instrument.price_decimals),
        "positionValue": micro_wire(held.value),
        "unrealizedPnl": micro_wire(held.unrealized),
        "returnOnEquity": decimal_wire(held.unrealized / entry_margin if entry_margin else Decimal(0), 10),
        "liquidationPx": _liquidation_price(held, available),
        "marginUsed": micro_wire(held.margin_used),
        "maxLeverage": instrument.max_leverage,
        "cumFunding": {
            "allTime": micro_wire(position.funding),
            "sinceOpen": micro_wire(position.funding_since_open),
            "sinceChange": micro_wire(position.funding_since_change),
        },
    }


def _liquidation_price(held: Held, available: int) -> str | None:
    """Where the margin would be used up if this coin alone moved, at the maintenance rate of the tier that it has there."""
    side = 1 if held.position.lots > 0 else -1
    lots = abs(held.position.lots)
    tiers = maintenance_tiers(held.listing.rules.tiers)
    price = Decimal(0)
    for number, tier in enumerate(tiers):
        rate = Decimal(tier.rate) / tier.one
        here = (Decimal(held.value) * tier.rate - tier.deduction) / tier.one
        room = (available + held.maintenance - here) / lots / (1 - rate * side)
        price = held.mark - side * room
        above = tiers[number + 1].lower if number + 1 < len(tiers) else None
        if above is None or price * lots < above:
            break
    return decimal_wire(price.scaleb(-held.listing.instrument.price_decimals), 8) if price > 0 else None
