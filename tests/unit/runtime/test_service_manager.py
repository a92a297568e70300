"""What systemd is told over its socket, by a fake one: a path and an abstract name, and one that nobody reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.runtime.service_manager import EXTEND_EVERY_MS, ServiceManager, ping_every_ms, status_line
from core.view import CoinView, DriftView, GridView, RunState, Snapshot
from tests.e2e.systemd_end import Systemd

BTC = CoinView(
    "BTC",
    RunState.RUNNING,
    position=Decimal("0.0245"),
    grid=GridView(orders_active=18, orders_target=20),
    drift=DriftView(amount=Decimal("0.001")),
)
RUNNING = Snapshot(1, 0, "paper", "0x", RunState.RUNNING, coins=(BTC,))
STATUS = "STATUS=running: BTC 18/20 orders, position 0.0245, drift 0.001"


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return (
        str(tmp_path / "notify") if request.param == "path" else f"@gridbot-test-{os.getpid()}-{id(request)}"
    )


@pytest.fixture
def systemd(address: str) -> Iterator[Systemd]:
    one = Systemd(address)
    yield one
    one.close()


def manager(address: str, usec: int = 0, failed: list[str] | None = None) -> ServiceManager:
    watchdog = {"WATCHDOG_USEC": str(usec), "WATCHDOG_PID": str(os.getpid())} if usec else {}
    told = failed if failed is not None else []
    return ServiceManager({"NOTIFY_SOCKET": address, **watchdog}, told.append)


def test_it_is_ready_once_and_its_status_is_told_when_it_is_another(systemd: Systemd, address: str) -> None:
    one = manager(address)
    one.shown(RUNNING, 1_000)
    assert systemd.told() == ["READY=1", STATUS]
    one.shown(RUNNING, 9_000)
    assert systemd.told() == []
    one.shown(replace(RUNNING, state=RunState.HALTED, halt_reason="drawdown\nof 12 %"), 10_000)
    assert systemd.told() == [STATUS.replace("running", "halted (drawdown of 12 %)")]
    one.close()


def test_it_pings_at_half_of_what_the_watchdog_bears_and_only_when_the_loop_shows_something(
    systemd: Systemd, address: str
) -> None:
    one = manager(address, usec=30_000_000)
    pings = []
    for at_ms in range(0, 60_001, 100):
        one.shown(RUNNING, at_ms)
        pings += [at_ms] if "WATCHDOG=1" in systemd.told() else []
    assert pings == [0, 15_000, 30_000, 45_000, 60_000]
    one.close()


def test_a_stop_is_told_and_given_more_time_for_as_long_as_it_goes_on(systemd: Systemd, address: str) -> None:
    one = manager(address)
    one.shown(RUNNING, 0)
    systemd.told()
    stopping = replace(RUNNING, state=RunState.STOPPING)
    told = []
    for at_ms in range(1_000, 1_001 + 2 * EXTEND_EVERY_MS, 100):
        one.shown(stopping, at_ms)
        told += systemd.told()
    assert told.count("STOPPING=1") == 1
    assert told.count("EXTEND_TIMEOUT_USEC=20000000") == 3
    one.close()


def test_a_manager_that_cannot_be_told_holds_nothing_up_is_told_of_once_and_told_again_later(
    tmp_path: Path,
) -> None:
    failed: list[str] = []
    address = str(tmp_path / "notify")
    one = manager(address, failed=failed)
    one.shown(RUNNING, 0)
    one.shown(RUNNING, 100)
    (why,) = failed
    assert "No such file" in why
    systemd = Systemd(address)
    one.shown(RUNNING, 200)
    assert systemd.told() == ["READY=1", STATUS], "what it has missed"
    systemd.close()
    one.close()


def test_a_manager_that_does_not_read_is_not_waited_for(systemd: Systemd, address: str) -> None:
    failed: list[str] = []
    one = manager(address, usec=2_000, failed=failed)
    for at_ms in range(10_000):
        one.shown(RUNNING, at_ms)
        if failed:
            break
    assert failed, "its queue is full, and the bot goes on"
    one.close()


def test_without_a_manager_it_is_silent() -> None:
    failed: list[str] = []
    ServiceManager({"WATCHDOG_USEC": "1000"}, failed.append).shown(RUNNING, 0)
    assert not failed


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15_000),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 15_000),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, 0),
        ({"WATCHDOG_USEC": "soon"}, 0),
        ({}, 0),
    ],
)
def test_a_watchdog_of_another_process_is_not_ours(environ: dict[str, str], expected: int) -> None:
    assert ping_every_ms(environ, 7) == expected


def test_many_coins_are_one_line() -> None:
    halted = replace(BTC, coin="SOL", halt_reason="operator")
    line = status_line(replace(RUNNING, coins=(BTC, halted, BTC, BTC, BTC, BTC)))
    assert "SOL 18/20 orders, position 0.0245, drift 0.001, HALTED" in line
    assert line.endswith("; 2 more coins")
