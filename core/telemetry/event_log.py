"""The event log on disk: JSON lines, compact, one event a line with its name under ``event``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

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
        self._file: TextIO = self._path.open("a", encoding="utf-8")

    def write(self, row: dict[str, Any]) -> None:
        self._file.write(json_line(row) + "\n")
        self._file.flush()
        if self._file.tell() > MAX_BYTES:
            self._rotate()

    def close(self) -> None:
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        try:
            for number in range(FILES_KEPT - 1, 0, -1):
                older = self._path.with_name(f"gridbot.log.{number}")
                if older.exists():
                    older.replace(self._path.with_name(f"gridbot.log.{number + 1}"))
            self._path.replace(self._path.with_name("gridbot.log.1"))
        finally:
            self._file = self._path.open("a", encoding="utf-8")
