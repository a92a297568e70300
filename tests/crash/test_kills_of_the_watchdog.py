"""``kill -9`` of the watchdog while it takes back the grid of a bot that was killed: whoever comes next finishes, and nobody
touches the stop.
"""

from __future__ import annotations

import signal

import pytest

from core.failpoints import VARIABLE
from tests.crash.bot import DIES_WITHIN_S, SETTLES_WITHIN_S, Bot
from tests.e2e.program import Process, wait_until

SPEED = 1
"""A calm market: what is cancelled here isn't traded before."""

LEVELS = 110
A_BATCH = 200
"""Cancels in one action: the grid takes two."""

HELD = "0.005"


@pytest.fixture
def bot(bot: Bot) -> Bot:
    bot.settings |= {
        "HL_NUM_GRIDS": str(LEVELS),
        "HL_INVESTMENT_USD": "2000",
        "HL_STOP_LOSS_LOW": "95000",
        "HL_RECENTER_INTERVAL_SEC": "3600",
    }
    return bot


def stops(bot: Bot) -> list[str]:
    return [order["cloid"] for order in bot.truth()["orders"] if order["isTrigger"]]


def dog(bot: Bot, name: str, failpoint: str = "") -> Process:
    env = {"HL_AGENT_KEY": bot.settings["HL_AGENT_KEY"], **({VARIABLE: failpoint} if failpoint else {})}
    arguments = ("watchdog", "--state-dir", str(bot.state.path), "--after", "1s")
    return Process(arguments, bot.home, env, name=name, program="tests.crash.hasty_watchdog")


def killed_both(bot: Bot, failpoint: str) -> tuple[set[str], str]:
    """A bot that holds something, and its watchdog at that point of what follows; what rested of its grid, and its stop."""
    bot.start()
    bot.is_whole(2 * LEVELS)
    bot.watch.excused_until = float("inf")
    bot.exchange.trade(bot.account, "B", HELD)
    wait_until(lambda: bool(stops(bot)), 15, "a stop rests for what was bought")
    bot.kill()
    grid = {order["cloid"] for order in bot.resting()}
    assert len(grid) > A_BATCH
    (stop,) = stops(bot)
    first = dog(bot, "dog0", failpoint)
    assert first.popen.wait(DIES_WITHIN_S) == -signal.SIGKILL, first.err.read_text()
    assert first.events("watchdog_bot_lost")
    return grid, stop


def recovers(bot: Bot, grid: set[str], stop: str) -> None:
    """The next life finds by their names what became of its orders, and the books agree."""
    bot.start()
    bot.settles()
    assert stop in stops(bot), "it was there all the time"
    wait_until(
        lambda: fates(bot, grid - resting(bot)) <= {"cancelled", "filled"}, SETTLES_WITHIN_S, "settled"
    )
    bot.exchange.trade(bot.account, "A", HELD)
    wait_until(lambda: not stops(bot), SETTLES_WITHIN_S, "nothing is held, and nothing protects it")
    bot.stops()


def fates(bot: Bot, cloids: set[str]) -> set[str]:
    """What the journal says that became of these orders."""
    return {state for cloid, state in bot.books.rows("SELECT cloid, state FROM orders") if cloid in cloids}


def resting(bot: Bot) -> set[str]:
    return {order["cloid"] for order in bot.resting()}


def test_one_that_dies_between_two_batches_of_cancels_leaves_the_rest_to_the_next_watchdog(bot: Bot) -> None:
    grid, stop = killed_both(bot, "cancel_sent")
    wait_until(lambda: len(resting(bot)) < len(grid), 5, "a batch is cancelled")
    left = len(resting(bot))
    assert left in (A_BATCH, len(grid) - A_BATCH), "and the other never left"
    assert stops(bot) == [stop]
    second = dog(bot, "dog1")
    second.wait_for("watchdog_orders_cancelled")
    assert (resting(bot), stops(bot)) == (set(), [stop])
    assert second.events("watchdog_orders_cancelled")[0]["cancelled"] == left
    assert not second.events("nonce_refused")
    assert second.stop() == 0
    assert not second.err.read_text()
    recovers(bot, grid, stop)


def test_what_one_has_cancelled_that_dies_of_its_first_answer_is_known_to_a_bot_that_starts(bot: Bot) -> None:
    grid, stop = killed_both(bot, "cancel_answered")
    assert len(resting(bot)) < len(grid)
    assert stops(bot) == [stop]
    recovers(bot, grid, stop)
