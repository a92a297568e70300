"""A pseudo-terminal that counts what arrives and when, and answers as one that knows synchronised output."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_SYNC_ASKED = b"\x1b[?2026$p"
_SYNC_KNOWN = b"\x1b[?2026;2$y"


class Pty:
    """One program in a terminal of its own. ``chunks`` are (monotonic seconds, bytes), oldest first."""

    def __init__(self, command: Sequence[str], columns: int, rows: int, env: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        self.resize(columns, rows)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**env, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.chunks: list[tuple[float, bytes]] = []

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def type(self, keys: str) -> float:
        """Press keys; when."""
        now = time.monotonic()
        os.write(self._master, keys.encode())
        return now

    def read(self, for_s: float) -> bytes:
        """What arrives within that time; at once when something does. Nothing: the time is up, or the program has ended."""
        ready, _, _ = select.select([self._master], [], [], max(for_s, 0))
        if not ready:
            return b""
        try:
            data = os.read(self._master, 65_536)
        except OSError:
            return b""
        self.chunks.append((time.monotonic(), data))
        if _SYNC_ASKED in data:
            os.write(self._master, _SYNC_KNOWN)
        return data

    def wait_for(self, text: bytes, within_s: float) -> float:
        """When ``text`` had arrived, looking at what comes from now on."""
        seen = b""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            seen += self.read(0.05)
            if text in seen:
                return self.chunks[-1][0]
            if self.process.poll() is not None:
                break
        raise AssertionError(f"{text!r} never came; the last was {seen[-500:]!r}")

    def drain(self, within_s: float = 60) -> None:
        """Read until the program has ended."""
        deadline = time.monotonic() + within_s
        while self.process.poll() is None:
            self.read(0.1)
            assert time.monotonic() < deadline, "it doesn't end"
        while self.read(0.05):
            pass

    def bytes_between(self, began: float, ended: float) -> int:
        return sum(len(data) for at, data in self.chunks if began <= at < ended)

    def close(self) -> None:
        """End it, and those it started: what trades behind a screen would go on without one."""
        family = _family(self.process.pid) if self.process.poll() is None else []
        for pid in reversed(family):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)


def _family(pid: int) -> list[int]:
    """A process that isn't reaped yet, and its children's children, the eldest first."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _family(int(child))
    return found
