"""Bringing a position down in parts, reduce-only at the market's price: past the hard inventory limit, or outside the range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Effect, Place, notify
from core.domain.orders import Order, Purpose, Side, Tif
from core.engine.intents import new_order

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
        if not lots or not held or now.mono_ms < self.next_mono_ms or is_under_way(coin):
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


def is_under_way(coin: Coin) -> bool:
    return bool(coin.orders.live_of(Purpose.REDUCE))


def part_lots(coin: Coin, lots: int) -> int:
    """How large a part of ``lots`` is at least: what would be left below the venue's minimum goes with it. All of what is held
    without a quote to tell by.
    """
    held, price = coin.ledger.lots, _price(coin, coin.ledger.lots)
    least = coin.config.instrument.min_lots(price) if price else abs(held)
    part = coin.config.instrument.whole_lots(max(lots, least))
    return abs(held) if abs(held) - part < least else part


def _price(coin: Coin, held: int) -> int:
    """The worst that a part may trade at; 0 without a quote of both sides."""
    instrument, quote = coin.config.instrument, coin.quote
    if quote is None or not quote.bid or not quote.ask:
        return 0
    if held > 0:
        return instrument.round_price_up(quote.bid - quote.bid * SLIP_PPB // 10**9)
    return instrument.round_price_down(quote.ask + quote.ask * SLIP_PPB // 10**9)


def _part(coin: Coin, held: int, lots: int, now: Instant) -> Order | None:
    own, price = coin.orders.own, _price(coin, held)
    in_the_way = own.top_buy() >= price if held > 0 else 0 < own.low_sell() <= price
    if not price or in_the_way:
        return None
    side = Side.SELL if held > 0 else Side.BUY
    return new_order(coin, side, price, part_lots(coin, lots), Tif.IOC, Purpose.REDUCE, now)
