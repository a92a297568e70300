"""POST /info: the exchange's answers, in Hyperliquid's shapes, order and caps."""

from __future__ import annotations

from core.paper.answers.account import Accounts
from core.paper.answers.arguments import Handler
from core.paper.answers.bundles import Bundles
from core.paper.answers.contexts import Contexts
from core.paper.answers.elsewhere import Elsewhere
from core.paper.answers.fees import Fees
from core.paper.answers.history import History
from core.paper.answers.market_data import MarketData
from core.paper.answers.metadata import Metadata
from core.paper.answers.orders import Orders
from core.paper.answers.rows import Rows
from core.paper.answers.tape import Tape
from core.paper.answers.twaps import Twaps
from core.paper.config import AnswerSettings
from core.paper.jsonio import Json, MalformedRequestError, as_object, get_str
from core.paper.venue.venue import Venue


class Info:
    """The subjects, and which of them answers a request's ``type``."""

    def __init__(self, venue: Venue, tape: Tape, settings: AnswerSettings) -> None:
        self.rows = Rows(venue.instruments)
        self.metadata = Metadata(venue)
        self.contexts = Contexts(venue, tape, self.rows, self.metadata)
        self.market_data = MarketData(venue, tape, self.rows)
        self.accounts = Accounts(venue, self.rows)
        self.orders = Orders(venue, self.rows)
        self.history = History(venue, self.rows, settings)
        self.twaps = Twaps(venue, self.rows, settings)
        self.bundles = Bundles(venue, self.metadata, self.contexts, self.accounts, self.orders, self.twaps)
        self._handlers: dict[str, Handler] = {}
        for subject in (
            self.metadata,
            self.contexts,
            self.market_data,
            self.accounts,
            self.orders,
            self.history,
            self.twaps,
            self.bundles,
            Fees(venue, tape),
            Elsewhere(venue),
        ):
            handlers = subject.handlers()
            assert not handlers.keys() & self._handlers.keys()
            self._handlers |= handlers

    def answer(self, request: object, now_ms: int) -> Json:
        """Raises ``MalformedRequestError`` for an unknown type, or arguments of the wrong shape."""
        source = as_object(request)
        handler = self._handlers.get(get_str(source, "type"))
        if handler is None:
            raise MalformedRequestError(f"no info {source['type']!r}")
        return handler(source, now_ms)
