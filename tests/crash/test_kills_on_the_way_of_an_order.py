"""P5 to P8: ``kill -9`` between the decision for an order, its bytes and its answer. Afterwards no order is lost or doubled."""

from __future__ import annotations

import signal
import time
from collections import Counter

import pytest

from core.exchange.signing import Signer
from tests.crash.bot import LEVELS, Bot
from tests.e2e.program import post

SPEED = 30
"""Each test looks at what has just been sent, which a market in a hurry would have traded or crossed by then."""

HOUR_MS = 3_600_000
NOOP = {"type": "noop"}


def states(bot: Bot) -> Counter[str]:
    return Counter(state for (state,) in bot.books.rows("SELECT state FROM orders"))


def rows(bot: Bot) -> list[tuple[str, str]]:
    """Cloid and state of every order."""
    return bot.books.rows("SELECT cloid, state FROM orders")


def sent(bot: Bot) -> set[str]:
    """Cloids whose rows say that they may have left, and no more."""
    return {cloid for (cloid,) in bot.books.rows("SELECT cloid FROM orders WHERE state = 'sent'")}


def resting(bot: Bot) -> set[str]:
    return {order["cloid"] for order in bot.resting()}


def test_p4_rows_that_were_written_and_not_committed_leave_no_order(bot: Bot) -> None:
    bot.killed_at("rows_written")
    assert not states(bot)
    assert not resting(bot)
    bot.recovers()


def test_p5_an_intent_that_was_committed_and_never_sent_frees_its_slot(bot: Bot) -> None:
    bot.killed_at("intent_committed")
    assert states(bot) == {"sent": 2 * LEVELS}
    assert not resting(bot)
    bot.recovers()
    assert states(bot)["never_placed"] == 2 * LEVELS


def test_p5_an_order_that_was_signed_and_never_sent_frees_its_slot(bot: Bot) -> None:
    bot.killed_at("order_signed:2")
    unsent = sent(bot) - resting(bot)
    assert unsent
    bot.recovers()
    marks = ", ".join("?" * len(unsent))
    assert {
        state for (state,) in bot.books.rows(f"SELECT state FROM orders WHERE cloid IN ({marks})", *unsent)
    } == {"never_placed"}


def test_p6_orders_that_rest_though_their_answer_was_never_read_are_ours_again(bot: Bot) -> None:
    bot.exchange.set_faults(
        [{"kind": "ws_drop", "channel": "orderUpdates"}]
    )  # or the stream may tell of them first
    try:
        bot.killed_at("order_sent")
    finally:
        bot.exchange.set_faults([])
    assert len(sent(bot)) == 2 * LEVELS
    assert resting(bot)
    assert resting(bot) <= sent(bot)
    bot.recovers()
    assert not states(bot)["never_placed"]


def test_p7_orders_whose_answer_moved_no_row_are_ours_again(bot: Bot) -> None:
    bot.killed_at("order_answered")
    assert resting(bot)
    bot.recovers()
    assert not states(bot)["never_placed"]


def test_an_order_that_lands_after_the_restart_is_ours_and_alone_in_its_slot(bot: Bot) -> None:
    bot.start("order_sent:2")
    bot.is_whole()
    late = {"kind": "action_late", "action": "order", "delay_ms": 4_000, "status": 504, "count": 1}
    bot.exchange.set_faults([late])
    try:
        bot.dies()
        bot.recovers()
    finally:
        bot.exchange.set_faults([])


def test_p8_cancels_that_were_signed_and_never_sent_are_sent_again(bot: Bot) -> None:
    bot.killed_stopping_at("cancel_signed")
    assert resting(bot)
    assert states(bot)["cancelling"]
    bot.recovers()


def test_p8_cancels_whose_answer_was_never_read_are_settled(bot: Bot) -> None:
    bot.exchange.set_faults([{"kind": "ws_drop", "channel": "orderUpdates"}])
    try:
        bot.killed_stopping_at("cancel_sent")
    finally:
        bot.exchange.set_faults([])
    assert not resting(bot)
    assert states(bot)["cancelling"]
    bot.recovers()


