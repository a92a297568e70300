"""The four endpoints, over real sockets: who gets what, and that a client who does nothing costs nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from queue import Queue
from typing import Any

import orjson
import pytest

from core.runtime.report import status
from core.telemetry.metrics import endpoints, http_server
from core.telemetry.metrics.endpoints import Asked, Endpoints
from core.telemetry.metrics.health import STARTING_S, STILL_S, health, readiness
from core.telemetry.metrics.http_server import CONNECTIONS_MAX, HttpServer, Request, Response, listen, parsed
from core.view import RunState, Snapshot
from tests.tui.factory import halted, snapshot, tripped

TOKEN = "canary-token-0123456789"
NOW_MS = snapshot().time_ms


@dataclass
class Served:
    """The endpoints at a port; ``shown`` is the newest Snapshot."""

    port: int
    made: Endpoints
    shown: Snapshot | None

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers["Content-Type"]
        finally:
            connection.close()

    def code(self, path: str, method: str = "GET", **headers: str) -> int:
        return self.ask(path, method, **headers)[0]


def _serve(monkeypatch: pytest.MonkeyPatch, token: str) -> Iterator[Served]:
    monkeypatch.setattr(endpoints, "_wall_ms", lambda: NOW_MS)
    made = Endpoints(Asked(status, Path("none.db"), "1.2.3", token))
    listener = listen(0)
    server = HttpServer(listener, made, made.failed)
    served = Served(listener.getsockname()[1], made, snapshot())
    made.latest = lambda: served.shown
    server.start()
    yield served
    server.close()


@pytest.fixture
def open_(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    yield from _serve(monkeypatch, "")


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    yield from _serve(monkeypatch, TOKEN)


def test_without_a_token_each_is_open(open_: Served) -> None:
    code, body, kind = open_.ask("/metrics")
    assert (code, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b'gridbot_position{coin="BTC"} 0.1875\n' in body
    code, body, kind = open_.ask("/status")
    assert (code, kind) == (200, "application/json")
    assert orjson.loads(body) == orjson.loads(orjson.dumps(status(snapshot()), default=str))
    assert open_.ask("/health")[:2] == (200, b'{"alive":true,"reasons":[]}\n')
    assert open_.ask("/ready")[:2] == (200, b'{"ready":true,"reasons":[]}\n')
    assert open_.code("/") == open_.code("/metrics/x") == 404


def test_a_token_is_asked_for_by_metrics_and_status_alone(guarded: Served) -> None:
    for path in ("/metrics", "/status"):
        for right in ({"Authorization": f"Bearer {TOKEN}"}, {"Authorization": f"bearer {TOKEN}"}):
            assert guarded.code(path, **right) == 200
        assert guarded.code(f"{path}?token={TOKEN}") == 200
        wrong = [f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer ", f"Basic {TOKEN}", "Bearer \xe9"]
        assert [guarded.code(path, Authorization=each) for each in wrong] == [401] * 5
        assert guarded.code(path) == guarded.code(f"{path}?token=") == guarded.code(f"{path}?token=x") == 401
        assert TOKEN.encode() not in guarded.ask(f"{path}?token={TOKEN}")[1]
    assert guarded.code("/health") == guarded.code("/ready") == 200


def test_the_token_is_compared_in_constant_time(guarded: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, wanted: bytes) -> bool:
        compared.append((given, wanted))
        return given == wanted

    monkeypatch.setattr("hmac.compare_digest", compare)
    assert guarded.code("/metrics?token=guess") == 401
    assert compared == [(b"guess", TOKEN.encode())]


def test_get_and_head_alone_and_head_has_no_body(open_: Served) -> None:
    with socket.create_connection(("127.0.0.1", open_.port), 10) as client:
        client.sendall(b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(4_096), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert [open_.code("/health", method) for method in ("POST", "PUT", "DELETE", "OPTIONS")] == [405] * 4


def test_a_page_that_points_its_own_name_here_gets_nothing(open_: Served) -> None:
    assert open_.code("/status", Host="evil.example") == 403
    assert open_.code("/status", Host="evil.example:9095") == 403
    assert open_.code("/status", Host="localhost:9095") == open_.code("/status", Host="[::1]") == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil@127.0.0.1",
        "127.0.0.1/evil",
        "127.0.0.1?evil",
        "127.0.0.1#evil",
        "127.0.0.1:x",
        "127.0.0.1.evil",
        "",
    ],
)
def test_a_name_that_only_holds_this_hosts_is_another(open_: Served, host: str) -> None:
    assert open_.code("/status", Host=host) == 403


def test_a_request_with_two_hosts_is_none(open_: Served) -> None:
    with socket.create_connection(("127.0.0.1", open_.port), 10) as client:
        client.sendall(b"GET /status HTTP/1.1\r\nHost: evil.example\r\nHost: 127.0.0.1\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")


def test_before_the_first_snapshot_it_says_so(open_: Served) -> None:
    open_.shown = None
    assert [open_.code(path) for path in ("/health", "/ready", "/status")] == [503] * 3
    assert open_.code("/metrics") == 200


def test_what_is_no_request_is_refused_and_the_next_is_answered(open_: Served) -> None:
    for bad in (b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nA: " + b"x" * 20_000 + b"\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", open_.port), 10) as client:
            client.sendall(bad)
            assert client.recv(100).startswith(b"HTTP/1.1 400 ")
    assert open_.code("/health") == 200


def test_an_answer_that_fails_ends_nothing(open_: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> Snapshot | None:
        raise RuntimeError("a secret")

    kept, open_.made.latest = open_.made.latest, fails
    assert open_.ask("/health")[:2] == (500, b"RuntimeError\n")
    open_.made.latest = kept
    assert open_.code("/health") == 200
    assert b'gridbot_scrape_failures_total{path="/health"} 1.0\n' in open_.ask("/metrics")[1]


def test_answers_that_fail_are_told_once_a_minute_and_path_and_all_counted() -> None:
    now, told = [1_000.0], list[tuple[str, str, dict[str, str | int]]]()
    made = Endpoints(Asked(status, Path("none.db"), "1"), lambda: now[0])
    made.failed(Request("/metrics", {}, {}), KeyError("before the core has started"))
    made.tell = lambda name, severity, **fields: told.append((name, severity, fields))
    for path in ("/metrics", "/metrics", "/status"):
        made.failed(Request(path, {}, {}), KeyError("a secret"))
    expected = [("/metrics", 2), ("/status", 1)]
    assert [(fields["path"], fields["count"]) for _, _, fields in told] == expected
    now[0] += endpoints.TOLD_EVERY_S
    made.failed(Request("/metrics", {}, {}), ValueError("a secret"))
    assert told[2:] == [("scrape_failed", "warn", {"path": "/metrics", "reason": "ValueError", "count": 2})]
    made.latest = snapshot
    assert b'gridbot_scrape_failures_total{path="/metrics"} 4.0\n' in made(Request("/metrics", {}, {})).body


def test_a_fault_that_is_nobodys_answer_is_told_to_whoever_started_it_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    told: Queue[dict[str, Any]] = Queue()

    def fails(head: bytes) -> None:
        raise RuntimeError("in the midst of a head")

    server = HttpServer(listen(0), lambda request: Response(200, b"well\n"))
    server.start(lambda loop, context: told.put(context))
    port = server.listener.getsockname()[1]
    with monkeypatch.context() as broken, socket.create_connection(("127.0.0.1", port), 10) as client:
        broken.setattr(http_server, "parsed", fails)
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert str(told.get(timeout=20)["exception"]) == "in the midst of a head"
        assert client.recv(1) == b""
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
    server.close()
    assert capfd.readouterr().err == ""


def test_of_too_many_at_once_the_last_is_hung_up_on_and_the_others_are_heard(open_: Served) -> None:
    waiting = [socket.create_connection(("127.0.0.1", open_.port), 10) for _ in range(CONNECTIONS_MAX)]
    with socket.create_connection(("127.0.0.1", open_.port), 10) as late:
        try:
            assert late.recv(1) == b""
        except ConnectionResetError:
            pass
        waiting[0].sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert waiting[0].recv(100).startswith(b"HTTP/1.1 200 "), "while the late one was already gone"
    for each in waiting:
        each.close()


def test_clients_that_say_nothing_are_bounded_and_are_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "WITHIN_S", 0.2)
    for served in _serve(monkeypatch, ""):
        threads = threading.active_count()
        silent = [
            socket.create_connection(("127.0.0.1", served.port), 10) for _ in range(CONNECTIONS_MAX + 8)
        ]
        for each in silent:
            try:
                assert each.recv(1) == b"", "hung up on, without an answer"
            except ConnectionResetError:
                pass
            each.close()
        assert threading.active_count() == threads, "no thread for a client"
        assert served.code("/health") == 200


def test_whoever_asks_all_the_time_gets_one_text_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now, asked = [0.0], []
    made = Endpoints(Asked(status, Path("none.db"), "1"), lambda: now[0])
    made.latest = lambda: asked.append(1) or snapshot()  # type: ignore[func-returns-value]
    request = Request("/metrics", {}, {})
    for _ in range(100):
        made(request)
    assert len(asked) == 1
    now[0] += endpoints.REUSED_FOR_S
    made(request)
    assert len(asked) == 2


def test_the_port_is_taken_on_loopback_alone_and_once() -> None:
    with listen(0) as taken:
        host, port = taken.getsockname()
        assert host == "127.0.0.1"
        with pytest.raises(OSError, match="in use"):
            listen(port)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET /x HTTP/2\r\n\r\n",
        b"GET x HTTP/1.1\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET //[x HTTP/1.1\r\n\r\n",
    ],
)
def test_a_head_that_is_none_is_told(head: bytes) -> None:
    assert parsed(head)[1] is None


def test_health_is_that_the_loop_goes_on_and_readiness_that_it_trades() -> None:
    assert health(snapshot(), STILL_S).is_well
    assert health(snapshot(), STILL_S + 1).reasons == ("the core has said nothing for 6 s",)
    assert not readiness(snapshot(), STILL_S + 1).is_well
    assert health(halted(), 0).is_well, "it watches"
    assert readiness(halted(), 0).reasons == ("the bot is halted", "BTC is halted: an operator asked")
    assert readiness(tripped(), 0).reasons == ("a circuit breaker is open: info: HTTP 502: Bad Gateway",)
    cut = replace(snapshot(), feed=replace(snapshot().feed, ready=False))
    assert readiness(cut, 0).reasons == ("the stream is not ready",)
    dead = replace(snapshot(), state=RunState.DEAD, halt_reason="disk full")
    assert health(dead, 0).reasons == ("the core has ended: disk full",)


def test_a_start_may_take_long_but_one_that_hangs_is_not_well() -> None:
    starting = Snapshot(0, NOW_MS, "paper", "0x", RunState.STARTING)
    assert health(starting, STARTING_S).is_well
    assert not readiness(starting, 0).is_well
    assert health(starting, STARTING_S + 1).reasons == (
        "the core has said nothing for 601 s while it starts",
    )


def test_a_clock_that_is_set_makes_nobody_unwell(open_: Served) -> None:
    for off_ms in (-86_400_000, 86_400_000):
        open_.shown = replace(snapshot(), time_ms=NOW_MS + off_ms)
        assert (open_.code("/health"), open_.code("/ready")) == (200, 200)
    open_.made.silent_s = lambda: STILL_S + 1
    assert (open_.code("/health"), open_.code("/ready")) == (503, 503)
