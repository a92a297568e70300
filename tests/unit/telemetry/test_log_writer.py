"""What is held back, what is kept over a full disk, and which lines are joined to a trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.telemetry import event_log, log_files, log_writer
from core.telemetry.event_log import EventLogFile, json_line
from core.telemetry.event_reader import Skipped, opened, traced
from core.telemetry.log_files import FREE_BYTES, LAST_BYTES
from core.telemetry.log_writer import LogWriter
from core.telemetry.throttle import BURST, KINDS_KEPT, WINDOW_MS, Throttle

BOOT = "5f0a12c3"
CLOIDS = [f"0x67726462aaaaaaaa{BOOT}{number:08x}" for number in range(4)]
TAILS = [cloid[-16:] for cloid in CLOIDS]


class Disk:
    free = FREE_BYTES


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(event_log, "free_bytes", lambda _: disk.free)
    return disk


class Clock:
    """Each look is a second later."""

    ms = 1_790_000_000_000

    def __call__(self) -> int:
        self.ms += 1_000
        return self.ms


@pytest.fixture
def log(tmp_path: Path, disk: Disk) -> Iterator[LogWriter]:
    writer = LogWriter(EventLogFile(tmp_path, Clock()))
    yield writer
    writer.close()


def lines(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "gridbot.log").read_text().splitlines()]


def of(throttle: Throttle, name: str, count: int, ts_ms: int = 0, **fields: Any) -> list[dict[str, Any]]:
    row = {"event": name, "ts_ms": ts_ms, "level": "warn", **fields}
    return [each for _ in range(count) for each in throttle.passes(row)]


def test_what_repeats_is_held_back_and_counted_when_its_minute_is_over() -> None:
    throttle = Throttle()
    assert len(of(throttle, "api_error", BURST + 7, coin="BTC")) == BURST
    assert len(of(throttle, "api_error", 1, coin="ETH")) == 1, "each coin by itself"
    told, next_ = of(throttle, "ws_connected", 1, ts_ms=WINDOW_MS)
    assert told == {
        "event": "events_suppressed",
        "ts_ms": WINDOW_MS,
        "level": "info",
        "coin": "BTC",
        "name": "api_error",
        "count": 7,
        "since_ms": 0,
    }
    assert next_["event"] == "ws_connected"
    assert len(of(throttle, "api_error", BURST, ts_ms=WINDOW_MS, coin="BTC")) == BURST


def test_fills_orders_halts_and_whatever_is_critical_are_never_held_back() -> None:
    throttle = Throttle()
    for name in ("fill", "order_rejected", "orders_sent", "risk_halt", "operator"):
        assert len(of(throttle, name, 10 * BURST)) == 10 * BURST
    assert len(of(throttle, "new_name", 10 * BURST, level="crit")) == 10 * BURST


def test_what_is_held_back_at_the_end_is_told_and_memory_is_bounded() -> None:
    throttle = Throttle()
    of(throttle, "api_error", BURST + 1)
    assert [row["count"] for row in throttle.rest(5)] == [1]
    for number in range(3 * KINDS_KEPT):
        of(throttle, f"name_{number}", 1)
    assert len(throttle._windows) <= KINDS_KEPT + 1


def test_a_clock_that_was_set_back_ends_a_window() -> None:
    throttle = Throttle()
    of(throttle, "api_error", BURST + 1, ts_ms=WINDOW_MS)
    assert [row["event"] for row in of(throttle, "api_error", 1)] == ["events_suppressed", "api_error"]


def test_with_little_space_only_records_are_written_and_the_gap_is_told(
    log: LogWriter, disk: Disk, tmp_path: Path
) -> None:
    disk.free = FREE_BYTES - 1
    for name in ("ws_connected", "fill", "ws_connected"):
        log.write({"event": name, "ts_ms": 1, "level": "info"})
    disk.free = FREE_BYTES
    log.write({"event": "ws_ready", "ts_ms": 2, "level": "info"})
    assert [(row["event"], row.get("left_out")) for row in lines(tmp_path)] == [
        ("fill", None),
        ("log_gap", 2),
        ("ws_ready", None),
    ]


def test_with_no_space_records_wait_in_memory_in_order_and_none_is_lost(
    log: LogWriter, disk: Disk, tmp_path: Path
) -> None:
    disk.free = LAST_BYTES - 1
    for number in range(5):
        log.write({"event": "fill", "ts_ms": 1, "level": "info", "number": number})
    assert lines(tmp_path) == []
    disk.free = FREE_BYTES
    log.write({"event": "risk_halt", "ts_ms": 2, "level": "crit"})
    assert [row.get("number") for row in lines(tmp_path)] == [0, 1, 2, 3, 4, None]


def test_records_that_the_disk_refuses_are_written_when_it_takes_them(
    log: LogWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: dict[str, Any]) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(log._file, "write", full)
        with pytest.raises(OSError, match="No space"):
            log.write({"event": "fill", "ts_ms": 1, "level": "info", "number": 0})
    log.write({"event": "fill", "ts_ms": 1, "level": "info", "number": 1})
    assert [row["number"] for row in lines(tmp_path)] == [0, 1]


def test_of_too_many_records_that_wait_the_oldest_are_counted_as_lost(
    log: LogWriter, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "HELD", 3)
    disk.free = 0
    for number in range(5):
        log.write({"event": "fill", "ts_ms": 1, "level": "info", "number": number})
    disk.free = FREE_BYTES
    log.write({"event": "halt", "ts_ms": 1, "level": "warn"}, lost=4)
    assert [(row.get("number"), row.get("lost")) for row in lines(tmp_path)] == [(3, 3), (4, None), (None, 4)]


def test_lines_of_an_order_have_its_decisions_trace(log: LogWriter, tmp_path: Path) -> None:
    log.write({"event": "orders_sent", "ts_ms": 1, "trace": TAILS[0], "cloids": f"{TAILS[0]} {TAILS[1]}"})
    for cloid in (*CLOIDS[:3], None):
        log.write({"event": "fill", "ts_ms": 2, "cloid": cloid})
    assert [row.get("trace") for row in lines(tmp_path)] == [TAILS[0], TAILS[0], TAILS[0], None, None]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (TAILS[2], [0, 1, 3, 4, 5]),
        (CLOIDS[3].upper().replace("0X", "0x"), [0, 1, 4]),
        (TAILS[1], [0]),
        ("0" * 16, []),
    ],
    ids=["a decision", "one of its orders", "an order whose action has left the log", "nothing"],
)
def test_a_trace_is_shown_from_what_set_it_off_to_its_fills(
    tmp_path: Path, asked: str, shown: list[int]
) -> None:
    rows: list[dict[str, Any]] = [
        {"event": "fill", "trade_id": 7, "cloid": CLOIDS[1]},
        {
            "event": "orders_sent",
            "trace": TAILS[2],
            "cause": "fill",
            "cause_trade_id": 7,
            "cloids": f"{TAILS[2]} {TAILS[3]}",
        },
        {"event": "ws_connected"},
        {"event": "order_unknown", "cloid": CLOIDS[2]},
        {"event": "fill", "trade_id": 8, "cloid": CLOIDS[3]},
        {"event": "fill", "trade_id": 9, "cloid": CLOIDS[2]},
    ]
    (tmp_path / "gridbot.log.1").write_text("".join(f"{json_line(row)}\n" for row in rows[:2]))
    (tmp_path / "gridbot.log").write_text("".join(f"{json_line(row)}\n" for row in rows[2:]))
    with opened(tmp_path) as files:
        assert [event.row for event in traced(files, asked, Skipped())] == [rows[at] for at in shown]


def test_p20_a_flood_of_records_keeps_to_its_bytes_and_what_comes_last_is_there(
    log: LogWriter, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most, total = 4_096, 16_384
    monkeypatch.setattr(event_log, "MAX_BYTES", most)
    monkeypatch.setattr(log_files, "TOTAL_BYTES", total)
    for number in range(2_000):
        log.write({"event": "fill", "ts_ms": number, "level": "info", "number": number})
    log.write({"event": "risk_halt", "ts_ms": 2_000, "level": "crit"})
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= total + 2 * most
    assert lines(tmp_path)[-1]["event"] == "risk_halt"
    disk.free = LAST_BYTES
    log.write({"event": "risk_halt", "ts_ms": 3_000, "level": "crit"})
    assert lines(tmp_path)[-1]["ts_ms"] == 3_000, "with the last of the disk"
