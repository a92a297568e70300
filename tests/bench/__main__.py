"""``make bench``: print each figure as it is measured, and write build/bench.json. Names on the command line choose some."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.bench.report import Row

BENCHES = {
    "matching": "Matching, pure engine",
    "server": "Paper exchange over HTTP",
    "journal": "Journal: durable fills, starts from long journals",
    "planning": "Planning: whole, after a fill, and in a step of the engine",
    "requote": "Orders: a whole grid to another spacing",
    "day": "Orders: a busy day with the exchange's real budgets",
    "tick_to_order": "Orders: from a quote on the wire to the order on the wire",
    "signing": "Signing: from orders to the signed body of their request",
    "console": "Console: what it sends, what it costs",
    "console_stall": "Console: a terminal that stalls, and the engine behind it",
    "logging": "Logging: one event, on either thread",
    "scrape": "Metrics: a scrape; and a bot that idles",
    "replay": "Replay of the bundled recording",
}

GROUPS = {"router": ("signing", "tick_to_order", "requote", "day"), "tick": ("tick_to_order",)}
"""Names for several."""

_OUTPUT = Path("build/bench.json")


def main(chosen: list[str]) -> int:
    unknown = [name for name in chosen if name not in BENCHES and name not in GROUPS]
    if unknown:
        offered = ", ".join((*BENCHES, *GROUPS))
        print(f"No benchmark {', '.join(unknown)}. Fix: choose from {offered}.", file=sys.stderr)
        return 2
    # A program that may not keep its modules compiled would compile them at each of its starts.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    rows: list[Row] = []
    wanted = [name for one in chosen or BENCHES for name in GROUPS.get(one, (one,))]
    for name in dict.fromkeys(wanted):
        print(f"\n{BENCHES[name]}\n{_HEADINGS}", flush=True)
        found: Iterable[Row] = importlib.import_module(f"tests.bench.{name}").rows()
        for row in found:
            print(_line(row), flush=True)
            rows.append(row)
    _OUTPUT.parent.mkdir(exist_ok=True)
    _OUTPUT.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"\n{len(rows)} figures in {_OUTPUT}")
    return 0


def _aligned(what: str, value: str, unit: str, beside: str, its: str, ratio: str, goal: str, met: str) -> str:
    return f"{what:<70} {value:>9} {unit:<5} {beside:<33} {its:>9} {ratio:>7} {goal:>6} {met}".rstrip()


_HEADINGS = _aligned("what", "value", "unit", "beside", "its value", "ratio", "goal", "met")


def _line(row: Row) -> str:
    return _aligned(
        row["name"],
        _number(row["value"]),
        row["unit"],
        row["baseline"],
        _number(row["baseline_value"]),
        _number(row["ratio"]),
        _number(row["goal"]),
        {True: "yes", False: "NO", None: ""}[row["met"]],
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
