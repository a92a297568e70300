"""``kill -9`` at each phase of a flatten: the next start goes on with it, says so, and proves flat."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.runtime.control_client import ask
from core.runtime.statedir import UsageError
from tests.crash.bot import EXCUSED_S, Bot
from tests.e2e.program import Exchange, wait_until

SPEED = 60
"""Of the market: nothing here waits for its fills, and a faster one costs more than the bots do."""


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


HELD = "2"
"""BTC: more than this market takes from the touch in the time of a test."""


@pytest.fixture
def calm(tmp_path: Path) -> Iterator[Bot]:
    """On a market as slow as the real one, where an order may rest."""
    exchange = Exchange(tmp_path, 1, ("--no-limits",))
    one = Bot(exchange, tmp_path)
    yield one
    one.end()
    exchange.process.end()


def closers(bot: Bot) -> list[dict[str, object]]:
    """What rests on the exchange of flattens: other orders reduce, too, and rest or not by the market."""
    flattens = {cloid for (cloid,) in bot.books.rows("SELECT cloid FROM orders WHERE purpose = 'flatten'")}
    return [order for order in bot.resting() if order["cloid"] in flattens]


@pytest.mark.parametrize("when", ["flatten_rest", "flatten_rest:2", "it rests"])
def test_a_flatten_that_rests_while_only_post_only_orders_are_taken_is_carried_on_and_never_doubled(
    calm: Bot, when: str
) -> None:
    bot = calm
    bot.exchange.fund(bot.account, "500000000")
    bot.start(when if when != "it rests" else "")
    bot.is_whole()
    bot.watch.excused_until = time.monotonic() + 120
    bot.exchange.trade(bot.account, "B", HELD)
    wait_until(lambda: position(bot) > 0, 10, "a position is held")
    bot.exchange.set_faults([{"kind": "post_only_mode"}])
    try:
        asking = flatten(bot)
        if when == "it rests":
            wait_until(lambda: bool(closers(bot)), 20, "it rests")
            bot.kill()
        else:
            bot.dies()
        asking.join(10)
        assert position(bot) > 0
        resting = "SELECT cloid FROM orders WHERE purpose = 'flatten' AND tif = 'Alo'"
        before = set(bot.books.rows(resting))
        assert before, "its row was there before a byte of it left"
        bot.start()
        bot.life.wait_for("flatten_resumed")
        seen: set[object] = set()
        most = 0

        def rests_anew() -> bool:
            nonlocal most
            now = closers(bot)
            most = max(most, len(now))
            seen.update(order["cloid"] for order in now)
            return bool(seen - {cloid for (cloid,) in before})

        wait_until(rests_anew, 30, "the next life's own order rests")
    finally:
        bot.exchange.set_faults([])
    wait_until(lambda: position(bot) <= 0 and not bot.truth()["orders"], 60, "flat")
    assert position(bot) == 0, "closed once, not twice"
    assert most == 1, "never two orders that close the same"
    wait_until(
        lambda: any("CONFIRMED FLAT" in str(row) for row in bot.life.events("operator")), 30, "it says so"
    )
    bot.stops()
