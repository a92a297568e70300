"""All faults of a server: set, shown, and let loose at its edges."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from core.paper.exchange import PaperExchange
from core.paper.faults.menu import FaultMenu
from core.paper.faults.spec import Fault, FaultRow
from core.paper.server.faults.frames import FrameFaults
from core.paper.server.faults.requests import RequestFaults
from core.paper.server.faults.states import StateFaults
from core.paper.server.ws import Hub

_LOOK_EVERY_S = 0.01


class Faults:
    """For use inside the loop. As long as none is set, nothing anywhere goes another way than without."""

    def __init__(self, exchange: PaperExchange, hub: Hub) -> None:
        self._loop = asyncio.get_running_loop()
        self._next_look: asyncio.TimerHandle | None = None
        self._menu = FaultMenu(self._loop.time)
        self._requests = RequestFaults(self._menu)
        self._frames = FrameFaults(self._menu, hub)
        self._states = StateFaults(exchange, self._menu, self._loop.time)

    @property
    def is_armed(self) -> bool:
        return self._menu.is_armed

    def replace(self, faults: tuple[Fault, ...]) -> None:
        """These from now on, and no others.

        Raises:
            FaultError: one of them can't be; the old ones stay.
        """
        self._states.check(faults)
        self._menu.replace(faults)
        self._states.replaced()
        self._frames.replaced()
        self._look_again()

    def rows(self) -> list[FaultRow]:
        return self._menu.rows()

    async def serve(
        self, request: web.Request, answer: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Answer a request, or what the faults make of it."""
        return await self._requests.serve(request, answer)

    def stop(self) -> None:
        """Nothing that waits for its time waits any longer."""
        if self._next_look is not None:
            self._next_look.cancel()
        self._requests.stop()

    def _look_again(self) -> None:
        """Let windows open and close, as long as there are any."""
        if self._next_look is not None:
            self._next_look.cancel()
        self._next_look = None
        if self._states.is_timed:
            self._next_look = self._loop.call_later(_LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        self._states.refresh()
        self._look_again()
