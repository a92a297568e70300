"""Event bus: typed events, one way, to observers only. An observer may be slow or die; the core never waits for one."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from core.domain.effects import Notify, Scalar
from core.redaction import redacted
from core.telemetry.catalogue import is_record
from core.telemetry.event_log import json_line
from core.telemetry.event_words import detail_of
from core.view import AlertView, EventView, ObserverView, Severity

RING = 2_000
"""Events that a Snapshot carries; the log file has all."""

OBSERVER_BACKLOG = 10_000
"""Events that may wait for one observer. Past that they are counted as lost for it, which the next line says."""
RECORD_BACKLOG = 100_000
"""And so many if they are records: fills, orders, halts."""

LOG = "log"
"""The name of the observer that writes the log."""

TOLD_APART_MS = 600_000
"""How long an observer may fail in the same way before it is told of again; in another way a tenth of it."""

LOGGED_WITHIN_S = 1.0
"""How long what must not be untold waits for the log; one that is stuck delays nothing for longer."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event as observers get it."""

    seq: int
    time_ms: int
    severity: Severity
    name: str
    coin: str
    fields: tuple[tuple[str, Scalar], ...]

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of the log: ``event`` and the times first."""
        row: dict[str, Any] = {"event": self.name, "ts_ms": self.time_ms, "level": self.severity.value}
        if self.coin:
            row["coin"] = self.coin
        return {**row, **dict(self.fields)}

    def detail(self) -> str:
        """One line for the eye; a fill reads as a sentence."""
        return detail_of(self.name, dict(self.fields))


class Observer:
    """Takes events on its own thread. ``handle`` may block or fail: neither reaches the core."""

    def __init__(
        self,
        name: str,
        handle: Callable[[EventRecord, int], None],
        alerts: Callable[[], tuple[AlertView, ...]] = tuple,
    ) -> None:
        """``handle`` gets a record and how many were lost before it. ``alerts``: what keeps it from its work now, for the
        screen; the core asks, so it answers at once.
        """
        self._queue: queue.Queue[EventRecord | Future[None] | None] = queue.Queue(RECORD_BACKLOG)
        self._handle, self.alerts = handle, alerts
        self._backlog = OBSERVER_BACKLOG
        self.name = name
        self._lost = self._lost_ever = 0
        self.failures, self.failure = 0, ""
        """How often it has failed, and how it did last."""
        self._thread = threading.Thread(target=self._run, name=f"observer-{name}", daemon=True)
        self._thread.start()

    def offer(self, record: EventRecord) -> None:
        if self._queue.qsize() >= self._backlog and not is_record(record.name):
            self._lose()
            return
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._lose()

    def _lose(self) -> None:
        self._lost += 1
        self._lost_ever += 1

    @property
    def view(self) -> ObserverView:
        return ObserverView(self.name, self._queue.qsize(), self._lost_ever)

    def taken(self) -> Future[None]:
        """Done once all that was offered before has been handled, or at once if too much waits."""
        done: Future[None] = Future()
        try:
            self._queue.put_nowait(done)
        except queue.Full:
            done.set_result(None)
        return done

    def close(self, wait_s: float = 2.0) -> None:
        """Let it finish what waits, for a bounded time."""
        try:
            self._queue.put(None, timeout=wait_s)
        except queue.Full:
            return
        self._thread.join(wait_s)

    def _run(self) -> None:
        while (record := self._queue.get()) is not None:
            if isinstance(record, Future):
                if record.set_running_or_notify_cancel():
                    record.set_result(None)
                continue
            lost, self._lost = self._lost, 0
            try:
                self._handle(record, lost)
            except Exception as error:
                # One event that can't be written must not silence all that follow.
                self.failure = f"{type(error).__name__}: {error}"
                self.failures += 1
                self._lost += lost
                self._lose()


@dataclass(frozen=True, slots=True)
class _Told:
    """Of an observer's failures."""

    failures: int = 0
    failure: str = ""
    at_ms: int = -TOLD_APART_MS


class EventBus:
    """Fan-out of events; belongs to the core's loop."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []
        self._told: dict[str, _Told] = {}
        self._ring: deque[EventView] = deque(maxlen=RING)
        self._tail: tuple[EventView, ...] = ()
        self._seq = 0

    def add(self, observer: Observer) -> None:
        self._observers.append(observer)

    def publish(self, notice: Notify, time_ms: int) -> None:
        record = self._record(notice, time_ms)
        detail, whole = record.detail(), json_line(record.as_dict())
        self._ring.append(
            EventView(record.seq, time_ms, record.severity, notice.name, notice.coin, detail, whole)
        )
        self._tail = ()
        for observer in self._observers:
            observer.offer(record)

    def log(self, notice: Notify, time_ms: int) -> None:
        """For the log alone: what comes with every order would leave no room for anything else on a screen."""
        record = self._record(notice, time_ms)
        for observer in self._observers:
            if observer.name == LOG:
                observer.offer(record)

    def _record(self, notice: Notify, time_ms: int) -> EventRecord:
        self._seq += 1
        severity = Severity(notice.severity)
        fields = tuple(
            (name, redacted(value) if type(value) is str else value) for name, value in notice.fields
        )
        return EventRecord(self._seq, time_ms, severity, notice.name, notice.coin, fields)

    async def logged(self) -> None:
        """Wait until the log has what was published before, for a bounded time: then a kill can't leave it untold."""
        logs = [observer for observer in self._observers if observer.name == LOG]
        if logs:
            waited_for = [asyncio.wrap_future(log.taken()) for log in logs]
            await asyncio.wait(waited_for, timeout=LOGGED_WITHIN_S)

    def take_failures(self, now_ms: int) -> list[str]:
        """What observers have failed at since it was told last, by a clock that doesn't step back."""
        fresh = []
        for observer in self._observers:
            told = self._told.get(observer.name, _Told())
            apart_ms = TOLD_APART_MS if observer.failure == told.failure else TOLD_APART_MS // 10
            if observer.failures > told.failures and now_ms - told.at_ms >= apart_ms:
                self._told[observer.name] = _Told(observer.failures, observer.failure, now_ms)
                fresh.append(f"{observer.name}: {observer.failure}")
        return fresh

    def observers(self) -> tuple[ObserverView, ...]:
        return tuple(observer.view for observer in self._observers)

    def alerts(self) -> tuple[AlertView, ...]:
        """What keeps observers from their work."""
        return tuple(alert for observer in self._observers for alert in observer.alerts())

    def tail(self) -> tuple[EventView, ...]:
        """The newest events, oldest first."""
        if not self._tail:
            self._tail = tuple(self._ring)
        return self._tail

    def close(self) -> None:
        for observer in self._observers:
            observer.close()
