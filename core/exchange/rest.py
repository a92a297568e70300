"""HTTP to Hyperliquid: one attempt per call, a time-out on each, answers as plain JSON.

Reads may be repeated by whoever asks; an action is sent once and its missing answer is the caller's UNKNOWN.
"""

from __future__ import annotations

import time
from typing import Any

import aiohttp
import orjson

from core.exchange.venue_clock import VenueClock

READ_TIMEOUT_S = 10.0
ACTION_TIMEOUT_S = 5.0


class RestError(Exception):
    """No usable answer. ``was_sent`` is False only if the request certainly never left."""

    def __init__(self, text: str, was_sent: bool = True) -> None:
        super().__init__(text)
        self.was_sent = was_sent


class Rest:
    """The two endpoints of one server. Opened inside the loop that uses it."""

    def __init__(self, base_url: str, clock: VenueClock) -> None:
        self._base = base_url.rstrip("/")
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self.latency_ms = 0.0

    async def open(self) -> None:
        connector = aiohttp.TCPConnector(limit=16, keepalive_timeout=30)
        self._session = aiohttp.ClientSession(connector=connector, trust_env=False)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def info(self, request: dict[str, Any]) -> Any:
        """One ``/info`` question. Raises ``RestError``."""
        sent = time.time() * 1000
        answer = await self._post("/info", request, READ_TIMEOUT_S)
        received = time.time() * 1000
        self.latency_ms = received - sent
        if isinstance(answer, dict) and type(answer.get("time")) is int:
            self._clock.observe(answer["time"], sent, received)
        return answer

    async def exchange(self, payload: dict[str, Any]) -> Any:
        """One signed ``/exchange`` action, sent once. Raises ``RestError``."""
        return await self._post("/exchange", payload, ACTION_TIMEOUT_S)

    async def _post(self, path: str, payload: dict[str, Any], timeout_s: float) -> Any:
        assert self._session is not None, "opened before use"
        try:
            async with self._session.post(
                self._base + path,
                data=orjson.dumps(payload),
                headers={"Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,  # a signed action goes to one address, once
            ) as response:
                body = await response.read()
        except aiohttp.ClientConnectorError as error:
            raise RestError(f"{self._base} cannot be reached ({error.os_error})", was_sent=False) from error
        except TimeoutError as error:
            raise RestError(f"no answer from {self._base}{path} within {timeout_s:.0f} s") from error
        except aiohttp.ClientError as error:
            raise RestError(f"{self._base}{path}: {type(error).__name__} {error}".rstrip()) from error
        if response.status != 200:
            raise RestError(f"{self._base}{path} answered HTTP {response.status}: {body[:120]!r}")
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise RestError(
                f"{self._base}{path} answered something that isn't JSON: {body[:120]!r}"
            ) from error
