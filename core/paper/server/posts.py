"""Requests that come over the WebSocket, and their answers as Hyperliquid wraps them."""

from __future__ import annotations

import logging

from core.paper.config import StoreError
from core.paper.exchange import PaperExchange
from core.paper.jsonio import DESERIALIZE_TEXT, JsonObject, MalformedRequestError, as_object, get_str

_log = logging.getLogger(__name__)


def answer_info(exchange: PaperExchange, kind: str, payload: object) -> JsonObject:
    """At once. ``kind`` is ``info``; every other is refused."""
    try:
        if kind != "info":
            raise MalformedRequestError(f"no post of {kind!r}")
        asked = as_object(payload)
        name = get_str(asked, "type")
        return {"type": "info", "payload": {"type": name, "data": exchange.ask(asked)}}
    except Exception as error:
        return _refused(error)


async def answer_action(exchange: PaperExchange, payload: object) -> JsonObject:
    """When the block that the action is in has been stored."""
    try:
        return {"type": "action", "payload": await exchange.act(payload)}
    except Exception as error:
        return _refused(error)


def _refused(error: Exception) -> JsonObject:
    """As over HTTP: what isn't the client's fault is 500 there, and loud here if it is a bug. Nobody waits for ever."""
    if isinstance(error, MalformedRequestError):
        return {"type": "error", "payload": f"422 Unprocessable Entity: {DESERIALIZE_TEXT}"}
    if not isinstance(error, StoreError):
        _log.critical("a post failed", exc_info=error)
    return {"type": "error", "payload": "500 Internal Server Error"}
