"""A key from one process of this user to another: through a pipe with a name, so that no file and no command line has it."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.runtime.usage import UsageError

MOST_BYTES = 4096
"""A pipe takes so much at once, and a key is far less."""


@contextmanager
def handed_over(key: str, directory: Path) -> Iterator[Path]:
    """Where the other process can take the key, once, until the end of the block. Raises ``UsageError``."""
    path = directory / f"handover-{secrets.token_hex(8)}"
    try:
        os.mkfifo(path, 0o600)
    except OSError as error:
        raise UsageError(
            f"{path} can't be made ({error.strerror}); fix the directory's permissions"
        ) from None
    try:
        fd = os.open(
            path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC
        )  # either end, so that neither waits to open it
        try:
            os.write(fd, key.encode())
            yield path
        finally:
            os.close(fd)
    finally:
        path.unlink(missing_ok=True)


def take_over(path: Path) -> str:
    """The key that another process of this user hands over. Raises ``UsageError`` if there is none, or not from this user."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise UsageError(f"no key is handed over at {path} ({error.strerror})") from None
    try:
        info = os.fstat(fd)
        if (
            not stat.S_ISFIFO(info.st_mode)
            or info.st_uid != os.getuid()
            or stat.S_IMODE(info.st_mode) & 0o077
        ):
            raise UsageError(f"{path} is no pipe of this user's alone; `gridbot keys rotate` makes one")
        return os.read(fd, MOST_BYTES).decode(errors="replace")
    except BlockingIOError:
        raise UsageError(f"nothing is in {path}; `gridbot keys rotate` hands a key over") from None
    finally:
        os.close(fd)
