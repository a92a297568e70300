"""The heartbeat of a bot: a small file beside its journal, written anew for as long as the account loop makes its turns.

Another process sees by it that the loop goes on. A bot that was killed or stopped by a signal, or whose loop hangs, writes
none; one that ended in order says so with its last.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from core import VERSION

BEAT_EVERY_MS = 2_000
STUCK_MS = 10_000
"""A beat that the disk takes so long for is told of: the shortest time after which a watchdog acts."""

END_WITHIN_S = 2.0
SIZE = 1_024
"""Of the file, whatever it says: a full disk has room for what is written over."""


@dataclass(frozen=True, slots=True)
class Beat:
    """``mark`` is another with every beat. ``url`` is empty for the embedded exchange, which lives and dies with its bot."""

    mark: str
    pid: int
    network: str
    account: str
    instance: str
    url: str
    dex: str = ""
    orders: int = 0
    """That may rest and protect nothing: all but stops."""
    is_halted: bool = False
    """Nothing is quoted, and the exchange's own list has been held against ours."""
    is_ended: bool = False
    is_kept: bool = False
    """It has ended, and left ``orders`` at the exchange for the next start."""
    version: str = VERSION

    @property
    def leaves_orders(self) -> bool:
        """Whether orders may rest if this was the last beat, beside the stops."""
        if self.is_ended:
            return self.is_kept and self.orders > 0
        return not (self.is_halted and not self.orders)


class AnotherVersionError(Exception):
    """A heartbeat that a GridBot of another version has written, which says more than is understood here, or less."""


class Heartbeat:
    """Belongs to the core's loop. A thread of its own writes, so that a disk that hangs holds up no trading; it has no clock,
    and writes what a turn of the loop has given it, once.
    """

    def __init__(
        self,
        path: Path,
        first: Beat,
        failed: Callable[[str], None],
        heeded_by: Callable[[], int | None] = lambda: None,
    ) -> None:
        """``failed`` is told why it can't be written, once until it can again. ``heeded_by`` looks up who heeds it, in that
        thread.
        """
        self.path, self._beat, self._failed, self._heeded_by = path, first, failed, heeded_by
        self.watchdog_pid: int | None = None
        """Of who heeded the last beat that was written."""
        self._count, self._due_ms, self._turned_ms, self._given_ms, self._is_failing = 0, 0, 0, 0, False
        self._at_rest = self._leaving = 0
        """The newest given that leaves no orders, and the newest on the disk that does; none has the number 0."""
        self._given: SimpleQueue[tuple[int, Beat, threading.Event] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._written = threading.Event()
        """The newest that was given is."""
        self._written.set()
        self._error = ""
        """Of the last writing."""

    def go_on(self, mono_ms: int, orders: int, is_halted: bool) -> None:
        """The loop has made a turn. Given to be written if it is time, and the one before is on the disk."""
        self._turned_ms = mono_ms
        if not self._written.is_set():
            if (waited_ms := mono_ms - self._given_ms) >= STUCK_MS:
                self._note(f"the disk has taken {waited_ms // 1000} s for it")
            return
        self._note(self._error)
        if mono_ms >= self._due_ms:
            self._due_ms = mono_ms + BEAT_EVERY_MS
            self._give(replace(self._beat, orders=orders, is_halted=is_halted))

    def foretell(self, orders: int) -> bool:
        """So many orders are about to leave. Whether the disk says already that some may rest; if not, a beat that does is
        given to be written at once, whatever else is on its way there.
        """
        if self._at_rest == self._count or self.has_failed:
            self._give(replace(self._beat, orders=orders, is_halted=False))
        return self.is_foretold

    @property
    def is_foretold(self) -> bool:
        """The disk says that orders may rest, and nothing else is on its way there."""
        return self._leaving > self._at_rest

    @property
    def has_failed(self) -> bool:
        """The newest that was given couldn't be written."""
        return self._written.is_set() and bool(self._error)

    def is_written(self, within_s: float) -> bool:
        """Wait for what has been given."""
        return self._written.wait(within_s)

    def end(self, kept: int = 0) -> None:
        """In order: of the grid rests what was ``kept``. Waits for the disk for a bounded time."""
        self.is_written(END_WITHIN_S)
        self._give(replace(self._beat, is_ended=True, orders=kept, is_kept=kept > 0))
        self._note(self._error if self.is_written(END_WITHIN_S) else "the disk hangs")

    def close(self) -> None:
        """No turn follows."""
        self._given.put(None)

    def _note(self, error: str) -> None:
        if error and not self._is_failing:
            follows = (
                "a watchdog would cancel the grid" if self.is_foretold else "no order of the grid leaves"
            )
            self._failed(f"{self.path} can't be written ({error}): {follows}")
        self._is_failing = bool(error)

    def _give(self, beat: Beat) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_all, name="heartbeat", daemon=True)
            self._thread.start()
        self._count, self._given_ms, self._written = self._count + 1, self._turned_ms, threading.Event()
        if not beat.leaves_orders:
            self._at_rest = self._count
        self._given.put((self._count, replace(beat, mark=f"{beat.mark}:{self._count}"), self._written))

    def _write_all(self) -> None:
        while (given := self._given.get()) is not None:
            number, beat, written = given
            self._error = _write(self.path, beat)
            if beat.leaves_orders and not self._error:
                self._leaving = number
            self.watchdog_pid = self._heeded_by()
            written.set()


def _write(path: Path, beat: Beat) -> str:
    """What went wrong; empty if nothing did."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(fd, json.dumps(asdict(beat)).encode().ljust(SIZE), 0)
        finally:
            os.close(fd)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def read_beat(path: Path) -> Beat | None:
    """The last one, ``None`` if there is none or it can't be read. Raises ``AnotherVersionError``."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    try:
        return Beat(**found)
    except TypeError as error:
        whose = found.get("version") or "another version"
        raise AnotherVersionError(f"{path} is written by a bot of {whose}, this is {VERSION}") from error
