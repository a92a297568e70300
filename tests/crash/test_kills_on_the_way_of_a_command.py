"""``kill -9`` around the row of a command: what an operator was told is so after it, and nothing is half so."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from typing import Any

import pytest

from core.runtime.control_client import ask
from core.runtime.statedir import UsageError
from tests.crash.bot import Bot
from tests.e2e.program import wait_until

SPEED = 60
"""Of the market: nothing here waits for its fills, and a faster one costs more than the bots do."""

LOOKS_S = 5.0
"""So long a parked slot is watched after a start: a grid is whole again long before."""


class Asking(threading.Thread):
    """A command to the present life, which may end before it answers; ``answer`` stays empty then."""

    def __init__(self, bot: Bot, command: str, value: str = "") -> None:
        super().__init__(daemon=True)
        self._bot, self._command, self._value = bot, command, value
        self.answer: dict[str, Any] = {}
        self.start()

    def run(self) -> None:
        try:
            self.answer = ask(self._bot.state, self._command, "", value=self._value)
        except UsageError:
            pass  # it ended before it answered


def stays_put(bot: Bot) -> None:
    """A grid that keeps its slots where they are: what a test does to one, it finds there again."""
    bot.settings["HL_RECENTER_INTERVAL_SEC"] = "3600"


def far_order(bot: Bot) -> tuple[str, tuple[str, int]]:
    """The client id and the slot of our order that is the furthest from the market."""
    cloid = min((o for o in bot.resting() if o["side"] == "B"), key=lambda o: float(o["limitPx"]))["cloid"]
    (slot,) = bot.books.rows("SELECT slot_side, slot_index FROM orders WHERE cloid = ?", cloid)
    return cloid, slot


def in_slot(bot: Bot, slot: tuple[str, int]) -> list[str]:
    """Our orders on the exchange that work it."""
    resting = [order["cloid"] for order in bot.resting()]
    rows = bot.books.rows("SELECT cloid FROM orders WHERE slot_side = ? AND slot_index = ?", *slot)
    return [cloid for (cloid,) in rows if cloid in resting]


def parked(bot: Bot) -> list[str]:
    return list(ask(bot.state, "status")["status"]["coins"]["BTC"]["parked"])


def rows(bot: Bot, action: str) -> list[str]:
    return [row[0] for row in bot.books.rows("SELECT outcome FROM actions WHERE action = ?", action)]


def sent_for(bot: Bot, slot: tuple[str, int], since_ms: int) -> list[Any]:
    """Orders that were sent to quote it. One that was sent for a line of the grid before, and came into the slot with the next
    grid, is not: it is cancelled there.
    """
    return bot.books.rows(
        "SELECT o.cloid, o.state FROM orders o JOIN grids g ON g.coin = o.coin AND g.generation = o.generation "
        "WHERE o.slot_side = ? AND o.slot_index = ? AND o.created_ms >= max(g.created_ms, ?)",
        *(*slot, since_ms),
    )


def is_never_quoted(bot: Bot, slot: tuple[str, int], since_ms: int) -> None:
    """Nothing is sent for it, and what rested there goes."""
    wait_until(lambda: not in_slot(bot, slot), 15, "what rested in the parked slot is cancelled")
    time.sleep(LOOKS_S)
    assert not sent_for(bot, slot, since_ms), "quoted, though the operator was told that it is parked"
    wait_until(lambda: not in_slot(bot, slot), 15, "what came into it goes, too")


def now_ms() -> int:
    return int(time.time() * 1000)


def start_and_be_whole(bot: Bot, failpoint: str = "") -> None:
    bot.start(failpoint)
    bot.is_whole()


# -- a parked slot -------------------------------------------------------------------------------------------------


def test_a_slot_whose_row_was_not_committed_is_not_parked_and_nobody_was_told_so(bot: Bot) -> None:
    stays_put(bot)
    start_and_be_whole(bot, "action_inserted")
    cloid, slot = far_order(bot)
    asking = Asking(bot, "park", cloid)
    bot.dies()
    asking.join(10)
    assert not asking.answer
    assert rows(bot, "park") == []
    start_and_be_whole(bot)
    assert parked(bot) == []
    wait_until(lambda: bool(in_slot(bot, slot)), 15, "its level is quoted")
    bot.stops()


@pytest.mark.parametrize("when", ["action_committed", "told"])
def test_a_slot_that_was_parked_is_never_quoted_after_a_kill(bot: Bot, when: str) -> None:
    stays_put(bot)
    start_and_be_whole(bot, when if when != "told" else "")
    cloid, slot = far_order(bot)
    asking = Asking(bot, "park", cloid)
    if when == "told":
        asking.join(20)
        bot.kill()
        assert asking.answer["ok"], asking.answer
    else:
        bot.dies()
        assert in_slot(bot, slot), "killed before its cancel was sent"
    assert len(rows(bot, "park")) == 1
    killed_ms = now_ms()
    bot.start()
    bot.life.wait_for("ws_ready")
    is_never_quoted(bot, slot, killed_ms)
    assert parked(bot) == [f"{slot[0]} {slot[1]}"]
    assert len(rows(bot, "park")) == 1
    bot.stops()


@pytest.mark.parametrize("failpoint", ["action_inserted", "action_committed"])
def test_a_slot_is_unparked_by_what_is_in_the_journal_alone(bot: Bot, failpoint: str) -> None:
    stays_put(bot)
    start_and_be_whole(bot)
    cloid, slot = far_order(bot)
    assert ask(bot.state, "park", value=cloid)["ok"]
    bot.kill()
    killed_ms = now_ms()
    bot.start(failpoint)
    bot.life.wait_for("ws_ready")
    is_never_quoted(bot, slot, killed_ms)
    asking = Asking(bot, "unpark")
    bot.dies()
    asking.join(10)
    assert not asking.answer
    bot.start()
    bot.life.wait_for("ws_ready")
    if failpoint == "action_inserted":
        is_never_quoted(bot, slot, killed_ms)
        assert (parked(bot), rows(bot, "unpark")) == ([f"{slot[0]} {slot[1]}"], [])
    else:
        wait_until(lambda: bool(in_slot(bot, slot)), 20, "its level is quoted again")
        assert (parked(bot), len(rows(bot, "unpark"))) == ([], 1)
    bot.stops()


# -- the operator's log --------------------------------------------------------------------------------------------

COMMANDS = ("halt", "poll", "resume", "resync")
ROWS = 7
"""Each is written down when it begins and when it has ended, but for ``resume``, which is done at once."""


@pytest.mark.parametrize("failpoint", ["action_inserted", "action_committed"])
@pytest.mark.parametrize("passage", [1, 2, 4, 5, ROWS])
def test_what_an_operator_was_told_is_in_the_log_once_and_nothing_is_twice(
    bot: Bot, failpoint: str, passage: int
) -> None:
    start_and_be_whole(bot, f"{failpoint}:{passage}")
    told: list[str] = []
    for command in COMMANDS:
        asking = Asking(bot, command)
        wait_until(lambda a=asking: not a.is_alive() or bot.life.popen.poll() is not None, 40, "told or dead")  # type: ignore[misc]
        asking.join(10)
        if not asking.answer:
            break
        assert asking.answer["ok"], asking.answer
        told.append(asking.answer["id"])
    assert bot.life.popen.wait(10) == -signal.SIGKILL
    written = passage - (failpoint == "action_inserted")
    log = lines(bot)
    assert log.total() == written
    assert set(log.values()) <= {1}
    ended = {id_ for id_, is_end in log if is_end}
    assert set(told) <= ended, "told as done, and not in the log"
    assert len(ended) - len(told) <= 1, "but for the one whose answer was on its way"
    bot.start()
    bot.life.wait_for("ws_ready")
    time.sleep(1)
    assert log == lines(bot), "a start has added to what was done before it, or changed it"
    bot.stops()


def lines(bot: Bot) -> Counter[tuple[str, bool]]:
    """Command ids of the log, with whether the line is of its end."""
    found = bot.books.rows("SELECT command_id, outcome <> 'started' FROM actions")
    return Counter((id_, bool(is_end)) for id_, is_end in found)
