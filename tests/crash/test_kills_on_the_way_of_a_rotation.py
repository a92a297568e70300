"""``kill -9`` on the way of ``gridbot keys rotate``: the next start signs with an approved agent, and says so."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.rotating import AgentBot, address_of
from tests.e2e.program import Exchange, Process, wait_until

SPEED = 1
"""Of the market: nothing here waits for its fills."""

DIES_WITHIN_S = 30.0


@pytest.fixture
def bot(exchange: Exchange, tmp_path: Path) -> Iterator[AgentBot]:
    one = AgentBot(exchange, tmp_path)
    one.settings["HL_RECENTER_INTERVAL_SEC"] = "3600"
    yield one
    one.end()


def is_killed(process: Process) -> None:
    assert process.popen.wait(DIES_WITHIN_S) == -signal.SIGKILL, process.err.read_text()


def signs(bot: AgentBot, agent: str) -> None:
    """The present life trades by that agent's signature, with the orders of the life before, and each nonce was new."""
    before = {order["cloid"] for order in bot.resting()}
    bot.start()
    bot.settles()
    states = dict(bot.books.rows("SELECT cloid, state FROM orders"))
    gone = before - {order["cloid"] for order in bot.resting()}
    assert gone < before, "they rest on"
    assert {states[cloid] for cloid in gone} <= {"filled", "cancelled"}, "an order was lost on the way"
    (ceiling,) = bot.books.rows("SELECT ceiling FROM nonces WHERE signer = ?", agent)
    assert ceiling[0] > 0
    for life in bot.lives:
        for event in ("nonce_resync", "nonce_refused", "nonce_clash"):
            assert not life.events(event), life.events(event)


def ends_well(bot: AgentBot) -> None:
    assert bot.life.stop() == 0, bot.life.err.read_text()
    found = bot.wrong()
    assert not found, "\n".join(found)


def test_begun_and_not_approved_the_present_agent_signs_on_and_a_start_says_that_another_waits(
    bot: AgentBot,
) -> None:
    bot.start()
    bot.is_whole()
    first = bot.present
    is_killed(bot.rotate("rotation_begun"))
    new = address_of(bot.place.next.read_text())
    bot.kill()
    signs(bot, first)
    (waits,) = bot.life.events("rotation_waits")
    assert (waits["now"], waits["waits"]) == (first, new)
    assert bot.present == first
    assert bot.log() == []
    bot.approve(new, "two")
    going_on = bot.rotate()
    assert going_on.popen.wait(DIES_WITHIN_S) == 0, going_on.err.read_text()
    assert bot.present == new
    assert bot.log() == [(f"done: {new} signs now, in place of {first}", "cli")]
    bot.revoke("one")
    ends_well(bot)


@pytest.mark.parametrize("failpoint", ["rotation_approved", "rotation_done"])
def test_the_command_is_killed_and_the_next_start_signs_with_the_new_agent(
    bot: AgentBot, failpoint: str
) -> None:
    """Before the running bot was given the key, or after: between its signing with it and the writing of the key's file."""
    bot.start()
    bot.is_whole()
    first, new = bot.present, bot.begin_rotation("two")
    is_killed(bot.rotate(failpoint))
    assert bot.present == first
    assert len(bot.life.events("key_rotated")) == (failpoint == "rotation_done")
    bot.kill()
    bot.revoke("one")
    signs(bot, new)
    (told,) = bot.life.events("key_rotated")
    assert (told["before"], told["now"], told["by"]) == (first, new, "the start")
    assert (bot.present, bot.place.next.exists()) == (new, False)
    by_start = (f"done: {new} signs now, in place of {first}", "restart")
    wait_until(lambda: bot.log()[-1:] == [by_start], 10, "it is in the operator's log")
    ends_well(bot)


@pytest.mark.parametrize("failpoint", ["rotation_proven", "rotation_signs"])
def test_the_bot_is_killed_as_it_changes_the_key_and_its_next_start_signs_with_the_new_agent(
    bot: AgentBot, failpoint: str
) -> None:
    """What is more, that start is killed, too, before it has written which key is the present one."""
    bot.start(failpoint)
    bot.is_whole()
    first, new = bot.present, bot.begin_rotation("two")
    rotating = bot.rotate()
    bot.dies()
    assert rotating.popen.wait(DIES_WITHIN_S) == 2, rotating.err.read_text()
    assert "the same command goes on" in rotating.err.read_text()
    bot.revoke("one")
    bot.killed_at("rotation_settled")
    assert bot.present == first
    signs(bot, new)
    assert bot.present == new
    ends_well(bot)


def test_killed_once_it_is_done_there_is_nothing_left_to_do(bot: AgentBot) -> None:
    bot.start()
    bot.is_whole()
    new = bot.begin_rotation("two")
    is_killed(bot.rotate("rotation_kept"))
    assert bot.present == new
    bot.kill()
    bot.revoke("one")
    signs(bot, new)
    assert not bot.life.events("key_rotated")
    assert not bot.life.events("rotation_waits")
    ends_well(bot)
