"""What others see by that a bot's loop goes on: its heartbeat, and what its service manager is told."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.clock import Instant
from core.engine.engine import Engine
from core.runtime.heartbeat import Beat, Heartbeat
from core.runtime.opening import Tell
from core.runtime.service_manager import ServiceManager
from core.runtime.statedir import StateDir, watchdog_holder
from core.view import Snapshot


class SignsOfLife:
    """Given by the account's loop, and by nothing else: a loop that hangs is silent."""

    def __init__(self, state: StateDir, environ: Mapping[str, str], tell: Tell) -> None:
        self._state, self._tell = state, tell
        self._manager = ServiceManager(environ, self._unheard)
        self._heartbeat: Heartbeat | None = None

    def begin(self, first: Beat) -> None:
        state = self._state
        self._heartbeat = Heartbeat(state.heartbeat, first, self._heart_fails, lambda: watchdog_holder(state))

    def tick(self, engine: Engine, now: Instant) -> None:
        """The loop has made a turn."""
        coins = engine.coins.values()
        orders = sum(len(coin.live_grid_orders()) for coin in coins)
        assert self._heartbeat is not None, "it begins with the loop"
        self._heartbeat.go_on(now.mono_ms, orders, all(engine.halt_reason(coin) for coin in coins))

    def shown(self, snapshot: Snapshot, now: Instant) -> None:
        """The loop shows how things stand, which it also does while it is held by a disk that takes nothing."""
        self._manager.shown(snapshot, now.mono_ms)

    @property
    def watchdog_pid(self) -> int | None:
        """Of the ``gridbot watchdog`` that heeds the heartbeat, as often as it beats; 0 if it isn't known."""
        return self._heartbeat.watchdog_pid if self._heartbeat is not None else None

    def end(self, kept: int) -> None:
        """In order, with so many orders of the grid left for the next start."""
        if self._heartbeat is not None:
            self._heartbeat.end(kept)

    def close(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.close()
        self._manager.close()

    def _heart_fails(self, reason: str) -> None:
        self._tell("heartbeat_failed", "warn", reason=reason)

    def _unheard(self, reason: str) -> None:
        self._tell("service_manager_unreachable", "warn", reason=reason)
