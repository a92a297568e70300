"""One attempt, a time-out, and the difference between "never left" and "who knows"."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from core.domain.causes import Cause, Failure
from core.domain.events import WireQuarantined
from core.exchange import rest as rest_module
from core.exchange.lanes import Lane
from core.exchange.rest import Rest, RestError
from core.exchange.venue_clock import VenueClock, mono_ms
from core.exchange.weight_budget import WeightBudget
from core.exchange.wire import SAMPLE_CHARS, WireError
from tests.unit.exchange.little_server import LittleServer, raw_server, say, say_json
from tests.unit.exchange.samples import until


def _as_is(answer: Any, _: object) -> Any:
    return answer


@asynccontextmanager
async def _client(
    url: str,
    clock: VenueClock | None = None,
    quarantine: Callable[[WireQuarantined], None] = lambda _: None,
    budget: WeightBudget | None = None,
) -> AsyncIterator[Rest]:
    rest = Rest(url, clock or VenueClock(), quarantine, budget)
    await rest.open()
    try:
        yield rest
    finally:
        await rest.close()


async def _error(url: str) -> RestError:
    async with _client(url) as rest:
        with pytest.raises(RestError) as caught:
            await rest.act(b"{}", "order", Lane.PLACE, 1, _as_is)
    return caught.value


async def test_an_answer_is_plain_json_and_the_body_is_what_was_sent() -> None:
    async with (
        LittleServer(say_json({"status": "ok"})).running() as server,
        _client(server.url + "/") as rest,
    ):
        assert await rest.act(b'{"nonce":1,"vaultAddress":null}', "order", Lane.PLACE, 1, _as_is) == {
            "status": "ok"
        }
        assert server.asked == [{"nonce": 1, "vaultAddress": None}]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, "null"),
        (500, "null"),
        (502, "<html>Bad Gateway</html>"),
        (503, ""),
        (422, "Failed to deserialize the JSON body into the target type"),
        (204, ""),
        (200, "<html>captive portal</html>"),
        (200, ""),
        (200, '{"status":"ok","respo'),
        (200, "NaN"),
        (200, b"\xff\xfe"),
    ],
)
async def test_what_is_not_a_json_answer_may_have_acted(status: int, body: str | bytes) -> None:
    async with LittleServer(say(body, status)).running() as server:
        error = await _error(server.url)
        assert error.was_sent
        assert len(server.asked) == 1, "sent once"
        said = "isn't JSON" if body else "answered nothing"
        assert (said if status == 200 else str(status)) in str(error)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (
            "<html>\r\n<head><title>502 Bad Gateway</title></head> <body><h1>502 Bad\nGateway</h1></body></html>",
            ": 502 Bad Gateway",
        ),
        ("<html><head><title>Busy</title><style>h1 {}</style></head><body></body></html>", ": Busy"),
        (b"\xff\x1b[2Jgone", ": \ufffd [2Jgone"),
        ("x" * 9_999, ": " + "x" * 120 + "…"),
        *((nothing, "") for nothing in ("", "null", " null\n", '"null"', "{}", '""', "<html></html>")),
    ],
)
async def test_what_an_operator_reads_of_such_an_answer_is_words_on_one_line(
    body: str | bytes, shown: str
) -> None:
    async with LittleServer(say(body, 502)).running() as server:
        error = await _error(server.url)
        assert str(error) == f"{server.url}/exchange answered HTTP 502{shown}"


async def test_an_answer_that_is_no_json_is_set_aside_as_it_came() -> None:
    aside: list[WireQuarantined] = []
    async with (
        LittleServer(say(b'{"levels": [\xff')).running() as server,
        _client(server.url, quarantine=aside.append) as rest,
    ):
        with pytest.raises(RestError, match="isn't JSON"):
            await rest.info({"type": "l2Book"})
        with pytest.raises(RestError, match="isn't JSON"):
            await rest.act(b"{}", "order", Lane.PLACE, 1, _as_is)
    assert aside == [
        WireQuarantined("rest:l2Book", "not JSON", '{"levels": [\ufffd'),
        WireQuarantined("rest:order", "not JSON", '{"levels": [\ufffd'),
    ]


async def test_an_answer_that_its_reader_refuses_is_set_aside_as_it_came_and_cut() -> None:
    aside: list[WireQuarantined] = []
    body = '{ "a" : 1.50, "b": "' + "x" * 3_000 + '" }'

    def refuse(_answer: Any) -> None:
        raise WireError("a is odd")

    async with (
        LittleServer(say(body)).running() as server,
        _client(server.url, quarantine=aside.append) as rest,
    ):
        with pytest.raises(WireError, match="a is odd"):
            await rest.ask({"type": "meta"}, refuse)
    assert aside == [WireQuarantined("rest:meta", "a is odd", body[:SAMPLE_CHARS] + "…")]


async def test_an_action_whose_answer_is_complained_of_is_set_aside_and_has_its_outcome() -> None:
    aside: list[WireQuarantined] = []

    def parse(answer: Any, complain: Callable[[str], None]) -> str:
        complain("it is odd")
        return f"in doubt of {answer}"

    async with (
        LittleServer(say('{ "status":"maybe"}')).running() as server,
        _client(server.url, quarantine=aside.append) as rest,
    ):
        outcome = await rest.act(b"{}", "cancelByCloid", Lane.CANCEL, 1, parse)
    assert outcome == "in doubt of {'status': 'maybe'}"
    assert aside == [WireQuarantined("rest:cancelByCloid", "it is odd", '{ "status":"maybe"}')]


async def test_a_refused_connection_certainly_sent_nothing() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        error = await _error(url)
    assert not error.was_sent
    assert "cannot be reached" in str(error)


async def test_a_name_that_does_not_resolve_certainly_sent_nothing() -> None:
    error = await _error("http://nowhere.invalid:1")
    assert not error.was_sent


@pytest.mark.parametrize(
    ("answer", "then"),
    [
        (b"", "close"),
        (b"", "reset"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "close"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "reset"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", "close"),
        (b"SSH-2.0-OpenSSH_9.0\r\n", "close"),
    ],
)
async def test_a_connection_that_breaks_in_the_answer_may_have_acted(answer: bytes, then: str) -> None:
    async with raw_server(answer, then) as (url, seen):
        error = await _error(url)
        assert error.was_sent
        assert len(seen) == 1, "an action is never repeated by itself"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
async def test_a_missing_answer_ends_with_a_time_out(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_module, "ACTION_TIMEOUT_S", 0.1)
    async with raw_server(answer, "hang") as (url, _):
        started = time.monotonic()
        error = await _error(url)
        assert error.was_sent
        assert "no answer" in str(error)
        assert time.monotonic() - started < 2


async def test_a_redirect_is_not_followed_with_a_signed_action() -> None:
    async with LittleServer(say_json({"status": "ok"})).running() as elsewhere:

        async def redirect(_body: Any) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": f"{elsewhere.url}/exchange"})

        async with LittleServer(redirect).running() as server:
            error = await _error(server.url)
        assert error.was_sent
        assert elsewhere.asked == []


async def test_a_kept_connection_that_has_died_is_not_used_twice_for_one_action() -> None:
    """The server closes after its first answer; the second action may fail, but is never sent twice."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    async with raw_server(answer) as (url, seen), _client(url) as rest:
        for count in (1, 2, 3):
            try:
                await rest.act(b"{}", "order", Lane.PLACE, 1, _as_is)
            except RestError:
                pass
            assert len(seen) <= count


