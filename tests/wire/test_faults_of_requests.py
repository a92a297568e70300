"""Every fault of HTTP through a real server, as clients see it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
import requests
from hyperliquid.info import Info
from hyperliquid.utils.error import ClientError, ServerError

from core.exchange.lanes import Lane
from core.exchange.rest import Rest, RestError
from core.exchange.venue_clock import VenueClock
from tests.unit.paper.paper_client import act, envelope, new_wallet
from tests.wire.faulty import Stage, stage, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Stage]:
    async with stage() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def exchange(server: Stage) -> AsyncIterator[Stage]:
    """With an account that nobody else has used, and no faults afterwards."""
    yield replace(server, wallet=new_wallet())
    await server.faults()


@pytest_asyncio.fixture(loop_scope="module")
async def rest(exchange: Stage) -> AsyncIterator[Rest]:
    """The bot's own client."""
    client = Rest(exchange.url, VenueClock())
    await client.open()
    yield client
    await client.close()


MIDS = {"type": "allMids"}
CANCEL = {"type": "cancel", "cancels": [{"a": 0, "o": 1}]}


@pytest.mark.parametrize(
    ("fault", "status", "kind", "body"),
    [
        ({"kind": "http_429"}, 429, "application/json", "null"),
        ({"kind": "http_500"}, 500, "application/json", "null"),
        ({"kind": "http_502"}, 502, "text/html", "<h1>502 Bad Gateway</h1>"),
        ({"kind": "http_503"}, 503, "text/html", "<h1>503 Service Temporarily Unavailable</h1>"),
        ({"kind": "http_status", "status": 418}, 418, "text/plain", "418"),
        ({"kind": "http_html"}, 200, "text/html", "<!DOCTYPE html>"),
        ({"kind": "http_html", "status": 502}, 502, "text/html", "<!DOCTYPE html>"),
        ({"kind": "http_empty"}, 200, "application/octet-stream", ""),
    ],
)
async def test_a_refused_request_does_nothing_and_the_next_is_served(
    exchange: Stage, rest: Rest, fault: dict[str, Any], status: int, kind: str, body: str
) -> None:
    bid = await exchange.bid()
    await exchange.faults({**fault, "count": 2})
    action = {"type": "order", "orders": [bid], "grouping": "na"}
    signed = envelope(exchange.wallet, action)
    async with exchange.http.post(f"{exchange.url}/exchange", json=signed) as answer:
        assert (answer.status, answer.content_type) == (status, kind)
        assert body in await answer.text()
    with pytest.raises(RestError):
        await rest.info(MIDS)
    assert (await exchange.truth())["orders"] == []
    assert "BTC" in await rest.info(MIDS)
    assert await exchange.strikes() == [2]


async def test_the_sdk_takes_refusals_as_its_own_errors(exchange: Stage) -> None:
    info = await asyncio.to_thread(Info, exchange.url, True)
    await exchange.faults({"kind": "http_429", "count": 1}, {"kind": "http_500", "count": 1})
    with pytest.raises(ClientError):
        await asyncio.to_thread(info.all_mids)
    with pytest.raises(ServerError):
        await asyncio.to_thread(info.all_mids)
    assert "BTC" in await asyncio.to_thread(info.all_mids)


async def test_a_delayed_answer_comes_later_though_the_action_is_done_at_once(exchange: Stage) -> None:
    bid = await exchange.bid()
    await exchange.faults({"kind": "http_delay", "action": "order", "delay_ms": 60_000})
    placing = asyncio.create_task(exchange.place(bid))
    await until(lambda: _orders(exchange))
    assert not placing.done()
    placing.cancel()
    assert await exchange.info(**MIDS), "what isn't an order isn't late"


async def test_a_delay_goes_together_with_a_refusal(exchange: Stage) -> None:
    await exchange.faults({"kind": "http_delay", "delay_ms": 30}, {"kind": "http_503"})
    started = time.monotonic()
    async with exchange.http.post(f"{exchange.url}/info", json=MIDS) as answer:
        assert answer.status == 503
    assert time.monotonic() - started >= 0.03
    assert await exchange.strikes() == [1, 1]


async def test_a_truncated_answer_promises_more_than_it_brings(exchange: Stage, rest: Rest) -> None:
    await exchange.faults({"kind": "http_truncate", "count": 2})
    with pytest.raises(aiohttp.ClientPayloadError):
        await exchange.info(**MIDS)
    with pytest.raises(RestError, match="ClientPayloadError"):
        await rest.info(MIDS)


@pytest.mark.parametrize("mode", ["truncate", "garble", "types", "short"])
async def test_a_corrupt_answer_is_whole_to_http_and_wrong(exchange: Stage, mode: str) -> None:
    sound = await exchange.info(type="l2Book", coin="BTC")
    await exchange.faults({"kind": "http_corrupt", "mode": mode, "count": 1})
    async with exchange.http.post(f"{exchange.url}/info", json={"type": "l2Book", "coin": "BTC"}) as answer:
        body = await answer.read()
        assert answer.status == 200
    try:
        found = orjson.loads(body)
        assert (found["levels"], found["coin"]) != (sound["levels"], sound["coin"]) or mode == "types"
    except orjson.JSONDecodeError:
        assert mode in ("truncate", "garble")


