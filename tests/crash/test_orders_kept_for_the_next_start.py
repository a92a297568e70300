"""``gridbot stop --keep-orders``, then a start: an upgrade with a live grid. The same orders rest, and fills go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.bot import DIES_WITHIN_S, SETTLES_WITHIN_S, Bot
from tests.e2e.program import Exchange, gridbot, wait_until

SPEED = 60
LEVELS = 10
STILL = {
    "HL_NUM_GRIDS": str(LEVELS),
    "HL_GRID_SPACING_PCT": "0.0006",
    "HL_ON_RANGE_EXIT": "hold",
}
"""A grid that stays where it was built: what is cancelled of it was not kept."""

FILLS_IN_THE_GAP = 3


@pytest.fixture
def bot(exchange: Exchange, tmp_path: Path) -> Iterator[Bot]:
    one = Bot(exchange, tmp_path, dict(STILL))
    yield one
    one.end()


def by_oid(bot: Bot) -> dict[int, str]:
    return {order["oid"]: order["cloid"] for order in bot.resting()}


def keeps_its_orders(bot: Bot) -> dict[int, str]:
    """Stop it so; what it left."""
    said = gridbot(bot.home, "stop", "--keep-orders", "--state-dir", str(bot.state.path))
    assert said.returncode == 0, said.stderr
    assert bot.life.popen.wait(DIES_WITHIN_S) == 0, bot.life.err.read_text()
    kept = by_oid(bot)
    (told,) = bot.life.events("orders_kept")
    summary = bot.life.summary()["coins"]["BTC"]
    assert f"{told['orders']} orders of the grid stay" in said.stdout
    assert summary["open_orders"] == told["orders"] >= len(kept) > LEVELS
    assert not bot.life.events("order_cancelled")
    return kept


def cancelled(bot: Bot) -> set[str]:
    return {row[0] for row in bot.books.rows("SELECT cloid FROM orders WHERE state = 'cancelled'")}


def test_a_start_goes_on_with_the_very_orders_and_counts_every_fill_of_the_gap_once(bot: Bot) -> None:
    bot.start()
    bot.is_whole(LEVELS)
    kept = keeps_its_orders(bot)
    before = len(bot.truth()["fills"])
    wait_until(
        lambda: len(bot.truth()["fills"]) >= before + FILLS_IN_THE_GAP, 60, "fills while nobody trades"
    )
    left = by_oid(bot)
    assert left.keys() <= kept.keys()

    bot.start()
    bot.settles()
    traded = {fill["oid"] for fill in bot.truth()["fills"]}
    assert left.keys() <= by_oid(bot).keys() | traded, "what didn't trade rests under its own number"
    assert not cancelled(bot)
    assert not bot.life.events("orphan_order_cancelled")
    bot.stops()


def test_after_a_change_of_settings_the_kept_grid_is_replaced_as_it_would_be_without_a_stop(bot: Bot) -> None:
    bot.start()
    bot.is_whole(LEVELS)
    kept = set(keeps_its_orders(bot).values())
    bot.settings["HL_GRID_SPACING_PCT"] = "0.0011"
    bot.start()
    bot.life.wait_for("grid_recentered")
    bot.settles()
    wait_until(
        lambda: not {order["cloid"] for order in bot.resting()} & (kept - of_the_newest(bot)),
        SETTLES_WITHIN_S,
        "no order of the old grid rests",
    )
    bot.stops()


def of_the_newest(bot: Bot) -> set[str]:
    """Orders that belong to the newest grid: it may have kept some at its own prices."""
    newest = "SELECT cloid FROM orders WHERE generation = (SELECT max(generation) FROM grids)"
    return {row[0] for row in bot.books.rows(newest)}


def test_a_stop_without_it_leaves_none(bot: Bot) -> None:
    bot.start()
    bot.is_whole(LEVELS)
    said = gridbot(bot.home, "stop", "--state-dir", str(bot.state.path))
    assert (said.returncode, said.stdout) == (0, "stopped\n"), said.stderr
    assert bot.life.popen.wait(DIES_WITHIN_S) == 0
    assert not bot.resting()
    assert not bot.wrong()
