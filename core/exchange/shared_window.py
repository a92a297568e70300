"""One weight window for all processes of this user that ask the same exchange: a small file, changed under a lock.

A change is read, made and written in one page while the lock is held, for some microseconds. What can't be read, or is of
another boot, is thrown away; where no file can be had the window is this process's own, and an event says so.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson

from core.domain.effects import Notify, notify
from core.exchange.weight_window import GIVEN_MOST_S, MINUTE_S, WeightWindow

T = TypeVar("T")

SIZE = 4_096
"""One page: a kill leaves the old one or the new one."""

LOCK_TRIES, LOCK_PAUSE_S = 20, 0.000_2
"""Whoever holds it lets it go within microseconds. One that stands still must not stop a cancel."""

STANDS_STILL_MS = 2_000.0
"""Who has the lock for so long has been stopped with it: what waits is decided without it."""

LOOK_AGAIN_MS = 10_000.0
"""How often it is seen whether the file is still the one that others open, and whether one that failed can be had again."""

OLD_S = 86_400
"""A file that nobody has changed for so long is of an exchange that is gone."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class OwnWindow:
    """Of this process alone."""

    is_shared = False

    def __init__(self) -> None:
        self._window = WeightWindow()

    def change(self, how: Callable[[WeightWindow], T], now_ms: float, can_wait: bool = False) -> T | None:
        return how(self._window)

    def close(self) -> None:
        """Nothing is held."""


def window_file(directory: Path, url: str) -> Path:
    """Of the exchange at ``url``: ``api.hyperliquid.xyz``, ``127.0.0.1:3001``."""
    return directory / (re.sub(r"[^a-z0-9.:\[\]_-]", "_", urlsplit(url).netloc.lower()) or "_")


