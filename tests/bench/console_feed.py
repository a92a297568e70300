"""A core that only publishes: Snapshots at a rate, in which the mid moves, an order changes, fills and events arrive."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import replace
from decimal import Decimal

from core.domain.commands import Action, Operator
from core.preview_view import PreviewView
from core.runtime.core_port import NOBODY
from core.view import EventView, LastFillView, LevelState, LevelView, Severity, Snapshot
from tests.tui import factory

EVENTS_KEPT = 200
FILL_EVERY = 20
EVENT_EVERY = 10
"""Of so many updates one brings a fill, or an event."""


class Feed:
    """A ``CorePort``. ``cpu_s`` is what publishing itself took, which no screen has to answer for."""

    def __init__(self, updates_per_s: float) -> None:
        self.updates = 0
        self.cpu_s = 0.0
        self._period_s = 1 / updates_per_s
        self._ended = threading.Event()
        self._events: deque[EventView] = deque(maxlen=EVENTS_KEPT)
        self._latest = factory.snapshot(time_ms=_wall_ms(), events=())
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def latest(self) -> Snapshot | None:
        return self._latest

    def submit(self, action: Action, coin: str = "", value: str = "", by: Operator = NOBODY) -> str | None:
        return None

    def preview(self, coin: str) -> PreviewView:
        return factory.preview_view(coin)

    def wait_ended(self, timeout_s: float) -> bool:
        return self._ended.wait(timeout_s)

    def request_stop(self) -> None:
        self._ended.set()

    def acting_refusal(self) -> str:
        return ""

    def link_trouble(self) -> str:
        return ""

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ended.wait(max(due - time.monotonic(), 0)):
            self.publish(_wall_ms())
            self.cpu_s = time.thread_time()
            due = max(due + self._period_s, time.monotonic() - 1)

    def publish(self, now_ms: int) -> None:
        """One update: what the screens may show after it."""
        self.updates += 1
        n = self.updates
        coin = self._latest.coins[0]
        mid = Decimal(642_331 + n * 37 % 401 - 200) / 10
        fills = coin.fills
        if n % EVENT_EVERY == 0:
            self._events.append(_event(n, now_ms))
        if n % FILL_EVERY == 0:
            last = LastFillView("buy" if n % 3 else "sell", Decimal("0.0125"), mid, now_ms)
            fills = replace(
                fills, total=fills.total + 1, buys=fills.buys + 1, from_ws=fills.from_ws + 1, last=last
            )
        levels = list(coin.grid.levels)
        at = n * 7 % len(levels)
        levels[at] = _worked(levels[at], n)
        coin = replace(
            coin,
            mid=mid,
            bid=mid - Decimal("0.1"),
            ask=mid + Decimal("0.1"),
            market_ms=now_ms,
            unrealized_usd=(mid - coin.entry) * coin.position,
            fills=fills,
            grid=replace(coin.grid, levels=tuple(levels)),
            drift=replace(coin.drift, observed_ms=now_ms),
        )
        self._latest = replace(
            self._latest,
            version=n,
            time_ms=now_ms,
            coins=(coin,),
            feed=replace(self._latest.feed, last_message_ms=now_ms),
            api=replace(self._latest.api, orders_sent=self._latest.api.orders_sent + 1),
            events=tuple(self._events) if n % EVENT_EVERY == 0 else self._latest.events,
        )


def _worked(level: LevelView, n: int) -> LevelView:
    part = Decimal(n % 5 + 1) / 5
    return replace(level, remaining=level.size * part, state=LevelState.OPEN)


def _event(n: int, now_ms: int) -> EventView:
    names = ("fill", "order_replaced", "order_placed", "grid_plan", "resync_ok")
    detail = f"BUY 0.0125 @{64_000 + n % 997:,} cloid=0x9f…{n % 256:02x}"
    return EventView(n, now_ms, Severity.INFO, names[n // EVENT_EVERY % len(names)], "BTC", detail)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
