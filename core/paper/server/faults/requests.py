"""Faults of HTTP: refused, late, damaged or lost answers. Only /info, /exchange and the handshake of /ws ever meet them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from core.paper.faults.damage import damage
from core.paper.faults.kinds import PATHS, Kind, Place
from core.paper.faults.menu import Armed, FaultMenu
from core.paper.faults.spec import Fault

_log = logging.getLogger(__name__)

_STATUS = {Kind.HTTP_429: 429, Kind.HTTP_500: 500, Kind.HTTP_502: 502, Kind.HTTP_503: 503}
_REASONS = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Temporarily Unavailable"}
_PORTAL = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Welcome</h1></body></html>"

Answer = Callable[[], Awaitable[web.StreamResponse]]


class RequestFaults:
    def __init__(self, menu: FaultMenu) -> None:
        self._menu = menu
        self._stopping = asyncio.Event()
        self._late: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Wait for nothing any more; what is late is never done."""
        self._stopping.set()
        for task in self._late:
            task.cancel()

    async def serve(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        """``answer`` the request, or what a fault makes of it."""
        if request.path not in PATHS or not self._menu.at(Place.REQUEST):
            return await answer()
        names = await _names(request)
        struck = self._menu.strike(Place.REQUEST, lambda fault: _concerns(fault, names))
        last = struck[-1] if struck and struck[-1].fault.kind is not Kind.HTTP_DELAY else None
        response = await answer() if last is None else await self._suffer(last, request, answer)
        await self._pause(sum(armed.fault.delay_ms for armed in struck if armed is not last))
        return response

    async def _suffer(self, armed: Armed, request: web.Request, answer: Answer) -> web.StreamResponse:
        fault = armed.fault
        match fault.kind:
            case Kind.HTTP_TRUNCATE | Kind.HTTP_CORRUPT:
                response = await answer()
                await self._pause(fault.delay_ms)
                if not isinstance(response, web.Response) or response.text is None:
                    return response
                if fault.kind is Kind.HTTP_TRUNCATE:
                    return await _cut_short(request, response)
                response.text = damage(response.text, fault.mode, armed.dice)
                return response
            case Kind.ANSWER_LOST:
                response = await answer()
                await self._pause(fault.delay_ms)
                return _break_off(request, response)
            case Kind.REQUEST_LOST:
                await self._pause(fault.delay_ms)
                return _break_off(request, web.Response())
            case Kind.ACTION_LATE:
                task = asyncio.create_task(self._answer_late(fault, answer))
                self._late.add(task)
                task.add_done_callback(self._late.discard)
                if fault.status is not None:
                    return _refusal(fault)
                await asyncio.wait([task])
                return _break_off(request, web.Response())
            case _:
                await self._pause(fault.delay_ms)
                return _refusal(fault)

    async def _answer_late(self, fault: Fault, answer: Answer) -> None:
        await asyncio.sleep(fault.delay_ms / 1000)
        try:
            await answer()
        except web.HTTPException:
            pass  # Refused before it was read: nobody is there to be told.

    async def _pause(self, delay_ms: int) -> None:
        if delay_ms:
            try:
                await asyncio.wait_for(self._stopping.wait(), delay_ms / 1000)
            except TimeoutError:
                pass  # As it should be: nobody stopped meanwhile.


def _refusal(fault: Fault) -> web.Response:
    if fault.kind is Kind.HTTP_HTML:
        return web.Response(status=fault.status or 200, text=_PORTAL, content_type="text/html")
    if fault.kind is Kind.HTTP_EMPTY:
        return web.Response(status=fault.status or 200)
    status = _STATUS.get(fault.kind) or fault.status or 500
    if status in (502, 503):
        title = f"{status} {_REASONS[status]}"
        page = (
            f"<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>"
        )
        return web.Response(status=status, text=page, content_type="text/html")
    if status in (429, 500):
        return web.Response(status=status, text="null", content_type="application/json")
    return web.Response(status=status, text=f"{status}")


async def _names(request: web.Request) -> frozenset[str]:
    """What an ``action`` may call the request: its path, its info type, its action type."""
    names = {request.path}
    try:
        body = orjson.loads(await request.read())
    except (orjson.JSONDecodeError, web.HTTPRequestEntityTooLarge):
        return frozenset(names)
    if isinstance(body, dict):
        source = body.get("action") if request.path == "/exchange" else body
        kind = source.get("type") if isinstance(source, dict) else None
        if isinstance(kind, str):
            names.add(kind)
    return frozenset(names)


def _concerns(fault: Fault, names: frozenset[str]) -> bool:
    return fault.action in names if fault.action is not None else not names.isdisjoint(fault.rules.paths)


def _break_off(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """``response`` goes nowhere: the connection is gone."""
    if request.transport is not None:
        request.transport.abort()
    return response


async def _cut_short(request: web.Request, whole: web.Response) -> web.StreamResponse:
    """Headers that promise the whole body, half of it, and the end of the connection."""
    body = (whole.text or "").encode()
    part = web.StreamResponse(status=whole.status)
    part.content_type = whole.content_type
    part.content_length = len(body)
    part.force_close()
    await part.prepare(request)
    await part.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return part
