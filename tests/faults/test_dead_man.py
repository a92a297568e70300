"""The exchange's dead man's switch against the exchange: armed, moved on, cleared last of all, fired, refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.domain.sessions import clock_text
from core.runtime.exit_code import ExitCode
from core.view import DeadManState
from tests.faults.world import GRID, World, living

AFTER_S = 60
MILLION = 10**12
ARMED_ROW = "SELECT value FROM meta WHERE key = 'dead_man_until_ms'"
"""When the switch may fire, in the journal; 0: it was cleared."""


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[World]:
    """Of an account that has traded enough, with a stop for what it holds."""
    low = Decimal(109_000)
    async with living(tmp_path, dead_man_switch_sec=Decimal(AFTER_S), stop_loss_low=low) as world:
        world.account.volume = MILLION
        yield world


async def armed(world: World) -> None:
    await world.start()
    await world.until(lambda: world.snapshot.dead_man.state is DeadManState.ARMED, "it is armed")


async def hold(world: World) -> None:
    world.hit(400, 400)
    await world.until(world.stops, "a stop rests for what was bought")


async def test_it_is_armed_and_told_and_cleared_only_when_nothing_of_the_grid_rests(guarded: World) -> None:
    await armed(guarded)
    at_ms = guarded.account.switch.at_ms
    assert at_ms is not None
    assert abs(at_ms - guarded.venue.now_ms() - 1000 * AFTER_S) < 5_000
    assert guarded.told("dead_man_switch_active")[0]["severity"] == "warn"
    await hold(guarded)
    resting_at_clear: list[int] = []
    set_switch = guarded.venue.venue.schedule_cancel

    def noted(account: Any, until_ms: int | None, now_ms: int) -> None:
        if until_ms is None:
            resting_at_clear.append(len(guarded.ours()))
        set_switch(account, until_ms, now_ms)

    guarded.venue.venue.schedule_cancel = noted  # type: ignore[assignment, method-assign]
    report = await guarded.stop()
    assert report.exit_code == 0
    assert resting_at_clear == [0], "cleared once, after the cancels (P16)"
    assert guarded.account.switch.at_ms is None
    assert guarded.stops(), "so that the stop outlives the bot"


async def test_when_it_fires_that_is_loud_and_the_grid_and_the_stop_come_back(guarded: World) -> None:
    await armed(guarded)
    await hold(guarded)
    before = {order.cloid for order in guarded.resting()}
    await guarded.faults({"kind": "clock_skew", "delay_ms": 1000 * (AFTER_S + 10)})
    await guarded.until(lambda: guarded.told("dead_man_switch_fired"), "it says so")
    (fired,) = guarded.told("dead_man_switch_fired")
    assert (fired["severity"], fired["firings_left_today"]) == ("crit", 9)
    await guarded.until(guarded.is_whole, "the grid is placed anew", 15)
    await guarded.until(guarded.stops, "and the stop")
    assert before.isdisjoint(order.cloid for order in guarded.resting())
    await guarded.until(lambda: guarded.snapshot.dead_man.state is DeadManState.ARMED, "armed again")
    assert any(alert.id == "dead_man" for alert in guarded.snapshot.alerts)


async def test_a_bot_that_is_killed_leaves_it_armed_and_the_exchange_takes_all_back(guarded: World) -> None:
    await armed(guarded)
    await guarded.crash()
    assert len(guarded.ours()) == GRID
    await guarded.faults({"kind": "clock_skew", "delay_ms": 1000 * (AFTER_S + 10)})
    await guarded.until(lambda: not guarded.resting(), "nothing rests")


async def test_one_that_a_killed_run_left_armed_is_taken_back_by_a_run_that_has_it_off(
    guarded: World,
) -> None:
    await armed(guarded)
    await hold(guarded)
    await guarded.crash()
    assert guarded.rows(ARMED_ROW) not in ([], [("0",)])
    guarded.settings["dead_man_switch_sec"] = Decimal(0)
    await guarded.start(resting=None)
    await guarded.until(lambda: guarded.told("dead_man_switch_deactivated"), "it is off")
    assert guarded.account.switch.at_ms is None
    assert guarded.told("dead_man_switch_left_armed")
    await guarded.until(lambda: guarded.rows(ARMED_ROW) == [("0",)], "the journal says so")
    await guarded.until(guarded.is_whole, "the grid")
    await guarded.check()
    await guarded.faults({"kind": "clock_skew", "delay_ms": 1000 * (AFTER_S + 10)})
    await guarded.turn()
    assert guarded.ours(), "nothing fires into this run"
    assert guarded.stops()
    await guarded.stop()
    await guarded.start(resting=None)
    await guarded.until(guarded.is_whole, "the grid")
    assert len(guarded.told("dead_man_switch_left_armed")) == 1, "once"


async def test_one_that_was_left_armed_and_cannot_be_taken_back_is_said_on_the_screen(guarded: World) -> None:
    await armed(guarded)
    await guarded.crash()
    guarded.settings["dead_man_switch_sec"] = Decimal(0)
    await guarded.faults({"kind": "http_500", "action": "scheduleCancel"})
    await guarded.start(resting=None)
    await guarded.until(lambda: guarded.told("dead_man_switch_deactivation_error"), "it says so")
    await guarded.turn()
    assert any("MAY FIRE IN" in alert.text for alert in guarded.snapshot.alerts)
    await guarded.faults()
    await guarded.until(lambda: guarded.account.switch.at_ms is None, "tried again")


async def test_an_account_that_has_traded_too_little_is_told_how_much_and_trades_on(tmp_path: Path) -> None:
    async with living(tmp_path, dead_man_switch_sec=Decimal(AFTER_S)) as world:
        await world.start()
        await world.until(lambda: world.told("dead_man_switch_activation_error"), "it says why")
        await world.turn()
        shown = world.snapshot.dead_man
        assert (shown.state, shown.required_usd) == (DeadManState.NOT_ELIGIBLE, Decimal(1_000_000))
        assert shown.traded_usd is not None
        assert any("NOT ARMED" in alert.text for alert in world.snapshot.alerts)
        answer = await world.control("status")
        assert answer["status"]["dead_man"]["state"] == "not_eligible"
        await world.check()
        await world.stop()


NEVER = "isn't known to be off"


def fires_at(world: World) -> str:
    """When the exchange would fire it, as a sentence says it."""
    assert world.account.switch.at_ms is not None
    return clock_text(world.account.switch.at_ms)


@pytest.mark.parametrize("kind", ["http_500", "answer_lost", "request_lost"])
async def test_a_clear_without_an_answer_is_repeated_until_it_is_off(guarded: World, kind: str) -> None:
    await armed(guarded)
    await guarded.faults({"kind": kind, "action": "scheduleCancel", "count": 2})
    report = await guarded.stop()
    assert (report.exit_code, report.message) == (ExitCode.CLEAN, "")
    assert guarded.account.switch.at_ms is None
    assert not guarded.told("dead_man_switch_deactivation_error")
    assert "dead_man_fires_by" not in report.summary


@pytest.mark.parametrize("kind", ["http_500", "answer_lost", "request_lost"])
@pytest.mark.parametrize("keeps", [False, True], ids=["stop", "keep"])
async def test_a_stop_that_cannot_clear_it_says_that_it_may_fire_and_when_and_what_it_takes(
    guarded: World, kind: str, keeps: bool
) -> None:
    await armed(guarded)
    await hold(guarded)
    await guarded.until(guarded.is_whole, "the grid")
    by, kept = fires_at(guarded), len(guarded.ours()) if keeps else 0
    await guarded.faults({"kind": kind, "action": "scheduleCancel"})
    answer = await guarded.control("stop", value="keep" if keeps else "", within_s=60)
    report = await asyncio.wait_for(guarded.run.task, 40)
    assert (answer["ok"], answer["outcome"]) == (False, "failed")
    assert report.exit_code is ExitCode.UNREACHABLE
    assert report.message == answer["text"]
    assert report.message.startswith(f"stopped; {kept} orders of the grid stay" if keeps else "stopped; the")
    ours = f"1 stop that protects a position{f' and {kept} orders of the grid' if keeps else ''} among them"
    for part in (NEVER, f"by {by} it may cancel every order of the account, {ours}", "start again before"):
        assert part in report.message
    assert report.summary["dead_man_fires_by"][11:19] == by[:8]
    assert (len(guarded.ours()), len(guarded.stops())) == (kept, 1)
    (told,) = guarded.told("dead_man_switch_deactivation_error")
    assert told["severity"] == "crit"
    assert "may cancel all orders" in told["reason"]
    assert not guarded.told("stop_incomplete"), "what rests is known"
    assert bool(guarded.account.switch.at_ms) is (kind != "answer_lost"), (
        "an answer that is lost proves nothing"
    )
    await guarded.faults()
    await guarded.start(resting=None)
    await guarded.until(guarded.is_whole, "the grid")
    await guarded.until(lambda: guarded.snapshot.dead_man.state is DeadManState.ARMED, "a start moves it on")
    assert guarded.stops()


async def test_a_stop_at_once_says_that_it_is_left_armed(guarded: World) -> None:
    await armed(guarded)
    await guarded.faults({"kind": "http_503", "probability": 1.0})
    by = fires_at(guarded)
    guarded.run.session.request_stop("SIGINT")
    await guarded.until(lambda: guarded.told("stopping"), "it stops in order")
    guarded.run.session.stop_at_once("SIGINT")
    report = await asyncio.wait_for(guarded.run.task, 40)
    assert report.exit_code is ExitCode.UNREACHABLE
    assert "stopped at once (SIGINT)" in report.message
    assert (
        f"by {by} it may cancel every order of the account, {GRID} orders of the grid among them"
        in report.message
    )
    (told,) = guarded.told("stop_incomplete")
    assert f"by {by} it may cancel" in told["reason"]


async def test_a_stop_that_may_leave_orders_leaves_it_armed_and_says_so(guarded: World) -> None:
    await armed(guarded)
    await guarded.faults({"kind": "http_500", "action": "cancelByCloid"})
    report = await guarded.stop()
    assert report.exit_code is ExitCode.UNREACHABLE
    assert "start again to settle them" in report.message
    assert (
        f"{NEVER} (left armed, since orders of the grid may rest): by {fires_at(guarded)}" in report.message
    )
    assert guarded.account.switch.at_ms is not None


async def test_a_request_to_arm_it_that_lands_late_is_not_left_behind_by_a_stop(guarded: World) -> None:
    """Its answer said that the exchange failed, and it is carried out after the one to be off."""
    await armed(guarded)
    late = {"kind": "action_late", "action": "scheduleCancel", "delay_ms": 4_000, "status": 504, "count": 1}
    await guarded.faults(late)
    await guarded.until(
        lambda: guarded.told("dead_man_switch_refresh_error"), "the next one has no answer", 40
    )
    report = await guarded.stop()
    assert report.exit_code is ExitCode.CLEAN, report.message
    await asyncio.sleep(10)
    assert guarded.account.switch.at_ms is None
