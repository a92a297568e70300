"""The pace of the replay: it forgives arrears, and no pause of the recording is too long for it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from core.paper.market.recording import load_recording
from core.paper.server.http import owed_after


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0, 60.0])
def test_the_longest_pause_of_the_bundled_recording_comes_due_at_every_speed(speed: float) -> None:
    steps = load_recording("replay:bundled").steps
    longest = max(b.time_ms - a.time_ms for a, b in pairwise(steps))
    assert longest > 1_000
    owed, ticks = 0.0, 0
    while owed < longest:
        owed = owed_after(owed, 5.0 * speed, longest, 1_000 * speed)
        ticks += 1
        assert ticks < 10 + longest / (5.0 * speed)


def test_arrears_of_a_machine_that_slept_are_forgiven() -> None:
    assert owed_after(0.0, 3_600_000.0, 20, 1_000.0) == 1_000.0
