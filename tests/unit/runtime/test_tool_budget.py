"""Somebody sits before a command that looks on: what it waits for is said."""

from __future__ import annotations

import asyncio

import pytest

from core.exchange.lanes import Lane
from core.exchange.weight_window import PER_MINUTE
from core.runtime import tool_budget


async def test_a_command_beside_a_busy_bot_says_what_it_waits_for_and_how_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_ms = [0.0]

    async def sleep(seconds: float) -> None:
        at_ms[0] += seconds * 1000

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(tool_budget, "mono_ms", lambda: at_ms[0])
    monkeypatch.setattr(tool_budget, "limits_dir", lambda: None)
    budget = tool_budget.tool_budget("http://127.0.0.1:1")
    await budget.take(Lane.INFO, 20)
    assert not capsys.readouterr().err
    budget.spend(PER_MINUTE - 20)
    await budget.take(Lane.INFO, 20)
    told = capsys.readouterr()
    assert told.err.startswith("gridbot: waiting for the exchange's request weight of this host (about 6")
    assert 3 <= told.err.count("\n") <= 7, "every ten seconds"
    assert not told.out
