"""Market Data: our own WebSocket client. One connection at a time, numbered by generation; silence counts as down.

A connection is up when every subscription is acknowledged. What arrives is decoded and put into the inbox, which may push back
but never drops. On any doubt the connection is closed and a new generation begins; the gap is read back over REST (C-3).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, NamedTuple

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidURI, WebSocketException

from core.domain.events import FeedChanged, FillsArrived, OrderUpdate, Quote, WireQuarantined
from core.domain.fills import FillSource
from core.domain.instrument import Instrument
from core.exchange.quote_stream import EarlyConnection
from core.exchange.venue_clock import VenueClock, mono_us
from core.exchange.wire import WireError, decode_bbo, decode_order_update, sample
from core.exchange.wire_history import decode_fill_rows

FeedItem = FillsArrived | OrderUpdate | Quote | FeedChanged | WireQuarantined
Sink = Callable[[FeedItem], Awaitable[None]]

PING_AFTER_S = 5.0
SILENT_AFTER_S = 15.0
"""No message at all, not even the answer to a ping, for this long: the connection is dead though it looks open."""

ACK_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 10.0
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 5.0
"""So that the grid is whole again soon after the exchange is; the exchange allows 30 new connections a minute."""
STABLE_AFTER_S = 30.0
"""A connection that lasted this long starts the back-off anew."""

QUARANTINE_LIMIT = 3
"""Undecodable messages in a row on one channel, or on all together, that force a reconnect. What is no JSON at all counts as
the channel ``text``. Fills that a quarantined message may have hidden are for the engine to read back."""

_CHANNELS = (
    "bbo",
    "userFills",
    "orderUpdates",
    "pong",
    "subscriptionResponse",
    "notification",
    "error",
    "text",
)
UNKNOWN_CHANNEL = "unknown"
"""All others as one: their names are whatever somebody sends."""
_ANY = ""
"""Counts what is undecodable on any channel; a message that decodes ends its row."""


_QUOTE_BEGINS = b'{"channel":"bbo"'


class Frame(NamedTuple):
    """A message decoded, as it came, and when (microseconds, monotonic)."""

    message: Any
    raw: str | bytes
    arrived_us: int


def _word(value: Any) -> str:
    """A text field, empty if it is anything else; nothing nested is ever turned into text."""
    return value if isinstance(value, str) else ""


class MarketData:
    """The streams of one account: fills, order updates, and the best bid and ask of each coin."""

    def __init__(
        self,
        base_url: str,
        account: str,
        instruments: dict[str, Instrument],
        clock: VenueClock,
        sink: Sink,
        silent_after_s: float = SILENT_AFTER_S,
        quoted: Callable[[Quote], None] | None = None,
        asked_us: Callable[[str | None, str], int] = lambda *_: 0,
    ) -> None:
        """``silent_after_s``: a connection silent for so long is given up, and no later than after ``SILENT_AFTER_S``.
        ``quoted`` gets quotes before which nothing is unread, instead of the sink: it doesn't wait.
        ``asked_us`` tells before when an order can't have got a status (monotonic, 0: not known), by which the exchange's clock
        is dated.
        """
        self._url = "ws" + base_url.rstrip("/")[4:] + "/ws"
        self._account, self._instruments, self._clock, self._sink = account, instruments, clock, sink
        self._silent_after_s, self._quoted, self._asked_us = silent_after_s, quoted, asked_us
        self._subscriptions: list[dict[str, Any]] = [
            {"type": "userFills", "user": account, "aggregateByTime": False},
            {"type": "orderUpdates", "user": account},
            *({"type": "bbo", "coin": coin} for coin in instruments),
        ]
        self._socket: ClientConnection | None = None
        self._bad: dict[str, int] = {}
        self._close_reason = ""
        self._hurry = asyncio.Event()
        self._is_handling = False
        self._last_mono_ms = 0
        self.generation = 0
        self.last_message_ms = 0
        """Wall time of the last message of any kind; 0 before the first."""

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        delay = BACKOFF_FIRST_S
        while True:
            started = self._clock.now().mono_ms
            reason = await self._one_connection()
            if self._clock.now().mono_ms - started > STABLE_AFTER_S * 1000:
                delay = BACKOFF_FIRST_S
            await self._sink(FeedChanged(False, self.generation, reason))
            if await self._was_hurried(delay * random.uniform(0.5, 1.5)):
                delay = BACKOFF_FIRST_S
            else:
                delay = min(delay * 2, BACKOFF_MAX_S)

    async def reconnect(self, reason: str) -> None:
        """Close the present connection; ``run`` opens the next at once, however long its back-off."""
        self._close_reason = reason
        self._hurry.set()
        if self._socket is not None:
            await self._socket.close()

    async def _was_hurried(self, delay_s: float) -> bool:
        """Wait before the next connection, unless somebody asks for it."""
        try:
            async with asyncio.timeout(delay_s):
                await self._hurry.wait()
        except TimeoutError:
            return False
        return True

    async def _one_connection(self) -> str:
        """Live through one connection; why it ended."""
        self._close_reason = ""
        self._hurry.clear()
        self._bad.clear()
        self._is_handling = False
        try:
            async with connect(
                self._url,
                open_timeout=CONNECT_TIMEOUT_S,
                close_timeout=2,
                ping_interval=None,
                max_size=16 * 2**20,
                proxy=None,
                create_connection=EarlyConnection,
            ) as socket:
                self._socket = socket
                self.generation += 1
                await self._subscribe(socket)
                if not self._close_reason:
                    await self._sink(FeedChanged(True, self.generation))
                    if self._quoted is not None and isinstance(socket, EarlyConnection):
                        socket.early = self._hear_early
                    await self._listen(socket)
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, WebSocketException) as error:
            return self._close_reason or f"{type(error).__name__} {error}".strip()
        finally:
            self._socket = None
        return self._close_reason or "closed by the exchange"

    async def _subscribe(self, socket: ClientConnection) -> None:
        for subscription in self._subscriptions:
            await socket.send(orjson.dumps({"method": "subscribe", "subscription": subscription}).decode())
        waiting = [self._identity(s) for s in self._subscriptions]
        async with asyncio.timeout(ACK_TIMEOUT_S):
            while waiting and not self._close_reason:
                frame = await self._receive(socket)
                match frame.message:
                    case {"channel": "subscriptionResponse", "data": {"subscription": subscription}}:
                        acknowledged = self._identity(subscription)
                        if acknowledged in waiting:
                            waiting.remove(acknowledged)
                    case _:
                        await self._handle(frame)

    @staticmethod
    def _identity(subscription: Any) -> tuple[str, str, str]:
        """What an acknowledgement is matched by; the exchange may add defaulted fields."""
        if not isinstance(subscription, dict):
            return ("", "", "")
        return (
            _word(subscription.get("type")),
            _word(subscription.get("coin")),
            _word(subscription.get("user")).lower(),
        )

    async def _listen(self, socket: ClientConnection) -> None:
        watching = asyncio.create_task(self._watch(socket), name="silence of the feed")
        try:
            while not self._close_reason:
                frame = await self._receive(socket)
                self._is_handling = True
                await self._handle(frame)
                self._is_handling = False
        finally:
            watching.cancel()

    def _hear_early(self, raw: bytes) -> bool:
        """Deliver a quote at once; whatever else it is, or isn't, is left to the ordinary way."""
        if self._is_handling or self._close_reason or not raw.startswith(_QUOTE_BEGINS):
            return False
        arrived_us, now = mono_us(), self._clock.now()
        try:
            message = orjson.loads(raw)
            quote = decode_bbo(message["data"], self._instruments, arrived_us)
        except (ValueError, KeyError):
            return False
        if message["channel"] != "bbo":
            return False
        self._last_mono_ms, self.last_message_ms = now.mono_ms, now.wall_ms
        self._bad["bbo"] = self._bad["text"] = self._bad[_ANY] = 0
        if quote is not None and self._quoted is not None:
            self._quoted(quote)
        return True

    async def _watch(self, socket: ClientConnection) -> None:
        """Ask whether a silent connection is there, and close one that doesn't say so."""
        held_mono_ms = 0  # when it was last seen that nothing is read because a full inbox holds it back
        while True:
            now_ms = self._clock.now().mono_ms
            held_mono_ms = now_ms if self._is_handling else held_mono_ms
            quiet_s = (now_ms - max(self._last_mono_ms, held_mono_ms)) / 1000
            silent_s = min(self._silent_after_s, SILENT_AFTER_S)
            if quiet_s > silent_s:
                self._close_reason = self._close_reason or f"silent for {silent_s:.0f} s"
                await socket.close()
                return
            if quiet_s < PING_AFTER_S:
                await asyncio.sleep(PING_AFTER_S - quiet_s)
            else:
                await socket.send('{"method":"ping"}')
                await asyncio.sleep(PING_AFTER_S)

    async def _receive(self, socket: ClientConnection) -> Frame:
        raw = await socket.recv()
        arrived_us, now = mono_us(), self._clock.now()
        self._last_mono_ms, self.last_message_ms = now.mono_ms, now.wall_ms
        try:
            return Frame(orjson.loads(raw), raw, arrived_us)
        except orjson.JSONDecodeError:
            text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
            return Frame(text, raw, arrived_us)

    async def _handle(self, frame: Frame) -> None:
        message = frame.message
        if isinstance(message, str) and message.startswith("Websocket connection established"):
            return
        named = message.get("channel") if isinstance(message, dict) else "text"
        channel = named if named in _CHANNELS else UNKNOWN_CHANNEL
        try:
            is_whole = await self._dispatch(named, frame)
        except WireError as error:
            await self._sink(WireQuarantined(channel, str(error), sample(frame.raw)))
            is_whole = False
        if is_whole:
            self._bad[channel] = self._bad["text"] = self._bad[_ANY] = 0
            return
        for row, where in ((channel, f" on {channel}"), (_ANY, "")):
            self._bad[row] = self._bad.get(row, 0) + 1
            if self._bad[row] >= QUARANTINE_LIMIT and not self._close_reason:
                self._close_reason = f"{QUARANTINE_LIMIT} undecodable messages in a row{where}"

    async def _dispatch(self, channel: Any, frame: Frame) -> bool:
        """Deliver what is in a message; whether all of it that may concern us did decode."""
        message = frame.message
        if not isinstance(message, dict):
            raise WireError("not a JSON object")
        data = message.get("data")
        match channel:
            case "bbo":
                quote = decode_bbo(data, self._instruments, frame.arrived_us)
                if quote is not None:
                    await self._sink(quote)
            case "userFills":
                return await self._on_fills(data, frame.arrived_us)
            case "orderUpdates":
                if not isinstance(data, list):
                    raise WireError("orderUpdates: not a list")
                for update in [decode_order_update(row, self._instruments) for row in data]:
                    if update is not None:
                        if asked_us := self._asked_us(update.cloid, update.status):
                            self._clock.was_done(update.time_ms, asked_us / 1000)
                        await self._sink(replace(update, is_streamed=True))
            case "pong" | "subscriptionResponse" | "notification":
                pass
            case _:
                raise WireError(f"unexpected channel {_word(channel)[:40]!r}")
        return True

    async def _on_fills(self, data: Any, arrived_us: int) -> bool:
        """Deliver the rows that decode, quarantine the others; whether none of those may have been a fill of ours."""
        if not isinstance(data, dict) or not isinstance(data.get("fills"), list):
            raise WireError("userFills: no list of fills")
        if _word(data.get("user")).lower() != self._account:
            raise WireError("userFills of another user, which was not asked for")
        source = FillSource.SNAPSHOT if data.get("isSnapshot") is True else FillSource.WS
        found = decode_fill_rows(data["fills"], self._account, source, self._instruments, "userFills")
        if found.fills or found.foreign:
            live_us = arrived_us if source is FillSource.WS else 0
            await self._sink(FillsArrived(found.fills, foreign=found.foreign, arrived_us=live_us))
        for quarantined in found.quarantined:
            await self._sink(quarantined)
        return not found.bad
