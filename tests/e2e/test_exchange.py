"""`gridbot exchange` as others run it: what it prints, how it stops, and that what it keeps outlives it."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.program import (
    END_WITHIN_S,
    GRIDBOT,
    START_WITHIN_S,
    Process,
    environment,
    get,
    post,
    wait_until,
)

Start = Callable[..., Process]
_USER = "0x" + "ab" * 20


def _url_of(process: Process) -> str:
    def listens() -> bool:
        assert process.popen.poll() is None, process.err.read_text()
        return "SIGTERM or ctrl+c stops it" in process.out.read_text()

    wait_until(listens, START_WITHIN_S, "the exchange listens")
    found = re.search(r"Paper exchange on (http://\S+) ", process.out.read_text())
    assert found is not None
    return found[1]


def test_it_prints_sentences_and_stops_cleanly(start: Start) -> None:
    process = start("exchange", "--listen", "127.0.0.1:0", "--market", "synthetic", "--speed", "60")
    url = _url_of(process)
    assert set(post(f"{url}/info", {"type": "allMids"})) >= {"BTC", "ETH", "SOL", "TRB"}
    assert process.stop() == 0
    first, funds, coins, last = process.out.read_text().splitlines()
    assert first.endswith("market synthetic at speed 60.")
    assert funds.startswith("An account gets 10000 USDC, and as much on xyz, when it is first seen")
    assert funds.endswith("kept in memory.")
    assert coins.startswith("Coins: BTC, ETH, SOL, TRB, xyz:TSLA. Hyperliquid's rate limits are in force.")
    assert re.fullmatch(
        r"Stopped after \d+ s: 1 request, \d+ order changes, \d+ trades\. The books balance\.", last
    )
    assert process.err.read_text() == ""


def test_a_hang_up_ends_it_in_order_too(start: Start) -> None:
    process = start("exchange", "--listen", "127.0.0.1:0")
    _url_of(process)
    assert process.stop(signal.SIGHUP) == 0
    assert process.out.read_text().endswith("The books balance.\n")


def test_a_finite_replay_is_told_in_lines_where_there_is_no_terminal(start: Start) -> None:
    process = start("exchange", "--listen", "127.0.0.1:0", "--once", "--speed", "1000")
    url = _url_of(process)
    wait_until(lambda: "at its end" in process.out.read_text(), START_WITHIN_S, "the replay ends")
    assert post(f"{url}/info", {"type": "allMids"})["BTC"]
    assert process.stop() == 0
    lines = process.out.read_text().splitlines()
    told = [line for line in lines if line.startswith("Replayed ")]
    assert told[-1] == "Replayed 100 %."
    assert 2 <= len(told) <= 10
    assert lines[-1].endswith("6645 trades. The books balance.")


def test_on_a_terminal_a_finite_replay_has_a_bar(home: Path) -> None:
    ours, theirs = pty.openpty()
    arguments = [GRIDBOT, "exchange", "--listen", "127.0.0.1:0", "--once", "--speed", "300"]
    env = {**environment(home), "TERM": "xterm-256color", "COLUMNS": "100"}
    with subprocess.Popen(
        arguments, cwd=home, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        seen = b""

        def has_bar() -> bool:
            nonlocal seen
            if select.select([ours], [], [], 0.1)[0]:
                seen += os.read(ours, 65_536)
            return re.search(rb"replay.*[1-9][0-9]%", seen) is not None

        try:
            wait_until(has_bar, START_WITHIN_S, "a bar is drawn")
            process.send_signal(signal.SIGINT)
            while True:
                try:
                    seen += os.read(ours, 65_536)
                except OSError:  # Linux says so where the other side is closed
                    break
            assert process.wait(END_WITHIN_S) == 0
        finally:
            process.kill()
            os.close(ours)
    assert b"The books balance." in seen
    assert b"Paper exchange on http" in seen


def test_accounts_and_the_market_go_on_where_the_last_run_ended(start: Start, home: Path) -> None:
    arguments = ("exchange", "--listen", "127.0.0.1:0", "--market", "synthetic:reverting", "--speed", "60")
    first = start(*arguments, "--state-dir", str(home / "x"), name="first")
    url = _url_of(first)
    traded = post(f"{url}/paper/trade", {"user": _USER, "coin": "BTC", "side": "B", "size": "0.01"})
    assert traded["filled"] == "0.01"
    fills = get(f"{url}/paper/truth?user={_USER}")["fills"]
    first.popen.send_signal(signal.SIGKILL)
    first.popen.wait(END_WITHIN_S)
    second = start(*arguments, "--state-dir", str(home / "x"), name="second")
    truth: dict[str, Any] = get(f"{_url_of(second)}/paper/truth?user={_USER}")
    assert (truth["positions"], truth["fills"]) == ({"BTC": "0.01"}, fills)
    assert second.stop() == 0
    assert f"kept in {home / 'x' / 'paper.db'}" in second.out.read_text()


def test_a_mirror_that_loses_its_source_says_so_once_among_its_lines(start: Start) -> None:
    market = ("--market", "synthetic:jumps")
    source = start("exchange", "--listen", "127.0.0.1:0", *market, name="source")
    url = _url_of(source)
    mirror = start("exchange", "--listen", "127.0.0.1:0", "--market", f"mirror:{url}", name="mirror")
    _url_of(mirror)
    source.popen.send_signal(signal.SIGKILL)
    source.popen.wait(END_WITHIN_S)
    wait_until(lambda: "has been silent" in mirror.out.read_text(), START_WITHIN_S, "the mirror is stale")
    assert mirror.stop() == 0
    warnings = [line for line in mirror.out.read_text().splitlines() if line.startswith("Warning: ")]
    assert len([line for line in warnings if "can't be reached (Connection refused)." in line]) == 1
    assert len([line for line in warnings if line.startswith(f"Warning: {url} has been silent")]) == 1
    assert mirror.err.read_text() == ""
