"""How much of the log is kept: so many days, so many bytes, and never the last of the disk, which the journal needs more."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from core.domain.clock import DAY_MS

NAME = "gridbot.log"

TOTAL_BYTES = 256 * 2**20
"""Of all closed files together; the open one comes to it."""
KEEP_DAYS = 30
"""A closed file whose last line is older goes."""
FREE_BYTES = 128 * 2**20
"""So much of the disk stays free: below it the oldest files go first, and then only records are written."""
LAST_BYTES = 32 * 2**20
"""Below this not even those are: they are kept in memory until there is space, and the journal has them in any case."""

_NUMBERED = re.compile(rf"{re.escape(NAME)}\.([1-9][0-9]{{0,3}})")


@dataclass(frozen=True, slots=True)
class Closed:
    """A numbered file: the higher, the older."""

    number: int
    path: Path
    size: int
    mtime_ms: int


def closed_files(directory: Path) -> list[Closed]:
    """The newest first."""
    found = []
    for path in directory.glob(f"{NAME}.*"):
        name = _NUMBERED.fullmatch(path.name)
        if name is not None and path.is_file():
            info = path.stat()
            found.append(Closed(int(name.group(1)), path, info.st_size, info.st_mtime_ns // 10**6))
    return sorted(found, key=lambda each: each.number)


def turn(directory: Path) -> None:
    """Give each file the next number, so that the open one may become the first. Raises ``OSError``."""
    for each in reversed(closed_files(directory)):
        each.path.replace(directory / f"{NAME}.{each.number + 1}")
    (directory / NAME).replace(directory / f"{NAME}.1")


def free_bytes(directory: Path) -> int:
    """What this user may still fill of the disk. Raises ``OSError``."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def prune(directory: Path, now_ms: int, free: int) -> int:
    """Remove what is too old or too much, and the oldest while less than ``FREE_BYTES`` are free; what is free then."""
    files = closed_files(directory)
    total = sum(each.size for each in files)
    for each in reversed(files):
        is_old = now_ms - each.mtime_ms > KEEP_DAYS * DAY_MS
        if not is_old and total <= TOTAL_BYTES and free >= FREE_BYTES:
            break
        each.path.unlink(missing_ok=True)
        total -= each.size
        free += each.size
    return free
