"""P9 and more: ``kill -9`` while the program starts, looks for what is not in its journal, folds its log, and stops."""

from __future__ import annotations

import random
import sqlite3
import time

from core.journal.journal import FOLD_EVERY_ROWS
from tests.crash.bot import EXCUSED_S, Bot
from tests.crash.halfway import fold_half


def test_p9_a_first_start_that_was_killed_at_each_of_its_steps_is_simply_made_again(bot: Bot) -> None:
    for point in ("migrated", "anchor_read", "boot_saved"):
        bot.killed_at(point)
        assert not bot.resting()
    bot.recovers()


def test_a_kill_between_orphan_cancels_leaves_none_for_long(bot: Bot) -> None:
    bot.start()
    bot.is_whole()
    bot.kill()
    with sqlite3.connect(bot.state.journal) as db:  # a copy from before these orders, put back
        bot.watch.planted = {order["cloid"] for order in bot.resting()}
        db.executemany("DELETE FROM orders WHERE cloid = ?", [(cloid,) for cloid in bot.watch.planted])
    db.close()
    bot.killed_at("orphan_cancel:2")
    bot.killed_at("cancel_sent")
    log = (bot.state.logs / "gridbot.log").read_text()
    assert '"event":"orphan_order_cancelled"' in log, "told before the cancel left: no row remembers it"
    bot.recovers()


def test_a_stop_that_was_killed_near_its_end_had_cancelled_all(bot: Bot) -> None:
    for point in ("stop_last_read", "journal_closing"):
        bot.killed_stopping_at(point)
        assert not bot.resting()
    bot.recovers()


def test_a_kill_in_the_midst_of_folding_the_log_loses_nothing(bot: Bot) -> None:
    bot.start("log_folding")
    bot.is_whole()
    bot.watch.excused_until = time.monotonic() + EXCUSED_S
    for _ in range(FOLD_EVERY_ROWS // 4):
        for side in "BA":
            bot.exchange.trade(bot.account, side, "0.001")
    bot.dies()
    assert loses_nothing_halfway(bot), "the log was to be folded"
    bot.killed_stopping_at("journal_closing")
    loses_nothing_halfway(bot)
    bot.recovers()


def loses_nothing_halfway(bot: Bot) -> int:
    """How many pages were brought over: none if the log has just begun anew."""
    rows = bot.books.rows("SELECT * FROM fills ORDER BY id"), bot.books.rows("SELECT * FROM orders")
    assert rows[0]
    pages = fold_half(bot.state.journal)
    assert rows == (bot.books.rows("SELECT * FROM fills ORDER BY id"), bot.books.rows("SELECT * FROM orders"))
    return pages


def test_kills_at_random_moments_lose_no_fill_and_double_no_order(bot: Bot) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(5):
        bot.start()
        time.sleep(chance.uniform(0.3, 3.0))
        bot.kill()
    bot.recovers()
