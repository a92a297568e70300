"""Kept connections for actions: one write, sent once, ready before they are needed, and never waited for behind another."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from core.exchange import line as line_module
from core.exchange import lines as lines_module
from core.exchange.line import Answer, NoAnswer, NotSent, Target, TooLate
from core.exchange.lines import AGAIN_MAX_S, LINES_MAX, RENEW_AFTER_S, Lines
from core.exchange.venue_clock import mono_ms
from tests.faults.gate import black_hole
from tests.unit.exchange.samples import until
from tests.virtual_time import run_virtually

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Venue:
    """Answers each request, when it may ``go``, with what ``says`` gives for its number, and then ``closes`` or not."""

    says: Callable[[int], bytes] = lambda _: OK
    closes: bool = False
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: list[asyncio.StreamWriter] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    now_open: int = 0
    fewest_open: int = 99

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        self.now_open += 1
        try:
            while request := await reader.read(65_536):
                self.requests.append(request)
                await self.go.wait()
                writer.write(self.says(len(self.requests)))
                if self.closes:
                    return
        except ConnectionError:
            pass
        finally:
            self.now_open -= 1
            self.fewest_open = min(self.fewest_open, self.now_open)
            writer.close()

    def hang_up(self) -> None:
        for writer in self.connections:
            writer.close()


@asynccontextmanager
async def open_venue(
    says: Callable[[int], bytes] = lambda _: OK, closes: bool = False, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Venue]:
    venue = Venue(says, closes)
    venue.go.set()
    server = await asyncio.start_server(venue.serve, "127.0.0.1", 0, ssl=tls)
    venue.port = server.sockets[0].getsockname()[1]
    try:
        yield venue
    finally:
        venue.hang_up()
        server.close()


@asynccontextmanager
async def client(venue: Venue, warm: int = 1, base: str = "http://127.0.0.1") -> AsyncIterator[Lines]:
    lines = Lines(Target(f"{base}:{venue.port}", "/exchange"), warm)
    try:
        yield lines
    finally:
        await lines.close()


async def ask(answer: bytes, closes: bool = True) -> Answer:
    async with open_venue(lambda _: answer, closes) as venue, client(venue) as lines:
        return await lines.post(b"{}", 2.0)


async def test_head_and_body_of_a_request_arrive_in_one_piece_and_as_http_wants_them() -> None:
    async with open_venue() as venue, client(venue) as lines:
        assert await lines.post(b'{"nonce":1}', 2.0) == Answer(200, "", b"{}")
    head, _, body = venue.requests[0].partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    assert (first, body) == (b"POST /exchange HTTP/1.1", b'{"nonce":1}')
    assert {b"Host: 127.0.0.1:%d" % venue.port, b"Content-Length: 11"} <= set(fields)
    assert len(venue.requests) == 1


async def test_a_server_under_a_path_is_asked_under_it_and_a_password_in_its_url_stays_here() -> None:
    target = Target("http://me:secret@[::1]:8080/venue/", "/exchange")
    request = target.request(b"")
    assert request.startswith(b"POST /venue/exchange HTTP/1.1\r\nHost: [::1]:8080\r\n")
    assert b"secret" not in request
    assert (target.host, target.port) == ("::1", 8080)


async def test_the_next_request_goes_over_the_same_connection() -> None:
    async with open_venue() as venue, client(venue) as lines:
        for _ in range(3):
            await lines.post(b"{}", 2.0)
        assert len(venue.connections) == 1


async def test_a_line_sends_small_packets_at_once_and_finds_out_that_its_way_is_gone() -> None:
    async with open_venue() as venue, client(venue) as lines:
        lines.open_ahead()
        await until(lambda: lines.free == 1)
        wire = lines._free[0]._transport.get_extra_info("socket")  # type: ignore[union-attr]
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_a_line_that_was_opened_ahead_takes_a_request_before_anything_is_awaited() -> None:
    async with open_venue() as venue, client(venue) as lines:
        lines.open_ahead()
        await until(lambda: lines.free == 1)
        told: list[str] = []
        posting = lines.post(b"{}", 2.0, lambda: told.append("sent"))
        posting.send(None)
        assert told == ["sent"]
        posting.close()


async def test_a_request_does_not_wait_for_the_answer_to_another() -> None:
    async with open_venue() as venue, client(venue) as lines:
        venue.go.clear()
        both = [asyncio.create_task(lines.post(b"%d" % number, 5.0)) for number in range(2)]
        await until(lambda: len(venue.requests) == 2)
        venue.go.set()
        assert await asyncio.gather(*both) == [Answer(200, "", b"{}")] * 2
        assert len(venue.connections) == 2


async def test_lines_are_bounded_and_who_finds_them_busy_has_the_first_that_is_free() -> None:
    async with open_venue() as venue, client(venue) as lines:
        venue.go.clear()
        posted = [asyncio.create_task(lines.post(b"{}", 5.0)) for _ in range(LINES_MAX + 3)]
        await until(lambda: len(venue.requests) == LINES_MAX)
        await asyncio.sleep(0)
        venue.go.set()
        await asyncio.gather(*posted)
        assert (len(venue.connections), len(venue.requests)) == (LINES_MAX, LINES_MAX + 3)


async def test_a_line_that_the_server_closes_is_replaced_before_the_next_request() -> None:
    async with open_venue() as venue, client(venue) as lines:
        await lines.post(b"{}", 2.0)
        venue.hang_up()
        await until(lambda: len(venue.connections) == 2 and lines.free == 1)
        await lines.post(b"{}", 2.0)
        assert len(venue.connections) == 2


async def test_a_request_is_not_given_to_a_line_of_which_only_the_kernel_knows_that_it_is_closed() -> None:
    """The loop was busy while the server hung up: an order would have been in doubt for nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        lines = Lines(Target(f"http://127.0.0.1:{listening.getsockname()[1]}", "/exchange"))
        lines.open_ahead()
        await until(lambda: lines.free == 1)
        theirs, _ = listening.accept()
        ours = lines._free[0]._transport.get_extra_info("socket")  # type: ignore[union-attr]
        closed = select.poll()
        closed.register(ours.fileno(), select.POLLRDHUP)
        theirs.close()
        assert closed.poll(5_000), "the kernel knows"

        def serve() -> bytes:
            with listening.accept()[0] as second:
                second.settimeout(5.0)
                request = second.recv(65_536)
                second.sendall(OK)
            return request

        listening.settimeout(5.0)
        request, answer = await asyncio.gather(asyncio.to_thread(serve), lines.post(b"{}", 5.0))
        assert b"POST /exchange" in request
        assert answer.status == 200
        await lines.close()


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", b"{}"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", b"{}"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (OK + OK, b"{}"),
        (OK + b"\x00\xff", b"{}"),
    ],
    ids=["chunks", "until it closes", "old", "after a 100", "nothing", "twice", "and more"],
)
async def test_an_answer_ends_where_http_says(answer: bytes, body: bytes) -> None:
    assert (await ask(answer)).body == body


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "ended before its answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", "ended before its answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "ended before its answer"),
        (b"HTTP/1.1 200", "ended before its answer"),
        (b"HTTP/1.1 101 Go\r\nUpgrade: h2\r\nConnection: Upgrade\r\n\r\n", "isn't HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\n{}", "isn't HTTP"),
        (b"\x00\x01\x02", "isn't HTTP"),
    ],
)
async def test_what_is_no_whole_answer_is_none(answer: bytes, why: str) -> None:
    with pytest.raises(NoAnswer, match=why):
        await ask(answer)


