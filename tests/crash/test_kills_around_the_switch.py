"""``kill -9`` while the exchange's dead man's switch is asked for or taken back: the next start knows that it may fire."""

from __future__ import annotations

import signal
import time

import pytest

from tests.crash.bot import Bot
from tests.e2e.program import wait_until

SPEED = 60
AFTER_S = 3_600
"""It is moved on every 20 minutes: what a test sees asked for is the first time, and the taking back."""

TRADED = "5"
"""BTC bought and sold again: the million USD of volume that the switch takes."""


@pytest.fixture
def bot(bot: Bot) -> Bot:
    """Of an account that may have one."""
    bot.settings["HL_DEAD_MAN_SWITCH_SEC"] = str(AFTER_S)
    bot.exchange.fund(bot.account, "500000000")
    for side in "BA":
        bot.exchange.trade(bot.account, side, TRADED)
    return bot


def armed_ms(bot: Bot) -> int:
    """When the exchange would fire it; 0: never."""
    return int(bot.truth()["scheduled_cancel"] or 0)


def written_ms(bot: Bot) -> int:
    """When it may fire by the journal."""
    return next(
        (int(value) for (value,) in bot.books.rows("SELECT value FROM meta WHERE key = 'dead_man_until_ms'")),
        0,
    )


def goes_on_with_it(bot: Bot) -> None:
    """A start that has it on arms it anew, and clears it as it stops."""
    before = armed_ms(bot)
    bot.start()
    bot.settles()
    bot.life.wait_for("dead_man_switch_active")
    assert armed_ms(bot) > max(before, int(time.time() * 1000))
    assert not bot.life.events("dead_man_switch_left_armed")
    bot.stops()
    assert (armed_ms(bot), written_ms(bot)) == (0, 0)


def takes_it_back(bot: Bot, is_written: bool) -> None:
    """A start that has it off leaves none armed, whether the exchange has it or not."""
    bot.settings["HL_DEAD_MAN_SWITCH_SEC"] = "off"
    bot.start()
    bot.settles()
    if is_written:
        bot.life.wait_for("dead_man_switch_deactivated")
    wait_until(lambda: not armed_ms(bot) and not written_ms(bot), 10, "it is off, and known to be")
    assert len(bot.life.events("dead_man_switch_left_armed")) == is_written
    bot.stops()


def next_start(bot: Bot, is_on: bool) -> None:
    if is_on:
        goes_on_with_it(bot)
    else:
        takes_it_back(bot, is_written=written_ms(bot) > 0)


@pytest.mark.parametrize("is_on", [True, False], ids=["on", "off"])
@pytest.mark.parametrize("point", ["switch_saved", "switch_sent"])
def test_one_that_was_asked_for_is_known_to_the_next_start(bot: Bot, point: str, is_on: bool) -> None:
    bot.killed_at(point)
    assert written_ms(bot) > time.time() * 1000, "before a byte of it left"
    if point == "switch_sent":
        wait_until(lambda: bool(armed_ms(bot)), 5, "the exchange has it")
    else:
        assert not armed_ms(bot)
    next_start(bot, is_on)


@pytest.mark.parametrize(
    ("point", "is_on"),
    [("switch_signed", False), ("switch_sent", True), ("switch_answered", False), ("switch_saved", False)],
)
def test_one_that_a_stop_takes_back_is_armed_and_known_or_off(bot: Bot, point: str, is_on: bool) -> None:
    bot.start(f"{point}:2")
    bot.is_whole()
    bot.life.wait_for("dead_man_switch_active")
    assert armed_ms(bot)
    bot.life.popen.send_signal(signal.SIGTERM)
    bot.dies()
    assert not bot.resting(), "nothing of the grid rests any more (P16)"
    if point == "switch_signed":
        assert armed_ms(bot)
    else:
        wait_until(lambda: not armed_ms(bot), 5, "the exchange has it off")
    assert bool(written_ms(bot)) == (point != "switch_saved"), "until that is confirmed it may fire"
    next_start(bot, is_on)
