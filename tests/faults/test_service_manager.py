"""The service manager's watchdog is fed by the account's loop: one that hangs starves it, though its process lives."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.runtime.account_loop import AccountLoop
from tests.e2e.systemd_end import Systemd
from tests.faults.world import World

WATCHDOG_S = 10


@pytest.fixture
async def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Systemd]:
    address = str(tmp_path / "notify")
    one = Systemd(address)
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", str(WATCHDOG_S * 10**6))
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    yield one
    one.close()


async def test_a_loop_that_hangs_pings_no_more(
    systemd: Systemd, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.start()
    assert systemd.told()[0] == "READY=1"
    await asyncio.sleep(WATCHDOG_S)
    assert systemd.told().count("WATCHDOG=1") >= 2
    turn, gate = AccountLoop.turn, asyncio.Event()

    async def held(self: AccountLoop, items: list[object]) -> None:
        await gate.wait()
        await turn(self, items)  # type: ignore[arg-type]

    monkeypatch.setattr(AccountLoop, "turn", held)
    await asyncio.sleep(1)
    systemd.told()
    await asyncio.sleep(3 * WATCHDOG_S)
    assert systemd.told() == [], "the event loop has gone on meanwhile"
    gate.set()
    await world.check("loop_lag")
    assert "WATCHDOG=1" in systemd.told()


async def test_a_stop_is_told(systemd: Systemd, world: World) -> None:
    await world.start()
    await asyncio.sleep(2)
    await world.stop()
    told = systemd.told()
    assert told.index("READY=1") < told.index("STOPPING=1")
    assert any(line.startswith("STATUS=running: BTC 6/6 orders") for line in told)
