"""What one IP address may do."""

from __future__ import annotations

from typing import Any

import aiohttp
import orjson
import pytest
import requests

from core.paper.config import RequestSettings
from core.paper.server.ip_limits import (
    Caps,
    IpLimits,
    Window,
    answer_weight,
    exchange_weight,
    info_weight,
)
from tests.unit.paper.paper_client import STILL, info, new_wallet, order, place, running

HERE = "192.0.2.1"
THERE = "192.0.2.2"


@pytest.mark.parametrize(
    ("kind", "weight"),
    [
        *((kind, 2) for kind in ("l2Book", "allMids", "clearinghouseState", "orderStatus", "exchangeStatus")),
        ("spotClearinghouseState", 2),
        ("userRole", 60),
        ("meta", 20),
        ("openOrders", 20),
        ("nope", 20),
        (None, 20),
    ],
)
def test_a_request_weighs_what_the_documents_say(kind: str | None, weight: int) -> None:
    assert info_weight({"type": kind}) == weight
    assert info_weight([kind]) == 20


@pytest.mark.parametrize(
    ("kind", "items", "weight"),
    [
        ("userFills", 19, 0),
        ("userFills", 2000, 100),
        ("userFillsByTime", 20, 1),
        ("historicalOrders", 45, 2),
        ("fundingHistory", 500, 25),
        ("userNonFundingLedgerUpdates", 40, 2),
        ("candleSnapshot", 5000, 83),
        ("openOrders", 5000, 0),
    ],
)
def test_long_answers_weigh_more(kind: str, items: int, weight: int) -> None:
    assert answer_weight({"type": kind}, [0] * items) == weight
    assert answer_weight({"type": kind}, None) == 0


@pytest.mark.parametrize(
    ("action", "weight"),
    [
        ({"type": "order", "orders": [0] * 39}, 1),
        ({"type": "order", "orders": [0] * 40}, 2),
        ({"type": "cancel", "cancels": [0] * 200}, 6),
        ({"type": "batchModify", "modifies": [0] * 80}, 3),
        ({"type": "noop"}, 1),
        ("noop", 1),
    ],
)
def test_a_batch_weighs_one_more_for_every_forty(action: Any, weight: int) -> None:
    assert exchange_weight({"action": action}) == weight
    assert exchange_weight([action]) == 1


def test_the_window_slides_over_a_minute() -> None:
    window = Window()
    assert window.spend(800, 1200, 0.0)
    assert window.spend(400, 1200, 30.0)
    assert not window.spend(1, 1200, 59.9)
    assert window.spend(800, 1200, 60.0)
    assert not window.spend(1, 1200, 60.0)
    assert window.spend(400, 1200, 90.0)


def test_addresses_are_counted_apart_and_forgotten_when_silent() -> None:
    limits = IpLimits(Caps(1200))
    assert limits.spend(HERE, 1200, 0.0)
    assert not limits.spend(HERE, 1, 1.0)
    assert limits.spend(THERE, 1200, 1.0)
    peer = limits.connect(THERE, 1.0)
    limits.sweep(62.0)
    assert limits.peer(THERE) is peer
    assert limits.spend(HERE, 1200, 62.0)


def test_ten_connections_at_a_time_and_thirty_new_ones_a_minute() -> None:
    limits = IpLimits(Caps(1200))
    peers = [limits.connect(HERE, 0.0) for _ in range(11)]
    assert [peer is None for peer in peers] == [False] * 10 + [True]
    peer = limits.peer(HERE)
    for _ in range(20):
        peer.connections -= 1
        assert limits.connect(HERE, 1.0) is peer
    peer.connections -= 1
    assert limits.connect(HERE, 59.0) is None
    assert limits.connect(HERE, 60.0) is peer


def test_subscriptions_and_users_are_capped_over_all_connections_of_an_address() -> None:
    limits, peer = IpLimits(Caps(1200)), IpLimits(Caps(1200)).peer(HERE)
    for number in range(10):
        assert limits.refuse_subscription(peer, f"0x{number}") == ""
        peer.subscribe(f"0x{number}")
    assert limits.refuse_subscription(peer, "0x10") == "Cannot track more than 10 total users."
    assert limits.refuse_subscription(peer, "0x9") == ""
    peer.unsubscribe("0x0")
    assert limits.refuse_subscription(peer, "0x10") == ""
    for _ in range(991):
        peer.subscribe(None)
    assert limits.refuse_subscription(peer, None) == "Cannot subscribe to more than 1000 channels."


