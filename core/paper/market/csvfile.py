"""Rows of a recording's CSV files, plain or gzipped: exactly as the header says, or refused with file and line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO, TypeVar

from core.domain.units import InexactNumberError
from core.paper.config import CorruptRecordingError

Cells = dict[str, str]
_Row = TypeVar("_Row")
_TIME_DIGITS = 15


def timed_rows(
    path: Path, needed: tuple[str, ...], parse: Callable[[Cells], _Row], time_column: str = "time"
) -> Iterator[tuple[int, _Row]]:
    """(time, row) of every line. Times are milliseconds, above 0, never descending.

    Raises:
        CorruptRecordingError: a missing column, a line that ``parse`` refuses with ``ValueError``, unsorted times.
    """
    last_ms = 0
    for number, cells in rows(path, needed):
        try:
            time_ms = _milliseconds(cells[time_column])
            row = parse(cells)
        except (ValueError, InexactNumberError) as error:
            raise CorruptRecordingError(path, number, str(error)) from error
        if time_ms < last_ms:
            raise CorruptRecordingError(
                path, number, f"time {time_ms} comes after {last_ms}; rows must be sorted by time"
            )
        last_ms = time_ms
        yield time_ms, row


def _milliseconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _TIME_DIGITS):
        raise ValueError(f"{text!r} is not a time in whole milliseconds")
    return int(text)


def rows(path: Path, needed: tuple[str, ...] = ()) -> Iterator[tuple[int, Cells]]:
    """(line number, cells by column) of every line below the header. Raises ``CorruptRecordingError``."""
    header: list[str] | None = None
    number = 0
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, start=1):
                values = line.rstrip("\r\n").split(",")
                if header is None:
                    header = values
                    missing = [name for name in needed if name not in header]
                    if missing:
                        raise CorruptRecordingError(path, 1, f"the header lacks {', '.join(missing)}")
                elif len(values) != len(header):
                    raise CorruptRecordingError(
                        path, number, f"{len(values)} columns, but the header has {len(header)}"
                    )
                else:
                    yield number, dict(zip(header, values, strict=True))
    except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError, OSError) as error:
        raise CorruptRecordingError(path, number + 1, f"it can't be read ({error})") from error
    if header is None:
        raise CorruptRecordingError(path, 1, "the file is empty")


def _open(path: Path) -> TextIO:
    """As UTF-8, whether or not a mark of it comes first."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def columns(path: Path) -> frozenset[str]:
    """The names in the header; empty if there are no rows. Raises ``CorruptRecordingError``."""
    first = next(rows(path), None)
    return frozenset(first[1]) if first is not None else frozenset()
