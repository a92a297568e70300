"""The event log on disk: JSON lines, compact, one event a line with its name under ``event``."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from io import SEEK_END, FileIO
from pathlib import Path
from typing import Any

import orjson

from core.domain.clock import DAY_MS
from core.printable import escaped
from core.redaction import redacted_row
from core.telemetry import log_files
from core.telemetry.log_files import NAME, free_bytes, prune, turn

MAX_BYTES = 32 * 2**20
"""A log file is closed and numbered at this size, and at the end of its day (UTC)."""


def json_line(row: dict[str, Any]) -> str:
    """One compact JSON object; ``"event":"fill"`` without blanks, so that plain text search finds it. All of it prints."""
    return escaped(orjson.dumps(row, default=str).decode())


def wall_ms() -> int:
    return time.time_ns() // 10**6


class EventLogFile:
    """Appends to ``<dir>/gridbot.log``; older files are ``gridbot.log.1`` and up. Secrets are masked."""

    def __init__(self, directory: Path, now_ms: Callable[[], int] = wall_ms) -> None:
        self._directory, self._path, self.now_ms = directory, directory / NAME, now_ms
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file: FileIO | None = self._open()
        self._day = self._day_of_file()
        self._looked_ms = 0
        self.free = log_files.FREE_BYTES

    def look(self) -> int:
        """How many bytes of the disk are free, after what is too old or too much has gone; looked up once a second."""
        now_ms = self.now_ms()
        if not 0 <= now_ms - self._looked_ms < 1_000:
            self._looked_ms = now_ms
            self.free = free_bytes(self._directory)
            if self.free < log_files.FREE_BYTES:
                self.free = prune(self._directory, now_ms, self.free)
        return self.free

    def write(self, row: dict[str, Any]) -> None:
        """Append one line, whole or not at all. Raises ``OSError`` if the disk takes none; the next is tried anew."""
        file = self._file = self._file or self._open()
        if self.now_ms() // DAY_MS > self._day:
            file = self._turned()
        line, size = json_line(redacted_row(row)).encode() + b"\n", file.seek(0, SEEK_END)
        written = file.write(line)
        if written != len(line):
            file.truncate(size)  # half a line would spoil the next one too
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        if size + len(line) > MAX_BYTES:
            self._turned()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _open(self) -> FileIO:
        return open_for_owner(self._path)

    def _day_of_file(self) -> int:
        """Of its last line; of an empty one, today's."""
        info = self._path.stat()
        return info.st_mtime_ns // 10**6 // DAY_MS if info.st_size else self.now_ms() // DAY_MS

    def _turned(self) -> FileIO:
        """Close the file, give it a number, and begin another. Raises ``OSError``."""
        now_ms = self.now_ms()
        self._day = now_ms // DAY_MS
        if self._path.exists() and self._path.stat().st_size:
            self.close()
            self._file = None
            turn(self._directory)
            prune(self._directory, now_ms, log_files.FREE_BYTES)
        self._file = self._file or self._open()
        return self._file


def open_for_owner(path: Path) -> FileIO:
    """To append to, made for this user alone if it isn't there: the directory around it may be open to others."""
    return FileIO(str(path), "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


def append_event(directory: Path, row: dict[str, Any]) -> None:
    """One line into the log that another process may be writing, whole or not at all: opened anew, since that one turns the
    files. Secrets are masked. Raises ``OSError``.
    """
    with open_for_owner(directory / NAME) as file:
        line = json_line(redacted_row(row)).encode() + b"\n"
        if file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory))
