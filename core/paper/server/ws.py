"""The WebSocket edge: connections, their subscriptions, and what they send."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from aiohttp import WSMsgType, web

from core.paper.config import AnswerSettings
from core.paper.exchange import PaperExchange
from core.paper.jsonio import (
    Json,
    JsonObject,
    MalformedRequestError,
    as_object,
    dumps,
    get_int,
    get_str,
    loads,
)
from core.paper.server.frames import frame
from core.paper.server.ip_limits import IpLimits, Peer
from core.paper.server.posts import answer_action, answer_info
from core.paper.server.publisher import Publisher
from core.paper.server.subscriptions import (
    InvalidSubscriptionError,
    Subscribers,
    Subscription,
    decode_subscription,
)

_log = logging.getLogger(__name__)

_MAX_QUEUED = 10_000
"""Frames waiting for one client: minutes of market data. Who reads no faster has stopped reading."""
_IDLE_CLOSE_S = 60.0
_CLOSE_TIMEOUT_S = 1.0
_GREETING = "Websocket connection established."


class Interference(Protocol):
    """Stands between what a connection is told and what goes out."""

    def pass_on(self, text: str) -> None: ...


class Connection:
    """One client. ``send`` never blocks; a client that doesn't read is cut off, it never misses a frame unknowingly."""

    def __init__(self, socket: web.WebSocketResponse, abort: Callable[[], None], peer: Peer) -> None:
        self.socket = socket
        self.peer = peer
        self.subscriptions: set[Subscription] = set()
        self.sent_at = asyncio.get_running_loop().time()
        self._abort = abort
        self._queue: asyncio.Queue[str] = asyncio.Queue(_MAX_QUEUED)
        self.is_cut = False
        self.interference: Interference | None = None
        self._goodbye: asyncio.Task[bool] | None = None

    def send(self, text: str) -> None:
        if self.interference is not None:
            self.interference.pass_on(text)
        else:
            self.deliver(text)

    def deliver(self, text: str) -> None:
        """Send it, past any interference."""
        if self.is_cut:
            return
        try:
            self._queue.put_nowait(text)
        except asyncio.QueueFull:
            _log.warning("cut off a client that left %d frames unread", _MAX_QUEUED)
            self.cut()

    def cut(self) -> None:
        self.is_cut = True
        self._abort()

    def withhold(self) -> None:
        """A frame was sent as far as the idle clock goes."""
        self.sent_at = asyncio.get_running_loop().time()

    def leave(self, code: int | None) -> None:
        """End it: with a goodbye of that code, or as a broken line does."""
        if code is None:
            self.cut()
        elif not self.is_cut:
            self.is_cut = True
            self._goodbye = asyncio.create_task(self.socket.close(code=code))

    def watches(self, user: str) -> bool:
        return any(subscription.user == user for subscription in self.subscriptions)

    async def write(self) -> None:
        """Send what is queued until the connection ends."""
        loop = asyncio.get_running_loop()
        while True:
            text = await self._queue.get()
            try:
                await self.socket.send_str(text)
            except ConnectionError:
                return
            self.sent_at = loop.time()


