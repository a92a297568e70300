"""A busy day with the exchange's real budgets: how many actions it takes, and what was refused. All days run at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from tests.bench.busy_day import DAYS
from tests.bench.report import Row, at_most, row

_WEIGHT_PER_MINUTE = 1200


def rows() -> Iterator[Row]:
    runs = [
        subprocess.Popen([sys.executable, "-m", "tests.bench.busy_day", name], stdout=subprocess.PIPE)
        for name in DAYS
    ]
    try:
        for run in runs:
            told, _ = run.communicate()
            assert run.returncode == 0, f"{run.args!r} ended with {run.returncode}"
            yield from _of(json.loads(told))
    finally:
        for run in runs:
            run.kill()
            run.wait()


def _of(found: dict[str, Any]) -> Iterator[Row]:
    counted, name = found["counted"], f"{found['hours']:g} h, {found['title']}"
    if found["halted"]:
        name += f" (halted: {found['halted']})"
    yield at_most(f"{name}: refused for the address budget", counted["refused_for_budget"], "", 0)
    yield at_most(f"{name}: answers with 429", counted["too_many_requests"], "", 0)
    yield at_most(f"{name}: drift, and orders in doubt", _doubts(found), "", 0)
    yield at_most(f"{name}: IP weight of the worst minute", counted["most_weight"], "", _WEIGHT_PER_MINUTE)
    yield row(
        f"{name}: actions",
        counted["actions"],
        "",
        "one order an action",
        counted["items"],
        less_is_better=True,
    )
    yield row(
        f"{name}: requests used", counted["items"], "", "USDC traded, each gives one", found["traded_usd"]
    )
    yield row(f"{name}: requests left", found["requests_left"], "", "at the beginning", 10_000)
    yield row(f"{name}: fills", found["fills"], "", "grids", found["grids"])
    yield row(f"{name}: virtual seconds a second", 3_600 * found["hours"] / found["wall_s"], "")


def _doubts(found: dict[str, Any]) -> float:
    return abs(float(found["drift"])) + int(found["unknown_orders"])
