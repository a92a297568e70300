"""The state directory: one account's journal, logs, lock and socket, for this user alone."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import pwd
import re
import shlex
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from core.journal.errors import StorageError
from core.runtime.private_file import write_private
from core.runtime.usage import UsageError as UsageError

LOCK_TRIES, LOCK_PAUSE_S = 10, 0.02
SOCKET_PATH_MAX = 100
"""A Unix socket's path may have 107 bytes."""


def state_root() -> Path:
    """Where this user's state lives: ``$XDG_STATE_HOME/gridbot``, else ``~/.local/state/gridbot``."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "gridbot"


def limits_dir() -> Path:
    """Where all processes of this user count together what they send to an exchange."""
    return state_root() / "limits"


@dataclass(frozen=True, slots=True)
class StateDir:
    """The paths in it."""

    path: Path

    @property
    def journal(self) -> Path:
        return self.path / "journal.db"

    @property
    def earlier(self) -> Path:
        """What the exchange told of the account's past, fetched by ``import-history``."""
        return self.path / "earlier.db"

    @property
    def backtest(self) -> Path:
        return self.path / "backtest.json"

    @property
    def paper(self) -> Path:
        return self.path / "paper.db"

    @property
    def instance(self) -> Path:
        """The instance id once more, beside the journal: it outlives a damaged one, so that resting orders stay ours."""
        return self.path / "instance"

    def read_instance(self) -> str | None:
        """``None`` if it isn't there, or isn't one."""
        try:
            kept = self.instance.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return None
        return kept if re.fullmatch(r"[0-9a-f]{8}", kept) else None

    def keep_instance(self, instance: str) -> None:
        """For this user alone, whole or not at all. Raises ``OSError``."""
        if self.read_instance() == instance:
            return
        write_private(self.instance, f"{instance}\n")

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def key(self) -> Path:
        return self.path / "paper.key"

    @property
    def alert_urls(self) -> Path:
        """Where alerts go to, if the operator has put it there."""
        return self.path / "alert_urls"

    @property
    def metrics_token(self) -> Path:
        """What ``/metrics`` asks for, if the operator has put it there."""
        return self.path / "metrics_token"

    @property
    def preview(self) -> Path:
        """A note of the last preview that was shown."""
        return self.path / "preview.json"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def heartbeat(self) -> Path:
        return self.path / "heartbeat"

    @property
    def watchdog(self) -> Path:
        """The lock of its watchdog."""
        return self.path / "watchdog.lock"

    @property
    def starts(self) -> Path:
        """The starts that have not ended in order."""
        return self.path / "starts.json"

    @property
    def reserve(self) -> Path:
        return self.path / "reserve"

    @property
    def socket(self) -> Path:
        """The control socket; under the temporary directory if the path were too long for a socket."""
        direct = self.path / "control.sock"
        if len(os.fsencode(direct)) <= SOCKET_PATH_MAX:
            return direct
        digest = hashlib.blake2b(os.fsencode(self.path), digest_size=8).hexdigest()
        return Path(tempfile.gettempdir()) / f"gridbot-{os.getuid()}" / f"{digest}.sock"

    def prepare(self) -> None:
        """Create it for this user alone. Raises ``UsageError`` if it can't be used."""
        try:
            if self.path.exists() and not self.path.is_dir():
                raise UsageError(f"{self.path} is not a directory; name another with --state-dir")
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            info = self.path.stat()
        except OSError as error:
            raise UsageError(
                f"the state dir {self.path} can't be made ({error.strerror}); name another with --state-dir"
            ) from error
        if info.st_uid != os.getuid():
            raise UsageError(
                f"the state dir {self.path} belongs to another user; name another with --state-dir"
            )
        if not os.access(self.path, os.W_OK | os.X_OK | os.R_OK) or not _can_write(self.path):
            raise UsageError(
                f"the state dir {self.path} can't be written; fix its permissions or name another with --state-dir"
            )
        try:
            self.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{self.logs} can't be made ({error.strerror}); move what is there away"
            ) from error


def other_owner(state: StateDir) -> str:
    """The user whose state dir it is, if that is another than this one; empty if it is this one's, or none is there."""
    for path in (state.path, *state.path.parents):
        try:
            owner = path.stat().st_uid
        except PermissionError:
            continue  # hidden below a directory that is another user's, too
        except OSError:
            return ""
        if owner == os.getuid():
            return ""
        try:
            return pwd.getpwuid(owner).pw_name
        except KeyError:
            return f"#{owner}"
    return ""


