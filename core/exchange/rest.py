"""HTTP to Hyperliquid: one attempt per call, a time-out on each, answers as plain JSON.

Reads may be repeated by whoever asks; an action is sent once and its missing answer is the caller's UNKNOWN. An answer that
doesn't decode is told to ``quarantine`` with its raw text, besides the error or the doubt that its caller gets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import aiohttp
import orjson

from core.domain.causes import Cause, Failure
from core.domain.events import WireQuarantined
from core.exchange.answers import Complain
from core.exchange.lanes import Lane
from core.exchange.line import Answer, NoAnswer, NotSent, Target, TooLate
from core.exchange.lines import Lines
from core.exchange.refusals import http_cause
from core.exchange.venue_clock import VenueClock, mono_ms
from core.exchange.weight_budget import NoWeightError, WeightBudget
from core.exchange.weight_window import GIVEN_MOST_S
from core.exchange.weights import action_weight, read_weight, rows_weight
from core.exchange.wire import SAMPLE_CHARS, WireError, sample
from core.failpoints import STEPS, failpoint

T = TypeVar("T")

READ_TIMEOUT_S = 10.0
ACTION_TIMEOUT_S = 5.0
READS_AT_ONCE = 8

WARM = {Lane.CANCEL: 2, Lane.REDUCE: 1, Lane.MODIFY: 1, Lane.PLACE: 1}
"""Connections kept open while nothing is sent. No lane has another's: what is placed is never in the way of a cancel."""


class RestError(Exception):
    """No usable answer. ``was_sent`` is False only if the request certainly never left."""

    def __init__(self, text: str, cause: Cause = Cause.UNANSWERED, retry_after_ms: int = 0) -> None:
        super().__init__(text)
        self.cause, self.retry_after_ms = cause, retry_after_ms

    @property
    def was_sent(self) -> bool:
        return self.cause.was_sent

    @property
    def failure(self) -> Failure:
        return Failure(self.cause, str(self), self.retry_after_ms)


