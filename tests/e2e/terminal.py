"""A real pseudo-terminal with gridbot in it: type, read the bytes, stop reading, or hang up."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

from tests.e2e.program import GRIDBOT, environment, wait_until


class Terminal:
    """``read`` is everything drawn so far; a reader thread keeps the terminal flowing until ``stall``."""

    def __init__(
        self, home: Path, columns: int, rows: int, *arguments: str, term: str = "xterm-256color"
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [GRIDBOT, *arguments],
            cwd=home,
            env={**environment(home), "TERM": term},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self._drawn = bytearray()
        self._reading = threading.Event()
        self._reading.set()
        self._open = True
        threading.Thread(target=self._read, daemon=True).start()

    def text(self) -> str:
        return self._drawn.decode("utf-8", "replace")

    def wait_for(self, text: str, within_s: float = 20.0) -> None:
        wait_until(lambda: text in self.text(), within_s, f"{text!r} on the screen")

    def forget(self) -> None:
        """Look only at what is drawn from now on."""
        self._drawn.clear()

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def stall(self) -> None:
        """Stop reading, as a sleeping laptop would."""
        self._reading.clear()

    def hang_up(self) -> None:
        """Close the terminal: the kernel sends SIGHUP."""
        self._open = False
        os.close(self._master)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._open:
            self.hang_up()

    def _read(self) -> None:
        while self._open:
            if not self._reading.wait(0.1):
                continue
            try:
                self._drawn += os.read(self._master, 65_536)
            except OSError:
                return
            time.sleep(0.001)
