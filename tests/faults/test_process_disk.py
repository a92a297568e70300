"""The real program on a real disk that is full, may not be written, or holds a journal that can't be used (P10-P12)."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.runtime.control_client import ask
from core.runtime.statedir import StateDir
from tests.e2e.program import Exchange, Process, gridbot, wait_until
from tests.faults.small_disk import SmallDisk, small_disk

Start = Callable[..., Process]


@pytest.fixture
def disk(home: Path) -> Iterator[SmallDisk]:
    with small_disk(home / "disk") as one:
        yield one


class Bot:
    """A running program whose state dir is on the small disk; asked through its socket, for stdout may be on no disk."""

    def __init__(self, start: Start, exchange: Exchange, state: Path, name: str = "gridbot") -> None:
        self.state, self.exchange = state, exchange
        self.process = start("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(state), name=name)
        self.process.wait_for("ws_ready")
        self.pid = self.process.popen.pid
        self.account = str(self.status()["account"])
        wait_until(lambda: len(self.orders()) >= 18, 15, "the grid rests")

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = ask(StateDir(self.state), "status")["status"]
        return found

    def fills(self) -> int:
        return int(self.status()["coins"]["BTC"]["fills"])

    def has_alert(self) -> bool:
        return any(alert["id"] == "storage" for alert in self.status()["alerts"])

    def orders(self) -> list[Any]:
        found: list[Any] = self.exchange.truth(self.account)["orders"]
        return found

    def trade(self, sides: str = "BA") -> None:
        """By hand: fills that the stream brings whether or not anything rests."""
        for side in sides:
            self.exchange.trade(self.account, side, "0.001")

    def agrees(self) -> bool:
        """The journal has every fill of the exchange's, once, and the position is the exchange's."""
        truth, coin = self.exchange.truth(self.account), self.status()["coins"]["BTC"]
        position = truth["positions"].get("BTC", "0")
        return bool(coin["fills"] == len(truth["fills"]) and coin["position"] == position)

    def log(self) -> list[dict[str, Any]]:
        text = (self.state / "logs" / "gridbot.log").read_text()
        assert text.endswith("\n")
        return [json.loads(line) for line in text.splitlines()]


def journal_keys(state: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"{(state / 'journal.db').as_uri()}?mode=ro", uri=True)) as db:
        return sorted(db.execute("SELECT coin, time_ms, trade_id FROM fills"))


def truth_keys(truth: dict[str, Any]) -> list[tuple[Any, ...]]:
    return sorted((row["coin"], row["time"], row["tid"]) for row in truth["fills"])


def test_p10_a_disk_that_fills_up_and_is_freed_again_loses_no_fill(
    start: Start, exchange: Exchange, disk: SmallDisk
) -> None:
    bot = Bot(start, exchange, disk.path / "state")
    wait_until(lambda: bot.fills() > 0, 30, "a first fill")
    assert (bot.state / "reserve").exists()

    disk.fill(bot.pid)
    wait_until(bot.has_alert, 40, "the screen says so")
    wait_until(lambda: not bot.orders(), 15, "what rested is taken back")
    if disk.gives_back:
        assert not (bot.state / "reserve").exists(), "given back"
        bot.trade()
        wait_until(bot.agrees, 10, "what comes meanwhile is written on the reserve's space")
        disk.fill(bot.pid)
    before = bot.fills()
    bot.trade("BA" * 15)
    wait_until(lambda: len(exchange.truth(bot.account)["fills"]) >= before + 30, 10, "they happened")
    assert bot.has_alert()
    assert not bot.orders()

    disk.free(bot.pid)
    wait_until(lambda: not bot.has_alert(), 15, "it is over")
    wait_until(lambda: len(bot.orders()) >= 18, 20, "the grid is back")
    assert (bot.state / "reserve").exists(), "made anew"
    wait_until(bot.agrees, 15, "every fill is there once")
    assert bot.process.stop() == 0, bot.process.err.read_text()
    truth = exchange.truth(bot.account)
    assert truth["orders"] == []
    assert journal_keys(bot.state) == truth_keys(truth)
    names = [row["event"] for row in bot.log()]
    assert "storage_recovered" in names


def test_p10_a_stop_while_the_disk_is_full_ends_with_4_and_the_next_start_goes_on(
    start: Start, exchange: Exchange, home: Path, disk: SmallDisk
) -> None:
    bot = Bot(start, exchange, disk.path / "state")
    disk.fill(bot.pid)
    wait_until(bot.has_alert, 40, "the screen says so")
    disk.fill(bot.pid)
    bot.trade()
    assert bot.process.stop() == 4
    assert exchange.truth(bot.account)["orders"] == []
    if disk.gives_back:  # else the program couldn't even write its last word
        assert "free disk space" in bot.process.err.read_text()
        refused = gridbot(
            home, "--no-ui", "--exchange-url", exchange.url, "--state-dir", str(bot.state), "--for", "20s"
        )
        assert (refused.returncode, refused.stdout) == (4, "")
        assert "free disk space" in refused.stderr
    disk.free(os.getpid())
    again = Bot(start, exchange, bot.state, "again")
    wait_until(again.agrees, 15, "every fill is there once")
    assert again.process.stop() == 0
    assert journal_keys(bot.state) == truth_keys(exchange.truth(bot.account))
