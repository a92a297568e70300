"""``kill -9`` at each phase of a flatten: the next start goes on with it, says so, and proves flat."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest

from core.runtime.control_client import ask
from core.runtime.statedir import UsageError
from tests.crash.bot import EXCUSED_S, Bot
from tests.e2e.program import wait_until


def flatten(bot: Bot) -> threading.Thread:
    """Ask the present life for it; that life may end before it answers."""

    def asking() -> None:
        with contextlib.suppress(UsageError):
            ask(bot.state, "flatten", "BTC")

    thread = threading.Thread(target=asking, daemon=True)
    thread.start()
    return thread


def position(bot: Bot) -> int:
    return bot.books.lots(bot.truth()["positions"].get("BTC", "0"))


@pytest.mark.parametrize(
    "phase", ["flatten_cancel", "flatten_read", "flatten_close", "flatten_verify", "cancel_sent"]
)
def test_a_flatten_that_was_killed_is_carried_on_by_the_next_start(bot: Bot, phase: str) -> None:
    bot.start(phase if phase != "cancel_sent" else "")
    bot.is_whole()
    bot.watch.excused_until = time.monotonic() + EXCUSED_S
    bot.exchange.trade(bot.account, "B", "0.01")
    wait_until(lambda: position(bot) != 0, 10, "a position is held")
    asking = flatten(bot)
    if phase == "cancel_sent":
        wait_until(
            lambda: bool(bot.books.rows("SELECT 1 FROM halts WHERE reason = 'flatten'")), 10, "it has begun"
        )
        bot.kill()
    else:
        bot.dies()
    asking.join(10)
    was_open = bool(
        bot.books.rows("SELECT 1 FROM meta WHERE key = 'standing:BTC' AND value LIKE '%flattening%'")
    )
    bot.start()
    bot.life.wait_for("ws_ready")
    wait_until(lambda: position(bot) == 0 and not bot.truth()["orders"], 40, "the next start proves it flat")
    if was_open:
        bot.life.wait_for("flatten_resumed")
        wait_until(
            lambda: any("CONFIRMED FLAT" in str(row) for row in bot.life.events("operator")), 20, "it says so"
        )
    assert was_open or phase == "cancel_sent"
    bot.stops()
