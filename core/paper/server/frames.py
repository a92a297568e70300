"""A WebSocket message."""

from __future__ import annotations

from core.paper.jsonio import Json, dumps


def frame(channel: str, data: Json) -> str:
    return dumps({"channel": channel, "data": data})
