"""P9 and more: ``kill -9`` while the program starts, looks for what is not in its journal, and stops."""

from __future__ import annotations

import random
import sqlite3
import time

from tests.crash.bot import Bot


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
    bot.recovers()
    assert any(life.events("orphan_order_cancelled") for life in bot.lives)


def test_a_stop_that_was_killed_near_its_end_had_cancelled_all(bot: Bot) -> None:
    for point in ("stop_last_read", "journal_closing"):
        bot.killed_stopping_at(point)
        assert not bot.resting()
    bot.recovers()


def test_kills_at_random_moments_lose_no_fill_and_double_no_order(bot: Bot) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(5):
        bot.start()
        time.sleep(chance.uniform(0.3, 3.0))
        bot.kill()
    bot.recovers()
