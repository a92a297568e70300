"""The log read back: whatever turns, cuts and garbage are in it, each event that is whole is found once and in order."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.telemetry import event_log, event_reader
from core.telemetry.event_log import EventLogFile, json_line
from core.telemetry.event_reader import Follower, LoggedEvent, Skipped, Wanted, every, newest, opened
from core.view import Severity

NAMES = ("fill", "fill_conflict", "position_drift_detected", "grid_compression_override", "operator")


@dataclass
class Written:
    """A log as a test wrote it: bytes by file, oldest first, and the numbers of the events that are whole."""

    files: list[bytes] = field(default_factory=lambda: [b""])
    rows: list[dict[str, object]] = field(default_factory=list)
    torn: int = 0

    def put(self, directory: Path) -> None:
        for number, content in enumerate(reversed(self.files)):
            (directory / f"gridbot.log{f'.{number}' if number else ''}").write_bytes(content)


row = st.builds(
    lambda name, level, coin, text: {"event": name, "ts_ms": 0, "level": level, "coin": coin, "text": text},
    st.sampled_from(NAMES),
    st.sampled_from(["info", "warn", "crit"]),
    st.sampled_from(["BTC", "xyz:TSLA", ""]),
    st.text(max_size=12),
)
torn = st.sampled_from(
    [b"{", b'{"event":"fil', b"\x00\x00\x00", b"\xff\xfe", b"[1]", b'{"no":"event"}', b"null"]
)


@st.composite
def logs(draw: st.DrawFn) -> Written:
    """Files of whole events with torn lines between them; a torn one may have the next event written behind it."""
    log = Written()
    for number, each in enumerate(draw(st.lists(row, max_size=30))):
        each["ts_ms"] = 1000 * (number + 1)
        if draw(st.integers(0, 5)) == 0:
            log.files.append(b"")
        if draw(st.integers(0, 4)) == 0:
            log.files[-1] += draw(torn) + draw(st.sampled_from([b"\n", b""]))
            log.torn += 1
        log.files[-1] += json_line(each).encode() + b"\n"
        log.rows.append(each)
    log.files[-1] += draw(st.sampled_from([b"", b"\n", b"\n\n"]))
    return log


wanted_ones = st.builds(
    Wanted,
    names=st.lists(st.sampled_from(["fill", "position_drift", "grid", 'op"', "nothing"]), max_size=2).map(
        tuple
    ),
    is_exact=st.booleans(),
    coin=st.sampled_from(["", "btc", "TSLA", "xyz:tsla"]),
    level=st.sampled_from(Severity),
    since_ms=st.integers(0, 31_000),
)


def is_wanted(each: dict[str, object], wanted: Wanted) -> bool:
    """Told in other words than the reader's."""
    ranks = {"info": 0, "warn": 1, "crit": 2}
    name, coin = str(each["event"]), str(each["coin"]).lower()
    named = name in wanted.names if wanted.is_exact else name.startswith(wanted.names or "")
    return (
        (named or not wanted.names)
        and (not wanted.coin or wanted.coin.lower() in (coin, coin.split(":")[-1]))
        and ranks[str(each["level"])] >= ranks[wanted.level.value]
        and int(str(each["ts_ms"])) >= wanted.since_ms
    )


def rows_of(found: list[LoggedEvent]) -> list[dict[str, object]]:
    return [event.row for event in found]


@settings(deadline=None)
@given(logs(), wanted_ones, st.integers(1, 40), st.integers(1, 90))
def test_every_whole_event_is_found_once_in_order_whatever_is_torn(
    log: Written, wanted: Wanted, count: int, block: int
) -> None:
    with TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_reader, "BLOCK", block)
        log.put(Path(place))
        expected = [each for each in log.rows if is_wanted(each, wanted)]
        with opened(Path(place)) as files:
            assert rows_of(list(every(files, wanted, Skipped()))) == expected
            assert rows_of(newest(files, wanted, count, Skipped())) == expected[-count:]


@settings(deadline=None)
@given(logs(), st.integers(1, 90))
def test_each_torn_line_is_counted_from_either_end(log: Written, block: int) -> None:
    with TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_reader, "BLOCK", block)
        log.put(Path(place))
        with opened(Path(place)) as files:
            forwards, backwards = Skipped(), Skipped()
            assert len(list(every(files, Wanted(), forwards))) == len(log.rows)
            assert len(newest(files, Wanted(), 10**6, backwards)) == len(log.rows)
            assert forwards.lines == backwards.lines == log.torn


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(["write", "poll"]), max_size=120), st.integers(0, 20))
def test_who_follows_a_log_gets_each_event_once_through_all_its_turns(steps: list[str], before: int) -> None:
    with TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_log, "MAX_BYTES", 600)
        patch.setattr(event_reader, "BLOCK", 37)
        log, directory, number = EventLogFile(Path(place)), Path(place), 0
        for _ in range(before):
            log.write({"event": "tick", "number": (number := number + 1)})
        with opened(directory) as files:
            follower = Follower.after(directory, files, Skipped())
        got = []
        for step in [*steps, "poll"]:
            if step == "write":
                log.write({"event": "tick", "number": (number := number + 1)})
            else:
                got += [event.row["number"] for event in follower.poll()]
        log.close()
        assert got == list(range(before + 1, number + 1))
        assert (follower.skipped.lines, follower.notices) == (0, [])


