"""An operator's link dies: a real SSH server, a real client in tmux, the paper exchange, and what trades on after it."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e import program, ssh
from tests.e2e.program import GRIDBOT, Exchange, wait_until
from tests.e2e.ssh import Link, SshServer, Tmux

pytestmark = pytest.mark.skipif(bool(ssh.missing()), reason=ssh.missing())

Connect = Callable[[int, str], Tmux]


@pytest.fixture
def server(home: Path) -> Iterator[SshServer]:
    running = SshServer(home)
    yield running
    running.end()


@pytest.fixture
def connect(tmp_path: Path, home: Path, server: SshServer) -> Iterator[Connect]:
    """An ssh client in a tmux of its own, to a port, running a gridbot command in a terminal there."""
    opened: list[Tmux] = []

    def open_one(port: int, arguments: str) -> Tmux:
        place = tmp_path / f"seat{len(opened)}"
        place.mkdir()
        there = f"cd {home} && exec env HOME={home} {GRIDBOT} {arguments}"
        options = (
            f"-i {server.key} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        )
        user = os.environ.get("USER", "root") if os.getuid() else "root"
        seat = Tmux(place, f"exec ssh -tt {options} -p {port} {user}@127.0.0.1 {shlex.quote(there)}")
        opened.append(seat)
        return seat

    yield open_one
    for seat in opened:
        seat.end()
    if pid := program.trading_pid(home / "state"):
        os.kill(pid, signal.SIGKILL)


def fills(home: Path) -> int:
    return int(program.status(home / "state")["coins"]["BTC"]["fills"])


@pytest.mark.parametrize("how", ["the client is killed", "the network is cut in silence"])
def test_fills_keep_flowing_when_the_link_dies_and_a_new_screen_shows_them(
    home: Path, exchange: Exchange, server: SshServer, connect: Connect, how: str
) -> None:
    link = Link(server.port)
    try:
        seat = connect(link.port, f"--exchange-url {exchange.url} --state-dir {home / 'state'}")
        seat.wait_for("RUNNING")
        wait_until(lambda: fills(home) >= 1, 60, "a fill")
        before, pid = program.status(home / "state"), program.trading_pid(home / "state")
        if how == "the client is killed":
            seat.kill_client()
        else:
            link.cut()

        known = int(before["coins"]["BTC"]["fills"])
        wait_until(lambda: fills(home) >= known + 3, 60, "fills after the link died")
        assert program.trading_pid(home / "state") == pid
        truth = exchange.truth(before["account"])
        assert len(truth["fills"]) >= known + 3
        assert truth["orders"], "it quotes on"

        again = connect(server.port, f"attach --state-dir {home / 'state'}")
        again.wait_for("RUNNING")
        again.wait_for("WS/REST")
        assert program.trading_pid(home / "state") == pid
    finally:
        link.end()
    program.stop(home / "state")
    assert exchange.truth(before["account"], 1)["orders"] == []
