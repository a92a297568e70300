"""Every kind of grid keeps the rules in any weather, is planned cell by cell as a look at everything would plan it, and is
whole again after it.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from core.domain.grid import PPB, Direction, Spacing
from core.engine.grid_settings import RangeExit
from core.engine.skew import SkewSettings
from tests.property.test_grid_interleavings import WEIGHTS
from tests.unit.engine.storm import CHANGES, Storm

KINDS: dict[str, dict[str, Any]] = {
    "geometric": {"spacing": Spacing.GEOMETRIC},
    "long": {"direction": Direction.LONG},
    "short": {"direction": Direction.SHORT},
    "range": {"strategy": "range", "range_low": 1_950_000, "range_high": 2_050_000},
    "long range": {
        "strategy": "range",
        "range_low": 1_950_000,
        "range_high": 2_050_000,
        "direction": Direction.LONG,
    },
    "endless": {"strategy": "endless"},
    "endless long": {"strategy": "endless", "direction": Direction.LONG},
    "endless short geometric": {
        "strategy": "endless",
        "direction": Direction.SHORT,
        "spacing": Spacing.GEOMETRIC,
    },
    "jitter": {"jitter_ppb": PPB // 3},
    "long jitter": {"direction": Direction.LONG, "jitter_ppb": PPB // 3},
    "repriced": {"reprice_ticks": 40},
}
SKEWS = {
    "soft": SkewSettings(soft_ppb=PPB // 5),
    "one-sided": SkewSettings(soft_ppb=PPB // 5, one_sided_ppb=PPB // 3),
    "hard": SkewSettings(hard_ppb=PPB // 3),
}


def weather(storm: Storm, chance: random.Random, things: int, *more: str) -> None:
    names = [*Storm.names(), *more]
    weights = [WEIGHTS.get(name, 2) for name in names]
    for name in chance.choices(names, weights, k=things):
        storm.do(name, chance.randrange(10_000))
    storm.end()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", KINDS)
def test_a_storm_over_every_kind_of_grid(kind: str, seed: int) -> None:
    chance = random.Random(f"{kind} {seed}")
    weather(Storm(chance.randint(100, 260), changes=KINDS[kind]), chance, 200)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("skew", SKEWS)
def test_a_storm_over_a_grid_that_leans(skew: str, seed: int) -> None:
    chance = random.Random(f"{skew} {seed}")
    weather(Storm(260, chance.randint(-50, 50), skew=SKEWS[skew]), chance, 200)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("on_exit", [RangeExit.HOLD, RangeExit.REDUCE])
def test_a_storm_over_a_grid_that_the_price_leaves(on_exit: RangeExit, seed: int) -> None:
    chance = random.Random(f"{on_exit} {seed}")
    weather(Storm(260, on_exit=on_exit), chance, 200)


MODIFIED = ("geometric", "long", "jitter", "repriced")


def test_a_storm_over_grids_whose_orders_are_modified() -> None:
    """The cap leaves room for old and new orders, and what is asked for changes all the time: every ending of one occurs."""
    ends = Counter[str]()
    for kind in MODIFIED:
        for seed in range(4):
            chance = random.Random(f"{kind} modified {seed}")
            storm = Storm(700, changes=KINDS[kind], skew=SKEWS["soft"])
            weather(storm, chance, 250, *CHANGES)
            ends += storm.venue.modified
    assert ends["placed"] > 30, ends
    assert min(ends[end] for end in ("old one gone", "refused", "unanswered")) > 5, ends
