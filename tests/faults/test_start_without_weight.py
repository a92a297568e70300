"""T5: a start on a host whose request weight of this minute is spent, by another program or by starts before it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

from core.exchange.venue_clock import mono_ms
from core.exchange.weight_budget import shared_budget
from core.runtime.plan import RunPlan
from core.view import AlertView, RunState
from tests.faults.world import World

MORE_THAN_A_MINUTE = 100_000


async def test_t05_a_start_that_waits_for_request_weight_shows_that_and_for_how_long_and_goes_on(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits, plan = tmp_path / "limits", world.plan

    def of_this_host() -> RunPlan:
        return replace(plan(), limits=limits)

    monkeypatch.setattr(world, "plan", of_this_host)
    limits.mkdir()
    another = shared_budget(limits, world.exchange.url, mono_ms)
    another.spend(MORE_THAN_A_MINUTE)
    another.close()

    def shown() -> AlertView | None:
        run = world.run.snapshots
        return next(iter(run[-1].alerts), None) if run and run[-1].state is RunState.STARTING else None

    await world.start(resting=None)
    first = await world.until(shown, "it says what it waits for")
    assert first.id == "weight"
    assert "of this host's" in first.fix
    before_s = seconds(first)
    assert 50 <= before_s <= 61
    await asyncio.sleep(20)
    last = shown()
    assert last is not None
    assert before_s - 22 <= seconds(last) <= before_s - 18, "it counts down"
    assert not world.ours()
    await world.until(world.is_whole, "the grid rests", 90)
    assert not [alert for alert in world.snapshot.alerts if alert.id == "weight"]
    await world.check("weight_wait")


def seconds(alert: AlertView) -> int:
    found = re.fullmatch(r"NOT STARTED YET, WAITING FOR REQUEST WEIGHT: it goes on in (\d+) s", alert.text)
    assert found, alert.text
    return int(found[1])