def following(directory: Path) -> Follower:
    with opened(directory) as files:
        files[0] = files[0].whole()
        return Follower.after(directory, files, Skipped())


def test_an_event_that_is_being_written_is_told_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "gridbot.log"
    path.write_bytes(b'{"event":"a"}\n{"eve')
    follower = following(tmp_path)
    assert list(follower.poll()) == []
    with path.open("ab") as file:
        file.write(b'nt":"b"}')
        file.flush()
        assert list(follower.poll()) == []
        file.write(b"\n")
    assert [event.name for event in follower.poll()] == ["b"]
    assert follower.skipped.lines == 0


def test_a_log_that_is_cut_short_is_read_from_its_beginning_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "gridbot.log"
    path.write_bytes(b'{"event":"a"}\n{"event":"b"}\n')
    follower = following(tmp_path)
    os.truncate(path, 0)
    with path.open("ab") as file:
        file.write(b'{"event":"c"}\n')
    assert [event.name for event in follower.poll()] == ["c"]
    assert follower.notices == ["the log was cut short; it is read from its beginning"]


def test_a_log_that_is_replaced_is_read_from_its_beginning_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "gridbot.log"
    path.write_bytes(b'{"event":"a"}\n')
    follower = following(tmp_path)
    (tmp_path / "new").write_bytes(b'{"event":"c"}\n')
    (tmp_path / "new").replace(path)
    assert [event.name for event in follower.poll()] == ["c"]
    assert follower.notices == ["the log was replaced; it is read from its beginning"]
    path.unlink()
    assert list(follower.poll()) == []


def test_the_last_events_of_a_large_log_are_read_from_its_end_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json_line({"event": "tick", "ts_ms": 5, "level": "info"}).encode() + b"\n"
    for number in range(9):
        name = f"gridbot.log.{number}" if number else "gridbot.log"
        (tmp_path / name).write_bytes(line * (2**20 // len(line)))
    read, pread = [0], os.pread

    def counting(fd: int, size: int, at: int) -> bytes:
        read.append(size)
        return pread(fd, size, at)

    monkeypatch.setattr(os, "pread", counting)
    with opened(tmp_path) as files:
        assert len(files) == 9
        assert len(newest(files, Wanted(names=("tick",)), 20, Skipped())) == 20
    assert sum(read) <= event_reader.BLOCK


def test_a_turn_of_the_log_while_it_is_opened_shows_no_file_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gridbot.log").write_bytes(b'{"event":"b"}\n')
    (tmp_path / "gridbot.log.1").write_bytes(b'{"event":"a"}\n')
    real = os.open
    calls: list[Path] = []

    def turning(path: Path, flags: int) -> int:
        fd = real(path, flags)
        if not calls:
            (tmp_path / "gridbot.log.1").replace(tmp_path / "gridbot.log.2")
            (tmp_path / "gridbot.log").replace(tmp_path / "gridbot.log.1")
        calls.append(path)
        return fd

    monkeypatch.setattr(os, "open", turning)
    with opened(tmp_path) as files:
        assert [event.name for event in every(files, Wanted(), Skipped())] == ["a", "b"]


def test_what_was_logged_before_the_clock_was_set_back_is_found_too(tmp_path: Path) -> None:
    times = [100_000, 700_000, 900_000, 400_000, 950_000]
    lines = [json_line({"event": "tick", "ts_ms": time_ms}) for time_ms in times]
    (tmp_path / "gridbot.log").write_text("\n".join(lines) + "\n")
    with opened(tmp_path) as files:
        wanted = Wanted(since_ms=600_000)
        assert [e.time_ms for e in newest(files, wanted, 9, Skipped())] == [700_000, 900_000, 950_000]


def test_a_line_without_an_end_takes_no_memory_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_reader, "LONGEST_LINE", 1000)
    monkeypatch.setattr(event_reader, "BLOCK", 100)
    (tmp_path / "gridbot.log").write_bytes(b'{"event":"a"}\n' + b"x" * 20_000 + b'\n{"event":"b"}\n')
    with opened(tmp_path) as files:
        skipped = Skipped()
        assert [event.name for event in newest(files, Wanted(), 9, skipped)] == ["a", "b"]
        assert skipped.lines == 1
        assert max(map(len, files[0].lines())) <= 1100
        assert max(map(len, files[0].lines_backwards())) <= 1200


def test_text_is_sought_in_the_whole_line_in_any_case(tmp_path: Path) -> None:
    (tmp_path / "gridbot.log").write_text('{"event":"a","reason":"Connection RESET"}\n{"event":"b"}\n')
    with opened(tmp_path) as files:
        assert [e.name for e in every(files, Wanted(text="connection reset"), Skipped())] == ["a"]