async def test_an_answer_is_not_read_past_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "ANSWER_MAX", 1_000)
    with pytest.raises(NoAnswer, match="longer than"):
        await ask(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b" " * 2_000)


async def test_after_two_answers_to_one_request_its_line_answers_no_other() -> None:
    async with open_venue(lambda _: OK + OK) as venue, client(venue) as lines:
        await lines.post(b"{}", 2.0)
        await until(lambda: lines.free == 1)
        await lines.post(b"{}", 2.0)
        assert len(venue.connections) == 2


async def test_a_line_on_which_the_server_speaks_unasked_is_not_used() -> None:
    async with open_venue() as venue, client(venue) as lines:
        lines.open_ahead()
        await until(lambda: len(venue.connections) == 1 and lines.free == 1)
        venue.connections[0].write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        assert (await lines.post(b"{}", 2.0)).status == 200
        assert len(venue.connections) == 2


async def test_a_time_out_is_told_from_a_broken_line_and_closes_it() -> None:
    async with open_venue() as venue, client(venue) as lines:
        venue.go.clear()
        with pytest.raises(TooLate):
            await lines.post(b"{}", 0.05)
        await until(lambda: len(venue.connections) == 2)
        assert len(venue.requests) == 1


async def test_a_request_that_is_cancelled_closes_its_line_so_that_its_answer_is_nobody_elses() -> None:
    async with (
        open_venue(lambda number: OK if number > 1 else b"HTTP/1.1 500 x\r\n\r\n") as venue,
        client(venue) as lines,
    ):
        venue.go.clear()
        posting = asyncio.create_task(lines.post(b"{}", 5.0))
        await until(lambda: venue.requests)
        posting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await posting
        venue.go.set()
        assert (await lines.post(b"{}", 5.0)).status == 200


async def test_a_request_for_which_no_connection_is_made_in_time_was_certainly_not_sent() -> None:
    with black_hole() as url:
        lines = Lines(Target(url, "/exchange"))
        with pytest.raises(NotSent, match="no connection within"):
            await lines.post(b"{}", 0.05)
        await lines.close()


async def test_a_server_that_hangs_up_on_every_connection_gets_no_request_and_no_storm() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = 0

        def hang_up() -> None:
            nonlocal made
            connection, _ = listening.accept()
            connection.close()
            made += 1

        listening.setblocking(False)
        asyncio.get_running_loop().add_reader(listening.fileno(), hang_up)
        lines = Lines(Target(f"http://127.0.0.1:{listening.getsockname()[1]}", "/exchange"))
        try:
            with pytest.raises((NotSent, NoAnswer)):
                await lines.post(b"{}", 2.0)
            assert made <= lines_module.TRIES + 1
        finally:
            asyncio.get_running_loop().remove_reader(listening.fileno())
            await lines.close()


