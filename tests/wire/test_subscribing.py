"""What a client is told of its subscriptions: echoes that it can find its request in, errors, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.unit.paper.paper_client import new_wallet, order, place, running


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as url:
        yield url


@pytest.fixture
def socket(url: str) -> Iterator[ClientConnection]:
    with connect("ws" + url[4:] + "/ws", proxy=None) as socket:
        yield socket


def _hear(socket: ClientConnection) -> Any:
    return orjson.loads(socket.recv(timeout=5))


def _say(socket: ClientConnection, message: object) -> Any:
    socket.send(orjson.dumps(message).decode())
    return _hear(socket)


def _hear_on(socket: ClientConnection, channel: str) -> Any:
    while (frame := _hear(socket))["channel"] != channel:
        pass
    return frame["data"]


@pytest.mark.parametrize(
    "asked",
    [
        {"type": "allMids", "dex": ""},
        {"type": "l2Book", "coin": "BTC", "fast": False},
        {"type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 2},
        {"type": "userFills", "user": "0x" + "ab" * 20, "aggregateByTime": False},
        {"type": "openOrders", "user": "0x" + "ab" * 20, "dex": ""},
    ],
)
def test_an_echo_holds_all_that_was_asked(socket: ClientConnection, asked: dict[str, Any]) -> None:
    """A client that looks for its request in the echo would wait for ever otherwise."""
    for method in ("subscribe", "unsubscribe"):
        request = orjson.dumps({"method": method, "subscription": asked}).decode()
        socket.send(request)
        ack = _hear_on(socket, "subscriptionResponse")
        assert (ack["method"], ack["subscription"].items() >= asked.items()) == (method, True)
        socket.send(request)
        refused = _hear_on(socket, "error")
        assert refused.startswith(f"Already {method}d: ")
        assert orjson.loads(refused[refused.index("{") :]).items() >= asked.items()


@pytest.mark.parametrize(
    "message",
    [
        {"method": "subscribe", "xsubscription": {"type": "bbo", "coin": "SOL"}},
        {"method": "subscribe"},
        {"method": "subscribe", "subscription": "bbo"},
        {"method": "subscribe", "subscription": {"type": "liquidations", "coin": "BTC"}},
        {"method": "subscribe", "subscription": {"type": "bbo"}},
        {"method": "subscribe", "subscription": {"type": "userFills", "user": "0x12"}},
        {"method": "subscribe", "subscription": {"type": "candle", "coin": "BTC", "interval": "7m"}},
        {"method": "unsubscribe", "subscription": {"type": "l2Book", "coin": "BTC", "nSigFigs": "5"}},
    ],
)
def test_a_subscription_of_no_known_shape_is_a_message_that_cannot_be_read(
    socket: ClientConnection, message: dict[str, Any]
) -> None:
    text = orjson.dumps(message).decode()
    assert _say(socket, message) == {
        "channel": "error",
        "data": f"Error parsing JSON into valid websocket request: {text}",
    }


@pytest.mark.parametrize(
    "asked",
    [
        {"type": "bbo", "coin": "NO"},
        {"type": "allMids", "dex": "nodex"},
        {"type": "l2Book", "coin": "BTC", "nSigFigs": 9},
    ],
)
def test_a_subscription_to_what_does_not_exist_is_invalid(
    socket: ClientConnection, asked: dict[str, Any]
) -> None:
    answer = _say(socket, {"method": "subscribe", "subscription": asked})
    assert answer == {"channel": "error", "data": f"Invalid subscription {orjson.dumps(asked).decode()}"}


def test_a_quote_that_has_not_changed_is_told_once(url: str, socket: ClientConnection) -> None:
    for channel in ("bbo", "l2Book"):
        _say(socket, {"method": "subscribe", "subscription": {"type": channel, "coin": "BTC"}})
        assert _hear(socket)["channel"] == channel
    place(url, new_wallet(), order(True, "100000", "0.001"))
    heard = [_hear(socket)["channel"]]
    assert heard == ["l2Book"]
