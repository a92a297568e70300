"""How long a start takes by the length of its journal: reading it, and the program until its session has begun."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from core.domain.clock import Instant
from core.journal.reader import JournalReader
from core.journal.schema import prepare
from core.paper.config import PaperConfig
from core.paper.embedded import EmbeddedExchange
from core.runtime.restore import build_engine, coin_config
from core.runtime.settings import Settings
from tests.bench.journals import COIN, INSTANCE, START_MS
from tests.bench.report import Row, row
from tests.unit.exchange.samples import BTC

KEY = "0x" + "5a" * 32
_ROUNDS = 5
_PROGRAM_ROUNDS = 3
_GRIDBOT = str(Path(sys.executable).with_name("gridbot"))


def start_rows(journals: dict[int, Path], account: str) -> list[Row]:
    read: dict[int, list[float]] = {length: [] for length in journals}
    for _ in range(_ROUNDS):
        for length, path in journals.items():
            read[length].append(asyncio.run(_read(path, account)))
    exchange = EmbeddedExchange(PaperConfig(speed=1e-6))
    url = exchange.start()
    program: dict[int, list[float]] = {length: [] for length in journals}
    try:
        for _ in range(_PROGRAM_ROUNDS):
            for length, path in journals.items():
                program[length].append(_start_program(path, url))
    finally:
        exchange.stop()
    return _compare("journal checked, read, folded", read) + _compare("gridbot until session_start", program)


def _compare(name: str, took: dict[int, list[float]]) -> list[Row]:
    ms = {length: median(times) * 1_000 for length, times in took.items()}
    shortest, longest = min(ms), max(ms)
    return [
        row(
            f"{name}, {length:,} fills",
            ms[length],
            "ms",
            f"{shortest:,} fills",
            ms[shortest],
            0.5 if length == longest else None,
            less_is_better=True,
        )
        for length in ms
        if length != shortest
    ]


async def _read(path: Path, account: str) -> float:
    """As a start does it after a run that ended in order and whose journal was read whole."""
    _as_read_whole(path)
    started = time.perf_counter()
    await prepare(path)
    restored = await JournalReader(path).restore(account, [COIN])
    now = Instant(1_000, START_MS, START_MS)
    configs = {COIN: coin_config(Settings.model_validate({}), BTC)}
    engine = build_engine(account, INSTANCE, "b0070002", configs, restored, now)
    took = time.perf_counter() - started
    assert engine.coins[COIN].ledger.lots == 0
    return took


def _start_program(path: Path, url: str) -> float:
    """Seconds until the session has begun; ends in order once the journal has been read whole beside it."""
    _as_read_whole(path)
    command = [_GRIDBOT, "--no-ui", "--exchange-url", url, "--state-dir", str(path.parent)]
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "HL_AGENT_KEY": KEY}, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line).get("event") == "session_start":
            break
    else:
        raise AssertionError(f"gridbot ended with {process.wait()} before its session had begun")
    took = time.perf_counter() - started
    deadline = time.monotonic() + 60
    while _mark(path).exists():
        assert time.monotonic() < deadline, "the journal is still not read whole"
        time.sleep(0.05)
    process.terminate()
    process.communicate(timeout=60)
    return took


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.unchecked")


def _as_read_whole(path: Path) -> None:
    _mark(path).unlink(missing_ok=True)
