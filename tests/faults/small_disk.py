"""A disk that can be filled up and freed again under a running process, with whatever rights there are."""

from __future__ import annotations

import errno
import resource
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MIB = 2**20
SIZE_MIB = 24


class SmallDisk(ABC):
    """``path`` is on it. ``gives_back``: what is deleted on it while it is full can be used again."""

    gives_back: bool

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def fill(self, pid: int) -> None:
        """From now on there is no room for the process."""

    @abstractmethod
    def free(self, pid: int) -> None: ...


class Mounted(SmallDisk):
    """A file system of its own in memory, and a file that takes what is left of it."""

    gives_back = True

    @property
    def _ballast(self) -> Path:
        return self.path / "ballast"

    def fill(self, pid: int) -> None:
        with self._ballast.open("ab", buffering=0) as file:
            for size in (MIB, 4096):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self, pid: int) -> None:
        self._ballast.unlink(missing_ok=True)


class Limited(SmallDisk):
    """Where nothing may be mounted: the process may write no byte of any file (``EFBIG`` instead of ``ENOSPC``)."""

    gives_back = False

    def fill(self, pid: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))

    def free(self, pid: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def small_disk(directory: Path) -> Iterator[SmallDisk]:
    """A real full disk where this user may mount one, else the nearest thing to it."""
    directory.mkdir()
    if not mount(directory, f"size={SIZE_MIB}m"):
        yield Limited(directory)
        return
    try:
        yield Mounted(directory)
    finally:
        unmount(directory)


def mount(directory: Path, options: str) -> bool:
    """Put an empty file system in memory there, if this user may."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)], capture_output=True, check=False
    )
    return done.returncode == 0


def unmount(directory: Path) -> None:
    """Lazily: a process that is being ended may still hold a file."""
    subprocess.run(["umount", "-l", str(directory)], check=True)
