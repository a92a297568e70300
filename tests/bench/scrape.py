"""What a scrape costs, beside what the Prometheus client makes of its own default registry; and what an idle bot costs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prometheus_client import generate_latest

from core.telemetry.metrics.collector import exposition
from core.telemetry.metrics.counted import COUNTED
from core.telemetry.metrics.definition import Scene
from core.telemetry.metrics.event_counts import EventCounts
from core.view import Snapshot
from tests.bench.report import Row, microseconds_each, row
from tests.e2e.program import environment
from tests.tui.factory import NOW_MS, snapshot

COINS = (1, 10, 50)
TIMES = 20
IDLE_S = 30
"""An idle bot is watched for so long, once it has run for ``WARM_S``."""
WARM_S = 10

_DEFAULT = "client's default registry"
_SLEEPER = f"python sleeping {IDLE_S} s"
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def rows() -> Iterator[Row]:
    yield from _scrapes()
    yield from _idle()


def _scrapes() -> Iterator[Row]:
    base_ms = microseconds_each(generate_latest, TIMES) / 1_000
    base_kb = len(generate_latest()) / 1_000
    for coins in COINS:
        scene = Scene(_with(coins), EventCounts(COUNTED), NOW_MS, 4_096, "1")
        make = exposition(lambda scene=scene: scene)  # type: ignore[misc]
        took_ms = microseconds_each(make, TIMES) / 1_000
        yield row(f"/metrics, {coins} coins", took_ms, "ms", _DEFAULT, base_ms, less_is_better=True)
        yield row(
            f"/metrics, {coins} coins, size",
            len(make()) / 1_000,
            "kB",
            _DEFAULT,
            base_kb,
            less_is_better=True,
        )


def _with(coins: int) -> Snapshot:
    shown = snapshot()
    return replace(shown, coins=tuple(replace(shown.coins[0], coin=f"COIN{at}") for at in range(coins)))


def _idle() -> Iterator[Row]:
    """A headless bot whose grid rests on a market that stands still, and an interpreter that sleeps beside it."""
    with TemporaryDirectory() as place, ExitStack() as running:
        home = Path(place)
        exchange = _begun(running, "-m", "tests.bench.exchange_process", "paper", stdout=subprocess.PIPE)
        assert exchange.stdout is not None
        url = exchange.stdout.readline().decode().strip()
        log = running.enter_context((home / "out").open("wb"))
        flags = ("--no-ui", "--exchange-url", url, "--state-dir", str(home / "state"))
        bot = _begun(running, "-m", "gridbot_tui", *flags, stdout=log, env=environment(home))
        sleeper = _begun(running, "-c", f"import time; time.sleep({IDLE_S + WARM_S + 60})")
        time.sleep(WARM_S)
        before = [_cpu_s(each.pid) for each in (bot, sleeper)]
        time.sleep(IDLE_S)
        used, slept = (_cpu_s(each.pid) - was for each, was in zip((bot, sleeper), before, strict=True))
        resident, least = _resident_mb(bot.pid), _resident_mb(sleeper.pid)
        assert bot.poll() is None, "the bot has ended"
    yield row("idle headless bot, of one processor", 100 * used / IDLE_S, "%", _SLEEPER, 100 * slept / IDLE_S)
    yield row("idle headless bot, resident", resident, "MB", _SLEEPER, least, less_is_better=True)


def _begun(running: ExitStack, *arguments: str, **how: Any) -> subprocess.Popen[bytes]:
    """A Python that is gone with the stack."""
    process = subprocess.Popen([sys.executable, *arguments], stdin=subprocess.PIPE, **how)
    running.callback(process.wait)
    running.callback(process.kill)
    return process


def _cpu_s(pid: int) -> float:
    """User and system time so far (proc(5): fields 14 and 15, the name in parentheses may have blanks)."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) * TICK_S


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1_000
