"""The display held still: what was on the screen stays, until a key or a new alert lets it go."""

from __future__ import annotations

from dataclasses import replace

from core.view import RunState
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
        """Let go if an alert is there that was not, or is worse than it was, or if anything was halted or goes on: whether that
        happened now.
        """
        if self._held is None:
            return False
        before = {alert.id: alert.severity.rank for alert in self._held.alerts}
        is_known = all(before.get(alert.id, -1) >= alert.severity.rank for alert in live.alerts)
        if is_known and _states(self._held) == _states(live):
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


def _states(look: Look) -> tuple[RunState, ...]:
    """Of the core and each coin: what still says RUNNING after a halt would be believed."""
    return (
        (look.state, *(coin.state for coin in look.snapshot.coins))
        if look.snapshot is not None
        else (look.state,)
    )
