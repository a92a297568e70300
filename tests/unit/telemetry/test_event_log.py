"""The log on disk: one compact JSON object a line, numbered files, nothing lost in turning."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from core.telemetry import event_log
from core.telemetry.event_log import FILES_KEPT, EventLogFile, json_line


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


def test_full_files_are_numbered_and_the_oldest_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "MAX_BYTES", 50)
    log = EventLogFile(tmp_path)
    for number in range(30):
        log.write({"event": "tick", "number": number, "pad": "x" * 20})
    log.close()
    kept = [_lines(tmp_path / f"gridbot.log.{n}") for n in range(FILES_KEPT, 0, -1)]
    assert not (tmp_path / f"gridbot.log.{FILES_KEPT + 1}").exists()
    assert [row["number"] for rows in kept for row in rows] == list(range(30 - FILES_KEPT, 30))


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
    (tmp_path / f"gridbot.log.{FILES_KEPT - 1}").touch()
    (tmp_path / f"gridbot.log.{FILES_KEPT}").mkdir()  # stands in the way
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
