"""What a heartbeat says, and what a watchdog makes of it."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from core.runtime.heartbeat import (
    BEAT_EVERY_MS,
    SIZE,
    STUCK_MS,
    AnotherVersionError,
    Beat,
    Heartbeat,
    read_beat,
)
from core.runtime.statedir import StateDir, UsageError, watchdog_holder, watchdog_lock
from core.runtime.vigil import AGAIN_MS, KEPT_MS, Finding, Vigil

BEAT = Beat("b0070001", 77, "paper", "0xab", "1057a9ce", "http://127.0.0.1:3001")
AFTER_MS = 60_000


def test_a_beat_is_another_with_every_turn_that_is_due_and_says_what_may_rest(tmp_path: Path) -> None:
    path, failed = tmp_path / "heartbeat", list[str]()
    heart = Heartbeat(path, BEAT, failed.append)
    assert read_beat(path) is None
    heart.go_on(1_000, 6, is_halted=False)
    assert heart.is_written(5)
    first = read_beat(path)
    assert first is not None
    assert (first.orders, first.leaves_orders, first.instance) == (6, True, BEAT.instance)
    heart.go_on(1_000 + BEAT_EVERY_MS - 1, 5, is_halted=False)
    assert heart.is_written(5)
    assert read_beat(path) == first, "not every turn: it costs a write"
    heart.go_on(1_000 + BEAT_EVERY_MS, 5, is_halted=False)
    assert heart.is_written(5)
    second = read_beat(path)
    assert second is not None
    assert (second.mark != first.mark, second.orders) == (True, 5)
    heart.end()
    last = read_beat(path)
    assert last is not None
    assert (last.is_ended, last.leaves_orders) == (True, False)
    assert path.stat().st_size == SIZE, "it never grows: a full disk has room for it"
    assert path.stat().st_mode & 0o077 == 0
    assert not failed


def test_whether_a_watchdog_runs_is_looked_up_as_often_as_it_beats_and_in_no_other_thread(
    tmp_path: Path,
) -> None:
    state, threads = StateDir(tmp_path), set[str]()

    def heeded_by() -> int | None:
        threads.add(threading.current_thread().name)
        return watchdog_holder(state)

    heart = Heartbeat(tmp_path / "heartbeat", BEAT, pytest.fail, heeded_by)

    def turn(ms: int) -> int | None:
        heart.go_on(ms, 6, is_halted=False)
        assert heart.is_written(5)
        return heart.watchdog_pid

    assert turn(0) is None
    with watchdog_lock(state):
        assert turn(BEAT_EVERY_MS - 1) is None, "not at every turn"
        assert turn(BEAT_EVERY_MS) == os.getpid()
        with pytest.raises(UsageError, match="runs already"), watchdog_lock(state):
            pytest.fail("looking lets nobody in")
    assert turn(2 * BEAT_EVERY_MS) is None
    assert threads == {"heartbeat"}, "a disk that hangs under the lock file holds up no trading either"
    heart.close()


def test_a_heartbeat_that_cannot_be_written_is_told_once_and_again_after_it_could(tmp_path: Path) -> None:
    path, failed = tmp_path / "heartbeat", list[str]()
    heart = Heartbeat(path, BEAT, failed.append)

    def beats(mono_ms: int) -> None:
        heart.go_on(mono_ms, 0, is_halted=False)
        assert heart.is_written(5)

    path.mkdir()
    beats(0)
    beats(BEAT_EVERY_MS)
    beats(2 * BEAT_EVERY_MS - 1)
    assert len(failed) == 1
    assert failed[0].endswith("no order of the grid leaves"), "none may rest that a watchdog knows nothing of"
    path.rmdir()
    beats(2 * BEAT_EVERY_MS)
    beats(2 * BEAT_EVERY_MS + 1)
    path.unlink()
    path.mkdir()
    beats(3 * BEAT_EVERY_MS)
    beats(3 * BEAT_EVERY_MS + 1)
    assert len(failed) == 2
    assert failed[1].endswith("a watchdog would cancel the grid")
    heart.close()


def test_a_disk_that_hangs_holds_up_no_turn_and_is_told_before_a_watchdog_acts(tmp_path: Path) -> None:
    """Who opens a pipe that nobody reads waits like one whose disk hangs."""
    path, failed = tmp_path / "heartbeat", list[str]()
    os.mkfifo(path)
    heart = Heartbeat(path, BEAT, failed.append)
    for mono_ms in range(0, STUCK_MS, BEAT_EVERY_MS):
        heart.go_on(mono_ms, 6, is_halted=False)
    assert not heart.is_written(0)
    assert not failed
    for mono_ms in (STUCK_MS, STUCK_MS + BEAT_EVERY_MS):
        heart.go_on(mono_ms, 6, is_halted=False)
    assert failed == [
        f"{path} can't be written (the disk has taken 10 s for it): no order of the grid leaves"
    ]
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    assert heart.is_written(5)
    os.close(reader)
    path.unlink()
    heart.go_on(STUCK_MS + 2 * BEAT_EVERY_MS, 7, is_halted=False)
    assert heart.is_written(5)
    beat = read_beat(path)
    assert beat is not None
    assert (beat.mark, beat.orders) == (f"{BEAT.mark}:2", 7), (
        "what waited meanwhile isn't written one after the other"
    )
    heart.close()


def test_a_loop_that_makes_no_turn_has_no_heartbeat_whatever_thread_writes_it(tmp_path: Path) -> None:
    path, others = tmp_path / "heartbeat", set(threading.enumerate())
    heart = Heartbeat(path, BEAT, pytest.fail)
    heart.go_on(0, 6, is_halted=False)
    assert heart.is_written(5)
    path.unlink()
    assert heart.is_written(0), "nothing is on its way"
    (thread,) = set(threading.enumerate()) - others
    heart.close()
    thread.join(5)
    assert not thread.is_alive()
    assert not path.exists(), "it wrote what it was given, once"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_what_is_no_heartbeat_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "heartbeat").write_bytes(content)
    assert read_beat(tmp_path / "heartbeat") is None


@pytest.mark.parametrize("content", [b'{"mark": 1}', b'{"other": 1, "version": "another version"}'])
def test_what_another_version_has_written_is_no_silence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "heartbeat").write_bytes(content)
    with pytest.raises(AnotherVersionError, match="is written by a bot of another version, this is"):
        read_beat(tmp_path / "heartbeat")


@pytest.mark.parametrize(
    ("is_halted", "orders", "leaves"), [(False, 0, True), (False, 3, True), (True, 3, True), (True, 0, False)]
)
def test_a_halted_bot_leaves_nothing_once_its_cancels_are_confirmed(
    is_halted: bool, orders: int, leaves: bool
) -> None:
    assert replace(BEAT, is_halted=is_halted, orders=orders).leaves_orders is leaves


def beats(*numbers: int) -> list[Beat]:
    return [replace(BEAT, mark=f"b:{number}") for number in numbers]


class Watching(Vigil):
    """One that looks every half second, as a watchdog does: who looks once a minute has stood still itself."""

    def look(self, beat: Beat | None, now_ms: int) -> Finding:
        for at_ms in range(now_ms if self._looked_ms is None else self._looked_ms, now_ms, 500):
            super().look(None, at_ms)
        return super().look(beat, now_ms)


def test_a_bot_is_lost_after_so_long_without_a_beat_and_not_before() -> None:
    vigil = Watching(AFTER_MS)
    one, two = beats(1, 2)
    assert vigil.look(None, 0) is Finding.NOTHING
    assert vigil.look(one, 1_000) is Finding.FIRST
    assert vigil.look(two, 3_000) is Finding.NOTHING
    assert vigil.look(two, 3_000 + AFTER_MS - 1) is Finding.NOTHING
    assert vigil.look(None, 3_000 + AFTER_MS - 1) is Finding.NOTHING, "one that can't be read isn't another"
    assert vigil.look(two, 3_000 + AFTER_MS) is Finding.LOST
    assert vigil.look(two, 3_000 + AFTER_MS + 1_000) is Finding.NOTHING


def test_while_it_stays_silent_it_is_looked_for_again_seldom() -> None:
    vigil = Watching(AFTER_MS)
    (one,) = beats(1)
    vigil.look(one, 0)
    found = [vigil.look(one, at) for at in range(0, AFTER_MS + 3 * AGAIN_MS, 500)]
    assert found.count(Finding.LOST) == 1
    assert found.count(Finding.AGAIN) == 2


def test_a_bot_that_comes_back_is_watched_anew() -> None:
    vigil = Watching(AFTER_MS)
    one, two = beats(1, 2)
    vigil.look(one, 0)
    assert vigil.look(one, AFTER_MS) is Finding.LOST
    assert vigil.look(two, AFTER_MS + 5_000) is Finding.RETURNED
    assert vigil.look(two, 2 * AFTER_MS) is Finding.NOTHING
    assert vigil.look(two, 2 * AFTER_MS + 5_000) is Finding.LOST


@pytest.mark.parametrize("last", [replace(BEAT, is_ended=True), replace(BEAT, is_halted=True)])
def test_nothing_is_done_about_a_bot_that_stopped_in_order_or_is_halted_until_it_begins_anew(
    last: Beat,
) -> None:
    vigil = Watching(AFTER_MS)
    (one,) = beats(5)
    vigil.look(one, 0)
    assert vigil.look(last, 1_000) is Finding.AT_REST
    assert vigil.look(last, 10 * AFTER_MS) is Finding.NOTHING
    assert vigil.look(replace(last, mark="b:9"), 11 * AFTER_MS) is Finding.NOTHING
    assert vigil.look(one, 12 * AFTER_MS) is Finding.FIRST
    assert vigil.look(one, 13 * AFTER_MS) is Finding.LOST


def test_a_watchdog_that_starts_beside_a_dead_bot_gives_it_the_whole_time_too() -> None:
    vigil = Watching(AFTER_MS)
    (one,) = beats(1)
    assert vigil.look(one, 5_000_000) is Finding.FIRST
    assert vigil.look(one, 5_000_000 + AFTER_MS - 1) is Finding.NOTHING
    assert vigil.look(one, 5_000_000 + AFTER_MS) is Finding.LOST


def test_orders_that_a_stop_has_kept_wait_for_a_start_longer_than_a_bot_may_be_silent() -> None:
    vigil = Watching(AFTER_MS)
    one, two = beats(1, 9)
    kept = replace(BEAT, mark="b:2", is_ended=True, is_kept=True, orders=6)
    vigil.look(one, 0)
    assert vigil.look(kept, 1_000) is Finding.KEPT
    assert vigil.look(kept, KEPT_MS) is Finding.NOTHING
    assert vigil.look(two, KEPT_MS + 500) is Finding.FIRST, "the next start has begun"
    assert vigil.look(replace(kept, mark="b:10"), KEPT_MS + 1_000) is Finding.KEPT
    assert vigil.look(None, 2 * KEPT_MS + 1_000) is Finding.LOST


def test_a_stop_that_has_kept_no_order_leaves_nothing(tmp_path: Path) -> None:
    heart = Heartbeat(tmp_path / "heartbeat", BEAT, lambda _: None)
    for kept in (0, 6):
        heart.end(kept)
        last = read_beat(tmp_path / "heartbeat")
        assert last is not None
        assert (last.leaves_orders, last.orders) == (kept > 0, kept)