def unwritable(path: Path, error: OSError) -> StorageError:
    """What keeps a file of the state dir from being written, with the fix."""
    fix = "free disk space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "fix its permissions"
    return StorageError(f"{path} can't be written ({error.strerror}); {fix}, then start again")


def _can_write(path: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=path):
            return True
    except OSError:
        return False


class StateLock:
    """Held for the life of the process: one instance per state dir. The kernel drops it with the process.

    ``has_to_end``: whoever wants it works on what a running instance must have left, and has no use for another directory.
    """

    def __init__(self, state: StateDir, has_to_end: bool = False) -> None:
        self._state, self._has_to_end = state, has_to_end
        self._fd = -1

    def __enter__(self) -> StateLock:
        """Raises ``UsageError`` naming the holder's pid, ``StorageError`` if it can't be written."""
        try:
            fd = os.open(self._state.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(
                f"{self._state.lock} can't be opened ({error.strerror}); move it away"
            ) from error
        if not _take_lock(fd):
            held = _describe_holder(fd)
            os.close(fd)
            raise UsageError(
                f"the state dir {self._state.path} is in use by a running gridbot ({held}); {self._way_out()}"
            ) from None
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "started": time.time()}
        try:
            os.ftruncate(fd, 0)
            os.write(fd, json.dumps(holder).encode())
        except OSError as error:
            os.close(fd)
            raise unwritable(self._state.lock, error) from error
        self._fd = fd
        _register(self._state)
        return self

    def _way_out(self) -> str:
        where = f"--state-dir {shlex.quote(str(self._state.path))}`"
        if self._has_to_end:
            return f"end it with `gridbot stop {where} and do this again"
        return f"`gridbot attach {where} shows its screen, or name another with --state-dir"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _unregister(self._state)
        os.close(self._fd)


@contextmanager
def watchdog_lock(state: StateDir) -> Iterator[None]:
    """Held for the life of a watchdog: one per state dir, beside the bot. Raises ``UsageError``."""
    try:
        fd = os.open(state.watchdog, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"{state.watchdog} can't be opened ({error.strerror}); move it away") from error
    try:
        if not _take_lock(fd):
            raise UsageError(f"a watchdog of {state.path} runs already ({_describe_holder(fd)})")
        os.pwrite(fd, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode().ljust(256), 0)
        yield
    finally:
        os.close(fd)


def _take_lock(fd: int) -> bool:
    """Whether the lock could be had; whoever only looks who holds it lets it go within the patience."""
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(LOCK_PAUSE_S)
        else:
            return True
    return False


def lock_holder(state: StateDir) -> int | None:
    """The pid that holds the lock, ``None`` if nobody does."""
    return _holder_of(state.lock)


def watchdog_holder(state: StateDir) -> int | None:
    """The pid of its watchdog, 0 if that isn't known, ``None`` if none runs."""
    return _holder_of(state.watchdog)


def _holder_of(lock: Path) -> int | None:
    try:
        fd = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return _read_pid(fd)
    finally:
        os.close(fd)
    return None


def _describe_holder(fd: int) -> str:
    """``pid 123 on this-host``; a shared file system may have the holder on another machine."""
    try:
        holder = json.loads(os.pread(fd, 4096, 0))
        return f"pid {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        return "its pid is not known yet"


def _read_pid(fd: int) -> int | None:
    try:
        return int(json.loads(os.pread(fd, 4096, 0))["pid"])
    except (ValueError, KeyError, TypeError):
        return 0


# -- which instances run ------------------------------------------------------------------------------------------


def _entry(state: StateDir) -> Path:
    digest = hashlib.blake2b(os.fsencode(state.path), digest_size=8).hexdigest()
    return state_root() / "instances" / f"{digest}.json"


def _register(state: StateDir) -> None:
    """Note where this instance lives, so that ``gridbot status`` finds it; without a home it is found by --state-dir."""
    try:
        entry = _entry(state)
        entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        entry.write_text(json.dumps({"state_dir": str(state.path)}))
    except OSError:
        return


def _unregister(state: StateDir) -> None:
    try:
        _entry(state).unlink(missing_ok=True)
    except OSError:
        return


def running_instances() -> list[StateDir]:
    """The state dirs of this user's running instances."""
    found = []
    try:
        entries = sorted((state_root() / "instances").glob("*.json"))
    except OSError:
        return []
    for entry in entries:
        try:
            state = StateDir(Path(json.loads(entry.read_text())["state_dir"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if lock_holder(state) is not None:
            found.append(state)
        else:
            entry.unlink(missing_ok=True)
    return found
