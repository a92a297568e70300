"""Events as messages, none too often: what repeats within a minute is counted, and told once that is over."""

from __future__ import annotations

from dataclasses import replace

from core.telemetry.alerting.message import Message
from core.view import Severity

APART_MS = 60_000
"""Of one event of one coin. A critical one doesn't wait."""


class EventMessages:
    """Belongs to one thread. Remembers as many kinds of events as came within the last minute."""

    def __init__(self) -> None:
        self._told_ms: dict[str, int] = {}
        self._held: dict[str, Message] = {}

    def take(self, message: Message, now_ms: int) -> list[Message]:
        """What of it is to be told at once. ``now_ms`` is monotonic."""
        key = message.key
        is_early = now_ms - self._told_ms.get(key, now_ms - APART_MS) < APART_MS
        if is_early and message.severity is not Severity.CRIT:
            before = self._held.get(key)
            self._held[key] = replace(message, times=before.times + 1 if before else 1)
            return []
        self._told_ms[key] = now_ms
        return [message]

    def due(self, now_ms: int) -> list[Message]:
        """What was held back for long enough: the last of each, with how many it stands for."""
        over = [key for key, told in self._told_ms.items() if now_ms - told >= APART_MS]
        out: list[Message] = []
        for key in over:
            del self._told_ms[key]
            if (held := self._held.pop(key, None)) is not None:
                self._told_ms[key] = now_ms
                out.append(held)
        return out
