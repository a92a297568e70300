"""The exchange's clock never steps back, nor does it stand still until the machine's has caught up."""

from __future__ import annotations

from pathlib import Path

from core.paper.clock import SteadyClock
from core.paper.config import PaperConfig
from core.paper.exchange import PaperExchange
from core.paper.store import PaperStore
from tests.unit.paper.still import StillMarket
from tests.unit.paper.world import ALICE, NOW_MS

_HOUR_MS = 3_600_000


class _Machine:
    """Its wall clock can be set; the other one only ever runs."""

    def __init__(self) -> None:
        self.wall_ms = NOW_MS
        self.monotonic_ms = 5_000
        self.clock = SteadyClock(lambda: self.wall_ms * 1_000_000, lambda: self.monotonic_ms * 1_000_000)

    def run(self, ms: int) -> int:
        self.wall_ms += ms
        self.monotonic_ms += ms
        return self.clock()


def test_it_goes_on_ahead_when_the_machines_clock_is_set_back() -> None:
    machine = _Machine()
    machine.run(500)
    machine.wall_ms -= _HOUR_MS
    assert [machine.run(250), machine.run(250)] == [NOW_MS + 750, NOW_MS + 1_000]


def test_it_follows_a_clock_that_is_set_on_or_slowly_corrected() -> None:
    machine = _Machine()
    machine.wall_ms += _HOUR_MS
    assert machine.run(10) == NOW_MS + _HOUR_MS + 10
    for _ in range(20):
        machine.wall_ms -= 100
        machine.run(1_000)
    assert machine.clock() == machine.wall_ms


def test_funding_and_liquidation_go_on_after_the_machines_clock_was_set_back() -> None:
    machine = _Machine()
    exchange = PaperExchange(PaperConfig(), StillMarket(), clock_ms=machine.clock)
    exchange.tick()
    machine.wall_ms -= 5 * _HOUR_MS
    machine.run(_HOUR_MS)
    exchange.tick()
    assert exchange.venue.ledger.counters.funded_hour == (NOW_MS + _HOUR_MS) // _HOUR_MS


def test_a_second_start_does_not_wait_for_the_time_that_the_first_one_showed(tmp_path: Path) -> None:
    store = PaperStore(tmp_path / "paper.db")
    first = PaperExchange(PaperConfig(), StillMarket(), store, lambda: NOW_MS)
    first.set_skew(_HOUR_MS)
    first.ask({"type": "userRole", "user": ALICE})
    first.tick()
    first.save_place()
    store.close()
    store = PaperStore(tmp_path / "paper.db")
    second = PaperExchange(PaperConfig(), StillMarket(), store, lambda: NOW_MS + 1)
    assert second.now_ms() == NOW_MS + 1
    store.close()
