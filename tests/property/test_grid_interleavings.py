"""C-1: for any interleaving of fills, answers, cancels and losses with the steps of the plan, the grid stays within its rules.

The worst case never passes the cap, no slot has two live orders, own orders never cross; and when events stop, the grid is the
wanted one and the ledger is the exchange's position.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.engine.storm import Storm

WEIGHTS = {
    "an_action_arrives": 6,
    "messages_arrive_in_turn": 8,
    "reads_catch_up": 3,
    "the_market_moves": 5,
    "a_moment_passes": 8,
    "seconds_pass": 3,
    "the_stream_drops_what_it_should_tell": 0.4,
    "the_stream_tells_again": 0.6,
    "the_feed_breaks_and_comes_back": 0.3,
}

happenings = st.tuples(st.sampled_from(Storm.names()), st.integers(0, 10_000))


@pytest.mark.parametrize("seed", range(45))
def test_a_long_storm_never_breaks_the_rules_and_the_grid_is_whole_after_it(seed: int) -> None:
    chance = random.Random(seed)
    storm = Storm(cap=chance.randint(60, 260), position=chance.randint(-50, 50))
    names = Storm.names()
    weights = [WEIGHTS.get(name, 2) for name in names]
    for name in chance.choices(names, weights, k=250):
        storm.do(name, chance.randrange(10_000))
    storm.end()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(60, 260), st.integers(-50, 50), st.lists(happenings, min_size=10, max_size=80))
def test_no_short_sequence_of_happenings_breaks_the_rules(
    cap: int, position: int, sequence: list[tuple[str, int]]
) -> None:
    storm = Storm(cap, position)
    for name, chance in sequence:
        storm.do(name, chance)
    storm.end()
