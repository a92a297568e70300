"""What the fuzz campaign once found, and the limits that Hyperliquid's own server sets; one request each."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from websockets.sync.client import connect

from core.paper.jsonio import MalformedRequestError, loads
from tests.fuzz.rawhttp import Raw, tell
from tests.unit.paper.paper_client import act, envelope, info, new_wallet, order, running

_TEXT = "Failed to deserialize the JSON body into the target type"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as url:
        yield url


def _post(url: str, body: bytes, path: str = "/info", **headers: str) -> requests.Response:
    return requests.post(url + path, data=body, headers=headers, timeout=10)


def _nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_json_may_be_nested_127_deep_as_in_serde() -> None:
    loads(_nested(127))
    loads(b'{"a":[' * 63 + b"[]" + b"]}" * 63)
    loads(b"[" + b"[]," * 500 + b"[]]")
    for body in (_nested(128), b'{"a":' * 128 + b"1" + b"}" * 128, '{"a":' * 128 + "[]" + "}" * 128):
        with pytest.raises(MalformedRequestError):
            loads(body)


@pytest.mark.parametrize("depth", [200, 300, 1_100, 100_000])
def test_deep_nesting_is_malformed_and_the_connection_lives(url: str, depth: int) -> None:
    body = b'{"type":"meta","dex":' + _nested(depth) + b"}"
    assert (_post(url, body).status_code, _post(url, body).text) == (422, _TEXT)
    with connect("ws" + url[4:] + "/ws", proxy=None) as socket:
        socket.send('{"method":"subscribe","subscription":' + _nested(depth).decode() + "}")
        assert str(socket.recv(timeout=5)).startswith('{"channel":"error"')
        socket.send('{"method":"ping"}')
        assert socket.recv(timeout=5) == '{"channel":"pong"}'


@pytest.mark.parametrize("kind", [b"[]", b"{}", b'["allMids"]', b"7", b"null"])
def test_a_type_that_is_no_text_is_malformed(url: str, kind: bytes) -> None:
    answer = _post(url, b'{"type":' + kind + b"}")
    assert (answer.status_code, answer.text) == (422, _TEXT)


def test_a_body_above_two_mebibytes_is_too_large(url: str) -> None:
    sound = b'{"type":"allMids"}'
    assert _post(url, sound + b" " * (2 * 2**20 - len(sound))).status_code == 200
    answer = _post(url, sound + b" " * (2 * 2**20))
    assert answer.status_code == 413
    assert answer.text == "Failed to buffer the request body: length limit exceeded"
    assert _post(url, sound).status_code == 200


def test_a_compressed_body_is_read_and_one_that_only_says_so_is_told(url: str) -> None:
    sound = b'{"type":"allMids"}'
    assert _post(url, gzip.compress(sound), **{"Content-Encoding": "gzip"}).status_code == 200
    answer = _post(url, sound, **{"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.text) == (400, "Failed to read the request body")
    bomb = gzip.compress(b" " * 50_000_000)
    assert _post(url, bomb, **{"Content-Encoding": "gzip"}).status_code == 413


@pytest.mark.parametrize(
    "data",
    [
        b"POST /info nonsense\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET //[ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST /info HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /info HTTP/1.1\r\nHost: x\r\n" + b"X" * 20_000 + b": y\r\n\r\n",
        b"POST /info HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
def test_what_is_hardly_http_gets_a_400_and_prints_nothing(
    url: str, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    with caplog.at_level(logging.INFO):
        answer = tell(host, int(port), Raw(data, is_whole=True))
    assert answer.split(b" ")[1] in (b"400", b"404"), answer
    assert b"Traceback" not in answer
    assert caplog.records == []


@pytest.mark.parametrize("size", ["1e999999999", "-1e999999999", "1e-999999999", "0e999999999", 1e308])
def test_a_number_that_would_fill_the_memory_is_refused_at_once(url: str, size: Any) -> None:
    body = {"user": new_wallet().address, "coin": "BTC", "side": "B", "size": size}
    answer = requests.post(f"{url}/paper/trade", json=body, timeout=3)
    assert (answer.status_code, answer.json()["error"]) == (400, "size has more than 24 digits.")


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        *[
            ("s", text, None)
            for text in ("1e5", " 1", "1 ", "+1", "1_0", "١", "１", "NaN", "", "1" * 25, ".5", "0x1")
        ],
        *[("p", text, None) for text in ("1e5", " 1", "Infinity", "-", str(10**30), "1\u0000")],
        ("s", "0", "Order has zero size."),
        ("s", "-0", "Order has zero size."),
        ("s", "-1", "Order has invalid size."),
        ("s", "0.000001", "Order has invalid size."),
        ("p", "0", "Order has invalid price."),
        ("p", "-0", "Order has invalid price."),
        ("p", "-100000", "Order has invalid price."),
        ("p", "9" * 24, "Order price cannot be more than 95% away from the reference price"),
        ("s", "9" * 24, "Order value too large. Max is $300000000."),
    ],
)
def test_a_valid_signature_under_an_absurd_number(url: str, field: str, text: str, words: str | None) -> None:
    wallet = new_wallet()
    action = {"type": "order", "orders": [order(True, "100000", "0.001", **{field: text})], "grouping": "na"}
    answer = requests.post(f"{url}/exchange", json=envelope(wallet, action), timeout=5)
    if words is None:
        assert (answer.status_code, answer.text) == (422, _TEXT)
    else:
        assert answer.json()["response"]["data"]["statuses"] == [{"error": words}]
    assert act(url, wallet, {"type": "noop"})["status"] == "ok"
    assert info(url, type="openOrders", user=wallet.address) == []


@pytest.mark.parametrize("path", ["/info", "/exchange"])
def test_a_browser_may_post_and_read_refusals_too(url: str, path: str) -> None:
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    before = requests.options(url + path, headers={"Origin": "https://app.example", **wanted}, timeout=10)
    assert before.status_code == 200
    for name in ("origin", "methods", "headers"):
        assert before.headers[f"access-control-allow-{name}"] == "*"
    refused = _post(url, b'{"type":"nope"}', path)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (422, "*")
