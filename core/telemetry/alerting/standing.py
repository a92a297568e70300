"""Alerts that stand, as messages: each told when it comes, when it grows worse and when it is over, and none too often.

The rules hold for each alert id by itself, and an id names its coin: a warning mutes no critical alert, one coin no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.telemetry.alerting.message import Message
from core.view import AlertView, Severity

APART_MS = 60_000
"""An alert is told of at most so often. Past that limit goes only one that has become critical."""

STANDS_MS = 10_000
"""A warning that is over before is told to nobody."""

REMIND_MS, REMIND_MOST_MS = 30 * 60_000, 24 * 3_600_000
"""A critical alert that stands, and that nobody has acknowledged, is told again after so long, then after twice that."""

COMMANDS = {
    "A": "gridbot reconcile --accept",
    "F": "gridbot flatten",
    "H": "gridbot halt",
    "P": "gridbot poll",
    "R": "gridbot resync",
    "U": "gridbot resume",
    "W": "gridbot reconnect",
}
"""What each key of the console is on a command line: who reads a message on a telephone has none."""


@dataclass(slots=True)
class _Known:
    """An alert that stands, or of which something is still to be told. Times are monotonic, in milliseconds."""

    alert: AlertView
    since_ms: int
    stands: bool = True
    told: Severity | None = None
    """As what the last message has told it; ``None`` before the first, and after that it is over."""
    told_ms: int = -APART_MS
    remind_ms: int = REMIND_MS


class StandingAlerts:
    """Turns what each look finds into messages; remembers as many alerts as stand, or have stood within the last minute."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def look(self, alerts: Sequence[AlertView], now_ms: int, time_ms: int) -> list[Message]:
        """What is to be told now. ``now_ms`` is monotonic, ``time_ms`` UTC."""
        standing = {each.id: each for each in alerts}
        for id_, alert in standing.items():
            known = self._known.setdefault(id_, _Known(alert, now_ms))
            if not known.stands:
                known.since_ms, known.stands = now_ms, True
            known.alert = alert
        out: list[Message] = []
        for id_, known in list(self._known.items()):
            known.stands = id_ in standing
            out += self._tell(known, now_ms, time_ms)
            if not known.stands and known.told is None and now_ms - known.told_ms >= APART_MS:
                del self._known[id_]
        return out

    def _tell(self, known: _Known, now_ms: int, time_ms: int) -> list[Message]:
        alert, may = known.alert, now_ms - known.told_ms >= APART_MS
        if not known.stands:
            if known.told is None or not may:
                return []
            severity, known.told, known.told_ms = known.told, None, now_ms
            return [Message(alert.id, severity, f"OVER: {alert.text}", time_ms, is_resolved=True)]
        if alert.severity is Severity.CRIT and known.told is not Severity.CRIT:
            return [self._raise(known, now_ms, time_ms)]
        if known.told is alert.severity:
            return self._remind(known, now_ms, time_ms)
        if may and now_ms - known.since_ms >= STANDS_MS:
            return [self._raise(known, now_ms, time_ms)]
        return []

    @staticmethod
    def _raise(known: _Known, now_ms: int, time_ms: int) -> Message:
        alert = known.alert
        known.told, known.told_ms, known.remind_ms = alert.severity, now_ms, REMIND_MS
        return Message(alert.id, alert.severity, sentence(alert), time_ms)

    @staticmethod
    def _remind(known: _Known, now_ms: int, time_ms: int) -> list[Message]:
        alert = known.alert
        if alert.severity is not Severity.CRIT or now_ms - known.told_ms < known.remind_ms:
            return []
        if alert.snoozed_until_ms > time_ms:
            return []
        known.told_ms, known.remind_ms = now_ms, min(2 * known.remind_ms, REMIND_MOST_MS)
        minutes = (now_ms - known.since_ms) // 60_000
        return [Message(alert.id, alert.severity, f"STILL, after {minutes} min: {sentence(alert)}", time_ms)]


def sentence(alert: AlertView) -> str:
    """What holds, what treats it, and what ends it by itself."""
    command = f"`{COMMANDS[alert.key]}` (key {alert.key})" if alert.key in COMMANDS else ""
    ways = "; ".join(part for part in (command, alert.fix) if part)
    return f"{alert.text}. {ways[:1].upper()}{ways[1:]}." if ways else f"{alert.text}."
