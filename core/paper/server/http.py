"""The paper exchange on a port: POST /info, POST /exchange, WS /ws, and the control plane."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from core.paper.config import BooksError, MarketDiedError, PaperConfig, PaperError, PortInUseError
from core.paper.exchange import PaperExchange
from core.paper.faults.spec import FaultError
from core.paper.jsonio import DESERIALIZE_TEXT, Json, MalformedRequestError, dumps, loads
from core.paper.market.load import load_market
from core.paper.market.step import Market
from core.paper.mirror.feed import MirrorFeed, open_mirror
from core.paper.server.control import Control, ControlError
from core.paper.server.faults.faults import Faults
from core.paper.server.ip_limits import Caps, IpLimits, answer_weight, exchange_weight, info_weight
from core.paper.server.pacing import Pacer
from core.paper.server.ws import Hub
from core.paper.store import PaperStore
from core.paper.venue.audit import audit

_log = logging.getLogger(__name__)

_KEEP_HOUSE_EVERY_S = 1.0
_CORS = {"access-control-allow-origin": "*", "access-control-expose-headers": "*"}
_PREFLIGHT = {**_CORS, "access-control-allow-methods": "*", "access-control-allow-headers": "*"}
"""What a browser asks for before it posts JSON to another origin."""
_STOP_TIMEOUT_S = 3.0

_MAX_BODY = 2 * 2**20
_TOO_LARGE_TEXT = "Failed to buffer the request body: length limit exceeded"
"""Limit and words of axum, the library whose words Hyperliquid uses for JSON that it can't read."""
_BROKEN_TEXT = "Failed to read the request body"
"""One that broke off, or isn't encoded as its headers say."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class ServerStats:
    """Totals since the start, but for ``ws_clients``. ``orders`` counts changes of orders, ``trades`` prints."""

    requests: int
    orders: int
    trades: int
    ws_clients: int
    accounts: int
    steps: int
    laps: int
    late_ms: int
    """By how much the market has fallen behind the speed asked for, in wall-clock milliseconds."""
    progress: float | None
    """The part of a finite market that is over, 0 to 1."""
    warning: str
    """What is wrong with the market at the moment; empty if nothing is."""


class PaperServer:
    """One exchange on one port. Use from one event loop."""

    def __init__(self, config: PaperConfig) -> None:
        self._config = config
        self._limits = IpLimits(Caps(config.requests.weight_per_minute) if config.limits else None)
        self._requests = 0
        self._exchange: PaperExchange | None = None
        self._hub: Hub | None = None
        self._control: Control | None = None
        self._faults: Faults | None = None
        self._store: PaperStore | None = None
        self._runner: web.AppRunner | None = None
        self._feed: MirrorFeed | None = None
        self._pacer: Pacer | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._died = asyncio.Event()
        self._failure: PaperError | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def exchange(self) -> PaperExchange:
        assert self._exchange is not None, "not started"
        return self._exchange

    async def start(self) -> str:
        """Load the market and the store, and listen; the base URL, without a slash at its end.

        Raises:
            PaperError: nothing is left running, and the text says what to do.
        """
        market = await self._open_market()
        try:
            if self._config.store_path is not None:
                self._store = PaperStore(self._config.store_path)
            self._exchange = PaperExchange(self._config, market, self._store)
            self._hub = Hub(self._exchange, self._config.answers, self._limits)
            self._faults = Faults(self._exchange, self._hub)
            self._control = Control(self._exchange, self._faults)
            url = await self._listen()
            self._set_first_faults(self._faults)
        except BaseException:
            await self._release()
            raise
        self._pacer = Pacer(self._exchange, self._config.speed, self._hub.publisher.flush)
        self._start_task(self._pacer.run(), "paper market")
        self._start_task(self._keep_house(), "paper housekeeping")
        if self._feed is not None:
            self._start_task(self._feed.run(), "paper mirror")
            self._start_task(self._feed.watch(), "paper mirror's watch")
        return url

    async def _open_market(self) -> Market:
        config = self._config
        kind, _, target = config.market.partition(":")
        if kind == "mirror":
            self._feed = await open_mirror(target, config.mirror)
            return self._feed.market
        return await asyncio.to_thread(load_market, config.market, config.loops, config.seed)

    def _start_task(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._on_task_end)
        self._tasks.append(task)

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Wait for ``stop`` or for the market's death, whichever comes first; then be stopped.

        Raises:
            PaperError: what the market died of.
        """
        waits = [asyncio.create_task(event.wait()) for event in (stop, self._died)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await self.stop()
            if self._closing is not None:
                await self._closing
        if self._failure is not None:
            raise self._failure

    async def stop(self) -> None:
        """Stop the market, save, and close all connections; a few seconds at most. Safe to call twice."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._faults is not None:
            self._faults.stop()
        if self._hub is not None:
            await self._hub.close()
        if self._exchange is not None:
            try:
                self.check_books()
            except BooksError as error:
                _log.critical("%s", error)
        await self._release()

    def stats(self) -> ServerStats:
        assert self._hub is not None, "not started"
        assert self._pacer is not None, "not started"
        exchange = self.exchange
        return ServerStats(
            requests=self._requests,
            orders=exchange.orders_seen,
            trades=exchange.trades_seen,
            ws_clients=self._hub.clients,
            accounts=len(exchange.venue.ledger.accounts),
            steps=self._pacer.steps,
            laps=exchange.market.laps,
            late_ms=round(self._pacer.late_ms),
            progress=exchange.market.progress,
            warning=exchange.market.warning,
        )

    def check_books(self) -> None:
        """Raises ``BooksError``: over all accounts, positions or money don't add up."""
        found = audit(self.exchange.venue)
        if not found.is_balanced:
            positions = {coin: lots for coin, lots in found.positions.items() if lots}
            raise BooksError(
                f"The paper exchange's books don't balance: positions {positions} (lots), money {found.money} (millionths of "
                "a USDC). Fix: trust none of its accounts, start afresh with another state directory, and report it."
            )

    async def _release(self) -> None:
        feed, self._feed = self._feed, None
        if feed is not None:
            await feed.close()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        store, self._store = self._store, None
        if store is not None:
            try:
                if self._exchange is not None:
                    self._exchange.save_place()
            finally:
                store.close()

    def _set_first_faults(self, faults: Faults) -> None:
        try:
            faults.replace(self._config.faults)
        except FaultError as error:
            raise PaperError(f"Faults: {error}") from error

    async def _listen(self) -> str:
        application = web.Application(middlewares=[self._boundary], client_max_size=_MAX_BODY)
        application.add_routes(
            [
                web.post("/info", self._on_info),
                web.post("/exchange", self._on_exchange),
                web.options("/info", _on_preflight),
                web.options("/exchange", _on_preflight),
                web.get("/ws", self._on_ws),
                web.post("/paper/fund", self._on_fund),
                web.post("/paper/trade", self._on_trade),
                web.get("/paper/truth", self._on_truth),
                web.get("/paper/audit", self._on_audit),
                web.get("/paper/market", self._on_market),
                web.get("/paper/faults", self._on_faults),
                web.post("/paper/faults", self._on_new_faults),
            ]
        )
        host, port = self._config.host, self._config.port
        self._runner = web.AppRunner(
            application, access_log=None, logger=_quiet_logger(), shutdown_timeout=_STOP_TIMEOUT_S
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUseError(
                    f"Port {port} on {host} is in use. Fix: stop what listens there, or choose another port (0: any free)."
                ) from error
            raise PaperError(
                f"Can't listen on {host}:{port}: {error}. Fix: choose another address."
            ) from error
        bound = self._runner.addresses[0][1]
        return f"http://{f'[{host}]' if ':' in host else host}:{bound}"

    async def _keep_house(self) -> None:
        """Once a second: remember where the market stands, close connections that have gone silent."""
        loop = asyncio.get_running_loop()
        assert self._hub is not None
        while True:
            await asyncio.sleep(_KEEP_HOUSE_EVERY_S)
            self.exchange.save_place()
            self._hub.sweep(loop.time())
            self._limits.sweep(loop.time())

    def _on_task_end(self, task: asyncio.Task[None]) -> None:
        """A market that has died takes the port with it: better no answers than those of a frozen market."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        _log.critical("the paper market has stopped: %s", error, exc_info=error)
        if self._failure is None:
            self._failure = error if isinstance(error, PaperError) else MarketDiedError(error)
            self._closing = asyncio.create_task(self.stop(), name="close a dead paper exchange")
            self._died.set()

    @web.middleware
    async def _boundary(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        self._requests += 1
        if self._faults is not None and self._faults.is_armed:
            return await self._faults.serve(request, lambda: self._answer(request, handler))
        return await self._answer(request, handler)

    async def _answer(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPRequestEntityTooLarge:
            return _refused(413, _TOO_LARGE_TEXT)
        except web.HTTPException:
            raise
        except (web.RequestPayloadError, ConnectionError):
            return _refused(400, _BROKEN_TEXT)
        except MalformedRequestError:
            return _refused(422, DESERIALIZE_TEXT)
        except ControlError as error:
            return _json({"error": str(error)}, status=400)
        except Exception:
            # Broad on purpose, as in posts.py alone: a bug, or a full disk. Loud here and 500 there.
            _log.critical("%s %s failed", request.method, request.path, exc_info=True)
            return _refused(500, "Internal Server Error")

    async def _on_info(self, request: web.Request) -> web.StreamResponse:
        body = loads(await request.read())
        if not self._limits.spend(_address(request), info_weight(body), _now_s()):
            return self._too_many()
        answer = self.exchange.ask(body)
        self._limits.add(_address(request), answer_weight(body, answer), _now_s())
        return _json(answer)

    async def _on_exchange(self, request: web.Request) -> web.StreamResponse:
        body = loads(await request.read())
        if not self._limits.spend(_address(request), exchange_weight(body), _now_s()):
            return self._too_many()
        return _json(await self.exchange.act(body))

    async def _on_ws(self, request: web.Request) -> web.StreamResponse:
        assert self._hub is not None
        peer = self._limits.connect(_address(request), _now_s())
        if peer is None:
            return self._too_many()
        try:
            return await self._hub.serve(request, peer)
        finally:
            peer.connections -= 1

    def _too_many(self) -> web.Response:
        body = self._config.requests.too_many_requests_body
        return web.Response(status=429, text=body, content_type="application/json", headers=_CORS)

    async def _on_fund(self, request: web.Request) -> web.StreamResponse:
        return _json(self._plane.fund(await _control_body(request)))

    async def _on_trade(self, request: web.Request) -> web.StreamResponse:
        return _json(self._plane.trade(await _control_body(request)))

    async def _on_truth(self, request: web.Request) -> web.StreamResponse:
        return _json(self._plane.truth(request.query))

    async def _on_market(self, _request: web.Request) -> web.StreamResponse:
        return _json(self._plane.market())

    async def _on_audit(self, _request: web.Request) -> web.StreamResponse:
        return _json(self._plane.audit())

    async def _on_faults(self, _request: web.Request) -> web.StreamResponse:
        return _json(self._plane.faults())

    async def _on_new_faults(self, request: web.Request) -> web.StreamResponse:
        return _json(self._plane.set_faults(await _control_body(request)))

    @property
    def _plane(self) -> Control:
        assert self._control is not None
        return self._control


async def _on_preflight(_request: web.Request) -> web.StreamResponse:
    return web.Response(headers=_PREFLIGHT)


async def _control_body(request: web.Request) -> object:
    try:
        return loads(await request.read())
    except MalformedRequestError as error:
        raise ControlError(f"The body is not JSON: {error}.") from error


def _quiet_logger() -> logging.Logger:
    """For aiohttp, which else prints a traceback for every request that isn't HTTP."""
    logger = logging.getLogger(f"{__name__}.aiohttp")
    if not logger.filters:
        logger.addFilter(_is_ours)
    return logger


def _is_ours(record: logging.LogRecord) -> bool:
    """Not what a client has got wrong, which it is told with HTTP 400, and not that it has gone."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError | ConnectionError)


def _address(request: web.Request) -> str:
    return request.remote or ""


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _refused(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, headers=_CORS)


def _json(value: Json, status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        text=dumps(value),
        content_type="application/json",
        headers=_CORS,
    )
