"""``make fuzz``: the whole campaign, with its numbers. ``ARGS='--cases 5000 --seed 7'`` for another."""

from __future__ import annotations

import argparse
import sys
import tracemalloc

from tests.fuzz.campaign import Campaign, FoundError, Report, left_behind, living, target

_BYTES_PER_CASE = 1500
"""What the accounts' own histories may grow by: fills, orders and ledger rows are kept."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    try:
        _run(wanted.cases, wanted.seed)
    except FoundError as found:
        print(f"FOUND: {found}", file=sys.stderr)
        return 1
    return 0


def _run(cases: int, seed: int) -> None:
    with target() as (url, kinds):
        before = living()
        campaign = Campaign(url, kinds, seed)
        try:
            campaign.run(cases // 10)
            tracemalloc.start()
            warm, _ = tracemalloc.get_traced_memory()
            report = campaign.run(cases - cases // 10, begin=cases // 10)
            grown = (tracemalloc.get_traced_memory()[0] - warm) / max(1, cases)
            tracemalloc.stop()
            audit = campaign.ask("/paper/audit")
        finally:
            campaign.close()
        _tell(report, grown)
        left = left_behind(before)
        print(f"left behind: {left or 'nothing'}; audit: {audit}")
        if left:
            raise FoundError(f"something is left behind: {left}")
        if grown > _BYTES_PER_CASE:
            raise FoundError(f"{grown:.0f} bytes a case are never given back")
        if audit["position_residual"] != "0" or audit["money_residual"] != "0":
            raise FoundError(f"the books don't balance: {audit}")


def _tell(report: Report, grown: float) -> None:
    total = sum(report.cases.values())
    print(f"{total} cases in {report.seconds:.0f} s: {dict(report.cases)}")
    print(f"HTTP answers: {dict(sorted(report.answers.items()))} (0: it waits for the rest of the request)")
    print(f"slowest: case {report.slowest[1]}, {report.slowest[0]:.2f} s; memory: {grown:.0f} bytes a case")


if __name__ == "__main__":
    sys.exit(main())