class Hub:
    """All connections, and who wants what."""

    def __init__(self, exchange: PaperExchange, settings: AnswerSettings, limits: IpLimits) -> None:
        self._exchange = exchange
        self._settings = settings
        self._limits = limits
        self.connections: set[Connection] = set()
        self.on_connect: Callable[[Connection], None] | None = None
        """Told of every new connection before anything is sent on it."""
        self._acting: set[asyncio.Task[None]] = set()
        self._subscribers = Subscribers()
        self.publisher = Publisher(exchange, self._subscribers, settings.books_every_s)

    @property
    def clients(self) -> int:
        return len(self.connections)

    async def serve(self, request: web.Request, peer: Peer) -> web.WebSocketResponse:
        """Handle one client from its first frame to its last."""
        socket = web.WebSocketResponse(compress=False, timeout=_CLOSE_TIMEOUT_S)
        await socket.prepare(request)
        transport = request.transport
        connection = Connection(socket, transport.abort if transport is not None else lambda: None, peer)
        self.connections.add(connection)
        if self.on_connect is not None:
            self.on_connect(connection)
        writer = asyncio.create_task(connection.write())
        if self._settings.greets:
            connection.send(_GREETING)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._on_text(connection, message.data)
        finally:
            for subscription in connection.subscriptions:
                self._subscribers.discard(subscription, connection)
                peer.unsubscribe(subscription.user)
            self.connections.discard(connection)
            writer.cancel()
        return socket

    async def close(self) -> None:
        """Say goodbye to everyone, within bounded time."""
        goodbyes = {asyncio.create_task(c.socket.close(code=1001)): c for c in self.connections}
        if not goodbyes:
            return
        _, unheard = await asyncio.wait(goodbyes, timeout=2 * _CLOSE_TIMEOUT_S)
        for goodbye in unheard:
            # Its send buffer is full: a client that has stopped reading doesn't take a goodbye either.
            goodbyes[goodbye].cut()
            goodbye.cancel()

    def sweep(self, now_s: float) -> None:
        """Close connections on which nothing was sent for a minute, as the venue does."""
        for connection in self.connections:
            if now_s - connection.sent_at > _IDLE_CLOSE_S:
                connection.cut()

    def _on_text(self, connection: Connection, text: str) -> None:
        now_s = asyncio.get_running_loop().time()
        if _refuse(connection, self._limits.refuse_message(connection.peer, now_s)):
            return
        try:
            request = as_object(loads(text))
            match get_str(request, "method"):
                case "ping":
                    connection.send(dumps({"channel": "pong"}))
                case "subscribe":
                    self._subscribe(connection, request.get("subscription"))
                case "unsubscribe":
                    self._unsubscribe(connection, request.get("subscription"))
                case "post":
                    self._post(connection, get_int(request, "id"), as_object(request.get("request")))
                case method:
                    raise MalformedRequestError(f"no method {method!r}")
        except MalformedRequestError:
            connection.send(frame("error", f"Error parsing JSON into valid websocket request: {text}"))

    def _decode(self, connection: Connection, value: object) -> Subscription | None:
        """Raises ``MalformedRequestError``: the client is told with its whole message, not the subscription alone."""
        try:
            return decode_subscription(value, self._exchange.venue.universe)
        except InvalidSubscriptionError:
            connection.send(frame("error", f"Invalid subscription {dumps(_plain(value))}"))
            return None

    def _subscribe(self, connection: Connection, value: object) -> None:
        subscription = self._decode(connection, value)
        if subscription is None:
            return
        if subscription in connection.subscriptions:
            connection.send(frame("error", f"Already subscribed: {subscription.text()}"))
            return
        peer, user = connection.peer, subscription.user
        if _refuse(connection, self._limits.refuse_subscription(peer, user)):
            return
        if user is not None:
            self._exchange.venue.see(user)
            self._exchange.settle()
        connection.subscriptions.add(subscription)
        peer.subscribe(user)
        self._subscribers.add(subscription, connection)
        self._acknowledge(connection, "subscribe", subscription)
        greeting = self.publisher.greeting(subscription)
        if greeting is not None:
            connection.send(greeting)

    def _unsubscribe(self, connection: Connection, value: object) -> None:
        subscription = self._decode(connection, value)
        if subscription is None:
            return
        if subscription not in connection.subscriptions:
            connection.send(frame("error", f"Already unsubscribed: {subscription.text()}"))
            return
        connection.subscriptions.discard(subscription)
        connection.peer.unsubscribe(subscription.user)
        self._subscribers.discard(subscription, connection)
        self._acknowledge(connection, "unsubscribe", subscription)

    def _acknowledge(self, connection: Connection, method: str, subscription: Subscription) -> None:
        data: Json = {"method": method, "subscription": subscription.wire()}
        connection.send(frame("subscriptionResponse", data))

    def _post(self, connection: Connection, number: int, request: dict[str, object]) -> None:
        """Actions wait for their block; other requests are answered on the spot."""
        kind, payload = get_str(request, "type"), request.get("payload")
        if kind != "action":
            _reply(connection, number, answer_info(self._exchange, kind, payload))
        elif not _refuse(connection, self._limits.refuse_post(connection.peer, number)):
            task = asyncio.create_task(self._act(connection, number, payload), name="paper post")
            connection.peer.posts += 1
            self._acting.add(task)
            task.add_done_callback(lambda task: self._acted(connection, task))

    async def _act(self, connection: Connection, number: int, payload: object) -> None:
        _reply(connection, number, await answer_action(self._exchange, payload))

    def _acted(self, connection: Connection, task: asyncio.Task[None]) -> None:
        connection.peer.posts -= 1
        self._acting.discard(task)


def _refuse(connection: Connection, text: str) -> bool:
    """Say ``text`` as an error, if there is any."""
    if text:
        connection.send(frame("error", text))
    return bool(text)


def _reply(connection: Connection, number: int, answer: JsonObject) -> None:
    connection.send(frame("post", {"id": number, "response": answer}))


def _plain(value: object) -> Json:
    """What orjson just read, as what orjson can write."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case _:
            raise AssertionError(type(value))
