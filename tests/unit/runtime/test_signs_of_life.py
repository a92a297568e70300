"""What the heartbeat says of a bot that may leave orders, and that it says so before one leaves."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.events import OpenOrdersObserved, RemoteOrder
from core.domain.orders import Order, OrderState, Purpose, Side
from core.engine.engine import Engine
from core.runtime import signs_of_life
from core.runtime.heartbeat import BEAT_EVERY_MS, Beat, read_beat
from core.runtime.signs_of_life import SignsOfLife
from core.runtime.statedir import StateDir
from tests.unit.engine.builders import BOOT, INSTANCE, at, make_engine, order

BEAT = Beat(BOOT, 77, "paper", "0xab", INSTANCE, "http://127.0.0.1:3001")
STOP = replace(order(9), purpose=Purpose.STOP)
CLOSING = order(8, reduce_only=True)


class Bench:
    def __init__(self, directory: Path) -> None:
        self.path = StateDir(directory).heartbeat
        self.signs = SignsOfLife(StateDir(directory), {}, lambda *_, **__: None)
        self.signs.begin(BEAT)
        self.engine: Engine = make_engine()
        self.engine.saw_open_orders = True
        self._ms = 0

    def said(self) -> Beat:
        """The beat of a tick that is due."""
        self._ms += BEAT_EVERY_MS
        self.signs.tick(self.engine, at(self._ms))
        return self.on_disk()

    def on_disk(self) -> Beat:
        assert self.signs._heart.is_written(5)
        found = read_beat(self.path)
        assert found is not None
        return found

    def lists(self, *cloids: str) -> None:
        rows = [RemoteOrder("SOL", each, 7, Side.BUY, 1, 1, False) for each in cloids]
        self.engine.step(OpenOrdersObserved(tuple(rows), at(self._ms).mono_ms), at(self._ms))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.signs.close()


@pytest.fixture
def halted(bench: Bench) -> Bench:
    """At rest, and that is what the disk says."""
    bench.engine.halted = "operator"
    assert not bench.said().leaves_orders
    return bench


def test_a_halted_bot_that_has_not_seen_what_rests_does_not_say_that_nothing_does(halted: Bench) -> None:
    halted.engine.saw_open_orders = False
    assert halted.said().leaves_orders, "a journal that was put back doesn't know its orders"
    stray = f"0x67726462{INSTANCE}b007000200000001"
    halted.lists(stray)
    assert (halted.said().leaves_orders, halted.said().orders) == (True, 1), "being cancelled"
    halted.lists()
    assert not halted.said().leaves_orders


@pytest.mark.parametrize(
    ("live", "leaves"),
    [(order(1), True), (CLOSING, True), (replace(order(1), state=OrderState.UNKNOWN), True), (STOP, False)],
    ids=["the grid's", "one that closes", "one in doubt", "a stop"],
)
def test_every_order_that_may_rest_and_protects_nothing_is_one_that_a_halted_bot_leaves(
    halted: Bench, live: Order, leaves: bool
) -> None:
    halted.engine.coins["SOL"].orders.add(live)
    assert halted.said().leaves_orders is leaves


async def test_what_an_order_waits_for_is_on_the_disk_when_it_may_leave_and_waited_for_once(
    halted: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await halted.signs.foretold([order(1), order(2)]) == ""
    found = read_beat(halted.path)
    assert found is not None
    assert (found.leaves_orders, found.orders) == (True, 2)
    monkeypatch.setattr(asyncio, "sleep", _never)
    assert await halted.signs.foretold([order(3)]) == ""
    assert halted.on_disk() == found, "the disk says so already: nothing is written for the next ones"


async def test_the_first_order_of_a_run_waits_for_its_first_beat(bench: Bench) -> None:
    assert await bench.signs.foretold([order(1)]) == ""
    found = read_beat(bench.path)
    assert found is not None
    assert found.leaves_orders


async def test_a_stop_needs_no_beat_of_its_own_and_a_way_out_waits_for_none(halted: Bench) -> None:
    before = halted.on_disk()
    assert await halted.signs.foretold([STOP]) == ""
    assert halted.on_disk() == before, "a watchdog leaves it where it is"
    _unwritable(halted.path)
    assert await halted.signs.foretold([CLOSING]) == ""


async def test_an_order_of_the_grid_does_not_leave_while_the_disk_says_that_none_does(halted: Bench) -> None:
    _unwritable(halted.path)
    assert "a watchdog would leave these orders alone" in await halted.signs.foretold([order(1)])
    halted.path.rmdir()
    assert await halted.signs.foretold([order(1)]) == "", "asked for again, it is written again"


async def test_nor_does_it_wait_for_a_disk_that_hangs_until_its_price_is_stale(
    halted: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opens a pipe that nobody reads waits like one whose disk hangs."""
    monkeypatch.setattr(signs_of_life, "FORETOLD_WITHIN_S", 0.01)
    halted.path.unlink()
    os.mkfifo(halted.path)
    assert "a watchdog would leave these orders alone" in await halted.signs.foretold([order(1)])
    reader = os.open(halted.path, os.O_RDONLY | os.O_NONBLOCK)
    assert halted.signs._heart.is_written(5)
    os.close(reader)


async def _never(_: float) -> None:
    raise AssertionError("nothing is waited for")


def _unwritable(path: Path) -> None:
    path.unlink()
    path.mkdir()