async def test_a_time_in_an_answer_moves_the_venue_clock_and_the_latency_is_kept() -> None:
    clock = VenueClock()
    ahead = int(time.time() * 1000) + 3_600_000
    async with (
        LittleServer(say_json({"time": ahead})).running() as server,
        _client(server.url, clock) as rest,
    ):
        await rest.info({"type": "clearinghouseState"})
        now = clock.now()
        assert abs(now.venue_ms - now.wall_ms - 3_600_000) < 2_000
        assert 0 < rest.latency_ms < 10_000


@pytest.mark.parametrize("answer", [{"time": True}, {"time": "1"}, {"time": None}, [1], None, {"time": 1.5}])
async def test_a_time_that_is_none_leaves_the_venue_clock_alone(answer: object) -> None:
    clock = VenueClock()
    before = clock.offset_ms
    async with LittleServer(say_json(answer)).running() as server, _client(server.url, clock) as rest:
        assert await rest.info({"type": "x"}) == answer
    assert (clock.offset_ms, clock.seen_ms) == (before, 0)


async def test_a_cancelled_request_ends_at_once() -> None:
    async with raw_server(b"", "hang") as (url, seen), _client(url) as rest:
        request = asyncio.create_task(rest.act(b"{}", "order", Lane.PLACE, 1, _as_is))
        await until(lambda: seen)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request


@pytest.mark.parametrize(
    ("headers", "wait_ms"),
    [({}, 0), ({"Retry-After": "7"}, 7_000), ({"Retry-After": "0.5"}, 500)]
    + [({"Retry-After": odd}, 0) for odd in ("Wed, 21 Oct 2026 07:28:00 GMT", "-1", "nan", "1e9", "")],
)
async def test_too_many_requests_is_told_apart_with_how_long_to_wait(
    headers: dict[str, str], wait_ms: int
) -> None:
    async def busy(_body: Any) -> web.StreamResponse:
        return web.Response(status=429, text="null", headers=headers)

    async with LittleServer(busy).running() as server:
        error = await _error(server.url)
    assert (error.cause, error.retry_after_ms) == (Cause.RATE_IP, wait_ms)
    assert error.failure == Failure(Cause.RATE_IP, str(error), wait_ms)


async def test_after_too_many_requests_reads_that_wait_in_line_wait_on() -> None:
    async def busy(_body: Any) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "60"})

    budget = WeightBudget(mono_ms)
    async with LittleServer(busy).running() as server, _client(server.url, budget=budget) as rest:
        with pytest.raises(RestError):
            await rest.info({"type": "meta"})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await rest.info({"type": "meta"})
        assert len(server.asked) == 1, "the second was not sent"
        with pytest.raises(RestError, match="pause") as caught:
            await rest.admit(Lane.PLACE, 1)
        assert caught.value.cause is Cause.LOCAL, "certainly not sent"
        await rest.admit(Lane.CANCEL, 200)
        with pytest.raises(RestError):
            await rest.act(b"{}", "cancelByCloid", Lane.CANCEL, 200, _as_is)
        assert len(server.asked) == 2, "a cancel doesn't wait (I7)"
