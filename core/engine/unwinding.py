"""Bringing a position down in parts, reduce-only at the market's price: past the hard inventory limit, or outside the range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Effect, Place, notify
from core.domain.orders import Order, Purpose, Side, Tif

if TYPE_CHECKING:
    from core.engine.coin import Coin

EVERY_MS = 5_000
"""Between two parts: the market takes a breath, and fills arrive."""

SLIP_PPB = 1_000_000
"""A part may trade a thousandth past the best price, no further (the predecessor's 0.1 %)."""


@dataclass(slots=True)
class Unwinding:
    next_mono_ms: int = 0

    def act(self, coin: Coin, lots: int, why: str, now: Instant) -> list[Effect]:
        """Close ``lots`` of what is held, one order at a time, once nothing of ours rests in its way."""
        held = coin.ledger.lots
        if not lots or not held or now.mono_ms < self.next_mono_ms:
            return []
        if any(o.purpose is Purpose.REDUCE for o in coin.orders.live()):
            return []
        order = _part(coin, held, min(lots, abs(held)), now)
        if order is None:
            return []
        self.next_mono_ms = now.mono_ms + EVERY_MS
        size = coin.config.instrument.size_text(order.lots)
        return [
            notify("position_reduced", "warn", coin.name, side=order.side.value, size=size, reason=why),
            Place((order,)),
        ]


def _part(coin: Coin, held: int, lots: int, now: Instant) -> Order | None:
    instrument, quote, own = coin.config.instrument, coin.quote, coin.orders.own
    if quote is None or not quote.bid or not quote.ask:
        return None
    if held > 0:
        side, price = Side.SELL, instrument.round_price_up(quote.bid - quote.bid * SLIP_PPB // 10**9)
        in_the_way = own.top_buy() >= price
    else:
        side, price = Side.BUY, instrument.round_price_down(quote.ask + quote.ask * SLIP_PPB // 10**9)
        in_the_way = 0 < own.low_sell() <= price
    if in_the_way:
        return None
    least = instrument.min_lots(price)
    rest = abs(held) - max(lots, least)
    # What would be left below the venue's minimum goes with it.
    size = abs(held) if rest < least else max(lots, least)
    return coin.new_order(side, price, size, Tif.IOC, Purpose.REDUCE, now)
