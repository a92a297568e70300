"""Screens on an instance in another process: they come, act in turn, are killed; trading never notices."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.runtime.control_client import ask
from core.runtime.statedir import StateDir
from tests.e2e.program import Exchange, Process, gridbot, status, wait_until
from tests.e2e.terminal import Terminal

Attach = Callable[[], Terminal]


@pytest.fixture
def bot(home: Path, exchange: Exchange) -> Iterator[Process]:
    process = Process(
        ("run", "--no-ui", "--exchange-url", exchange.url, "--state-dir", str(home / "state")), home
    )
    process.wait_for("ws_ready")
    yield process
    process.end()


@pytest.fixture
def attach(home: Path, bot: Process) -> Iterator[Attach]:
    opened: list[Terminal] = []

    def open_one() -> Terminal:
        before = len(viewers(home))
        terminal = Terminal(home, 80, 24, "attach", "--state-dir", str(home / "state"))
        opened.append(terminal)
        wait_until(lambda: len(viewers(home)) > before, 30, "it looks on")
        terminal.wait_for("RUNNING")
        return terminal

    yield open_one
    for terminal in opened:
        terminal.end()


def viewers(home: Path) -> list[str]:
    return list(status(home / "state")["control"]["viewers"])


def holder(home: Path) -> str:
    return str(status(home / "state")["control"]["holder"])


def actions(home: Path) -> list[tuple[str, str, str]]:
    db = sqlite3.connect(f"file:{home / 'state' / 'journal.db'}?mode=ro", uri=True)
    rows = db.execute("SELECT action, via, outcome FROM actions ORDER BY id").fetchall()
    db.close()
    return rows


def test_a_screen_that_is_killed_takes_nothing_with_it_and_another_shows_what_went_on(
    home: Path, bot: Process, attach: Attach
) -> None:
    first = attach()
    wait_until(lambda: bool(holder(home)), 10, "it acts")
    first.process.kill()
    first.process.wait(10)
    before = status(home / "state")["coins"]["BTC"]["fills"]
    wait_until(lambda: not holder(home), 10, "it is gone, and its right with it")
    assert viewers(home) == []
    wait_until(lambda: status(home / "state")["coins"]["BTC"]["fills"] > before, 60, "trading goes on")
    attach()
    wait_until(lambda: bool(holder(home)), 10, "the next one acts")
    assert bot.popen.poll() is None


def test_of_two_screens_one_acts_until_the_other_takes_over_and_all_is_written_down(
    home: Path, bot: Process, attach: Attach
) -> None:
    first, second = attach(), attach()
    second.wait_for("view only:")
    acted = holder(home)
    second.type("R")
    wait_until(lambda: status(home / "state")["state"] == "running", 5, "it runs")
    second.type("K")
    second.wait_for("TAKE OVER")

    def agreed() -> bool:
        second.type("y")  # the dialog is deaf to what is typed before one can have read it
        return holder(home) not in ("", acted)

    wait_until(agreed, 10, "it took over")
    first.wait_for("view only:")
    second.type("R")
    wait_until(lambda: any(a == "resync" and o.startswith("done") for a, _, o in actions(home)), 15, "done")
    first.type("Q")
    first.wait_for("LEAVE THE SCREEN")

    def left() -> bool:
        if first.process.poll() is None:
            first.type("d")
        return first.process.poll() is not None

    wait_until(left, 10, "it left")
    assert first.process.wait(10) == 0
    first.wait_for("the bot trades on as pid", 5)
    wait_until(lambda: any(a == "detach" for a, _, _ in actions(home)), 10, "it is written down")
    seen = [(action, via) for action, via, outcome in actions(home) if outcome != "started"]
    assert ("take_control", "key K") in seen
    assert ("resync", "key R") in seen
    assert ("detach", "gridbot attach") in seen
    assert bot.popen.poll() is None


def test_a_screen_sees_its_instance_end_and_says_what_to_do(home: Path, bot: Process, attach: Attach) -> None:
    screen = attach()
    bot.end()
    screen.wait_for("NO LINK")
    screen.wait_for("gridbot run")
    assert screen.process.poll() is None
    screen.type("Q")
    assert screen.process.wait(10) == 0


def test_status_leaves_the_long_lists_out_and_a_run_never_attaches(home: Path, bot: Process) -> None:
    state = StateDir(home / "state")
    lists = {"orders", "fills", "history", "settings", "events"}
    assert not lists & set(ask(state, "status")["status"])
    assert lists - {"events"} <= set(ask(state, "status", full=True)["status"])
    again = gridbot(home, "run", "--no-ui", "--state-dir", str(home / "state"))
    assert again.returncode == 2
    assert f"gridbot attach --state-dir {home / 'state'}" in again.stderr
    alone = gridbot(home)
    assert alone.returncode == 2
    assert "attach needs a terminal" in alone.stderr
