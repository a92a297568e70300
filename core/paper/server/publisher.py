"""From changes to WebSocket frames. Frames that nobody wants aren't written."""

from __future__ import annotations

from core.paper.exchange import PaperExchange
from core.paper.server.frames import frame
from core.paper.server.market_feeds import MarketFeeds
from core.paper.server.subscriptions import Subscribers, Subscription
from core.paper.server.user_feeds import UserFeeds
from core.paper.venue.batch import Batch


class Publisher:
    def __init__(self, exchange: PaperExchange, subscribers: Subscribers, books_every_s: float) -> None:
        self._market = MarketFeeds(exchange, subscribers, books_every_s)
        self._users = UserFeeds(exchange, subscribers)
        exchange.listen(self._on_batch)

    def greeting(self, subscription: Subscription) -> str | None:
        """What a new subscriber is told first: the state of what has one."""
        feeds = self._market if subscription.user is None else self._users
        data = feeds.greeting(subscription)
        return None if data is None else frame(subscription.channel, data)

    def flush(self, now_s: float) -> None:
        """Send what is due; ``now_s`` is monotonic."""
        self._market.flush(now_s)
        self._users.flush(now_s)

    def _on_batch(self, batch: Batch) -> None:
        self._market.on_batch(batch)
        self._users.on_batch(batch)
