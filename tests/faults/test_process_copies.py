"""Two programs, one account (P14): the second on a state dir is refused; beside a copy of it one halts, or both."""

from __future__ import annotations

import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from core.engine.observations import COPY_HALT
from tests.e2e.program import Exchange, Process, gridbot, status, wait_until

Start = Callable[..., Process]


def test_p14_a_second_instance_on_the_state_dir_is_refused_with_pid_and_host_and_a_dead_ones_is_not(
    start: Start, exchange: Exchange, home: Path
) -> None:
    arguments = ("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(home / "state"))
    first = start(*arguments, name="first")
    first.wait_for("grid_built")
    account = first.events("session_start")[0]["account"]
    wait_until(lambda: len(exchange.truth(account)["orders"]) == 20, 10, "the grid rests")
    refused = gridbot(home, *arguments)
    assert refused.returncode == 2
    assert f"(pid {first.popen.pid} on {socket.gethostname()})" in refused.stderr
    assert len(exchange.truth(account)["orders"]) >= 19, "the first one goes on"
    first.stop(signal.SIGKILL)
    second = start(*arguments, name="second")
    second.wait_for("ws_ready")
    assert second.stop() == 0
    assert exchange.truth(account)["orders"] == []


def test_p14_a_copied_state_dir_that_trades_the_same_account_is_noticed_and_one_goes_on_alone(
    start: Start, exchange: Exchange, home: Path
) -> None:
    def run(place: str, name: str) -> Process:
        process = start(
            *("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(home / place)),
            name=name,
            XDG_STATE_HOME=str(home / f"host of {place}"),
        )
        process.wait_for("ws_connected")
        return process

    one = run("one", "first")
    account = one.events("session_start")[0]["account"]
    wait_until(lambda: len(exchange.truth(account)["orders"]) == 20, 10, "the grid rests")
    one.stop(signal.SIGKILL)
    shutil.copytree(home / "one", home / "two", ignore=shutil.ignore_patterns("control.sock", "lock"))
    again, two = run("one", "again"), run("two", "two")
    running = {"one": again, "two": two}
    wait_until(lambda: any(halted(home / name) for name in running), 40, "one of them halts")
    stops = next(name for name in running if halted(home / name))
    assert running.pop(stops).stop() == 3
    ((name, stays),) = running.items()
    if halted(home / name):
        assert gridbot(home, "resume", "--state-dir", str(home / name)).returncode == 0
    # Both went on from one ceiling of nonces, so what the exchange took for repeats must be settled first.
    wait_until(lambda: len(exchange.truth(account)["orders"]) >= 10, 60, "the one that is left quotes")
    assert not halted(home / name)
    assert stays.stop() == 0
    assert exchange.truth(account)["orders"] == []


def halted(state: Path) -> bool:
    return bool(status(state)["halt_reason"] == COPY_HALT)
