"""The log on disk: one compact JSON object a line, numbered files, nothing lost in turning."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.clock import DAY_MS
from core.telemetry import event_log, log_files
from core.telemetry.event_log import EventLogFile, append_event, json_line
from core.telemetry.log_files import FREE_BYTES, KEEP_DAYS, closed_files

NOON_MS = 1_790_000_000_000 // DAY_MS * DAY_MS + DAY_MS // 2


@dataclass
class Clock:
    ms: int = NOON_MS

    def __call__(self) -> int:
        return self.ms


def test_a_fill_is_found_by_plain_text_search() -> None:
    line = json_line({"event": "fill", "ts_ms": 5, "size": Decimal("0.0012"), "note": "ü\n"})
    assert '"event":"fill"' in line
    assert "\n" not in line
    assert json.loads(line) == {"event": "fill", "ts_ms": 5, "size": "0.0012", "note": "ü\n"}


def test_each_event_is_on_disk_when_write_returns_and_a_second_run_appends(tmp_path: Path) -> None:
    for run in range(2):
        log = EventLogFile(tmp_path / "logs")
        log.write({"event": "fill", "run": run})
        assert _lines(tmp_path / "logs" / "gridbot.log")[-1] == {"event": "fill", "run": run}
        log.close()
    assert len(_lines(tmp_path / "logs" / "gridbot.log")) == 2


def test_full_files_are_numbered_and_the_oldest_dropped_past_what_all_may_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "MAX_BYTES", 50)
    monkeypatch.setattr(log_files, "TOTAL_BYTES", 500)
    log = EventLogFile(tmp_path)
    for number in range(30):
        log.write({"event": "tick", "number": number, "pad": "x" * 20})
    log.close()
    kept = [row["number"] for each in reversed(closed_files(tmp_path)) for row in _lines(each.path)]
    assert kept == list(range(30 - len(kept), 30))
    assert 5 < len(kept) == len(closed_files(tmp_path))
    assert sum(each.size for each in closed_files(tmp_path)) <= 500


def test_a_day_has_its_own_file_and_old_ones_go(tmp_path: Path) -> None:
    clock = Clock()
    log = EventLogFile(tmp_path, clock)
    for day in range(4):
        clock.ms = NOON_MS + day * DAY_MS
        log.write({"event": "tick", "day": day})
        os.utime(tmp_path / "gridbot.log", (clock.ms / 1000, clock.ms / 1000))
    assert [_lines(each.path)[0]["day"] for each in closed_files(tmp_path)] == [2, 1, 0]
    clock.ms = NOON_MS + (KEEP_DAYS + 2) * DAY_MS
    log.write({"event": "tick", "day": KEEP_DAYS + 2})
    assert [_lines(each.path)[0]["day"] for each in closed_files(tmp_path)] == [3, 2]
    log.close()
    clock.ms += DAY_MS
    os.utime(tmp_path / "gridbot.log", (clock.ms / 1000 - 86_400,) * 2)
    log = EventLogFile(tmp_path, clock)
    log.write({"event": "tick", "day": KEEP_DAYS + 3})
    log.close()
    assert [row["day"] for row in _lines(tmp_path / "gridbot.log")] == [KEEP_DAYS + 3], "also over a restart"


def test_a_clock_that_goes_back_turns_nothing(tmp_path: Path) -> None:
    clock = Clock()
    log = EventLogFile(tmp_path, clock)
    log.write({"event": "tick"})
    clock.ms -= 3 * DAY_MS
    log.write({"event": "tick"})
    log.close()
    assert closed_files(tmp_path) == []


def test_the_oldest_files_go_first_when_the_disk_is_nearly_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        (tmp_path / f"gridbot.log.{number}").write_bytes(b"x" * 100)
    monkeypatch.setattr(event_log, "free_bytes", lambda _: FREE_BYTES - 150)
    log = EventLogFile(tmp_path, Clock())
    assert log.look() == FREE_BYTES + 50
    assert [each.number for each in closed_files(tmp_path)] == [1]
    log.close()


def test_a_secret_is_masked_even_in_a_row_that_never_went_through_the_bus(tmp_path: Path) -> None:
    log = EventLogFile(tmp_path)
    log.write({"event": "api_error", "reason": f"key 0x{'ab' * 32} refused", "more": {"key": "CD" * 32}})
    append_event(tmp_path, {"event": "api_error", "reason": "0x" + "ef" * 32})
    log.close()
    first, second = _lines(tmp_path / "gridbot.log")
    assert (first["reason"], first["more"], second["reason"]) == (
        "key [masked] refused",
        {"key": "[masked]"},
        "[masked]",
    )


def test_nothing_is_lost_over_a_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "MAX_BYTES", 300)
    log = EventLogFile(tmp_path)
    for number in range(40):
        log.write({"event": "tick", "number": number})
    log.close()
    files = [*sorted(tmp_path.glob("gridbot.log.*"), reverse=True), tmp_path / "gridbot.log"]
    numbers = [row["number"] for file in files for row in _lines(file)]
    assert numbers == list(range(40))


def test_a_turn_that_fails_is_told_once_and_the_log_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "MAX_BYTES", 10)
    log = EventLogFile(tmp_path)
    (tmp_path / "gridbot.log.1").touch()
    (tmp_path / "gridbot.log.2").mkdir()  # stands in the way
    with pytest.raises(OSError, match="gridbot"):
        log.write({"event": "first"})
    monkeypatch.setattr(event_log, "MAX_BYTES", 10**6)
    log.write({"event": "second"})
    log.close()
    assert [row["event"] for row in _lines(tmp_path / "gridbot.log")] == ["first", "second"]


def test_a_full_disk_gets_no_half_line_and_the_log_goes_on_when_there_is_space(tmp_path: Path) -> None:
    log = EventLogFile(tmp_path)
    log.write({"event": "first"})
    size = (tmp_path / "gridbot.log").stat().st_size
    with disk_of(size + 10), pytest.raises(OSError, match="No space"):
        log.write({"event": "second"})
    assert (tmp_path / "gridbot.log").stat().st_size == size
    with disk_of(size), pytest.raises(OSError, match="too large"):
        log.write({"event": "third"})
    log.write({"event": "fourth"})
    log.close()
    assert [row["event"] for row in _lines(tmp_path / "gridbot.log")] == ["first", "fourth"]


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file of this process may grow past ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_log_is_for_its_owner_alone_whoever_writes_its_first_line(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        append_event(tmp_path, {"event": "x"})
        log = EventLogFile(tmp_path / "logs")
        log.write({"event": "x"})
        log.close()
    finally:
        os.umask(before)
    written = list(tmp_path.rglob("*.log"))
    assert [path.stat().st_mode & 0o777 for path in written] == [0o600, 0o600]
