"""The paths of the exchange: POST /info, POST /exchange, WS /ws, the control plane; and what becomes of every failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from core.paper.config import RequestSettings, StoreError
from core.paper.exchange import PaperExchange
from core.paper.jsonio import DESERIALIZE_TEXT, Json, MalformedRequestError, dumps, loads
from core.paper.server.control import Control, ControlError
from core.paper.server.faults.faults import Faults
from core.paper.server.ip_limits import IpLimits, answer_weight, exchange_weight, info_weight
from core.paper.server.ws import Hub

_log = logging.getLogger(__name__)

_CORS = {"access-control-allow-origin": "*", "access-control-expose-headers": "*"}
_PREFLIGHT = {**_CORS, "access-control-allow-methods": "*", "access-control-allow-headers": "*"}
"""What a browser asks for before it posts JSON to another origin."""

_MAX_BODY = 2 * 2**20
_TOO_LARGE_TEXT = "Failed to buffer the request body: length limit exceeded"
"""Limit and words of axum, the library whose words Hyperliquid uses for JSON that it can't read."""
_BROKEN_TEXT = "Failed to read the request body"
"""One that broke off, or isn't encoded as its headers say."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Routes:
    """Answers requests for one exchange. Use from its event loop."""

    def __init__(
        self, exchange: PaperExchange, hub: Hub, faults: Faults, limits: IpLimits, settings: RequestSettings
    ) -> None:
        self._exchange = exchange
        self._hub = hub
        self._faults = faults
        self._limits = limits
        self._control = Control(exchange, faults)
        self._too_many_body = settings.too_many_requests_body
        self.seen = 0
        """Requests, handshakes of WebSockets included."""

    def application(self) -> web.Application:
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
        return application

    @web.middleware
    async def _boundary(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        self.seen += 1
        if self._faults.is_armed:
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
        except StoreError:
            return _refused(500, "Internal Server Error")  # the exchange ends of it, and says so as it ends
        except Exception:
            # Broad on purpose, as in posts.py alone: a bug. Loud here and 500 there.
            _log.critical("%s %s failed", request.method, request.path, exc_info=True)
            return _refused(500, "Internal Server Error")

    async def _on_info(self, request: web.Request) -> web.StreamResponse:
        body = loads(await request.read())
        if not self._limits.spend(_address(request), info_weight(body), _now_s()):
            return self._too_many()
        answer = self._exchange.ask(body)
        self._limits.add(_address(request), answer_weight(body, answer), _now_s())
        return _json(answer)

    async def _on_exchange(self, request: web.Request) -> web.StreamResponse:
        body = loads(await request.read())
        if not self._limits.spend(_address(request), exchange_weight(body), _now_s()):
            return self._too_many()
        return _json(await self._exchange.act(body))

    async def _on_ws(self, request: web.Request) -> web.StreamResponse:
        peer = self._limits.connect(_address(request), _now_s())
        if peer is None:
            return self._too_many()
        try:
            return await self._hub.serve(request, peer)
        finally:
            peer.connections -= 1

    def _too_many(self) -> web.Response:
        return web.Response(
            status=429, text=self._too_many_body, content_type="application/json", headers=_CORS
        )

    async def _on_fund(self, request: web.Request) -> web.StreamResponse:
        return _json(self._control.fund(await _control_body(request)))

    async def _on_trade(self, request: web.Request) -> web.StreamResponse:
        return _json(self._control.trade(await _control_body(request)))

    async def _on_truth(self, request: web.Request) -> web.StreamResponse:
        return _json(self._control.truth(request.query))

    async def _on_market(self, _request: web.Request) -> web.StreamResponse:
        return _json(self._control.market())

    async def _on_audit(self, _request: web.Request) -> web.StreamResponse:
        return _json(self._control.audit())

    async def _on_faults(self, _request: web.Request) -> web.StreamResponse:
        return _json(self._control.faults())

    async def _on_new_faults(self, request: web.Request) -> web.StreamResponse:
        return _json(self._control.set_faults(await _control_body(request)))


async def _on_preflight(_request: web.Request) -> web.StreamResponse:
    return web.Response(headers=_PREFLIGHT)


async def _control_body(request: web.Request) -> object:
    try:
        return loads(await request.read())
    except MalformedRequestError as error:
        raise ControlError(f"The body is not JSON: {error}.") from error


def quiet_logger() -> logging.Logger:
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
