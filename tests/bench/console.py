"""What the console costs its terminal and its machine, beside a hand-written cell diff and stock DataTables."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import console_keys, console_memory, console_start
from tests.bench.console_pty import Pty
from tests.bench.report import Row, row

SIZES = ((120, 40), (200, 50))
RATES = (10, 50, 200)
Figures = dict[str, float]

SECONDS = float(os.environ.get("BENCH_CONSOLE_S", "2.5"))
"""In which bytes and processor time are counted."""
LATE_S = 2.4 * SECONDS
"""In which ours is probed for how late its loop is: it needs many draws, of which the slowest tell."""
OURS_HZ = 2
FAST_HZ = 10


def rows() -> Iterator[Row]:
    for columns, lines in SIZES:
        idle = measure("idle", columns, lines, RATES[0], 0)
        for rate in RATES:
            yield from _drawing(columns, lines, rate, idle)
    yield from console_start.rows()
    yield from console_keys.rows()
    yield from console_memory.rows()


def _drawing(columns: int, lines: int, rate: int, idle: Figures) -> Iterator[Row]:
    where = f"{columns}x{lines}, {rate} updates/s"
    table = measure("table", columns, lines, rate, 0)
    for hz in (OURS_HZ, FAST_HZ):
        ours = measure("ours", columns, lines, rate, hz)
        cells = measure("cells", columns, lines, rate, hz)
        at = f"{where}, drawn at {hz} Hz"
        yield from (
            _less(f"bytes, {at}", "bytes_per_s", "B/s", ours, ("cells by hand", cells), 1 / 1.5),
            _less(f"bytes, {at}", "bytes_per_s", "B/s", ours, ("DataTable", table), 30),
            _less(f"processor, {at}", "cpu_pct", "%", ours, ("the most it may be", {"cpu_pct": 5.0}), 1),
            _less(f"processor, {at}", "cpu_pct", "%", ours, ("cells by hand", cells)),
            _less(f"processor, {at}", "cpu_pct", "%", ours, ("DataTable", table)),
            _less(
                f"loop late p99, {at}",
                "lag_p99_ms",
                "ms",
                ours,
                ("the most it may be", {"lag_p99_ms": 2.0}),
                1,
            ),
            _less(f"loop late p99, {at}", "lag_p99_ms", "ms", ours, ("nothing drawn", idle)),
            _less(f"loop late p99, {at}", "lag_p99_ms", "ms", ours, ("cells by hand", cells)),
            _less(f"loop late p99, {at}", "lag_p99_ms", "ms", ours, ("DataTable", table)),
        )


def _less(
    name: str, key: str, unit: str, ours: Figures, beside: tuple[str, Figures], goal: float | None = None
) -> Row:
    return row(name, ours[key], unit, beside[0], beside[1][key], goal, less_is_better=True)


def measure(technique: str, columns: int, lines: int, rate: int, hz: float) -> Figures:
    """One technique in a terminal of its own."""
    with TemporaryDirectory() as place:
        report = Path(place, "report.json")
        command = [
            sys.executable,
            "-m",
            "tests.bench.console_screens",
            technique,
            str(rate),
            str(hz),
            str(SECONDS),
            str(LATE_S if technique == "ours" else SECONDS),
            str(report),
        ]
        terminal = Pty(command, columns, lines, environment())
        try:
            terminal.drain()
        finally:
            terminal.close()
        if not report.exists():
            raise AssertionError(
                b"".join(data for _, data in terminal.chunks)[-3_000:].decode(errors="replace")
            )
        found: Figures = json.loads(report.read_text())
    spent = found["ended"] - found["began"]
    found["bytes_per_s"] = terminal.bytes_between(found["began"], found["ended"]) / spent
    return found


def environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    return {**kept, "TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}
