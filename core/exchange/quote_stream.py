"""A WebSocket connection on which a message may be heard as soon as its bytes are parsed, instead of after a turn in a queue.

The queue, and the task that waits for it, cost as much as decoding does. Who hears a message early says whether that was all.
"""

from __future__ import annotations

from collections.abc import Callable

from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import Event

Heard = Callable[[bytes], bool]


class EarlyConnection(ClientConnection):
    """``early`` gets each whole text message before which none is waiting; what it declines is received as ever."""

    early: Heard | None = None

    def process_event(self, event: Event) -> None:
        early = self.early
        if (
            early is not None
            and isinstance(event, Frame)
            and event.opcode is Opcode.TEXT
            and event.fin
            and not len(self.recv_messages.frames)
            and early(bytes(event.data))
        ):
            return
        super().process_event(event)
