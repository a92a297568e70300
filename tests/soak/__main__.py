"""``make soak``: a bot in all weathers, killed 200 times in ten minutes. ``ARGS="--minutes 2 --kills 20"`` for another.

Exit code 1 if anything that must hold does not; the seed is told at the start and at the end.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.soak.campaign import WEIGHED_AT, Found, growth_mb_per_hour, run

KILLS_A_MINUTE = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--kills", type=int, help=f"default: {KILLS_A_MINUTE} a minute")
    parser.add_argument("--seed", type=int, help="default: by chance")
    parser.add_argument("--keep", type=Path, help="keep journals and output of every life here")
    wanted = parser.parse_args()
    if wanted.minutes < 1.5:
        parser.error("--minutes must be 1.5 or more: the last minute is for settling")
    seed = random.randrange(10**6) if wanted.seed is None else wanted.seed
    kills = round(KILLS_A_MINUTE * wanted.minutes) if wanted.kills is None else wanted.kills
    if kills < 1:
        parser.error("--kills must be 1 or more")
    again = f"--minutes {wanted.minutes:g} --seed {seed} --kills {kills}"
    print(f"soak: {again}", flush=True)
    with tempfile.TemporaryDirectory(prefix="gridbot-soak-") as temporary:
        home = wanted.keep or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        found = run(home.absolute(), wanted.minutes, kills, seed)
    _tell(found)
    for text in found.wrong:
        print(f"WRONG: {text}", file=sys.stderr)
    print(f"{'FAILED' if found.wrong else 'passed'}: make soak ARGS='{again}'")
    return 1 if found.wrong else 0


def _tell(found: Found) -> None:
    console = Console(width=100 if not sys.stdout.isatty() else None)
    faults = Table("fault", "strikes", title="Faults injected", title_justify="left")
    for kind, strikes in sorted(found.strikes.items()):
        faults.add_row(kind, str(strikes))
    console.print(faults)
    outcome = Table("what", "figure", title="Outcome", title_justify="left")
    coin = found.summary
    for what, figure in (
        ("kills", found.kills),
        ("fills", coin.get("fills", "unknown")),
        ("recovered over REST", coin.get("fills_from_rest", "unknown")),
        ("duplicates refused", coin.get("duplicates", "unknown")),
        ("trades by hand", found.manual_trades),
        *((f"trades by hand refused: {why}", count) for why, count in found.manual_refusals.items()),
        ("drift", coin.get("drift", "unknown")),
        ("looks at the exchange's books", found.looks),
        ("longest life, s", f"{found.longest_life_s:.1f}"),
        ("memory at its end, MB", f"{found.rss_mb:.0f}"),
        *_weights(found),
    ):
        outcome.add_row(what, str(figure))
    console.print(outcome)
    events = Table("event", "times", title="What the bot said", title_justify="left")
    for name, count in found.events.most_common():
        events.add_row(name, str(count))
    console.print(events)


def _weights(found: Found) -> list[tuple[str, str]]:
    """How memory went. A bot that was started anew meanwhile says nothing of a leak: ``--kills 1`` lets one live all along."""
    rows = [
        (
            f"memory at {WEIGHED_AT[share]} ({weight.at_s:.0f} s), MB",
            f"{weight.mb:.1f}, of a bot {weight.age_s:.0f} s old",
        )
        for share, weight in sorted(found.weights.items())
    ]
    growth = growth_mb_per_hour(found.weights)
    return [
        *rows,
        ("growth after the first of these, MB per hour", "unknown" if growth is None else f"{growth:.1f}"),
    ]


if __name__ == "__main__":
    sys.exit(main())