class SharedWindow:
    """``now_ms`` of every change is of a monotonic clock that runs alike for all processes of a boot."""

    def __init__(self, path: Path, publish: Callable[[Notify], None]) -> None:
        self._path, self._publish = path, publish
        self._fd = -1
        self._window = WeightWindow()
        """As it was written last."""
        self._bytes: bytes | None = None
        """As the file held it last; ``None``: what is known here may not be what it holds."""
        self._owed: dict[int, int] = {}
        """Spent while the file couldn't be had."""
        self._looked_ms: float | None = None
        self._trouble = ""
        self._busy_ms: float | None = None
        """Since when another process has had the lock whenever it was tried."""

    @property
    def is_shared(self) -> bool:
        return not self._trouble

    def change(self, how: Callable[[WeightWindow], T], now_ms: float, can_wait: bool = False) -> T | None:
        """Let ``how`` look at the window and change it, alone; what it returns. ``None`` for those that can wait while another
        process has it, for as long as that is no sign of its having died there.
        """
        if not self._has_file(now_ms):
            return self._alone(how, now_ms)
        if not self._lock():
            self._busy_ms = now_ms if self._busy_ms is None else self._busy_ms
            is_busy = can_wait and 0 <= now_ms - self._busy_ms < STANDS_STILL_MS
            return None if is_busy else self._alone(how, now_ms)
        self._busy_ms = None
        try:
            self._read(now_ms)
            found = how(self._window)
            self._write()
        except OSError as error:
            self._fail(error.strerror or str(error), now_ms)
            return self._alone(how, now_ms)
        finally:
            if self._fd >= 0:
                fcntl.flock(self._fd, fcntl.LOCK_UN)
        return found

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # -- the file -----------------------------------------------------------------------------------------------

    def _has_file(self, now_ms: float) -> bool:
        if self._looked_ms is not None and 0 <= now_ms - self._looked_ms < LOOK_AGAIN_MS:
            return self._fd >= 0
        self._looked_ms = now_ms
        try:
            if self._fd < 0 or not self._is_in_place():
                self.close()
                self._fd = self._open()
        except OSError as error:
            self._fail(error.strerror or str(error), now_ms)
            return False
        self._trouble = ""
        return True

    def _open(self) -> int:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(self._path)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self._path, flags, 0o600)

    def _is_in_place(self) -> bool:
        """Somebody may have taken it away, and others have made a new one."""
        try:
            return os.path.samestat(os.fstat(self._fd), os.stat(self._path))
        except FileNotFoundError:
            return False

    def _lock(self) -> bool:
        for _ in range(LOCK_TRIES):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(LOCK_PAUSE_S)
            else:
                return True
        return False

    def _read(self, now_ms: float) -> None:
        found = os.pread(self._fd, SIZE, 0)
        if found != self._bytes:
            self._window, self._bytes = self._parsed(found, now_ms), found
        for second, weight in self._owed.items():
            self._window.spend_in(second, weight)
        self._owed.clear()

    def _parsed(self, found: bytes, now_ms: float) -> WeightWindow:
        if not found:
            return WeightWindow()
        try:
            plain = orjson.loads(found)
            if plain["boot"] != _boot():
                return WeightWindow()
            return _window(plain, now_ms)
        except (ValueError, TypeError, KeyError) as error:
            reason = f"{self._path} held something else than weights ({error}); it was thrown away, counting begins anew"
            self._publish(notify("weights_discarded", "warn", "", reason=reason))
            return WeightWindow()

    def _write(self) -> None:
        window = self._window
        plain = {
            "boot": _boot(),
            "spent": list(window.spent.items()),
            "paused_until_ms": window.paused_until_ms,
            "why": window.why[:200],
            "refusals": window.refusals,
            "refused_ms": window.refused_ms,
        }
        page = orjson.dumps(plain).ljust(SIZE)
        if page != self._bytes:
            os.pwrite(self._fd, page, 0)
            self._bytes = page

    # -- without it ---------------------------------------------------------------------------------------------

    def _alone(self, how: Callable[[WeightWindow], T], now_ms: float) -> T:
        """On what was known last; what is spent now is added to the file once it can be had again."""
        window = self._window
        before = dict(window.spent)
        found = how(window)
        for second, weight in window.spent.items():
            if more := weight - before.get(second, 0):
                self._owed[second] = self._owed.get(second, 0) + more
        for second in [second for second in self._owed if second * 1000 < now_ms - 1000 * MINUTE_S]:
            del self._owed[second]
        self._bytes = None
        return found

    def _fail(self, reason: str, now_ms: float) -> None:
        """The trouble is told once; the file is tried again later."""
        self.close()
        self._looked_ms = now_ms
        if not self._trouble:
            text = (
                f"{self._path} can't be used ({reason}): the weight of other GridBot processes on this host isn't counted; "
                "fix its permissions"
            )
            self._publish(notify("weights_not_shared", "warn", "", reason=text))
        self._trouble = reason


def _window(plain: dict[str, Any], now_ms: float) -> WeightWindow:
    """Raises ``ValueError``, ``TypeError`` and ``KeyError`` for what can't be one, times that are still to come among them."""
    spent = dict(sorted((int(second), int(weight)) for second, weight in plain["spent"]))
    if any(1000 * second > now_ms + 1000 or weight < 0 for second, weight in spent.items()):
        raise ValueError("of a time to come, or below zero")
    window = WeightWindow(
        spent,
        float(plain["paused_until_ms"]),
        str(plain["why"]),
        int(plain["refusals"]),
        float(plain["refused_ms"]),
    )
    if not window.refused_ms <= now_ms + 1000 or not 0 <= window.refusals < 2**31:
        raise ValueError("refused in a time to come")
    if not window.paused_until_ms <= now_ms + 1000 * (
        GIVEN_MOST_S + 1
    ):  # so written that no number at all is refused, too
        raise ValueError("paused for longer than an exchange asks for")
    return window


def _boot() -> str:
    global _boot_text
    if _boot_text is None:
        try:
            _boot_text = _BOOT_ID.read_text(encoding="ascii").strip()
        except OSError:
            _boot_text = ""
    return _boot_text


_boot_text: str | None = None


def _sweep(path: Path) -> None:
    """Take away the files of exchanges that nobody has asked for a day: an embedded one has another port each time."""
    for other in path.parent.iterdir():
        try:
            if other != path and time.time() - other.stat().st_mtime > OLD_S:
                other.unlink()
        except OSError:
            continue