def test_messages_and_pending_posts_are_capped() -> None:
    limits = IpLimits(Caps(1200))
    peer = limits.peer(HERE)
    assert [limits.refuse_message(peer, 0.0) for _ in range(2000)] == [""] * 2000
    assert limits.refuse_message(peer, 59.0) == "Cannot send more than 2000 messages per minute."
    assert limits.refuse_message(peer, 60.0) == ""
    peer.posts = 100
    assert limits.refuse_post(peer, 1234) == "too many pending post requests id=1234"
    peer.posts = 99
    assert limits.refuse_post(peer, 1234) == ""


def test_where_nothing_is_limited_nothing_is_refused() -> None:
    limits = IpLimits(None)
    assert limits.spend(HERE, 10_000, 0.0)
    peers = [limits.connect(HERE, 0.0) for _ in range(40)]
    peer = peers[-1]
    assert peer is not None
    for number in range(1001):
        peer.subscribe(f"0x{number}")
    peer.posts = 100
    assert (limits.refuse_subscription(peer, "0x"), limits.refuse_post(peer, 1)) == ("", "")
    assert [limits.refuse_message(peer, 0.0) for _ in range(2001)] == [""] * 2001


def test_the_weight_of_a_minute_and_the_words_beyond_it_are_settings() -> None:
    settings = RequestSettings(weight_per_minute=4, too_many_requests_body="slow down")
    with running(STILL, limits=True, requests=settings) as url:
        for _ in range(2):
            info(url, type="exchangeStatus")
        answer = requests.post(f"{url}/info", json={"type": "exchangeStatus"}, timeout=5)
        assert (answer.status_code, answer.text) == (429, "slow down")


def test_too_much_weight_is_answered_with_429_and_the_control_plane_is_free() -> None:
    user = new_wallet().address
    with running(STILL, limits=True) as url:
        for _ in range(20):
            info(url, type="userRole", user=user)
        for path, body in (("info", {"type": "allMids"}), ("exchange", {"action": {"type": "noop"}})):
            answer = requests.post(f"{url}/{path}", json=body, timeout=5)
            assert (answer.status_code, answer.text) == (429, "null")
        assert requests.get(f"{url}/paper/audit", timeout=5).status_code == 200
    with running(STILL) as url:
        for _ in range(21):
            info(url, type="userRole", user=user)


def test_an_answers_items_weigh_after_it_was_given() -> None:
    wallet = new_wallet()
    fills = {"type": "userFills", "user": wallet.address}
    with running(STILL, limits=True) as url:
        taken = place(url, wallet, *[order(True, "115000", "0.001", "Ioc") for _ in range(20)])
        assert all("filled" in status for status in taken)
        answers = [requests.post(f"{url}/info", json=fills, timeout=5).status_code for _ in range(58)]
        assert answers == [200] * 57 + [429]


async def test_the_eleventh_connection_of_an_address_is_refused() -> None:
    with running(STILL, limits=True) as url:
        async with aiohttp.ClientSession() as session:
            sockets = [await session.ws_connect(f"{url}/ws") for _ in range(10)]
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(f"{url}/ws")
            assert refused.value.status == 429
            for socket in sockets:
                await socket.close()


async def test_limits_hold_over_all_connections_and_end_with_them() -> None:
    with running(STILL, limits=True) as url:
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                socket = await session.ws_connect(f"{url}/ws")
                for number in range(1, 11):
                    await _subscribe(socket, number)
                other = await session.ws_connect(f"{url}/ws")
                said = await _subscribe(other, 11)
                assert said == {"channel": "error", "data": "Cannot track more than 10 total users."}
                await socket.close()
                await other.close()


async def _subscribe(socket: aiohttp.ClientWebSocketResponse, number: int) -> Any:
    subscription = {"type": "orderUpdates", "user": f"0x{number:040x}"}
    await socket.send_str(orjson.dumps({"method": "subscribe", "subscription": subscription}).decode())
    return await socket.receive_json(timeout=5)
