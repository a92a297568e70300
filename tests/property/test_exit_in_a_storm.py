"""I7 under fire: in any weather a flatten, a halt and a stop end, and nothing is called flat that is not."""

from __future__ import annotations

import random

import pytest

from core.domain.commands import Action, Command
from core.domain.events import CommandReceived, StopRequested
from core.engine.stop import Stop
from tests.unit.engine.storm import Storm


def blow(storm: Storm, chance: random.Random, steps: int) -> None:
    for name in chance.choices(Storm.names(), k=steps):
        storm.do(name, chance.randrange(10_000))


def ask(storm: Storm, action: Action, id_: str) -> None:
    storm.venue.take(storm.bench.step(CommandReceived(Command(id_, action, "SOL"))))


def assert_out(storm: Storm) -> None:
    """Nobody of the exchange's knows an order or a position of ours, and we know the same."""
    assert storm.venue.position == 0
    assert_nothing_rests(storm)
    assert storm.bench.coin.ledger.lots == 0


def assert_nothing_rests(storm: Storm) -> None:
    assert storm.venue.resting() == []
    assert storm.venue.on_the_way() == []


@pytest.mark.parametrize("seed", range(30))
def test_a_flatten_ends_in_any_weather_and_confirms_flat_only_what_is_flat(seed: int) -> None:
    chance = random.Random(seed)
    storm = Storm(cap=chance.randint(60, 260), position=chance.randint(-50, 50))
    blow(storm, chance, 100)
    ask(storm, Action.FLATTEN, "first")
    blow(storm, chance, 60)
    storm.venue.settle(70_000)
    assert storm.bench.engine.desk.running == []
    if storm.bench.outcome("first")[0] == "done":
        assert_out(storm)
    ask(storm, Action.FLATTEN, "second")
    storm.venue.settle(30_000)
    assert storm.bench.outcome("second")[0] == "done"
    assert_out(storm)


@pytest.mark.parametrize("seed", range(15))
def test_a_halt_ends_in_any_weather_leaves_nothing_resting_and_a_resume_makes_the_grid_whole(
    seed: int,
) -> None:
    chance = random.Random(1_000 + seed)
    storm = Storm(cap=chance.randint(60, 260))
    blow(storm, chance, 100)
    ask(storm, Action.HALT, "halt")
    blow(storm, chance, 60)
    storm.venue.settle(70_000)
    assert storm.bench.engine.desk.running == []
    assert_nothing_rests(storm)
    ask(storm, Action.RESUME, "resume")
    assert storm.bench.outcome("resume")[0] == "done"
    storm.end()


@pytest.mark.parametrize("seed", range(15))
def test_a_stop_ends_in_any_weather_and_leaves_nothing_resting(seed: int) -> None:
    chance = random.Random(2_000 + seed)
    storm = Storm(cap=chance.randint(60, 260))
    blow(storm, chance, 100)
    storm.venue.take(storm.bench.step(StopRequested("SIGTERM")))
    blow(storm, chance, 20)
    storm.venue.settle(30_000)
    (stop,) = storm.bench.engine.desk.running
    assert isinstance(stop, Stop)
    assert stop.done
    assert storm.venue.resting() == []
    assert storm.bench.engine.halted == storm.bench.coin.halted == ""