# -- hours, in virtual time ----------------------------------------------------------------------------------------


def test_an_idle_line_is_replaced_before_it_is_dropped_and_one_is_always_there() -> None:
    async def main() -> tuple[int, int]:
        async with open_venue() as venue, client(venue) as lines:
            lines.open_ahead()
            await asyncio.sleep(1)
            assert lines.free == 1
            for _ in range(10 * 60):
                await asyncio.sleep(1)
                assert lines.free == 1
            return len(venue.connections), venue.fewest_open

    made, fewest = run_virtually(main, 0)
    assert made == 600 // (RENEW_AFTER_S + 1) + 1
    assert fewest == 1, "the new one was there before the old one went"


def test_after_the_machine_was_suspended_nothing_is_sent_on_a_line_of_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The loop's clock stood still meanwhile, so nothing has replaced the line, and its server has forgotten it."""

    async def main() -> tuple[int, int]:
        async with open_venue() as venue, client(venue) as lines:
            lines.open_ahead()
            await asyncio.sleep(1)
            awake_s = mono_ms() / 1000 + 3600
            monkeypatch.setattr(lines_module, "mono_ms", lambda: awake_s * 1000)
            monkeypatch.setattr(line_module, "mono_ms", lambda: awake_s * 1000)
            await lines.post(b"{}", 5.0)
            return len(venue.connections), len(venue.requests)

    assert run_virtually(main, 0) == (2, 1), "one of its own, and sent once"


def test_lines_of_a_burst_are_let_go_when_they_are_idle() -> None:
    async def main() -> tuple[int, int]:
        async with open_venue() as venue, client(venue) as lines:
            venue.go.clear()
            posted = [asyncio.create_task(lines.post(b"{}", 5.0)) for _ in range(5)]
            await asyncio.sleep(1)
            venue.go.set()
            await asyncio.gather(*posted)
            burst = venue.now_open
            await asyncio.sleep(2 * RENEW_AFTER_S)
            return burst, venue.now_open

    assert run_virtually(main, 0) == (5, 1)


def test_a_server_that_is_down_is_tried_at_growing_intervals_and_found_again() -> None:
    async def main() -> tuple[int, int]:
        tries = 0
        target = Target("http://127.0.0.1:40001", "/exchange")
        connect = target.connect

        async def counted(*told: object) -> object:
            nonlocal tries
            tries += 1
            return await connect(*told)  # type: ignore[arg-type]

        target.connect = counted  # type: ignore[method-assign, assignment]
        lines = Lines(target)
        lines.open_ahead()
        await asyncio.sleep(300)
        while_down = tries
        async with open_venue() as venue:
            await asyncio.sleep(AGAIN_MAX_S)
            found = lines.free
            await lines.close()
            assert venue.requests == []
        return while_down, found

    tries, free = run_virtually(main, 0)
    assert 20 <= tries <= 30
    assert free == 1


# -- TLS ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Authority:
    """Vouches for ``localhost``; made anew for each run, so that no key is kept anywhere."""

    certificate: Path
    server: ssl.SSLContext


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = trustme.CA()
    certificate = tmp_path_factory.mktemp("authority") / "authority.pem"
    made.cert_pem.write_to_path(str(certificate))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("localhost").configure_cert(server)
    return Authority(certificate, server)


def test_what_no_connection_is_known_to_fail_with_refuses_the_request_and_is_tried_no_faster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries: list[float] = []

    async def connect(*_: object) -> None:
        tries.append(asyncio.get_running_loop().time())
        if len(tries) > 1000:
            await asyncio.Event().wait()  # so that it ends, and is counted
        raise TypeError("no such argument")

    async def main() -> None:
        monkeypatch.setattr(Target, "connect", connect)
        lines = Lines(Target("http://127.0.0.1:1", "/exchange"))
        lines.open_ahead()
        await asyncio.sleep(60)
        with pytest.raises(NotSent, match="TypeError: no such argument"):
            await lines.post(b"{}", 5.0)
        await lines.close()

    run_virtually(main, 0)
    assert 3 < len(tries) < 20


async def test_https_is_spoken_to_a_server_whose_certificate_is_known(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    async with open_venue(tls=authority.server) as venue, client(venue, base="https://localhost") as lines:
        for _ in range(2):
            assert await lines.post(b"{}", 5.0) == Answer(200, "", b"{}")
        assert len(venue.connections) == 1


async def test_a_certificate_that_nobody_vouches_for_gets_no_request(authority: Authority) -> None:
    async with open_venue(tls=authority.server) as venue, client(venue, base="https://localhost") as lines:
        with pytest.raises(NotSent, match="certificate verify failed"):
            await lines.post(b"{}", 5.0)
        assert venue.requests == []


async def test_a_certificate_for_another_name_gets_no_request(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    async with open_venue(tls=authority.server) as venue, client(venue, base="https://127.0.0.1") as lines:
        with pytest.raises(NotSent, match="certificate"):
            await lines.post(b"{}", 5.0)
        assert venue.requests == []