async def test_a_lost_request_is_never_done(exchange: Stage) -> None:
    bid = await exchange.bid()
    await exchange.faults({"kind": "request_lost", "action": "order", "count": 1})
    with pytest.raises(aiohttp.ClientError):
        await exchange.place(bid)
    assert (await exchange.truth())["orders"] == []
    assert "resting" in (await exchange.place(bid))[0]


async def test_a_lost_answer_leaves_the_order_resting(exchange: Stage, rest: Rest) -> None:
    bid = await exchange.bid()
    await exchange.faults({"kind": "answer_lost", "count": 1})
    await exchange.info(**MIDS)
    action = {"type": "order", "orders": [bid], "grouping": "na"}
    body = orjson.dumps(envelope(exchange.wallet, action))
    with pytest.raises(RestError) as lost:
        await rest.act(body, "order", Lane.PLACE, 1, lambda answer, _: answer)
    assert lost.value.was_sent
    assert len((await exchange.truth())["orders"]) == 1
    await exchange.faults({"kind": "answer_lost", "action": "cancel", "count": 1})
    with pytest.raises(requests.ConnectionError):
        await asyncio.to_thread(act, exchange.url, exchange.wallet, CANCEL)


@pytest.mark.parametrize("status", [None, 504])
async def test_a_late_action_is_done_after_its_answer_or_without_one(
    exchange: Stage, status: int | None
) -> None:
    bid = await exchange.bid()
    await exchange.faults({"kind": "action_late", "delay_ms": 80, "status": status, "count": 1})
    action = {"type": "order", "orders": [bid], "grouping": "na"}
    signed = envelope(exchange.wallet, action)
    sending = asyncio.create_task(_status_of(exchange, signed))
    if status is not None:
        assert await sending == status
    assert (await exchange.truth())["orders"] == []
    await until(lambda: _orders(exchange))
    if status is None:
        with pytest.raises(aiohttp.ClientError):
            await sending


async def _orders(exchange: Stage) -> Any:
    return (await exchange.truth())["orders"]


async def _status_of(exchange: Stage, signed: dict[str, Any]) -> int:
    async with exchange.http.post(f"{exchange.url}/exchange", json=signed) as answer:
        return answer.status


async def test_a_late_action_expires_as_it_would_at_the_venue(exchange: Stage) -> None:
    bid = await exchange.bid()
    await exchange.faults({"kind": "action_late", "delay_ms": 100, "status": 504})
    action = {"type": "order", "orders": [bid], "grouping": "na"}
    soon = envelope(exchange.wallet, action, expiresAfter=int(time.time() * 1000) + 20)
    later = envelope(exchange.wallet, action, expiresAfter=int(time.time() * 1000) + 60_000)
    for signed in (soon, later):
        assert await _status_of(exchange, signed) == 504
    await until(lambda: _orders(exchange))
    assert len((await exchange.truth())["orders"]) == 1


async def test_a_handshake_can_be_refused(exchange: Stage) -> None:
    await exchange.faults({"kind": "http_503", "action": "/ws", "count": 1})
    assert await exchange.info(**MIDS)
    with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
        async with exchange.listening():
            raise AssertionError("accepted")
    async with exchange.listening() as socket:
        assert not socket.closed


async def test_the_control_plane_is_out_of_reach(exchange: Stage) -> None:
    kinds = ("http_500", "http_corrupt", "http_delay", "request_lost", "answer_lost", "action_late")
    await exchange.faults(*({"kind": kind} for kind in kinds))
    assert (await exchange.truth())["fills"] == []
    assert await exchange.strikes() == [0] * len(kinds)


async def test_what_a_fault_list_lacks_is_said_with_400_and_the_old_faults_stay(exchange: Stage) -> None:
    await exchange.faults({"kind": "http_500"})
    for body in ([{"kind": "nope"}], {"kind": "http_500"}, [{"kind": "delist", "coin": "NOPE"}]):
        async with exchange.http.post(f"{exchange.url}/paper/faults", json=body) as answer:
            assert answer.status == 400
            assert "Fix: " in (await answer.json())["error"]
    assert await exchange.strikes() == [0]


async def test_which_requests_are_struck_depends_on_the_seed_alone(exchange: Stage) -> None:
    async def pattern(seed: int) -> list[int]:
        await exchange.faults({"kind": "http_502", "probability": 0.5, "seed": seed})
        found = []
        for _ in range(30):
            async with exchange.http.post(f"{exchange.url}/info", json=MIDS) as answer:
                found.append(answer.status)
        return found

    first = await pattern(1)
    assert set(first) == {200, 502}
    assert await pattern(1) == first
    assert await pattern(2) != first


async def test_a_stop_does_not_wait_for_what_is_late() -> None:
    async with stage() as exchange:
        await exchange.faults(
            {"kind": "http_delay", "delay_ms": 3_600_000, "action": "/info"},
            {"kind": "action_late", "delay_ms": 3_600_000},
        )
        waiting = [
            asyncio.create_task(exchange.info(**MIDS)),
            asyncio.create_task(exchange.act(CANCEL)),
        ]

        async def are_struck() -> bool:
            return await exchange.strikes() == [1, 1]

        await until(are_struck)
        started = time.monotonic()
        await exchange.server.stop()
        assert time.monotonic() - started < 2
        await asyncio.gather(*waiting, return_exceptions=True)
