"""What others see by that a bot's loop goes on: its heartbeat, and what its service manager is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from core.domain.clock import Instant
from core.domain.effects import Tell
from core.domain.orders import Order, Purpose
from core.engine.engine import Engine
from core.runtime.heartbeat import Beat, Heartbeat
from core.runtime.service_manager import ServiceManager
from core.runtime.statedir import StateDir, watchdog_holder
from core.view import Snapshot

FORETOLD_WITHIN_S = 1.0
"""An order that has waited for the heartbeat longer isn't sent: its price may be stale."""

LOOK_EVERY_S = 0.002


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
        live = [order for coin in coins for order in coin.orders.live() if order.purpose is not Purpose.STOP]
        # A journal that was put back, or lost, knows little of what rests: until the exchange has shown it, nobody can say.
        is_halted = engine.saw_open_orders and all(engine.halt_reason(coin) for coin in coins)
        self._heart.go_on(now.mono_ms, len(live) + engine.strays, is_halted)

    async def foretold(self, orders: Sequence[Order]) -> str:
        """Why these may not leave yet, empty if they may: a heartbeat that says of a bot that it leaves nothing has a watchdog
        leave its grid alone, so what says otherwise is on the disk first. A way out waits for nothing (I7), and a stop stays
        whatever happens.
        """
        leaving = [order for order in orders if order.purpose is not Purpose.STOP]
        heart = self._heart
        if not leaving or heart.foretell(len(leaving)):
            return ""
        if all(order.purpose is not Purpose.GRID for order in leaving):
            return ""
        waited_s = 0.0
        while not (heart.is_foretold or heart.has_failed) and waited_s < FORETOLD_WITHIN_S:
            await asyncio.sleep(LOOK_EVERY_S)
            waited_s += LOOK_EVERY_S
        if heart.is_foretold:
            return ""
        return f"{heart.path} can't be written and says that nothing rests: a watchdog would leave these orders alone"

    def shown(self, snapshot: Snapshot, now: Instant) -> None:
        """The loop shows how things stand, which it also does while it is held by a disk that takes nothing."""
        self._manager.shown(snapshot, now.mono_ms)

    @property
    def _heart(self) -> Heartbeat:
        assert self._heartbeat is not None, "it begins with the loop"
        return self._heartbeat

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
