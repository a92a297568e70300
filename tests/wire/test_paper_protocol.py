"""What the paper exchange answers over HTTP and WebSocket, in Hyperliquid's words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import orjson
import pytest
import requests
from eth_account.signers.local import LocalAccount

from core.paper.config import AnswerSettings
from tests.unit.paper.paper_client import act, envelope, info, new_wallet, order, place, running


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as url:
        yield url


@pytest.fixture
def wallet(url: str) -> LocalAccount:
    wallet = new_wallet()
    info(url, type="userRole", user=wallet.address)
    return wallet


def _kinds(row: dict[str, Any], without: set[str] | None = None) -> dict[str, str]:
    """The JSON type of each field; null and text are both what an optional text may be."""
    return {
        key: "str?" if value is None or isinstance(value, str) else type(value).__name__
        for key, value in row.items()
        if key not in (without or set())
    }


def _best(url: str) -> tuple[float, float]:
    bids, asks = info(url, type="l2Book", coin="BTC")["levels"]
    return float(bids[0]["px"]), float(asks[0]["px"])


def test_an_order_is_found_by_its_oid(url: str, wallet: LocalAccount) -> None:
    bid, _ = _best(url)
    (status,) = place(url, wallet, order(True, str(int(bid) - 500), "0.001", "Alo"))
    answer = info(url, type="orderStatus", user=wallet.address, oid=status["resting"]["oid"])
    assert answer["status"] == "order"
    assert answer["order"]["order"]["oid"] == status["resting"]["oid"]


def test_open_orders_come_newest_first(url: str, wallet: LocalAccount) -> None:
    bid, _ = _best(url)
    place(url, wallet, order(True, str(int(bid) - 500), "0.001"), order(True, str(int(bid) - 510), "0.001"))
    newer, older = info(url, type="openOrders", user=wallet.address, dex="")
    assert newer["oid"] > older["oid"]
    full = info(url, type="frontendOpenOrders", user=wallet.address)
    assert [row["oid"] for row in full] == [newer["oid"], older["oid"]]


def test_an_opening_fill_has_no_pnl(url: str, wallet: LocalAccount) -> None:
    _, ask = _best(url)
    place(url, wallet, order(True, str(int(ask) + 50), "0.001", "Ioc"))
    (fill,) = info(url, type="userFills", user=wallet.address)
    assert (fill["feeToken"], fill["twapId"], len(fill["hash"])) == ("USDC", None, 66)
    assert fill["closedPnl"] == "0.0"
    assert fill["px"].endswith(".0")


def test_market_data_tells_what_is_listed(url: str) -> None:
    book = info(url, type="l2Book", coin="BTC")
    assert all(len(side) <= 20 for side in book["levels"])
    assert info(url, type="l2Book", coin="NOPE") is None
    assert _kinds(info(url, type="allMids", dex="")) == {"BTC": "str?"}
    meta = info(url, type="meta", dex="")
    assert meta["universe"][0] == {"szDecimals": 5, "name": "BTC", "maxLeverage": 40, "marginTableId": 51}
    assert [table for number, table in meta["marginTables"] if number == 51] == [
        info(url, type="marginTable", id=51)
    ]
    spot = info(url, type="spotMeta")
    assert (spot["universe"], [token["name"] for token in spot["tokens"]]) == ([], ["USDC"])
    assert info(url, type="perpDexs") == [None]
    assert info(url, type="exchangeStatus")["specialStatuses"] is None


def test_an_account_is_funded_when_it_is_first_seen(url: str) -> None:
    user = new_wallet().address
    assert info(url, type="userRole", user=user) == {"role": "user"}
    state = info(url, type="clearinghouseState", user=user)
    assert state["marginSummary"]["accountValue"] == state["withdrawable"] == "10000.0"
    limits = info(url, type="userRateLimit", user=user)
    assert limits == {"cumVlm": "0.0", "nRequestsUsed": 0, "nRequestsCap": 10_000, "nRequestsSurplus": 0}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'{"type":"nope"}',
        b'{"type":7}',
        b'{"type":"clearinghouseState"}',
        b'{"type":"clearinghouseState","user":"0x12"}',
        b'{"type":"orderStatus","user":"0x0000000000000000000000000000000000000009","oid":"0x1"}',
        b'{"type":"userFillsByTime","user":"0x0000000000000000000000000000000000000009","startTime":"now"}',
    ],
)
def test_what_cannot_be_read_is_answered_with_422_and_the_venues_sentence(url: str, body: bytes) -> None:
    for path in ("/info", "/exchange"):
        answer = requests.post(url + path, data=body, timeout=5)
        assert answer.status_code == 422
        assert answer.text == "Failed to deserialize the JSON body into the target type"
        assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "action",
    [
        {"type": "orders", "orders": []},
        {"type": "order", "orders": [], "grouping": "none"},
        {"type": "order", "orders": [order(True, "1", "1", "Fok")], "grouping": "na"},
        {"type": "order", "orders": [{"a": 0}], "grouping": "na"},
        {"type": "order", "orders": [order(True, "1e5", "1")], "grouping": "na"},
        {"type": "noop", "extra": 1},
        {"type": "cancel", "cancels": [{"a": 0, "o": -1}]},
    ],
)
def test_an_action_of_the_wrong_shape_is_answered_with_422(
    url: str, wallet: LocalAccount, action: dict[str, Any]
) -> None:
    body: dict[str, Any] = {"action": action, "nonce": 1, "signature": {"r": "0x1", "s": "0x1", "v": 27}}
    assert requests.post(f"{url}/exchange", json=body, timeout=5).status_code == 422


def test_a_mainnet_signature_is_accepted_from_an_account_that_was_seen(
    url: str, wallet: LocalAccount
) -> None:
    action = {"type": "order", "orders": [order(True, "100000", "0.001")], "grouping": "na"}
    act(url, wallet, action, is_mainnet=True)
    assert len(info(url, type="openOrders", user=wallet.address)) == 1


def test_a_garbled_signature_touches_nobody_elses_account(url: str, wallet: LocalAccount) -> None:
    body = envelope(wallet, {"type": "order", "orders": [order(True, "100000", "0.001")], "grouping": "na"})
    body["action"]["orders"][0]["p"] = "100001"
    requests.post(f"{url}/exchange", json=body, timeout=5)
    assert info(url, type="openOrders", user=wallet.address) == []
    body["signature"]["v"] = 99
    answer = requests.post(f"{url}/exchange", json=body, timeout=5).json()
    assert answer == {"status": "err", "response": "Unable to recover signer."}


def test_a_nonce_serves_once_even_when_the_action_is_refused(url: str, wallet: LocalAccount) -> None:
    nonce = int(time.time() * 1000) + 500_000
    refused = {"type": "cancel", "cancels": [{"a": 0, "o": 1}]}
    assert act(url, wallet, refused, nonce=nonce)["status"] == "ok"
    again = act(url, wallet, {"type": "noop"}, nonce=nonce)
    assert again == {"status": "err", "response": f"Invalid nonce: duplicate nonce {nonce}"}


def test_an_expired_action_is_refused_and_its_nonce_stays_unused(url: str, wallet: LocalAccount) -> None:
    nonce = int(time.time() * 1000) + 600_000
    expired = act(url, wallet, {"type": "noop"}, nonce=nonce, expiresAfter=1_000)
    assert expired == {"status": "err", "response": "Action already expired"}
    later = act(url, wallet, {"type": "noop"}, nonce=nonce, expiresAfter=nonce)
    assert later["status"] == "ok"


def test_more_than_two_hundred_items_are_refused(url: str, wallet: LocalAccount) -> None:
    cancels = [{"a": 0, "o": number} for number in range(1, 202)]
    refused = act(url, wallet, {"type": "cancel", "cancels": cancels})
    assert refused == {"status": "err", "response": "Signed action over weight limit of 200."}
    allowed = act(url, wallet, {"type": "cancel", "cancels": cancels[:200]})
    assert len(allowed["response"]["data"]["statuses"]) == 200


def test_a_static_error_is_one_entry_without_an_asset(url: str, wallet: LocalAccount) -> None:
    statuses = place(url, wallet, order(True, "100000", "0.001"), order(True, "0", "0.001"))
    assert statuses == [{"error": "Order has invalid price."}]
    assert info(url, type="openOrders", user=wallet.address) == []


def test_a_vault_is_refused(url: str, wallet: LocalAccount) -> None:
    body = {**envelope(wallet, {"type": "noop"}), "vaultAddress": "0x" + "12" * 20}
    assert (
        requests.post(f"{url}/exchange", json=body, timeout=5)
        .json()["response"]
        .startswith("Vault not registered")
    )


def test_the_control_plane_funds_trades_and_tells_the_truth(url: str, wallet: LocalAccount) -> None:
    user = wallet.address
    funded = requests.post(f"{url}/paper/fund", json={"user": user, "usd": 500}, timeout=5).json()
    assert funded["account_value"] == "10500"
    body = {"user": user, "coin": "BTC", "side": "B", "size": "0.05"}
    traded = requests.post(f"{url}/paper/trade", json=body, timeout=5).json()
    assert traded["filled"] == "0.05"
    place(url, wallet, order(True, "100000", "0.001"))
    truth = requests.get(f"{url}/paper/truth", params={"user": user}, timeout=5).json()
    assert truth["fills"] == info(url, type="userFills", user=user)
    assert truth["orders"] == info(url, type="frontendOpenOrders", user=user)
    assert truth["positions"] == {"BTC": "0.05"}
    state = info(url, type="clearinghouseState", user=user)
    assert float(truth["account_value"]) == float(state["marginSummary"]["accountValue"])
    for last in (0, 1, 1000):
        some = requests.get(f"{url}/paper/truth", params={"user": user, "last": last}, timeout=5).json()
        assert some == {**truth, "fills": truth["fills"][:last]}
    audit = requests.get(f"{url}/paper/audit", timeout=5).json()
    assert (audit["position_residual"], audit["money_residual"]) == ("0", "0")
    assert audit["by_coin"]["BTC"]["residual"] == "0"


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("fund", {"user": "0x12", "usd": 1}, "user must be an address"),
        ("fund", {"user": "0x" + "1" * 40, "usd": "much"}, "usd is 'much', which is not a number."),
        ("fund", {"user": "0x" + "1" * 40, "usd": -1}, "usd is -1; it must be above 0"),
        ("trade", {"user": "0x" + "1" * 40, "coin": "ETH"}, "this market has BTC"),
        ("trade", {"user": "0x" + "1" * 40, "coin": "BTC", "side": "X", "size": 1}, "'X' is not a side"),
        ("trade", {"user": "0x" + "1" * 40, "coin": "BTC", "side": "B", "size": 0}, "must be above 0"),
        ("trade", {"user": "0x" + "1" * 40, "coin": "BTC", "side": "B", "size": 50}, "Insufficient margin"),
    ],
)
def test_what_the_control_plane_cannot_do_it_says_in_a_sentence(
    url: str, path: str, body: dict[str, Any], words: str
) -> None:
    answer = requests.post(f"{url}/paper/{path}", json=body, timeout=5)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


@pytest.mark.parametrize("last", ["", "-1", "many", "9" * 40])
def test_a_number_of_fills_that_is_none_is_refused(url: str, last: str) -> None:
    asked = {"user": "0x" + "1" * 40, "last": last}
    answer = requests.get(f"{url}/paper/truth", params=asked, timeout=5)
    assert answer.status_code == 400
    assert f"last is {last!r}; it must be a whole number" in answer.json()["error"]


async def _say(socket: aiohttp.ClientWebSocketResponse, message: object) -> dict[str, Any]:
    await socket.send_str(message if isinstance(message, str) else orjson.dumps(message).decode())
    return await _hear(socket)


async def _hear(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    frame: dict[str, Any] = await socket.receive_json(timeout=5)
    return frame


async def test_subscribing_is_acknowledged_and_greeted_and_errors_are_told(url: str) -> None:
    user = new_wallet().address
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws") as socket:
        assert await _say(socket, {"method": "ping"}) == {"channel": "pong"}
        bbo = {"type": "bbo", "coin": "BTC"}
        ack = await _say(socket, {"method": "subscribe", "subscription": bbo})
        assert ack == {
            "channel": "subscriptionResponse",
            "data": {"method": "subscribe", "subscription": bbo},
        }
        first = await _hear(socket)
        assert (first["channel"], _kinds(first["data"]["bbo"][0])) == (
            "bbo",
            {"px": "str?", "sz": "str?", "n": "int"},
        )
        again = await _say(socket, {"method": "subscribe", "subscription": bbo})
        assert again == {"channel": "error", "data": 'Already subscribed: {"type":"bbo","coin":"BTC"}'}
        fills = {"type": "userFills", "user": user}
        ack = await _say(socket, {"method": "subscribe", "subscription": fills})
        assert ack["data"]["subscription"]["user"] == user.lower()
        snapshot = await _hear(socket)
        assert snapshot["data"] == {"isSnapshot": True, "user": user.lower(), "fills": []}
        await _say(socket, {"method": "unsubscribe", "subscription": bbo})
        gone = await _say(socket, {"method": "unsubscribe", "subscription": bbo})
        assert gone["data"] == 'Already unsubscribed: {"type":"bbo","coin":"BTC"}'
        unknown = await _say(socket, {"method": "subscribe", "subscription": {"type": "bbo", "coin": "NO"}})
        assert unknown["data"] == 'Invalid subscription {"type":"bbo","coin":"NO"}'
        garbled = await _say(socket, "{oops")
        assert garbled["data"] == "Error parsing JSON into valid websocket request: {oops"


async def test_requests_are_answered_over_the_websocket_too(url: str, wallet: LocalAccount) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws") as socket:

        async def post(number: int, kind: str, payload: Any) -> Any:
            request = {"method": "post", "id": number, "request": {"type": kind, "payload": payload}}
            frame = await _say(socket, request)
            assert (frame["channel"], frame["data"]["id"]) == ("post", number)
            return frame["data"]["response"]

        book = await post(1, "info", {"type": "l2Book", "coin": "BTC"})
        assert (book["type"], book["payload"]["type"]) == ("info", "l2Book")
        assert book["payload"]["data"]["coin"] == "BTC"
        action = {"type": "order", "orders": [order(True, "100000", "0.001", "Alo")], "grouping": "na"}
        placed = await post(2, "action", envelope(wallet, action))
        assert "oid" in placed["payload"]["response"]["data"]["statuses"][0]["resting"]
        assert placed["type"] == "action"
        refused = await post(3, "info", {"type": "nope"})
        assert refused["type"] == "error"


async def test_a_hundred_actions_may_wait_for_their_answer_over_the_websocket() -> None:
    """They wait for a block that is still open."""
    wallet = new_wallet()
    bodies = [envelope(wallet, {"type": "noop"}) for _ in range(101)]
    with running(limits=True, block_ms=1000) as url:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws") as socket:
            for number, body in enumerate(bodies):
                request = {"type": "action", "payload": body}
                post = {"method": "post", "id": number, "request": request}
                await socket.send_str(orjson.dumps(post).decode())
            assert await _hear(socket) == {
                "channel": "error",
                "data": "too many pending post requests id=100",
            }
            answered = [(await _hear(socket))["data"]["id"] for _ in range(100)]
    assert answered == list(range(100))


async def test_a_connection_may_begin_with_a_greeting() -> None:
    with running(answers=AnswerSettings(greets=True)) as url:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws") as socket:
            assert await socket.receive_str(timeout=5) == "Websocket connection established."
            assert await _say(socket, {"method": "ping"}) == {"channel": "pong"}
