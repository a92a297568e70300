"""Looks at the exchange's own books after every change of theirs, for what may not be true even for a moment."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from core.domain.cloid import parse_cloid
from core.domain.orders import Side
from core.paper.exchange import PaperExchange
from core.paper.venue.batch import Batch
from core.paper.venue.orders import Order


class Watch:
    """Of one account. ``breaches`` says what it saw that may not be, each once."""

    def __init__(self, exchange: PaperExchange, user: str, journal: Path) -> None:
        self._exchange, self._user, self._journal = exchange, user, journal
        self.breaches: list[str] = []
        self._db: sqlite3.Connection | None = None
        self.cloids: set[str] = set()
        """Of every order of ours that the exchange has ever taken."""
        self.foreign: set[int] = set()
        """Orders that aren't ours and must stay."""
        self.planted: set[str] = set()
        """Cloids with our tag that no session ever sent: a test placed them by hand."""
        self.outside_breach = False
        """A test sets this when trades that aren't ours, or the market, take the position past the cap."""

    def look(self, batch: Batch) -> None:
        """I3: an order's row is committed before the exchange has the order. I4: the worst case is within the cap. I5: no two
        orders of ours at one side and price.
        """
        fresh = [o for o in batch.orders.values() if self._is_ours(o) and o.cloid not in self.cloids]
        if fresh:
            known = self._known()
            self.cloids |= {order.cloid for order in fresh if order.cloid is not None}
            self._breach_if(not self.cloids <= known, f"on the exchange before its row (I3): {fresh}")
        if any(order.user == self._user for order in batch.orders.values()):
            for coin in self._exchange.venue.instruments:
                self._look_at(coin)

    def _look_at(self, coin: str) -> None:
        account = self._exchange.venue.ledger.accounts.get(self._user)
        if account is None:
            return
        known = [o for o in account.open_orders.values() if o.coin == coin and self._is_ours(o)]
        ours = [
            o for o in known if o.trigger is None
        ]  # a stop only reduces, and rests at no price of the book
        doubled = [place for place, n in Counter((o.side, o.price) for o in ours).items() if n > 1]
        self._breach_if(bool(doubled), f"two orders of ours at one price (I5): {doubled}")
        cap = self._cap(coin) if ours and not self.outside_breach else None
        if cap is None:
            return
        for side in Side:
            adding = sum(order.remaining for order in ours if order.side is side)
            worst = side.sign * account.lots(coin) + adding
            self._breach_if(
                bool(adding) and worst > cap,
                f"{coin}: worst case {side} of {worst} lots is past the cap of {cap} (I4)",
            )

    def _breach_if(self, is_so: bool, text: str) -> None:
        if is_so and text not in self.breaches:
            self.breaches.append(text)

    def _is_ours(self, order: Order) -> bool:
        is_tagged = parse_cloid(order.cloid) is not None and order.cloid not in self.planted
        return order.user == self._user and is_tagged

    def _known(self) -> set[str]:
        return {row[0] for row in self._rows("SELECT cloid FROM orders")}

    def _cap(self, coin: str) -> int | None:
        """The widest of all grids: orders of the one before may still rest."""
        caps = [
            row[0] for row in self._rows("SELECT max(cap_long, cap_short) FROM grids WHERE coin = ?", coin)
        ]
        return max(caps, default=None)

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """One connection for the whole test: it is asked after every change of the exchange's books."""
        if self._db is None and self._journal.exists():
            self._db = sqlite3.connect(f"{self._journal.as_uri()}?mode=ro", uri=True)
        return self._db.execute(sql, values).fetchall() if self._db is not None else []

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
