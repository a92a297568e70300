"""Own alerts: looks at the newest Snapshot and takes every event, and gives what is worth it to each target's outbox.

It runs on threads of its own. The core gives it nothing but what every observer gets, and never waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.domain.effects import Tell
from core.telemetry.alerting.day_report import DayReport
from core.telemetry.alerting.delivery import Deliver, deliver
from core.telemetry.alerting.event_messages import EventMessages
from core.telemetry.alerting.event_texts import Fields, message_of
from core.telemetry.alerting.message import Message
from core.telemetry.alerting.outbox import Delivered, Outbox
from core.telemetry.alerting.standing import StandingAlerts
from core.telemetry.alerting.target import Target
from core.view import AlertView, CoinView, RunState, Severity, Snapshot

LOOK_S = 0.5
CLOSE_S = 3.0
"""How long the end of a run waits for what is still to be delivered, with all targets together."""


@dataclass(frozen=True, slots=True)
class AlertingPlan:
    """``head`` begins each title, as in ``GridBot MAINNET 0x14…25``; less grave messages than ``least`` are told to nobody."""

    targets: tuple[Target, ...]
    head: str
    least: Severity = Severity.INFO
    with_day_report: bool = False


class Alerting:
    """Of one run: ``take`` events, ``watch`` the core, ``close`` when it has ended."""

    def __init__(
        self, plan: AlertingPlan, deliver: Deliver = deliver, mono: Callable[[], float] = time.monotonic
    ) -> None:
        self._plan, self._mono = plan, mono
        self._events, self._standing = EventMessages(), StandingAlerts()
        self._day = DayReport() if plan.with_day_report else None
        self._latest: Callable[[], Snapshot | None] = lambda: None
        self._tell: Tell | None = None
        self._fault = ""
        self._lock = threading.Lock()
        """Events come on their observer's thread, Snapshots are looked at on ours."""
        self._ended = threading.Event()
        self._outboxes = [Outbox(each, plan.head, deliver, self._delivery_changed) for each in plan.targets]
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def watch(self, latest: Callable[[], Snapshot | None], tell: Tell) -> None:
        """From now on, until ``close``. ``tell`` takes the events of the telling itself."""
        self._latest, self._tell = latest, tell
        self._thread.start()

    def take(self, name: str, severity: Severity, coin: str, fields: Fields, time_ms: int) -> None:
        """An event, on its observer's thread."""
        message = message_of(name, severity, coin, fields, time_ms)
        if message is not None:
            with self._lock:
                self._send(self._events.take(message, self._now_ms()))

    def look(self) -> None:
        """Once at the newest Snapshot, and at what was held back."""
        snapshot = self._latest()
        with self._lock:
            self._send(self._events.due(self._now_ms()))
            if snapshot is None:
                return
            found = self._standing.look(snapshot.alerts, self._now_ms(), snapshot.time_ms)
            self._send([replace(each, about=_about(each.key)) for each in found])
            report = self._day.look(snapshot) if self._day is not None else None
        if report is not None:
            self._send([report], is_wanted=True)

    def alerts(self) -> tuple[AlertView, ...]:
        """Of targets that nothing reaches. The core asks: no lock is taken."""
        found = (each.alert() for each in self._outboxes)
        return tuple(alert for alert in found if alert is not None)

    def delivered(self) -> tuple[Delivered, ...]:
        """By target. No lock is taken."""
        return tuple(each.delivered() for each in self._outboxes)

    def close(self) -> None:
        """How it ended is told, and what waits is tried once more, within ``CLOSE_S``."""
        deadline = time.monotonic() + CLOSE_S
        self._ended.set()
        snapshot = self._latest()
        if snapshot is not None:
            self._send([ending(snapshot)])
        for each in self._outboxes:
            each.close(deadline)

    # -- inside -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ended.wait(LOOK_S):
            try:
                self.look()
            except Exception as error:
                # One Snapshot that can't be told must not silence all that follow.
                self._look_failed(f"{type(error).__name__}: {error}")

    def _look_failed(self, reason: str) -> None:
        if reason != self._fault and self._tell is not None:
            self._tell("alert_look_failed", "crit", reason=reason)
        self._fault = reason

    def _send(self, messages: Sequence[Message], is_wanted: bool = False) -> None:
        for message in messages:
            if is_wanted or message.severity.rank >= self._plan.least.rank:
                for each in self._outboxes:
                    each.offer(message)

    def _delivery_changed(self, target: Target, reason: str) -> None:
        if self._tell is None:
            return
        if reason:
            self._tell("alert_delivery_failed", "warn", target=target.name, reason=reason)
        else:
            self._tell("alert_delivery_restored", "info", target=target.name)

    def _now_ms(self) -> int:
        return int(1000 * self._mono())


def _about(key: str) -> str:
    """The place of the target that a message tells of, empty for any other: it isn't told that nothing reaches it."""
    kind, _, place = key.partition(":")
    return place if kind == "alerting" else ""


def ending(last: Snapshot) -> Message:
    """How the run ended, and what it leaves."""
    left = "; ".join(_left(coin) for coin in last.coins) or "it had not begun to trade"
    if last.state is RunState.DEAD:
        why = f": {last.halt_reason}" if last.halt_reason else ""
        return Message("ended", Severity.CRIT, f"GRIDBOT HAS ENDED{why}. At last: {left}.", last.time_ms)
    return Message("ended", Severity.INFO, f"Stopped in order: {left}.", last.time_ms)


def _left(coin: CoinView) -> str:
    held = f"{coin.position:+f} {coin.coin} is held" if coin.position else f"{coin.coin} flat"
    orders = coin.grid.orders_active
    halted = f", halted: {coin.halt_reason}" if coin.halt_reason else ""
    return (
        f"{held}, {orders} orders rest{halted}" if orders else f"{held}, no order of the grid rests{halted}"
    )
