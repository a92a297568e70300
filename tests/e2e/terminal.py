"""A real pseudo-terminal with gridbot in it: type, look at it, read the bytes, stop reading, take its modes, or hang up."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

from tests.e2e.picture import Picture
from tests.e2e.program import END_WITHIN_S, GRIDBOT, environment, wait_until
from tests.e2e.warm import WarmPopen

_SWITCH = re.compile(r"\x1b\[\?(1049|25|2004|7|1004)([hl])")
_AS_A_SHELL_HAS_IT = {"1049": "l", "25": "h", "2004": "l", "7": "h", "1004": "l"}
"""Main screen, cursor shown, no bracketed paste, lines wrap, no focus reports."""


class Terminal:
    """``text`` is what it shows, ``sent`` what came; a reader thread keeps the terminal flowing until ``stall``.

    The program is the terminal's session leader, unless ``in_shell``: then bash is, and the program its foreground job. By the
    users' script if ``is_installed``, by a shell or with a ``command``; else a process that has its modules already.
    """

    def __init__(
        self,
        home: Path,
        columns: int,
        rows: int,
        *arguments: str,
        term: str = "xterm-256color",
        in_shell: bool = False,
        redirect: str = "",
        command: tuple[str, ...] = (),
        env: dict[str, str] | None = None,
        is_installed: bool = False,
    ) -> None:
        """``redirect`` is the shell's, as in ``</dev/null``; ``command`` runs instead of gridbot."""
        self._master, slave = pty.openpty()
        self._picture = Picture(columns, rows)
        self.resize(columns, rows)
        self.modes_before = termios.tcgetattr(slave)
        self.is_shell = in_shell
        environ = {**environment(home), "TERM": term, "PS1": "$ ", **(env or {})}
        self.process: subprocess.Popen[bytes] | WarmPopen
        program = [*(command or (GRIDBOT,)), *arguments]
        if in_shell:
            (home / ".inputrc").write_text("set enable-bracketed-paste off\n")
            program = ["bash", "--norc", "--noprofile", "-i"]
        elif redirect:
            program = ["sh", "-c", f'exec "$@" {redirect}', "sh", *program]
        if is_installed or in_shell or redirect or command:
            self.process = _leading_its_session(program, home, environ, slave)
        else:
            self.process = WarmPopen(arguments, home, environ, os.ttyname(slave))
            self._wait_until_it_has_it(slave)
        os.close(slave)
        self._sent = ""
        self._taking = threading.Lock()
        self._is_closed = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._reading = threading.Event()
        self._reading.set()
        self._open = True
        threading.Thread(target=self._read, daemon=True).start()
        if in_shell:
            self.wait_for("$ ")
            self.type(f"{GRIDBOT} {' '.join(arguments)} {redirect}\r")

    def _wait_until_it_has_it(self, slave: int) -> None:
        """A terminal that nobody has opened is gone with the last who closes it."""

        def is_its() -> bool:
            try:
                its = os.stat(f"/proc/{self.process.pid}/fd/2")
            except FileNotFoundError:
                return True  # it has come and gone
            return os.path.samestat(os.fstat(slave), its)

        wait_until(is_its, 40, "the program has its terminal")

    def text(self) -> str:
        """As somebody before it would read it; and the lines before and after the screen."""
        return self._picture.text()

    def sent(self) -> str:
        """Letters and escape sequences as they came, up to now: the reader may be behind on a busy machine."""
        while self._open and self._reading.is_set() and self._take():
            pass
        return self._sent

    def wait_for(self, text: str, within_s: float = 20.0) -> None:
        try:
            wait_until(lambda: text in self.text(), within_s, f"{text!r} on the screen")
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.text()[-3_000:]}") from None

    def forget(self) -> None:
        """Look only at what is drawn from now on: of a screen, what changes."""
        self._sent = ""
        self._picture.blank()

    def type(self, keys: str) -> None:
        self.send(keys.encode())

    def send(self, data: bytes) -> None:
        """All of it, as fast as the terminal takes it."""
        while data:
            data = data[os.write(self._master, data) :]

    def resize(self, columns: int, rows: int) -> None:
        self._picture.resize(columns, rows)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def modes(self) -> list[object]:
        """Echo, line editing and the rest, as ``tcgetattr`` has them."""
        return termios.tcgetattr(self._master)

    def is_echoing(self) -> bool:
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    def assert_screen_left(self) -> None:
        """By the bytes that were sent: on the main screen, with a cursor, and nothing else switched on."""
        wait_until(lambda: "\x1b[?1049l" in self.sent(), END_WITHIN_S, "a screen is left")
        last = {found[1]: found[2] for found in _SWITCH.finditer(self.sent())}
        assert "1049" in last, "there was a screen"
        left_on = {
            key: last[key] for key, value in _AS_A_SHELL_HAS_IT.items() if last.get(key, value) != value
        }
        assert not left_on, f"{left_on}: {self.sent()[-600:]!r}"
        assert self.sent().count("\x1b[22;0t") <= self.sent().count("\x1b[23;0t"), "the title is as it was"

    def assert_given_back(self) -> None:
        """And by the modes that are set, a shell could go on here."""
        self.assert_screen_left()
        assert self.modes() == self.modes_before

    def stall(self) -> None:
        """Stop reading, as a sleeping laptop would."""
        self._reading.clear()

    def go_on(self) -> None:
        """Read again."""
        self._reading.set()

    def hang_up(self) -> None:
        """Close the terminal: the kernel sends SIGHUP."""
        with self._taking:  # the number of what is closed may be another's at once
            self._open = False
            os.close(self._master)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(END_WITHIN_S)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._open:
            self.hang_up()

    def _read(self) -> None:
        while self._open and not self._is_closed:
            if not self._reading.wait(0.1):
                continue
            try:
                select.select([self._master], [], [], 0.1)
            except (OSError, ValueError):
                return
            self._take()
            time.sleep(0.001)

    def _take(self) -> bool:
        """What has come by now; whether that was anything. Nothing more comes once nobody has the other end."""
        with self._taking:
            if not self._open:
                return False
            try:
                if not select.select([self._master], [], [], 0)[0]:
                    return False
                data = self._decoder.decode(os.read(self._master, 65_536))
            except (OSError, ValueError):
                self._is_closed = True
                return False
            self._sent += data
            self._picture.feed(data)
            return True


def _leading_its_session(
    program: list[str], home: Path, env: dict[str, str], slave: int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        program,
        cwd=home,
        env=env,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
