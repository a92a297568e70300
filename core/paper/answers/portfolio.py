"""``clearinghouseState``: what an account is worth, by Hyperliquid's identities.

accountValue = totalRawUsd + sum(szi * mark). A cross position's marginUsed is its value over its leverage; an isolated one's
is its signed value plus its rawUsd, where the collateral set aside is the initial margin of its entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.domain.instrument import Instrument
from core.paper.jsonio import Json, JsonObject
from core.paper.venue.accounts import Account, Leverage, Position
from core.paper.venue.margin import initial_margin, leverage_of, maintenance_margin
from core.paper.venue.venue import Venue
from core.paper.wiretext import decimal_wire, micro_wire, units_wire

_WITHDRAW_DIVISOR = 10
"""A tenth of the cross notional has to stay, however high the leverage."""


@dataclass(frozen=True, slots=True)
class _Held:
    instrument: Instrument
    position: Position
    leverage: Leverage
    mark: int

    @property
    def signed_value(self) -> int:
        return self.position.lots * self.mark

    @property
    def raw(self) -> int:
        """An isolated position's rawUsd."""
        return abs(self.position.cost) // self.leverage.value - self.position.cost

    @property
    def margin_used(self) -> int:
        if self.leverage.is_cross:
            return abs(self.signed_value) // self.leverage.value
        return self.signed_value + self.raw

    @property
    def maintenance(self) -> int:
        return maintenance_margin(self.position.lots, self.mark, self.instrument)

    @property
    def unrealized(self) -> int:
        return self.signed_value - self.position.cost


def clearinghouse_state(venue: Venue, account: Account, now_ms: int) -> JsonObject:
    held = [
        _Held(
            venue.instruments[coin],
            position,
            leverage_of(account, venue.instruments[coin]),
            venue.mark_of(coin),
        )
        for coin, position in account.positions.items()
        if position.lots
    ]
    cash = sum(account.cash.values())
    cross = [h for h in held if h.leverage.is_cross]
    isolated_raw = sum(h.raw for h in held if not h.leverage.is_cross)
    cross_raw = cash - isolated_raw
    cross_value = cross_raw + sum(h.signed_value for h in cross)
    cross_maintenance = sum(h.maintenance for h in cross)
    reserved = initial_margin(account, venue.instruments, venue.mark_of)
    locked = max(reserved, sum(abs(h.signed_value) for h in cross) // _WITHDRAW_DIVISOR)
    positions: list[Json] = [
        {"type": "oneWay", "position": _position(h, cross_value - cross_maintenance)} for h in held
    ]
    return {
        "marginSummary": _summary(venue.value_of(account), held, cash),
        "crossMarginSummary": _summary(cross_value, cross, cross_raw),
        "crossMaintenanceMarginUsed": micro_wire(cross_maintenance),
        "withdrawable": micro_wire(max(0, cross_value - locked)),
        "assetPositions": positions,
        "time": now_ms,
    }


def _summary(value: int, held: list[_Held], raw: int) -> JsonObject:
    return {
        "accountValue": micro_wire(value),
        "totalNtlPos": micro_wire(sum(abs(h.signed_value) for h in held)),
        "totalRawUsd": micro_wire(raw),
        "totalMarginUsed": micro_wire(sum(h.margin_used for h in held)),
    }


def _position(held: _Held, cross_available: int) -> JsonObject:
    instrument, position = held.instrument, held.position
    leverage: JsonObject = {
        "type": "cross" if held.leverage.is_cross else "isolated",
        "value": held.leverage.value,
    }
    if not held.leverage.is_cross:
        leverage["rawUsd"] = micro_wire(held.raw)
    available = cross_available if held.leverage.is_cross else held.margin_used - held.maintenance
    entry_margin = Decimal(abs(position.cost)) / held.leverage.value
    entry = Decimal(abs(position.cost)) / abs(position.lots)
    return {
        "coin": instrument.coin,
        "szi": units_wire(position.lots, instrument.sz_decimals),
        "leverage": leverage,
        "entryPx": decimal_wire(
            entry.scaleb(-instrument.price_decimals), instrument.price_decimals, rounded=True
        ),
        "positionValue": micro_wire(abs(held.signed_value)),
        "unrealizedPnl": micro_wire(held.unrealized),
        "returnOnEquity": decimal_wire(held.unrealized / entry_margin if entry_margin else Decimal(0), 10),
        "liquidationPx": _liquidation_price(held, available),
        "marginUsed": micro_wire(held.margin_used),
        "maxLeverage": instrument.max_leverage,
        "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"},
    }


def _liquidation_price(held: _Held, available: int) -> str | None:
    side = 1 if held.position.lots > 0 else -1
    rate = Decimal(1) / (2 * held.instrument.max_leverage)
    room = Decimal(available) / abs(held.position.lots) / (1 - rate * side)
    price = (held.mark - side * room).scaleb(-held.instrument.price_decimals)
    return decimal_wire(price, 8) if price > 0 else None
