"""The display held still: what was on the screen stays, until a key or a new alert lets it go."""

from __future__ import annotations

from dataclasses import replace

from widgets.look import Look


class ViewHold:
    """Holds a Look. Keys, toasts and dialogs go by the live one."""

    def __init__(self) -> None:
        self._held: Look | None = None

    @property
    def is_holding(self) -> bool:
        return self._held is not None

    def toggle(self, look: Look) -> None:
        self._held = None if self._held is not None else look

    def thaws(self, live: Look) -> bool:
        """Let go if there is an alert that was not there, or is worse than it was; whether that happened now."""
        if self._held is None:
            return False
        before = {alert.id: alert.severity.rank for alert in self._held.alerts}
        if all(before.get(alert.id, -1) >= alert.severity.rank for alert in live.alerts):
            return False
        self._held = None
        return True

    def shown(self, live: Look) -> Look:
        """What the screens draw: the live look, or the held one with how long it has been held."""
        held = self._held
        if held is None:
            return live
        return replace(
            held,
            coin_index=live.coin_index,
            event_filter=live.event_filter,
            hints=live.hints,
            toasts=live.toasts,
            link=live.link,
            paused_s=max(live.now_ms - held.now_ms, 0) / 1_000,
        )
