"""How fast the bundled recording can be played with one bot attached, beside the same without it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from core.paper.config import PaperConfig
from core.paper.embedded import EmbeddedExchange
from core.paper.market.recording import load_recording
from tests.bench.report import Row, row

_MEASURE_S = 4.0
_ROUNDS = 3
_FULL_SPEED = 1e9
_GRIDBOT = str(Path(sys.executable).with_name("gridbot"))


def rows() -> list[Row]:
    rounds = [(_events_per_second(with_bot=False), _events_per_second(with_bot=True)) for _ in range(_ROUNDS)]
    alone = median(alone for alone, _ in rounds)
    attached = median(attached for _, attached in rounds)
    return [row("recorded events, one bot attached", attached, "1/s", "no bot", alone)]


def _events_per_second(*, with_bot: bool) -> float:
    """Rows of the recording's files per second: prints, quotes and book snapshots."""
    exchange = EmbeddedExchange(PaperConfig(speed=_FULL_SPEED, limits=False))
    url = exchange.start()
    bot = _start_bot(url) if with_bot else None
    try:
        if bot is not None:
            _wait_for_orders(exchange)
        before, started = exchange.stats(), time.perf_counter()
        time.sleep(_MEASURE_S)
        after, took = exchange.stats(), time.perf_counter() - started
        assert before is not None
        assert after is not None
        return (after.steps - before.steps) * _rows_per_step() / took
    finally:
        if bot is not None:
            bot.terminate()
            bot.wait(30)
        exchange.stop()


def _rows_per_step() -> float:
    (track,) = load_recording("bundled").tracks
    steps = [track.step(index) for index in range(len(track))]
    rows = sum(len(s.trades) + (s.quote is not None) + (s.depth is not None) for s in steps)
    return rows / len(steps)


def _start_bot(url: str) -> subprocess.Popen[bytes]:
    state_dir = Path(tempfile.mkdtemp(prefix="gridbot-bench-"))
    arguments = ["--no-ui", "--exchange-url", url, "--state-dir", str(state_dir)]
    return subprocess.Popen(
        [_GRIDBOT, *arguments],
        stdout=subprocess.DEVNULL,
        env=os.environ.copy(),
    )


def _wait_for_orders(exchange: EmbeddedExchange) -> None:
    deadline = time.monotonic() + 30
    while (stats := exchange.stats()) is None or stats.orders < 20:
        assert time.monotonic() < deadline, "the bot placed no orders"
        time.sleep(0.05)