def test_p8_a_kill_between_two_batches_of_cancels_leaves_the_second_to_the_next_life(bot: Bot) -> None:
    bot.settings.update(HL_NUM_GRIDS="110", HL_INVESTMENT_USD="2000")
    bot.start("cancel_signed:2")  # the first batch has left, and waits for its answer
    bot.is_whole(210)
    bot.life.popen.send_signal(signal.SIGTERM)
    bot.dies()
    assert 0 < len(resting(bot)) <= 20
    bot.recovers()


def another_program(bot: Bot) -> None:
    """It signs with the bot's key by a clock that is an hour ahead: the exchange takes no nonce of about now any more."""
    signer, first = Signer(bot.settings["HL_AGENT_KEY"], is_mainnet=False), int(time.time() * 1000) + HOUR_MS
    for nonce in range(first, first + 100):
        signature = signer.sign(NOOP, nonce, None)
        said = post(f"{bot.exchange.url}/exchange", {"action": NOOP, "nonce": nonce, "signature": signature})
        assert said["status"] == "ok", said


def test_orders_whose_nonce_was_refused_and_that_were_not_sent_again_free_their_slots(bot: Bot) -> None:
    bot.killed_at("rows_written")  # its leverage is set, and nothing is to be settled
    another_program(bot)
    bot.killed_at("send_again")
    assert states(bot) == {"sent": 2 * LEVELS}
    assert not resting(bot)
    first = sent(bot)
    bot.recovers()
    assert bot.life.events("nonce_resync")[0]["sent_again"], "the next life learns it anew"
    assert {state for cloid, state in rows(bot) if cloid in first} == {"never_placed"}


def test_cancels_whose_nonce_was_refused_and_that_were_not_sent_again_are_sent_by_the_next_life(
    bot: Bot,
) -> None:
    bot.start("send_again")
    bot.is_whole()
    another_program(bot)
    bot.life.popen.send_signal(signal.SIGTERM)
    bot.dies()
    assert resting(bot)
    assert states(bot)["cancelling"]
    bot.recovers()


def killed_changing(bot: Bot, failpoint: str) -> None:
    """A life that holds so much that what adds to it is to rest smaller, killed at a point on the way of that change."""
    bot.settings.update(HL_SKEW_SOFT="0.05", HL_MAX_SYMBOL_NOTIONAL="100000", HL_RECENTER_INTERVAL_SEC="3600")
    bot.watch.excused_until = float("inf")
    bot.start(failpoint)
    bot.is_whole()
    size = max(float(order["sz"]) for order in bot.resting())
    for _ in range(4):
        bot.exchange.trade(bot.account, "B", f"{size:.5f}")
    bot.dies()


def changing(bot: Bot) -> tuple[set[str], set[str]]:
    """By the rows that the last life left: new orders on their way, and old ones on their way out."""
    gone = bot.books.rows("SELECT cloid FROM orders WHERE state = 'cancelling'")
    return sent(bot), {cloid for (cloid,) in gone}


def test_p5_a_change_that_was_committed_and_never_sent_leaves_the_old_orders_and_frees_the_new_ones(
    bot: Bot,
) -> None:
    killed_changing(bot, "modify_committed")
    new, old = changing(bot)
    assert new
    assert old
    traded = {fill.get("cloid") for fill in bot.truth()["fills"]}  # the market goes on
    assert old <= resting(bot) | traded
    assert old & resting(bot)
    assert not new & (resting(bot) | traded)
    bot.recovers()
    assert states(bot)["never_placed"] >= len(new)


@pytest.mark.parametrize("point", ["modify_sent", "modify_answered"])
def test_p6_a_change_that_was_made_and_whose_answer_moved_no_row_is_known_by_evidence(
    bot: Bot, point: str
) -> None:
    bot.exchange.set_faults([{"kind": "ws_drop", "channel": "orderUpdates"}])
    try:
        killed_changing(bot, point)
    finally:
        bot.exchange.set_faults([])
    new, old = changing(bot)
    assert new & resting(bot)
    assert not old & resting(bot)
    bot.recovers()
