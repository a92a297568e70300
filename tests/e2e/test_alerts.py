"""A bot that tells: a webhook hears of its start, of a trade by hand and of its end; pings end with whatever they stand for."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.runtime.control_client import ask
from core.runtime.statedir import StateDir
from tests.e2e.program import Exchange, environment, status, trading_pid, wait_until
from tests.unit.telemetry.alerting.sink import Sink, sink

CANARY = "canary0123456789"
SILENCE_S = 1.0

OFTEN = """
import sys
from functools import partial
from core.telemetry import heartbeat_ping
heartbeat_ping.HeartbeatPing = partial(heartbeat_ping.HeartbeatPing, every_s=0.1, again_s=0.1)
from gridbot_tui.cli import run_cli
sys.exit(run_cli(sys.argv[1:]))
"""
"""The program, with pings that leave more often than each minute."""


@pytest.fixture
def hook() -> Iterator[Sink]:
    with sink() as one:
        yield one


@pytest.fixture
def dead_hook() -> Iterator[Sink]:
    """Takes what comes and never answers."""
    with sink() as one:
        one.status = 0
        yield one


@pytest.fixture
def bot(own_exchange: Exchange, hook: Sink, dead_hook: Sink, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    state = home / "state"
    state.mkdir(mode=0o700)
    urls = state / "alert_urls"
    urls.touch(0o600)
    urls.write_text(f"json://{dead_hook.host}/{CANARY}?rto=600\njson://{hook.host}/{CANARY}\n")
    with (home / "out").open("wb") as out, (home / "err").open("wb") as err:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                OFTEN,
                "--no-ui",
                "--exchange-url",
                own_exchange.url,
                "--state-dir",
                state,
            ],
            cwd=home,
            env={**environment(home), "HL_HEARTBEAT_URL": f"http://{hook.host}/ping/{CANARY}"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()


def pings(hook: Sink) -> int:
    return hook.asked.count(f"/ping/{CANARY}")


def goes_on(hook: Sink) -> None:
    before = pings(hook)
    wait_until(lambda: pings(hook) >= before + 3, 30, "pings")


def is_silent(hook: Sink) -> None:
    time.sleep(SILENCE_S)  # what was on its way has come
    before = pings(hook)
    time.sleep(SILENCE_S)
    assert pings(hook) == before


def hears(hook: Sink, words: str) -> None:
    wait_until(lambda: words in "\n".join(hook.texts), 30, words)


def test_a_webhook_hears_of_it_pings_say_that_it_goes_on_and_one_that_hangs_holds_nothing_up(
    bot: subprocess.Popen[bytes], own_exchange: Exchange, hook: Sink, dead_hook: Sink, home: Path
) -> None:
    state = home / "state"
    hears(hook, "STARTED on paper with BTC.")
    goes_on(hook)
    bot.send_signal(signal.SIGSTOP)
    is_silent(hook)
    bot.send_signal(signal.SIGCONT)
    goes_on(hook)
    account = str(status(state)["account"])
    places = [row["place"] for row in ask(StateDir(state), "alerts")["alerts"]["targets"]]
    assert places == [f"line {number} of {state}/alert_urls" for number in (1, 2)]
    own_exchange.trade(account, "B", "0.05")
    hears(hook, "BTC: 0.05 bought at")
    assert dead_hook.asked, "the one that hangs was tried"
    bot.send_signal(signal.SIGTERM)
    assert bot.wait(60) == 0
    hears(hook, "Stopped in order: ")
    told = (
        (home / "out").read_text() + (home / "err").read_text() + (state / "logs" / "gridbot.log").read_text()
    )
    assert CANARY not in told
    assert '"event":"heartbeat_ping_begins"' in told


def test_pings_end_with_the_exchange(
    bot: subprocess.Popen[bytes], own_exchange: Exchange, hook: Sink, home: Path
) -> None:
    goes_on(hook)
    own_exchange.process.end()
    log = home / "out"
    wait_until(lambda: '"event":"heartbeat_ping_held"' in log.read_text(), 30, "it says that none leaves")
    is_silent(hook)
    assert trading_pid(home / "state") == bot.pid
