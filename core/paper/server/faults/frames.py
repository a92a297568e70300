"""Faults of WebSocket frames: what stands between what the exchange says and what one client is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.paper.faults.damage import damage
from core.paper.faults.kinds import Kind, Place
from core.paper.faults.menu import Armed, FaultMenu
from core.paper.faults.spec import Fault
from core.paper.server.ws import Connection, Hub

_PREFIX = '{"channel":"'


def channel_of(text: str) -> str:
    """The channel of a frame as the exchange writes it: its first field."""
    if not text.startswith(_PREFIX):
        return ""
    return text[len(_PREFIX) : text.index('"', len(_PREFIX))]


class FrameFaults:
    """Puts a filter before every connection as long as there are faults for it."""

    def __init__(self, menu: FaultMenu, hub: Hub) -> None:
        self._menu = menu
        self._hub = hub
        self._text = ""
        self._shared: dict[int, bool] = {}
        hub.on_connect = self._on_connect

    def replaced(self) -> None:
        """The menu is a new one."""
        for connection in self._hub.connections:
            old = connection.interference
            if isinstance(old, FrameFilter) and old.must_stay:
                continue
            connection.interference = None
            self._on_connect(connection)

    def strike(self, text: str, concerns: Callable[[Fault], bool]) -> list[Armed]:
        """What strikes a frame; one that goes to many is the same object each time."""
        if text is not self._text:
            self._text, self._shared = text, {}
        return self._menu.strike(Place.FRAME, concerns, self._shared)

    def filters(self) -> list[FrameFilter]:
        found = [connection.interference for connection in self._hub.connections]
        return [one for one in found if isinstance(one, FrameFilter)]

    def _on_connect(self, connection: Connection) -> None:
        if self._menu.at(Place.FRAME):
            connection.interference = FrameFilter(connection, self)


class FrameFilter:
    """What happens to the frames of one connection."""

    def __init__(self, outlet: Connection, faults: FrameFaults) -> None:
        self._outlet = outlet
        self._faults = faults
        self._muted: list[Fault] = []
        self._held: list[tuple[Fault, str]] = []

    @property
    def must_stay(self) -> bool:
        """A connection that has fallen silent stays so, though the fault be gone."""
        return bool(self._muted)

    def pass_on(self, text: str) -> None:
        channel = channel_of(text)
        if any(_is_of(fault, channel) for fault in self._muted):
            self._outlet.withhold()
            return
        struck = self._faults.strike(text, lambda fault: self._concerns(fault, channel))
        delay_ms = sum(armed.fault.delay_ms for armed in struck if armed.fault.kind is Kind.WS_DELAY)
        last = struck[-1] if struck and struck[-1].fault.kind is not Kind.WS_DELAY else None
        if last is None:
            self._send(text, channel, delay_ms)
        else:
            self._suffer(last, text, channel, delay_ms)

    def _concerns(self, fault: Fault, channel: str) -> bool:
        return _is_of(fault, channel) and (fault.user is None or self._outlet.watches(fault.user))

    def _suffer(self, armed: Armed, text: str, channel: str, delay_ms: int) -> None:
        fault = armed.fault
        match fault.kind:
            case Kind.WS_DUPLICATE:
                self._send(text, channel, delay_ms)
                self._send(text, channel, delay_ms)
            case Kind.WS_CORRUPT:
                self._send(damage(text, fault.mode, armed.dice), channel, delay_ms)
            case Kind.WS_REORDER:
                self._hold(fault, text)
            case Kind.WS_CLOSE:
                for one in self._struck_ones(fault):
                    one._outlet.leave(fault.code)
            case Kind.WS_SILENT:
                for one in self._struck_ones(fault):
                    one._muted.append(fault)
                self._outlet.withhold()
            case _:
                assert fault.kind is Kind.WS_DROP, fault.kind
                self._outlet.withhold()

    def _struck_ones(self, fault: Fault) -> list[FrameFilter]:
        return self._faults.filters() if fault.scope == "all" else [self]

    def _send(self, text: str, channel: str, delay_ms: int) -> None:
        if delay_ms:
            asyncio.get_running_loop().call_later(delay_ms / 1000, self._outlet.deliver, text)
        else:
            self._outlet.deliver(text)
        self._release([held for held in self._held if _is_of(held[0], channel)])

    def _hold(self, fault: Fault, text: str) -> None:
        """Until another frame that the fault could strike has gone out, but no longer than its ``delay_ms``."""
        held = (fault, text)
        self._held.append(held)
        asyncio.get_running_loop().call_later(fault.delay_ms / 1000, lambda: self._release([held]))

    def _release(self, overtaken: list[tuple[Fault, str]]) -> None:
        for held in reversed(overtaken):
            if any(held is waiting for waiting in self._held):
                self._held = [waiting for waiting in self._held if waiting is not held]
                self._outlet.deliver(held[1])


def _is_of(fault: Fault, channel: str) -> bool:
    return fault.channel is None or fault.channel == channel
