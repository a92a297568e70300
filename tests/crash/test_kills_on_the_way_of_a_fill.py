"""P1 to P4: ``kill -9`` at each step of a fill's way. Afterwards each fill is counted once, and the grid stands."""

from __future__ import annotations

from core.engine.shadow_ledger import TRIM_BY, WINDOW_ENTRIES
from tests.crash.bot import Bot

SPEED = 100
"""Fast enough for fills, and not so fast that a minute of weight can't read them all."""


def test_p1_a_fill_that_had_arrived_and_was_in_no_row_is_read_back(bot: Bot) -> None:
    bot.killed_at("fill_arrived:2")
    assert sum(bot.books.fills().values()) < len(bot.truth()["fills"])
    summary = bot.recovers()
    assert summary["coins"]["BTC"]["fills_from_rest"] > 0


def test_p2_a_fill_that_was_inserted_and_not_committed_is_read_back(bot: Bot) -> None:
    bot.killed_at("fill_inserted:2")
    assert sum(bot.books.fills().values()) < len(bot.truth()["fills"])
    summary = bot.recovers()
    assert summary["coins"]["BTC"]["fills_from_rest"] > 0


def test_p3_a_fill_that_was_committed_and_moved_nothing_yet_is_counted_once(bot: Bot) -> None:
    bot.killed_at("fill_committed:2")
    assert bot.books.fills()
    bot.recovers()


def test_p4_a_fill_whose_consequences_were_not_committed_has_them_after_the_restart(bot: Bot) -> None:
    bot.killed_at("fill_stepped:2")
    traded = {row[0] for row in bot.books.rows("SELECT cloid FROM fills")}
    bot.recovers()
    marks = ", ".join("?" * len(traded))
    states = bot.books.rows(f"SELECT state FROM orders WHERE cloid IN ({marks})", *traded)
    assert len(states) == len(traded) > 0
    assert {state for (state,) in states} <= {"filled", "cancelled"}


def test_p9_a_kill_after_a_checkpoint_was_saved_starts_from_it(bot: Bot) -> None:
    bot.start()
    bot.is_whole()
    bot.kill()
    bot.trades_until(WINDOW_ENTRIES + 2 * TRIM_BY)
    bot.killed_at("checkpoint_saved")
    assert bot.books.rows("SELECT cut_ms FROM checkpoints")
    bot.recovers()
