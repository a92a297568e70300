"""Takes our orders off the exchange without the journal: when it can't be written, or when the account's loop has died."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.domain.clock import Instant
from core.domain.cloid import parse_cloid
from core.domain.effects import Notify, Severity, notify
from core.domain.orders import Purpose
from core.engine.engine import Engine
from core.exchange.nonces import NonceAllocator
from core.exchange.order_router import OrderRouter
from core.exchange.reads import Reads
from core.exchange.rest import RestError
from core.exchange.wire import WireError

LOOK_EVERY_S = 2.0
SURE_AFTER_MS = 12_000
"""A placement that was on its way may still land until its time-out and its expiry, 5 s each, have passed."""


class Withdrawal:
    """One per session. Needs no disk: nonces go on without their ceiling."""

    def __init__(
        self,
        engine: Engine,
        router: OrderRouter,
        reads: Reads,
        clock: Callable[[], Instant],
        tell: Callable[[Notify], None],
    ) -> None:
        self._engine, self._router, self._reads = engine, router, reads
        self._clock, self._tell = clock, tell
        self._confirmed: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Cancel in the background until the exchange lists none of ours."""
        if self._task is None or self._task.done():
            self._confirmed.clear()
            self._task = asyncio.create_task(self._until_none_is_listed(), name="withdrawal")
            self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            reason = f"{type(error).__name__}: {error}"
            self._tell(notify("core_task_failed", "crit", "", task=task.get_name(), reason=reason))

    async def end(self) -> None:
        """What is under way is given up; what was sent may still land, and names old orders alone."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def at_once(self) -> None:
        """One cancel for everything that our books call live, but for the stops: they protect what is held."""
        live = [o for coin in self._engine.coins.values() for o in coin.orders.live()]
        orders = [(o.coin, o.cloid) for o in live if o.purpose is not Purpose.STOP]
        due = [(coin, cloid) for coin, cloid in orders if cloid not in self._confirmed]
        if not due:
            return
        failed = await self._cancel(due)
        severity: Severity = "crit" if failed else "info"
        self._tell(notify("abandoned_orders_cancelled", severity, "", sent=len(due), not_confirmed=failed))

    async def _until_none_is_listed(self) -> None:
        sure_mono_ms = self._clock().mono_ms + SURE_AFTER_MS
        await self.at_once()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                seen = await self._reads.open_orders()
            except (RestError, WireError) as error:
                self._tell(notify("api_error", "warn", "", what="open orders", reason=str(error)))
                continue
            ours = [
                (order.coin, order.cloid)
                for order in seen.orders
                if order.cloid is not None and self._is_ours(order.cloid) and not order.is_trigger
            ]
            if ours:
                await self._cancel(ours)
            elif seen.asked_mono_ms > sure_mono_ms:
                return

    async def _cancel(self, orders: list[tuple[str, str]]) -> int:
        """How many of them the exchange didn't confirm."""
        outcome = await self._router.cancel(orders)
        self._confirmed |= {cloid for cloid, error in outcome.results if not error}
        return sum(bool(error) for _, error in outcome.results)

    def _is_ours(self, cloid: str) -> bool:
        parts = parse_cloid(cloid)
        return parts is not None and parts.instance == self._engine.instance


class StandDown:
    """What a session does while its journal can't be written: says so, quotes nothing, takes back what rests."""

    def __init__(
        self, engine: Engine, nonces: NonceAllocator, withdrawal: Withdrawal, tell: Callable[[Notify], None]
    ) -> None:
        self._engine, self._nonces, self._withdrawal, self._tell = engine, nonces, withdrawal, tell

    def storage_failed(self, reason: str) -> None:
        self._nonces.go_on_without_disk()
        if not self._engine.storage_trouble:
            self._tell(notify("storage_failed", "crit", "", reason=reason))
        self._engine.storage_trouble = reason
        self._withdrawal.begin()

    def storage_writes(self) -> None:
        self._nonces.use_disk_again()

    async def storage_well(self) -> None:
        """Before anything is placed again: what withdraws orders must not meet new ones."""
        await self._withdrawal.end()
        self._nonces.use_disk_again()
