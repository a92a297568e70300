"""``make options``: each option of the grid for a minute on the paper exchange. ``ARGS="--seconds 10 long"`` for another.

Exit code 1 if any of them leaves a drift, an audit that isn't clean, or a broken rule.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from core.paper.config import EMBEDDED_SPEED
from tests.options.campaign import OPTIONS, Outcome, run_option


def main() -> int:
    parser = argparse.ArgumentParser(prog="make options", description=__doc__)
    parser.add_argument("options", nargs="*", metavar="OPTION", help=", ".join(OPTIONS))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--speed", type=float, default=EMBEDDED_SPEED)
    parser.add_argument("--at-once", type=int, default=4)
    wanted = parser.parse_args()
    unknown = [name for name in wanted.options if name not in OPTIONS]
    if unknown:
        parser.error(f"no option {unknown[0]!r}; there are {', '.join(OPTIONS)}")
    print("| option | fills | grids | position | profit, USD | drift | audit | |")
    print("|---|---|---|---|---|---|---|---|")
    found = asyncio.run(_all(wanted.options or list(OPTIONS), wanted.seconds, wanted.speed, wanted.at_once))
    return 0 if all(each.is_sound for each in found) else 1


async def _all(options: list[str], seconds: float, speed: float, at_once: int) -> list[Outcome]:
    turn = asyncio.Semaphore(at_once)
    with tempfile.TemporaryDirectory(prefix="gridbot-options-") as home:

        async def one(option: str) -> Outcome:
            async with turn:
                directory = Path(home, option.replace(" ", "-").replace(":", ""))
                outcome = await run_option(option, directory, seconds, speed)
                print(_row(outcome), flush=True)
                return outcome

        return [await done for done in asyncio.as_completed([one(option) for option in options])]


def _row(found: Outcome) -> str:
    note = found.halted.partition(":")[0] or "; ".join(found.breaches)[:200] or "-"
    return (
        f"| {found.option} | {found.fills} | {found.grids} | {found.position.normalize():f} | {found.total_usd:.2f} | "
        f"{found.drift.normalize():f} | {'clean' if found.audit == '0 0' else found.audit} | {note} |"
    )


if __name__ == "__main__":
    sys.exit(main())
