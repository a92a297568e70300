"""The last look before bytes leave: whether a post-only order, decided before its rows were committed, would cross by now.

The feed goes on decoding while the journal writes. An order that would be refused for what is known already isn't sent: it
would cost a round trip in which its slot is empty, and a piece of the address's budget.
"""

from __future__ import annotations

from core.domain.causes import Cause
from core.domain.effects import Modify, Place
from core.domain.events import PlaceOutcome, Quote, Refused
from core.domain.orders import Order, Side, Tif
from core.engine.engine import Engine
from core.exchange.order_router import nothing_replaced
from core.runtime.inbox import Inbox


class LastLook:
    """At the newest quotes that are decoded, whether the engine has seen them or not."""

    def __init__(self, engine: Engine, inbox: Inbox) -> None:
        self._engine, self._inbox = engine, inbox

    def at(self, effect: Place | Modify) -> tuple[Place | Modify | None, PlaceOutcome | None]:
        """What of it is sent, and what became of the rest; either ``None`` if there is none of it."""
        late = {order.cloid: why for order in effect.orders if (why := self._crosses(order)) is not None}
        if not late:
            return effect, None
        told = PlaceOutcome(tuple(late.items()))
        if isinstance(effect, Place):
            kept = tuple(order for order in effect.orders if order.cloid not in late)
            return (Place(kept) if kept else None), told
        held = [pair for pair in effect.pairs if pair[1].cloid in late]
        pairs = tuple(pair for pair in effect.pairs if pair[1].cloid not in late)
        return (Modify(pairs) if pairs else None), nothing_replaced(told, held)

    def _crosses(self, order: Order) -> Refused | None:
        if order.tif is not Tif.ALO or order.coin not in self._engine.coins:
            return None
        coin = self._engine.coins[order.coin]
        quote = self._newest(order.coin) or coin.quote
        if quote is None:
            return None
        is_buy = order.side is Side.BUY
        other = quote.ask if is_buy else quote.bid
        if other is None or (other - order.price) * order.side.sign > 0:
            return None
        name, price = "ask" if is_buy else "bid", coin.config.instrument.price_text(other)
        return Refused(
            f"not sent: the {name} had come to {price} while the journal was written", Cause.CROSSED
        )

    def _newest(self, name: str) -> Quote | None:
        quote = self._inbox.unread_quote(name)
        return None if quote is None or self._engine.vitals.is_stale(quote) else quote
