"""What the core has had to do in this run, counted where it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from core.domain.effects import Cancel, Effect, Modify, Place
from core.domain.events import AccountObserved, Event
from core.domain.orders import Side
from core.domain.spread import Spread
from core.view import BATCH_ENDS, DURATION_ENDS_US, ObserverView, SentView, WorkView


class Meter:
    """Belongs to the core's loop."""

    def __init__(
        self, inbox: Callable[[], int], observers: Callable[[], tuple[ObserverView, ...]] = tuple
    ) -> None:
        """``inbox``: how many items wait."""
        self._inbox, self._observers = inbox, observers
        self._turns = 0
        self._commits, self._checks = Spread(DURATION_ENDS_US), Spread(DURATION_ENDS_US)
        self._batches = Spread(BATCH_ENDS)
        self._sent: Counter[tuple[str, str]] = Counter()

    def turned(self, events: Sequence[Event], mono_ms: int) -> None:
        """The account's loop has taken these."""
        self._turns += 1
        for event in events:
            if isinstance(event, AccountObserved):
                self._checks.add(max(mono_ms - event.asked_mono_ms, 0) * 1_000)

    def committed(self, took_us: int) -> None:
        self._commits.add(took_us)

    def begun(self, effect: Effect) -> None:
        """It is on its way out."""
        match effect:
            case Place() | Modify():
                self._batches.add(len(effect.orders))
                for order in effect.orders:
                    self._sent[order.coin, "bids" if order.side is Side.BUY else "asks"] += 1
            case Cancel(orders):
                for order in orders:
                    self._sent[order.coin, "cancels"] += 1
            case _:
                pass

    def view(self) -> WorkView:
        coins = dict.fromkeys(coin for coin, _ in sorted(self._sent))
        sent = (SentView(c, *(self._sent[c, what] for what in ("bids", "asks", "cancels"))) for c in coins)
        return WorkView(
            self._turns,
            self._inbox(),
            self._commits.view,
            self._checks.view,
            self._batches.view,
            tuple(sent),
            self._observers(),
        )