class Rest:
    """The two endpoints of one server. Opened inside the loop that uses it.

    Reads and each lane of actions have connections of their own: however slow the reads, an action never waits for one to end.
    """

    def __init__(
        self,
        base_url: str,
        clock: VenueClock,
        quarantine: Callable[[WireQuarantined], None] = lambda _: None,
        budget: WeightBudget | None = None,
    ) -> None:
        """``budget``: what it may spend; all that an address has if not given."""
        self._base = base_url.rstrip("/")
        self._clock, self._quarantine = clock, quarantine
        self._reads: aiohttp.ClientSession | None = None
        self._target: Target | None = None
        self._lanes: dict[Lane, Lines] = {}
        self.budget = budget or WeightBudget(mono_ms)
        self.lane = Lane.INFO
        """Of reads that name none."""
        self.latency_ms = 0.0

    async def open(self) -> None:
        connector = aiohttp.TCPConnector(limit=READS_AT_ONCE, keepalive_timeout=30)
        self._reads = aiohttp.ClientSession(connector=connector, trust_env=False)

    def warm(self) -> None:
        """Connect for every kind of action, so that none of them pays for a handshake; what is idle is kept so from here on."""
        for lane in WARM:
            self._lines(lane).open_ahead()

    async def close(self) -> None:
        for lines in self._lanes.values():
            await lines.close()
        self._lanes.clear()
        if self._reads is not None:
            await self._reads.close()
        self._reads = None
        self.budget.close()

    async def info(self, request: dict[str, Any]) -> Any:
        """One ``/info`` question, asked when the weight for it is there. Raises ``RestError``."""
        return await self.ask(request, lambda answer: answer)

    async def ask(self, request: dict[str, Any], parse: Callable[[Any], T], lane: Lane | None = None) -> T:
        """As ``info``, with the answer as ``parse`` reads it, and on another ``lane`` than this object's. Raises ``RestError``,
        and the ``WireError`` of ``parse``.
        """
        assert self._reads is not None, "opened before use"
        kind = str(request.get("type"))
        await self.budget.take(lane or self.lane, read_weight(kind))
        sent = mono_ms()
        body = await self._post(self._reads, "/info", orjson.dumps(request), READ_TIMEOUT_S)
        received = mono_ms()
        self.latency_ms = received - sent
        answer = self._json("/info", kind, body)
        self.budget.spend(rows_weight(kind, answer))
        if isinstance(answer, dict) and type(answer.get("time")) is int:
            self._clock.observe(answer["time"], sent, received)
        try:
            return parse(answer)
        except WireError as error:
            self._set_aside(kind, str(error), body)
            raise

    async def admit(self, lane: Lane, items: int) -> None:
        """Take the weight of an action of so many orders or cancels before it is signed. Raises ``RestError`` if it isn't to be
        had soon; never for a cancel or a reduction.
        """
        try:
            await self.budget.take(lane, action_weight(items))
        except NoWeightError as error:
            raise RestError(str(error), Cause.LOCAL) from error

    async def act(
        self,
        body: bytes,
        kind: str,
        lane: Lane,
        items: int,
        parse: Callable[[Any, Complain], T],
        sent: Callable[[], None] = lambda: None,
    ) -> T:
        """The ``body`` of a signed ``/exchange`` action of that ``kind`` with so many orders or cancels, sent at once and once.
        ``parse`` makes outcomes of the answer, whatever it is, and complains of what it can't read; ``sent`` is called as soon
        as the bytes are on their way. Raises ``RestError``.
        """

        def left() -> None:
            sent()
            step = STEPS.get(kind)
            if step is not None:
                failpoint(step.sent)

        status, retry_after, raw = await self._sent_once(body, lane, left)
        self._refuse_unless_200("/exchange", status, retry_after, raw)
        answer = self._json("/exchange", kind, raw)
        return parse(answer, lambda reason: self._set_aside(kind, reason, raw))

    async def _sent_once(self, body: bytes, lane: Lane, left: Callable[[], None]) -> Answer:
        try:
            return await self._lines(lane).post(body, ACTION_TIMEOUT_S, left)
        except NotSent as error:
            raise RestError(f"{self._base} cannot be reached ({error})", Cause.UNSENT) from error
        except TooLate as error:
            text = f"no answer from {self._base}/exchange within {ACTION_TIMEOUT_S:.0f} s"
            raise RestError(text) from error
        except NoAnswer as error:
            raise RestError(f"{self._base}/exchange: {error}") from error

    def _lines(self, lane: Lane) -> Lines:
        assert self._reads is not None, "opened before use"
        if lane not in self._lanes:
            self._target = self._target or Target(self._base, "/exchange")
            self._lanes[lane] = Lines(self._target, WARM[lane])
        return self._lanes[lane]

    def _set_aside(self, kind: str, reason: str, body: bytes) -> None:
        start = body[: 4 * (SAMPLE_CHARS + 1)]
        self._quarantine(WireQuarantined(f"rest:{kind}", reason, sample(start)))

    def _json(self, path: str, kind: str, body: bytes) -> Any:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            words = _shown(body)
            what = f"something that isn't JSON: {words}" if words else "nothing"
            reason = f"{self._base}{path} answered {what}"
            self._set_aside(kind, "not JSON", body)
            raise RestError(reason, Cause.GARBLED) from error

    async def _post(self, session: aiohttp.ClientSession, path: str, data: bytes, timeout_s: float) -> bytes:
        try:
            async with session.post(
                self._base + path,
                data=data,
                headers={"Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,
            ) as response:
                body = await response.read()
        except aiohttp.ClientConnectorError as error:
            raise RestError(f"{self._base} cannot be reached ({error.os_error})", Cause.UNSENT) from error
        except TimeoutError as error:
            raise RestError(f"no answer from {self._base}{path} within {timeout_s:.0f} s") from error
        except aiohttp.ClientError as error:
            raise RestError(f"{self._base}{path}: {type(error).__name__} {error}".rstrip()) from error
        self._refuse_unless_200(path, response.status, response.headers.get("Retry-After", ""), body)
        return body

    def _refuse_unless_200(self, path: str, status: int, retry_after: str, body: bytes) -> None:
        if status == 200:
            return
        cause, wait_s = http_cause(status), _retry_after_s(retry_after)
        if cause is Cause.RATE_IP:
            self.budget.refuse(wait_s, f"HTTP {status}")
        words = _shown(body)
        text = f"{self._base}{path} answered HTTP {status}{f': {words}' if words else ''}"
        raise RestError(text, cause, int(1000 * wait_s))


_NOTHING = ("", "null", "{}", "[]")


def _retry_after_s(header: str) -> float:
    """Seconds of a ``Retry-After`` header; 0 without one, if it names a date, or if it is too long to be meant."""
    try:
        seconds = float(header)
    except ValueError:
        return 0.0
    return seconds if 0 <= seconds <= GIVEN_MOST_S else 0.0


def _shown(body: bytes) -> str:
    """The start of an answer that nobody understood, on one line; of a page of HTML the words that a browser would show. Empty
    if it says nothing, as the ``null`` does that comes with HTTP 429.
    """
    page = re.sub(r"(?is)<(script|style)\b.*?</\1>", " ", body[:4_000].decode("utf-8", "replace"))
    text = _words(re.sub(r"(?is)<head\b.*?</head>", " ", page)) or _words(page)
    if text.strip('"') in _NOTHING:
        return ""
    return text[:120] + "…" if len(text) > 120 else text


def _words(page: str) -> str:
    """Without tags, on one line."""
    untagged = re.sub(r"<[^>]*>", " ", page)
    return " ".join("".join(c if c.isprintable() else " " for c in untagged).split())
