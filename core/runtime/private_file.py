"""Files for this user alone: written whole or not at all, and read only if nobody else could have."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from core.runtime.usage import UsageError

MOST_BYTES = 64 * 1024


def write_private(path: Path, text: str) -> None:
    """0600, in a directory that is there. Raises ``OSError``."""
    partial = path.with_name(f"{path.name}.new")
    partial.unlink(missing_ok=True)
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(fd, text.encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(partial, path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """So that a rename in it outlives a loss of power. Raises ``OSError``."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_private(path: Path) -> str:
    """The text of a regular file of this user's that nobody else may touch. Raises ``UsageError`` with the fix."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UsageError(
                f"{path} is a symbolic link, and where it points may change; name the file itself"
            ) from None
        raise UsageError(
            f"{path} can't be read ({error.strerror}); fix its name or its permissions"
        ) from None
    try:
        _refuse_if_shared(path, os.fstat(fd))
        return os.read(fd, MOST_BYTES).decode(errors="replace")
    finally:
        os.close(fd)


def _refuse_if_shared(path: Path, info: os.stat_result) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise UsageError(f"{path} is not a file; name the file with the key")
    if info.st_uid != os.getuid():
        raise UsageError(f"{path} belongs to another user; fix: chown it to the one who runs gridbot")
    if stat.S_IMODE(info.st_mode) & 0o077:
        raise UsageError(f"{path} may be read by others; fix: chmod 600 {path}")
