"""The operator's commands on their way: debounced, handed to the core, and answered from the Snapshot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.runtime.core_port import NOBODY
from core.view import CommandStatus, Severity
from gridbot_tui.keymap import KeyAction
from widgets.look import Toast

if TYPE_CHECKING:
    from core.domain.commands import Action, Operator
    from core.runtime.core_port import CorePort
    from core.view import CommandView, Snapshot

TOAST_MS = 4_000
MAX_TOASTS = 3
ANSWER_MS = 15_000
"""A command that the core hasn't even begun by then: the operator is told to look. One that runs is waited for."""

_ENDS = {
    CommandStatus.DONE: Severity.INFO,
    CommandStatus.REFUSED: Severity.WARN,
    CommandStatus.FAILED: Severity.CRIT,
}


@dataclass(frozen=True, slots=True)
class _Awaited:
    title: str
    sent_ms: int


@dataclass(frozen=True, slots=True)
class _Timed:
    until_ms: int
    topic: str
    toast: Toast


class CommandDesk:
    """``now_ms`` is monotonic."""

    def __init__(self, core: CorePort, now_ms: Callable[[], int], by: Operator = NOBODY) -> None:
        self._core = core
        self._by = by
        self._now_ms = now_ms
        self._sent_ms: dict[str, int] = {}
        self._awaited: dict[str, _Awaited] = {}
        self._toasts: list[_Timed] = []

    def say(self, text: str, severity: Severity = Severity.INFO, topic: str = "") -> None:
        """Show a toast; it takes the place of an earlier one on the same topic."""
        kept = [timed for timed in self._toasts if not topic or timed.topic != topic]
        made = _Timed(self._now_ms() + TOAST_MS, topic, Toast(text, severity))
        self._toasts = [*kept, made][-MAX_TOASTS:]

    def refuse(self, action: KeyAction, reason: str) -> None:
        self.say(f"{action.key} {action.title} refused: {reason}", Severity.WARN)

    @property
    def toasts(self) -> tuple[Toast, ...]:
        now_ms = self._now_ms()
        self._toasts = [timed for timed in self._toasts if timed.until_ms > now_ms]
        return tuple(timed.toast for timed in self._toasts)

    def send(self, action: KeyAction, command: Action, coin: str = "", value: str = "") -> str | None:
        """Hand it over; its id, or ``None`` if it was refused, which a toast says."""
        now_ms = self._now_ms()
        since_ms = now_ms - self._sent_ms.get(action.id, -(10**9))
        if since_ms < action.debounce_s * 1_000:
            wait_s = action.debounce_s - since_ms / 1_000
            self.refuse(action, f"sent {since_ms / 1_000:.1f}s ago, again in {wait_s:.1f}s")
            return None
        command_id = self._core.submit(command, coin, value, replace(self._by, via=f"key {action.key}"))
        if command_id is None:
            self.refuse(action, "the engine takes no command now (inbox full, or it has ended)")
            return None
        self._sent_ms[action.id] = now_ms
        self._awaited[command_id] = _Awaited(f"{action.key} {action.title}", now_ms)
        self.say(f"{action.key} {action.title}{f' {coin}' if coin else ''}: sent", topic=command_id)
        return command_id

    def look(self, command: Action, coin: str = "", via: str = "", value: str = "") -> str | None:
        """Ask for something that changes nothing, without a toast; its id, ``None`` if the core takes none now."""
        return self._core.submit(command, coin, value, replace(self._by, via=via))

    def settle(self, snapshot: Snapshot | None) -> None:
        """Toast what became of the commands sent from here."""
        for command in snapshot.commands if snapshot is not None else ():
            if command.id in self._awaited and command.status in _ENDS:
                self._answer(self._awaited.pop(command.id), command)
        now_ms = self._now_ms()
        known = {command.id for command in snapshot.commands} if snapshot is not None else set()
        for command_id, awaited in list(self._awaited.items()):
            if now_ms - awaited.sent_ms >= ANSWER_MS and command_id not in known:
                del self._awaited[command_id]
                self.say(
                    f"{awaited.title}: no answer after {ANSWER_MS // 1_000}s, look at the events",
                    Severity.CRIT,
                )

    def _answer(self, awaited: _Awaited, command: CommandView) -> None:
        severity = _ENDS[command.status]
        word = "" if command.status is CommandStatus.DONE else f" {command.status}"
        self.say(f"{awaited.title}{word}: {command.text or 'done'}", severity, topic=command.id)
