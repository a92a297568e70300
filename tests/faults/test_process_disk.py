"""The real program on a real disk that is full, may not be written, or holds a journal that can't be used (P10-P12)."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import END_WITHIN_S, Exchange, Process, gridbot, status, wait_until
from tests.faults.small_disk import SmallDisk, mount, small_disk, unmount

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
        wait_until(lambda: len(self.orders()) >= 10, 15, "the grid rests")

    def status(self) -> dict[str, Any]:
        return status(self.state)

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

    def get_into_trouble(self) -> None:
        """The journal's log has room of its own for a while: trade until that is used up."""

        def in_trouble() -> bool:
            self.trade("BA" * 5)
            return self.has_alert()

        wait_until(in_trouble, 60, "the screen says that the journal can't be written")

    def is_held(self) -> bool:
        """Ten more fills have not come through, though the core has gone on to show the world since."""
        self.trade("BA" * 5)
        before, shown_ms = self.fills(), self.status()["time_ms"]
        wait_until(lambda: self.status()["time_ms"] > shown_ms + 1_000, 10, "the screen goes on")
        return before == self.fills() < len(self.exchange.truth(self.account)["fills"])

    def agrees(self) -> bool:
        """The journal has every fill of the exchange's, once, and the position is the exchange's."""
        truth, coin = self.exchange.truth(self.account), self.status()["coins"]["BTC"]
        position = str(truth["positions"].get("BTC", "0"))
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
    bot.get_into_trouble()
    wait_until(lambda: not bot.orders(), 15, "what rested is taken back")
    if disk.gives_back:
        assert not (bot.state / "reserve").exists(), "given back"
        bot.trade()
        wait_until(bot.agrees, 10, "what comes meanwhile is written on the reserve's space")
        disk.fill(bot.pid)
    wait_until(bot.is_held, 40, "no more fills can be written")
    assert bot.has_alert()
    assert not bot.orders()

    disk.free(bot.pid)
    wait_until(lambda: not bot.has_alert(), 15, "it is over")
    wait_until(lambda: len(bot.orders()) >= 10, 20, "the grid is back")
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
    bot.get_into_trouble()
    disk.fill(bot.pid)
    wait_until(bot.is_held, 40, "no more fills can be written")
    assert bot.process.stop() == 4
    assert exchange.truth(bot.account)["orders"] == []
    if disk.gives_back:  # else the program couldn't even write its last word
        assert "free disk space" in bot.process.err.read_text()
        refused = gridbot(
            home, "--no-ui", "--exchange-url", exchange.url, "--state-dir", str(bot.state), "--for", "20s"
        )
        assert refused.returncode == 4
        assert "session_start" not in refused.stdout
        assert "free disk space" in refused.stderr
    disk.free(os.getpid())
    again = Bot(start, exchange, bot.state, "again")
    wait_until(again.agrees, 15, "every fill is there once")
    assert again.process.stop() == 0
    assert journal_keys(bot.state) == truth_keys(exchange.truth(bot.account))


def test_p10_a_full_disk_ends_a_run_on_the_exchange_inside_with_4_and_the_next_start_goes_on(
    start: Start, disk: SmallDisk
) -> None:
    """The exchange's own books are on that disk as well."""
    state = disk.path / "state"
    bot = start("--no-ui", "--state-dir", str(state))
    bot.wait_for("fill")
    disk.fill(bot.popen.pid)
    assert bot.popen.wait(END_WITHIN_S) == 4
    said = bot.err.read_text()
    assert "Traceback" not in said
    if disk.gives_back:  # else the program couldn't even write its last word
        assert said.splitlines()[-1].startswith("gridbot: The paper exchange can't write")
        assert said.endswith("Fix: make room there, then restart.\n")
    disk.free(os.getpid())
    again = start("--no-ui", "--state-dir", str(state), "--summary", "json", name="again")
    again.wait_for("ws_ready")
    wait_until(lambda: status(state)["coins"]["BTC"]["open_orders"] >= 10, 20, "the grid is whole")
    assert again.stop() == 0, again.err.read_text()
    coin = again.summary()["coins"]["BTC"]
    assert coin["drift"] == "0"
    assert coin["position"] == coin["exchange_position"]


