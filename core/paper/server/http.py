"""The paper exchange on a port: its parts, from its start to its end."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Coroutine
from dataclasses import dataclass

from aiohttp import web

from core.paper.config import BooksError, MarketDiedError, PaperConfig, PaperError, PortInUseError, StoreError
from core.paper.exchange import PaperExchange
from core.paper.faults.spec import FaultError
from core.paper.market.load import load_market
from core.paper.market.step import Market
from core.paper.mirror.feed import MirrorFeed, open_mirror
from core.paper.server.faults.faults import Faults
from core.paper.server.ip_limits import Caps, IpLimits
from core.paper.server.pacing import Pacer
from core.paper.server.routes import Routes, quiet_logger
from core.paper.server.ws import Hub
from core.paper.store import PaperStore
from core.paper.venue.audit import audit

_log = logging.getLogger(__name__)

_KEEP_HOUSE_EVERY_S = 1.0
_STOP_TIMEOUT_S = 3.0


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
        self._exchange: PaperExchange | None = None
        self._hub: Hub | None = None
        self._routes: Routes | None = None
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
            self._routes = Routes(
                self._exchange, self._hub, self._faults, self._limits, self._config.requests
            )
            url = await self._listen(self._routes)
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
        assert self._routes is not None, "not started"
        assert self._pacer is not None, "not started"
        exchange = self.exchange
        return ServerStats(
            requests=self._routes.seen,
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

    async def _listen(self, routes: Routes) -> str:
        host, port = self._config.host, self._config.port
        self._runner = web.AppRunner(
            routes.application(), access_log=None, logger=quiet_logger(), shutdown_timeout=_STOP_TIMEOUT_S
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUseError(
                    f"Port {port} on {host} is in use. Fix: stop what listens there, or choose another port with --listen "
                    "HOST:PORT (0: any free)."
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
        if not isinstance(error, StoreError):  # no bug: ``serve_until`` raises its sentence
            _log.critical("the paper market has stopped: %s", error, exc_info=error)
        if self._failure is None:
            self._failure = error if isinstance(error, PaperError) else MarketDiedError(error)
            self._closing = asyncio.create_task(self.stop(), name="close a dead paper exchange")
            self._died.set()
