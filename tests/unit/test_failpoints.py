"""A fail point ends the process at the passage asked for, and costs nobody anything who didn't ask."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from core.failpoints import POINTS, VARIABLE

_PASS_THREE_TIMES = """
from core.failpoints import failpoint
for number in range(1, 4):
    failpoint("fill_arrived")
    failpoint("order_sent")
    print(number, flush=True)
"""


def run(wanted: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name != VARIABLE}
    return subprocess.run(
        [sys.executable, "-c", _PASS_THREE_TIMES],
        env={**environ, **({VARIABLE: wanted} if wanted else {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize(("wanted", "printed"), [("fill_arrived", ""), ("order_sent:3", "1\n2\n")])
def test_the_process_kills_itself_at_the_nth_passage_of_the_point(wanted: str, printed: str) -> None:
    ended = run(wanted)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, printed)


@pytest.mark.parametrize("wanted", ["", "fill_committed"])
def test_points_that_nobody_asked_for_are_passed(wanted: str) -> None:
    ended = run(wanted)
    assert (ended.returncode, ended.stdout) == (0, "1\n2\n3\n")


@pytest.mark.parametrize("wanted", ["fill_arived", "fill_arrived:0", "fill_arrived:x", ":2"])
def test_a_point_that_does_not_exist_is_refused_with_those_that_do(wanted: str) -> None:
    ended = run(wanted)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"{VARIABLE}={wanted} is not a fail point" in ended.stderr
    assert POINTS[0] in ended.stderr
