"""The event log on disk: JSON lines, compact, one event a line with its name under ``event``."""

from __future__ import annotations

import errno
import os
from io import SEEK_END, FileIO
from pathlib import Path
from typing import Any

import orjson

MAX_BYTES = 32 * 2**20
"""A log file is closed and numbered at this size."""

FILES_KEPT = 8


def json_line(row: dict[str, Any]) -> str:
    """One compact JSON object; ``"event":"fill"`` without blanks, so that plain text search finds it."""
    return orjson.dumps(row, default=str).decode()


class EventLogFile:
    """Appends to ``<dir>/gridbot.log``; older files are ``gridbot.log.1`` and up."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "gridbot.log"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file: FileIO | None = self._open()

    def write(self, row: dict[str, Any]) -> None:
        """Append one line, whole or not at all. Raises ``OSError`` if the disk takes none; the next is tried anew."""
        file = self._file = self._file or self._open()
        line, size = json_line(row).encode() + b"\n", file.seek(0, SEEK_END)
        written = file.write(line)
        if written != len(line):
            file.truncate(size)  # half a line would spoil the next one too
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        if size + len(line) > MAX_BYTES:
            self._rotate()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _open(self) -> FileIO:
        return self._path.open("ab", buffering=0)

    def _rotate(self) -> None:
        self.close()
        self._file = None
        for number in range(FILES_KEPT - 1, 0, -1):
            older = self._path.with_name(f"gridbot.log.{number}")
            if older.exists():
                older.replace(self._path.with_name(f"gridbot.log.{number + 1}"))
        self._path.replace(self._path.with_name("gridbot.log.1"))


def append_event(directory: Path, row: dict[str, Any]) -> None:
    """One line into the log that another process may be writing, whole or not at all: opened anew, since that one turns the
    files. Raises ``OSError``.
    """
    with (directory / "gridbot.log").open("ab", buffering=0) as file:
        line = json_line(row).encode() + b"\n"
        if file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory))
