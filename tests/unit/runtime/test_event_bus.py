"""Observers: each gets every event in order, and none can hold up the core."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from core.domain.effects import notify
from core.runtime import event_bus
from core.runtime.event_bus import LOG, RING, TOLD_APART_MS, EventBus, EventRecord, Observer
from core.view import Severity


class Listener:
    """Notes what it gets; waits while ``gate`` is closed."""

    def __init__(self) -> None:
        self.got: list[tuple[int, int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.inside = threading.Event()

    def __call__(self, record: EventRecord, lost: int) -> None:
        self.inside.set()
        self.gate.wait(10)
        self.got.append((record.seq, lost))


def _publish(bus: EventBus, count: int) -> None:
    for number in range(count):
        bus.publish(notify("tick", number=number), 1_000 + number)


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_every_observer_gets_every_event_in_order() -> None:
    bus, listeners = EventBus(), [Listener(), Listener()]
    for number, listener in enumerate(listeners):
        bus.add(Observer(str(number), listener))
    _publish(bus, 500)
    bus.close()
    for listener in listeners:
        assert listener.got == [(seq, 0) for seq in range(1, 501)]


def test_a_stuck_observer_never_blocks_and_is_told_what_it_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_bus, "OBSERVER_BACKLOG", 10)
    bus, stuck, quick = EventBus(), Listener(), Listener()
    stuck.gate.clear()
    bus.add(Observer("stuck", stuck))
    monkeypatch.undo()
    bus.add(Observer("quick", quick))
    _publish(bus, 1)
    assert stuck.inside.wait(5)
    started = time.monotonic()
    _publish(bus, 100)
    assert time.monotonic() - started < 1
    stuck.gate.set()
    _until(lambda: len(stuck.got) == 11)
    _publish(bus, 1)
    bus.close()
    assert [seq for seq, _ in stuck.got] == [*range(1, 12), 102]
    assert sum(lost for _, lost in stuck.got) == 90
    assert len(quick.got) == 102


def test_an_observer_that_never_returns_is_left_behind_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = Listener()
    stuck.gate.clear()
    observer = Observer("stuck", stuck)
    for seq in range(3):
        observer.offer(EventRecord(seq, 0, Severity.INFO, "tick", "", ()))
    started = time.monotonic()
    observer.close(wait_s=0.05)
    assert time.monotonic() - started < 1
    stuck.gate.set()


@pytest.mark.parametrize("error", [OSError("disk full"), ValueError("closed file"), TypeError("no JSON")])
def test_an_event_that_cannot_be_written_does_not_silence_those_after_it(error: Exception) -> None:
    got: list[tuple[int, int]] = []

    def handle(record: EventRecord, lost: int) -> None:
        if record.seq in (2, 3):
            raise error
        got.append((record.seq, lost))

    bus, observer = EventBus(), Observer("log", handle)
    bus.add(observer)
    _publish(bus, 5)
    bus.close()
    assert got == [(1, 0), (4, 2), (5, 0)], "the next one says how many are missing"
    assert str(error) in observer.failure


def test_one_that_fails_again_after_it_was_well_is_told_of_again_though_not_with_each_event() -> None:
    is_full = True

    def handle(_record: EventRecord, _lost: int) -> None:
        if is_full:
            raise OSError("disk full")

    bus, observer = EventBus(), Observer("log", handle)
    bus.add(observer)

    def told(events: int, now_ms: int) -> list[str]:
        _publish(bus, events)
        observer.taken().result(5)
        return bus.take_failures(now_ms)

    assert told(1, 5) == ["log: OSError: disk full"]
    assert told(3, 6) == []
    assert told(1, 5 + TOLD_APART_MS) == ["log: OSError: disk full"], "it still is"
    is_full = False
    assert told(2, 5 + 2 * TOLD_APART_MS) == []
    is_full = True
    assert told(4, 5 + 3 * TOLD_APART_MS) == ["log: OSError: disk full"]
    assert observer.view.lost == 9, "each that it failed at"
    bus.close()


def test_the_tail_holds_the_newest_events_oldest_first() -> None:
    bus = EventBus()
    assert bus.tail() == ()
    _publish(bus, RING + 50)
    tail = bus.tail()
    assert [view.seq for view in tail] == list(range(51, RING + 51))
    assert bus.tail() is tail, "unchanged until the next event"
    assert tail[-1].detail == f"number={RING + 49}"


def test_a_record_reads_as_the_log_wants_it() -> None:
    record = EventRecord(1, 5, Severity.WARN, "drift", "BTC", (("lots", 3), ("why", ""), ("none", None)))
    assert list(record.as_dict().items()) == [
        ("event", "drift"),
        ("ts_ms", 5),
        ("level", "warn"),
        ("coin", "BTC"),
        ("lots", 3),
        ("why", ""),
        ("none", None),
    ]
    assert record.detail() == "lots=3"
    assert "coin" not in EventRecord(1, 5, Severity.WARN, "drift", "", ()).as_dict()


@pytest.mark.parametrize(
    ("cloid", "tail"), [("0x67726462aaaa0001", "cloid=0x67…0001"), ("", "external"), (None, "external")]
)
def test_a_fill_reads_as_a_sentence(cloid: str | None, tail: str) -> None:
    bus = EventBus()
    fields = {"side": "buy", "size": "0.01", "price": "83950", "source": "ws", "liquidity": "maker"}
    bus.publish(notify("fill", "info", "BTC", **fields, cloid=cloid), 5)
    assert bus.tail()[0].detail == f"BUY  0.01 @83950 src=ws maker {tail}"


async def test_what_was_published_is_waited_for_until_it_is_on_the_log_and_for_no_other_observer() -> None:
    bus, log, other = EventBus(), Listener(), Listener()
    await bus.logged()
    bus.add(Observer("other", other))
    bus.add(Observer(LOG, log))
    log.gate.clear()
    other.gate.clear()
    _publish(bus, 3)
    logged = asyncio.create_task(bus.logged())
    await asyncio.to_thread(log.inside.wait, 5)
    assert not logged.done()
    log.gate.set()
    await logged
    assert [seq for seq, _ in log.got] == [1, 2, 3]
    assert not other.got
    other.gate.set()
    bus.close()


async def test_a_log_that_is_stuck_or_has_too_much_to_do_is_waited_for_for_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_bus, "LOGGED_WITHIN_S", 0.02)
    monkeypatch.setattr(event_bus, "RECORD_BACKLOG", 2)
    bus, stuck = EventBus(), Listener()
    stuck.gate.clear()
    bus.add(Observer(LOG, stuck))
    _publish(bus, 1)
    assert await asyncio.to_thread(stuck.inside.wait, 5)
    await bus.logged()
    _publish(bus, 5)
    await bus.logged()
    assert stuck.got == []
    stuck.gate.set()
    bus.close()


def test_no_observer_and_no_snapshot_gets_a_secret() -> None:
    bus, got = EventBus(), list[EventRecord]()
    for name in (LOG, "alerts"):
        bus.add(Observer(name, lambda record, _: got.append(record)))
    bus.publish(notify("api_error", "warn", reason=f"key 0x{'ab' * 32} refused", number=7), 1_000)
    bus.log(notify("orders_sent", reason="CD" * 32), 1_000)
    bus.close()
    assert {record.fields for record in got} == {
        (("reason", "key [masked] refused"), ("number", 7)),
        (("reason", "[masked]"),),
    }
    (view,) = bus.tail()
    assert "[masked]" in view.detail
    assert "abab" not in view.detail + view.line
