"""Looks at the exchange's books beside a bot that lives and dies, many times a second, for what may never be."""

from __future__ import annotations

import sqlite3
import threading
import time

from tests.crash.books import Books, ours
from tests.e2e.program import Exchange

EVERY_S = 0.1
"""Each look costs the exchange and the test more than a bot does meanwhile."""


class Watch(threading.Thread):
    """``breaches`` says what it saw that may not be, each once."""

    def __init__(self, exchange: Exchange, account: str, books: Books) -> None:
        super().__init__(name="watch", daemon=True)
        self._exchange, self._account, self._books = exchange, account, books
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.breaches: list[str] = []
        self.cloids: set[str] = set()
        """Of every order of ours that was seen on the exchange."""
        self.planted: set[str] = set()
        """Orders whose rows a test has taken away."""
        self.excused_until = 0.0
        """On the monotonic clock: until then a trade from outside may have taken the position past the cap."""
        self.looks = 0

    def run(self) -> None:
        try:
            while not self._over.wait(EVERY_S):
                self.look()
        except (OSError, ValueError, sqlite3.Error) as error:
            self.breaches.append(f"the watch has gone blind: {type(error).__name__}: {error}")

    def look(self) -> None:
        """Once, now; also from another thread."""
        with self._lock:
            truth = self._exchange.truth(self._account, last=0)
            self.cloids |= {order["cloid"] for order in ours(truth["orders"])}
            within_cap = time.monotonic() > self.excused_until
            for breach in self._books.breaches(truth, self.planted, within_cap=within_cap):
                if breach not in self.breaches:
                    self.breaches.append(breach)
            self.looks += 1

    def end(self) -> None:
        self._over.set()
        self.join()
