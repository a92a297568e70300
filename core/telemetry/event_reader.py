"""Reads the event log back: the newest lines from its end, all of them from its beginning, and those to come.

The files of a log are one sequence, numbered from the newest. They are opened before they are read, so that a turn of the log
meanwhile changes nothing; a line that is no event is skipped and counted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from core.telemetry.traces import Way
from core.view import Severity

BLOCK = 64 * 1024
LONGEST_LINE = 4 * 2**20
"""What goes on for longer without a line's end is no line of ours; it isn't kept in memory."""
CLOCK_STEP_MS = 10 * 60_000
"""A clock that is set may have put later lines that much earlier: reading backwards goes on so far past the time asked for."""

_START = b'{"event":'
_RANK = {severity.value: severity.rank for severity in Severity}


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One line: as it stands in the file, and what it says."""

    raw: bytes
    row: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.row.get("event", ""))

    @property
    def time_ms(self) -> int:
        time_ms = self.row.get("ts_ms", 0)
        return time_ms if isinstance(time_ms, int) else 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are asked for: all conditions hold at once; an empty one holds always."""

    names: tuple[str, ...] = ()
    """Any of them, as beginnings of names, or whole names with ``is_exact``."""
    is_exact: bool = False
    coin: str = ""
    """In any case, with or without its dex."""
    level: Severity = Severity.INFO
    """This and worse."""
    text: str = ""
    """Somewhere in the line, in any case."""
    since_ms: int = 0

    def takes(self, event: LoggedEvent) -> bool:
        row = event.row
        if event.time_ms < self.since_ms or _RANK.get(str(row.get("level")), 0) < _RANK[self.level.value]:
            return False
        if self.names and not any(self._is_named(event.name, name) for name in self.names):
            return False
        if self.coin and not _is_coin(str(row.get("coin", "")), self.coin):
            return False
        return not self.text or self.text.casefold() in event.raw.decode().casefold()

    def passes_by(self, raw: bytes) -> bool:
        """Whether a whole line is surely not wanted, told without reading it: most of a large log is passed by so."""
        return (
            bool(self.names)
            and all(map(str.isidentifier, self.names))  # others may stand escaped in the line
            and raw.startswith(_START)
            and raw.endswith(b"}")
            and not any(name.encode() in raw for name in self.names)
        )

    def _is_named(self, name: str, wanted: str) -> bool:
        return name == wanted if self.is_exact else name.startswith(wanted)


def _is_coin(coin: str, wanted: str) -> bool:
    coin, wanted = coin.casefold(), wanted.casefold()
    return coin == wanted or coin.rpartition(":")[2] == wanted


@dataclass(slots=True)
class Skipped:
    """How many lines were no events, for whoever asked to be told."""

    lines: int = 0


def parsed(raw: bytes, skipped: Skipped) -> LoggedEvent | None:
    """The event of one line; after a torn line that a later one was written behind, that later one."""
    raw = raw.rstrip(b"\r\n")
    if not raw:
        return None
    if (event := _event(raw)) is None:
        skipped.lines += 1
        at = raw.rfind(_START)
        event = _event(raw[at:]) if at > 0 else None
    return event


def _event(raw: bytes) -> LoggedEvent | None:
    try:
        row = orjson.loads(raw)
    except ValueError:
        return None
    return LoggedEvent(raw, row) if isinstance(row, dict) and "event" in row else None


@dataclass(frozen=True, slots=True)
class LogFile:
    """One opened file of the log, and how long it was then: what is written later is not read."""

    fd: int
    inode: tuple[int, int]
    size: int
    mtime_ms: int

    def whole(self) -> LogFile:
        """Without the line that is being written at its end: who follows the log gets it when it is whole."""
        tail = next(self.lines_backwards())
        return replace(self, size=self.size - len(tail))

    def lines(self) -> Iterator[bytes]:
        """From the first."""
        rest, position = b"", 0
        while position < self.size:
            block = os.pread(self.fd, min(BLOCK, self.size - position), position)
            if not block:
                break  # cut short meanwhile
            position += len(block)
            *whole, rest = (rest + block).split(b"\n")
            yield from whole
            rest = rest[:LONGEST_LINE]
        yield rest

    def lines_backwards(self) -> Iterator[bytes]:
        """From the last."""
        pieces: list[bytes] = []
        held, position = 0, self.size
        while position > 0:
            size = min(BLOCK, position)
            position -= size
            block = os.pread(self.fd, size, position)
            if len(block) < size:
                pieces, held = [], 0  # cut short meanwhile: what follows is gone
            first, *others = block.split(b"\n")
            if others:
                yield b"".join([others.pop(), *reversed(pieces)])
                yield from reversed(others)
                pieces, held = [], 0
            if held <= LONGEST_LINE:
                pieces.append(first)
                held += len(first)
        yield b"".join(reversed(pieces))


@contextmanager
def opened(directory: Path) -> Iterator[list[LogFile]]:
    """The files of a log, the newest first. The log may turn meanwhile: none is missed and none is there twice."""
    files: list[LogFile] = []
    try:
        for path in _paths(directory):
            file = _open(path)
            if file is not None and file.inode in {other.inode for other in files}:
                os.close(file.fd)
            elif file is not None:
                files.append(file)
        yield files
    finally:
        for file in files:
            os.close(file.fd)


def _paths(directory: Path) -> Iterator[Path]:
    yield directory / "gridbot.log"
    names = (
        re.fullmatch(r"gridbot\.log\.([1-9][0-9]{0,3})", path.name)
        for path in directory.glob("gridbot.log.*")
    )
    highest = max((int(name.group(1)) for name in names if name), default=0)
    for number in range(1, highest + 2):  # a turn gives the last one another number
        yield directory / f"gridbot.log.{number}"


def _open(path: Path) -> LogFile | None:
    """Raises ``OSError`` for one that may not be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    info = os.fstat(fd)
    return LogFile(fd, (info.st_dev, info.st_ino), info.st_size, info.st_mtime_ns // 10**6)


def newest(files: list[LogFile], wanted: Wanted, count: int, skipped: Skipped) -> list[LoggedEvent]:
    """The last ``count`` events that are wanted, oldest first; no more is read than it takes to find them."""
    found: list[LoggedEvent] = []
    for file in files:
        for raw in file.lines_backwards():
            if not wanted.since_ms and wanted.passes_by(
                raw
            ):  # with a time to stop at each line's own must be known
                continue
            if (event := parsed(raw, skipped)) is None:
                continue
            if event.time_ms < wanted.since_ms - CLOCK_STEP_MS and event.time_ms:
                return found[::-1]
            if wanted.takes(event):
                found.append(event)
                if len(found) >= count:
                    return found[::-1]
    return found[::-1]


def every(files: list[LogFile], wanted: Wanted, skipped: Skipped) -> Iterator[LoggedEvent]:
    """All events that are wanted, oldest first; a file that ended before the time asked for is not read."""
    for file in reversed(files):
        if file.mtime_ms < wanted.since_ms - CLOCK_STEP_MS:
            continue
        for raw in file.lines():
            event = None if wanted.passes_by(raw) else parsed(raw, skipped)
            if event is not None and wanted.takes(event):
                yield event


def traced(files: list[LogFile], asked: str, skipped: Skipped) -> Iterator[LoggedEvent]:
    """The way of an order, or of all orders of a decision, oldest first: what set it off, its action, what became of it."""
    way = Way(asked)
    for event in every(files, Wanted(("orders_sent",), is_exact=True), Skipped()):
        way.learn(event.row)
    return (event for event in every(files, Wanted(), skipped) if way.takes(event.row))


@dataclass(slots=True)
class Follower:
    """What is written to a log from where ``files`` ended, through its turns. ``poll`` never waits."""

    directory: Path
    inode: tuple[int, int]
    position: int
    skipped: Skipped
    notices: list[str] = field(default_factory=list)
    """What befell the log since they were last taken."""
    _rest: bytes = b""

    @staticmethod
    def after(directory: Path, files: list[LogFile], skipped: Skipped) -> Follower:
        """``files[0]`` must end with a whole line: see ``LogFile.whole``."""
        return Follower(directory, files[0].inode, files[0].size, skipped)

    def poll(self) -> Iterator[LoggedEvent]:
        """The events that came since."""
        with opened(self.directory) as files:
            at = next((n for n, file in enumerate(files) if file.inode == self.inode), None)
            if not files:
                return  # between two names: the next poll finds it
            if at is None:
                self._begin_anew(files[0], "the log was replaced; it is read from its beginning")
                at = 0
            elif files[at].size < self.position:
                self._begin_anew(files[at], "the log was cut short; it is read from its beginning")
            for file in reversed(files[: at + 1]):
                if file.inode != self.inode:
                    self._begin_anew(file)
                yield from self._read(file)

    def _begin_anew(self, file: LogFile, notice: str = "") -> None:
        self.skipped.lines += bool(self._rest.strip())
        self._rest, self.inode, self.position = b"", file.inode, 0
        self.notices += [notice] if notice else []

    def _read(self, file: LogFile) -> Iterator[LoggedEvent]:
        while self.position < file.size:
            block = os.pread(file.fd, min(BLOCK, file.size - self.position), self.position)
            if not block:
                return
            self.position += len(block)
            *whole, self._rest = (self._rest + block).split(b"\n")
            self._rest = self._rest[:LONGEST_LINE]
            for raw in whole:
                if (event := parsed(raw, self.skipped)) is not None:
                    yield event
