"""The paper exchange inside another program: its own thread, its own event loop, a real port on loopback."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING

from core.paper.config import MarketDiedError, PaperConfig, PaperError, StoreError

if TYPE_CHECKING:
    from core.paper.server.http import PaperServer, ServerStats

_log = logging.getLogger(__name__)

_JOIN_TIMEOUT_S = 10.0


class EmbeddedExchange:
    """Starts once and stops once; ``start``, ``stop`` and ``stats`` may be called from any thread, ``stop`` repeatedly.

    ``ended``: once its thread is at its end, what the exchange died of; None if it was told to stop.
    """

    def __init__(self, config: PaperConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._is_stopping = False
        self._server: PaperServer | None = None
        self._url: Future[str] = Future()
        self.ended: Future[PaperError | None] = Future()

    def start(self, timeout_s: float = 15.0) -> str:
        """The base URL, once it listens.

        Raises:
            PaperError: what kept the server from starting, or that it took longer than ``timeout_s``.
        """
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="paper exchange", daemon=True)
                self._thread.start()
        try:
            return self._url.result(timeout_s)
        except FutureTimeoutError as error:
            self.stop()
            raise PaperError(
                f"The paper exchange didn't start within {timeout_s:g} s. Fix: try again on a less busy machine."
            ) from error

    def stop(self) -> None:
        """Save, close and wait for the end, some seconds at most."""
        with self._lock:
            self._is_stopping = True
            thread, loop, stop = self._thread, self._loop, self._stop
        if thread is None:
            return
        if loop is not None and stop is not None:
            try:
                loop.call_soon_threadsafe(stop.set)
            except RuntimeError:
                pass  # The loop has ended by itself.
        thread.join(_JOIN_TIMEOUT_S)
        if thread.is_alive():
            _log.critical("the paper exchange's thread didn't end within %g s", _JOIN_TIMEOUT_S)

    def stats(self) -> ServerStats | None:
        """None unless it runs."""
        server = self._server
        return server.stats() if server is not None else None

    def _run(self) -> None:
        failure: PaperError | None = None
        try:
            asyncio.run(self._main())
        except BaseException as error:
            failure = error if isinstance(error, PaperError) else MarketDiedError(error)
            if not self._url.done():
                self._url.set_exception(error)
            elif not isinstance(error, StoreError):  # no bug: its sentence is the end of whoever runs this
                _log.critical("the paper exchange has died", exc_info=True)
        self.ended.set_result(failure)

    async def _main(self) -> None:
        from core.paper.server.http import PaperServer

        stop = asyncio.Event()
        with self._lock:
            self._loop, self._stop = asyncio.get_running_loop(), stop
            if self._is_stopping:
                stop.set()
        server = PaperServer(self._config)
        url = await server.start()
        self._server = server
        self._url.set_result(url)
        try:
            await server.serve_until(stop)
        finally:
            self._server = None
