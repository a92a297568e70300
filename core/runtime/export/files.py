"""The tables as files: CSV as RFC 4180 has it, for their owner alone, and none that is half-written under its name."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from core.runtime.statedir import unwritable
from core.runtime.usage import UsageError

_FORMULA = re.compile(r"(?!(-?\d+(\.\d+)?([eE][-+]?\d+)?|@\d+)\Z)[=+\-@\t\r]")
"""Neither a number nor one of Hyperliquid's names of a spot pair, as ``@107``."""


class Table:
    """A table that is being written; ``rows`` counts what was added below the heading."""

    def __init__(self, path: Path, heading: Iterable[str]) -> None:
        self.path, self.rows = path, 0
        self._partial = path.with_name(f"{path.name}.partial")
        self._file: TextIO = open_private(self._partial)
        self._csv = csv.writer(self._file)  # its lines end with CRLF, as the RFC asks
        self._csv.writerow(heading)

    def add(self, cells: Iterable[str]) -> None:
        """A text that a spreadsheet would take for a formula (names come from the exchange) gets an apostrophe before it, as
        OWASP's "CSV injection" has it; numbers and spot pairs stay as they are.
        """
        self._csv.writerow([f"'{cell}" if _FORMULA.match(cell) else cell for cell in cells])
        self.rows += 1

    def finish(self) -> None:
        """Put it in its place, on disk."""
        close_into(self._file, self._partial, self.path)

    def abandon(self) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)


@contextmanager
def tables(wanted: dict[str, tuple[Path, tuple[str, ...]]]) -> Iterator[dict[str, Table]]:
    """All of them or none: each is put in its place when all are written. Raises ``StorageError``."""
    made: dict[str, Table] = {}
    try:
        try:
            for name, (path, heading) in wanted.items():
                made[name] = Table(path, heading)
            yield made
            for table in made.values():
                table.finish()
        finally:
            for table in made.values():
                table.abandon()
    except OSError as error:
        raise unwritable(next(iter(wanted.values()))[0].parent, error) from error


def prepare(output: Path, names: Iterable[str], *, overwrite: bool) -> None:
    """Make the directory, and refuse to write over what is there. Raises ``UsageError``."""
    try:
        output.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{output} can't be made ({error.strerror}); name another with --output") from error
    there = [name for name in names if (output / name).exists()]
    if there and not overwrite:
        raise UsageError(
            f"{output} holds {', '.join(there)} already; name another directory with --output, or add --overwrite"
        )


def open_private(path: Path) -> TextIO:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    return os.fdopen(fd, "w", encoding="utf-8", newline="")


def close_into(file: TextIO, partial: Path, path: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()
    os.replace(partial, path)


def write_text(path: Path, text: str) -> None:
    """Whole or not at all. Raises ``StorageError``."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        file = open_private(partial)
        file.write(text)
        close_into(file, partial, path)
    except OSError as error:
        raise unwritable(path, error) from error
