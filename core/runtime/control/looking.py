"""One viewer's previews, made beside what else it asks: the exchange may take seconds over one, and no halt waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from core.runtime.control.protocol import Answer, encoded, refusal

OVERTAKEN = "another preview was asked for before this one was made"


class Looking:
    """Of several the newest: what is still being made then is given up."""

    def __init__(
        self, make: Callable[[dict[str, Any]], Awaitable[Answer]], writer: asyncio.StreamWriter
    ) -> None:
        self._make, self._writer = make, writer
        self._id = ""
        self._task: asyncio.Task[None] | None = None

    def begin(self, request: dict[str, Any], id_: str) -> Answer | None:
        """Answer it as soon as it is made; the refusal of the one whose place it takes."""
        is_overtaken = self._task is not None and not self._task.done()
        overtaken = refusal(OVERTAKEN, self._id) if is_overtaken else None
        self.end()
        self._id, self._task = id_, asyncio.create_task(self._answer(request))
        self._task.add_done_callback(_loud)
        return overtaken

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _answer(self, request: dict[str, Any]) -> None:
        self._writer.write(encoded(await self._make(request)))


def _loud(task: asyncio.Task[None]) -> None:
    """A fault of ours is raised where the loop tells of it."""
    if not task.cancelled():
        task.result()
