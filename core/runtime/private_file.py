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


def read_private(path: Path, holding: str = "the key", is_guarded: bool = False) -> str:
    """The text of a regular file of this user's that nobody else may touch; what is no UTF-8 becomes U+FFFD.

    ``is_guarded``: a systemd credential. It is made for this service alone, by a mode or by an access list: neither that nor
    whose it is tells anything, and it may be a link. Raises ``UsageError`` with the fix.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if is_guarded else os.O_NOFOLLOW))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UsageError(
                f"{path} is a symbolic link, and where it points may change; name the file itself"
            ) from None
        fix = "look at LoadCredential= in the unit" if is_guarded else "fix its name or its permissions"
        raise UsageError(f"{path} can't be read ({error.strerror}); {fix}") from None
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise UsageError(f"{path} is not a file; name the file with {holding}")
        if not is_guarded:
            _refuse_if_shared(path, info)
        raw = os.read(fd, MOST_BYTES + 1)
    finally:
        os.close(fd)
    if len(raw) > MOST_BYTES:
        raise UsageError(f"{path} has more than {MOST_BYTES:,} bytes; name the file with {holding}")
    return raw.decode(errors="replace")


def _refuse_if_shared(path: Path, info: os.stat_result) -> None:
    if info.st_uid != os.getuid():
        raise UsageError(f"{path} belongs to another user; fix: chown it to the one who runs gridbot")
    if stat.S_IMODE(info.st_mode) & 0o077:
        raise UsageError(f"{path} may be read by others; fix: chmod 600 {path}")