def refuse(home: Path, state: Path, exchange: Exchange) -> str:
    """What the program says on a state dir that it can't trade on, having traded nothing."""
    done = gridbot(home, "--no-ui", "--exchange-url", exchange.url, "--state-dir", str(state), "--for", "20s")
    assert done.returncode in (2, 4), done  # a wrong place, or storage
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("gridbot: ")
    return done.stderr


@contextmanager
def read_only(path: Path) -> Iterator[Path]:
    """A state dir on a file system that may not be written, or the nearest thing to it: one that the kernel owns."""
    path.mkdir()
    if not mount(path, "size=1m,ro"):
        yield Path("/sys/kernel/gridbot")
        return
    try:
        yield path
    finally:
        unmount(path)


def test_p12_a_read_only_file_system_is_named_and_nothing_is_started(exchange: Exchange, home: Path) -> None:
    with read_only(home / "ro") as state:
        said = refuse(home, state, exchange)
        assert str(state) in said
        assert "name another with --state-dir" in said


def test_p12_a_file_of_the_state_dir_that_cannot_be_written_is_named(exchange: Exchange, home: Path) -> None:
    for blocked, words in (
        ("paper.key.new", "paper.key can't be written"),
        ("logs/gridbot.log", "logs/gridbot.log can't be written"),
        ("reserve", "has no room for"),
        ("journal.db", "journal.db cannot be used"),
    ):
        state = home / Path(blocked).name
        (state / blocked).mkdir(parents=True)
        said = refuse(home, state, exchange)
        assert str(state) in said
        assert words in said


def test_p12_a_state_dir_on_a_full_disk_is_refused_before_anything_is_traded(
    exchange: Exchange, home: Path, disk: SmallDisk
) -> None:
    if disk.gives_back:
        disk.fill(os.getpid())
        said = refuse(home, disk.path / "state", exchange)
    else:
        (disk.path / "state" / "reserve").mkdir(parents=True)
        said = refuse(home, disk.path / "state", exchange)
    assert "free disk space, then start again" in said


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda raw: raw[: len(raw) // 2],
    "without a header": lambda raw: bytes(4_096) + raw[4_096:],
    "garbled": lambda raw: raw[:8_192] + os.urandom(len(raw) - 8_192),
    "of another version": lambda raw: raw[:60] + (99).to_bytes(4, "big") + raw[64:],
}


def without_a_page_of_actions(journal: Path) -> bytes:
    """Damage where nothing looks before an operator's command comes."""
    with closing(sqlite3.connect(journal)) as db:
        ((page,),) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'actions'")
        ((size,),) = db.execute("PRAGMA page_size")
    raw = journal.read_bytes()
    return raw[: (page - 1) * size] + bytes(size) + raw[page * size :]


def test_p11_a_journal_that_cannot_be_used_is_kept_and_the_way_out_is_named(
    exchange: Exchange, home: Path
) -> None:
    state = home / "state"
    journal = state / "journal.db"
    first = gridbot(home, "--no-ui", "--exchange-url", exchange.url, "--state-dir", str(state), "--for", "4s")
    assert first.returncode == 0, first.stderr
    account, sound = json.loads(first.stdout.splitlines()[0])["account"], journal.read_bytes()
    kept_by_name = {name: damage(sound) for name, damage in DAMAGES.items()}
    kept_by_name["without a page"] = without_a_page_of_actions(journal)
    for name, kept in kept_by_name.items():
        journal.write_bytes(kept)
        for beside in ("journal.db-wal", "journal.db-shm"):
            (state / beside).unlink(missing_ok=True)
        said = refuse(home, state, exchange)
        assert f"gridbot doctor --rebuild-from-exchange --state-dir {state}" in said, name
        assert journal.read_bytes() == kept, name
    assert exchange.truth(account)["orders"] == []
