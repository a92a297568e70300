"""``make bench``: run the benchmarks, print their tables, write build/bench.json. Names on the command line choose some."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.report import Row

BENCHES = {
    "matching": "Matching, pure engine",
    "server": "Paper exchange over HTTP",
    "journal": "Journal: durable fills, starts from long journals",
    "planning": "Planning: whole, after a fill, and in a step of the engine",
    "console": "Console: what it sends, what it costs",
    "console_stall": "Console: a terminal that stalls, and the engine behind it",
    "replay": "Replay of the bundled recording",
}

_OUTPUT = Path("build/bench.json")


def main(chosen: list[str]) -> int:
    unknown = [name for name in chosen if name not in BENCHES]
    if unknown:
        print(f"No benchmark {', '.join(unknown)}. Fix: choose from {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    console = Console(width=150 if not sys.stdout.isatty() else None)
    rows: list[Row] = []
    for name in chosen or BENCHES:
        found: list[Row] = importlib.import_module(f"tests.bench.{name}").rows()
        console.print(_table(BENCHES[name], found))
        rows += found
    _OUTPUT.parent.mkdir(exist_ok=True)
    _OUTPUT.write_text(json.dumps(rows, indent=1) + "\n")
    console.print(f"{len(rows)} figures in {_OUTPUT}")
    return 0


def _table(title: str, rows: list[Row]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in ("what", "value", "unit", "beside", "its value", "ratio", "goal", "met"):
        table.add_column(
            heading, justify="right" if heading in ("value", "its value", "ratio", "goal") else "left"
        )
    for row in rows:
        table.add_row(
            row["name"],
            _number(row["value"]),
            row["unit"],
            row["baseline"],
            _number(row["baseline_value"]),
            _number(row["ratio"]),
            _number(row["goal"]),
            {True: "yes", False: "NO", None: ""}[row["met"]],
        )
    return table


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
