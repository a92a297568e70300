"""A bot as a service manager sees it, by its socket: a process that is stopped by a signal pings no more."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.program import Exchange, wait_until
from tests.e2e.systemd_end import Systemd

WATCHDOG_S = 0.4
SILENCE_S = 1.2


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    one = Systemd(str(tmp_path / "notify"))
    yield one
    one.close()


def test_it_is_ready_pings_is_silent_while_it_stands_still_and_says_that_it_stops(
    systemd: Systemd, tmp_path: Path, exchange: Exchange, home: Path, start: Start
) -> None:
    bot = start(
        *("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(home / "state")),
        NOTIFY_SOCKET=str(tmp_path / "notify"),
        WATCHDOG_USEC=str(int(WATCHDOG_S * 10**6)),
    )
    told: list[str] = []

    def has(line: str) -> bool:
        told.extend(systemd.told())
        return line in told

    wait_until(lambda: has("READY=1"), 30, "it is ready")
    wait_until(lambda: told.count("WATCHDOG=1") >= 3 or has(""), 30, "it pings")
    bot.popen.send_signal(signal.SIGSTOP)
    time.sleep(SILENCE_S)  # what was sent before has come, and nothing comes after
    systemd.told()
    time.sleep(SILENCE_S)
    assert systemd.told() == []
    bot.popen.send_signal(signal.SIGCONT)
    told.clear()
    wait_until(lambda: has("WATCHDOG=1"), 30, "it pings again")
    assert bot.stop() == 0
    assert has("STOPPING=1")
