"""The terminal that started us: what it was like before, and how it is given back, whoever is left to do it."""

from __future__ import annotations

import os
import select
import sys
import termios
from collections.abc import MutableMapping
from typing import Any

SAVE_TITLE = "\x1b[22;0t"
RESTORE_TITLE = "\x1b]0;\x07\x1b[23;0t"
"""Empty for terminals that keep no stack of titles, then what was saved for those that do."""

LEAVE = (
    "\x1b[?2004l"  # bracketed paste
    "\x1b[?7h"  # line wrap
    "\x1b[?2048l"  # in-band resize
    "\x1b[?1000l\x1b[?1003l\x1b[?1006l"  # mouse
    "\x1b[<u"  # kitty keyboard
    "\x1b[0m\x1b[?1049l\x1b[?25h"  # colours, alternate screen, cursor
    "\x1b[?1004l"  # focus reports
    + RESTORE_TITLE  # or the tab of a bot that was killed would still say RUNNING
)
"""All that a screen may have switched on, switched off; what wasn't on stays off."""

SAY_WITHIN_S = 1.0
"""A terminal that has stalled is not waited for longer than this."""


def missing_terminal() -> str:
    """What keeps a screen from being drawn. Textual reads stdin and draws on stderr; a redirected stdout wants the lines."""
    streams = (sys.stdin, sys.stdout, sys.stderr)  # None if it was closed before the start
    if not all(stream is not None and stream.isatty() for stream in streams):
        return "no terminal here"
    if os.environ.get("TERM", "dumb") in ("dumb", ""):
        return "TERM=dumb can't draw a screen (TERM=xterm-256color can, if the terminal does)"
    return ""


def settle_textual(environ: MutableMapping[str, str]) -> None:
    """Before Textual is imported: no screen moves by itself, and each answers a key at once."""
    for name, value in (("ANIMATIONS", "none"), ("FPS", "60"), ("SMOOTH_SCROLL", "0")):
        environ.setdefault(f"TEXTUAL_{name}", value)


class Terminal:
    """Standard input's terminal, kept on a descriptor of its own that never blocks and outlives the standard ones."""

    def __init__(self) -> None:
        """Call it while standard input and error still are the terminal."""
        self.fd = _open_again()
        try:
            self._before: list[Any] | None = termios.tcgetattr(self.fd)
        except termios.error:
            self._before = None

    @property
    def is_ours(self) -> bool:
        """Whether we are its foreground job: elsewhere a shell has it, and its modes are the shell's."""
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:
            return False

    def give_back(self, is_drawn: bool) -> None:
        """Echo and line modes as they were; if a screen is still drawn, leave it. Never raises, never waits long."""
        if self._before is not None and self.is_ours:
            try:
                termios.tcsetattr(self.fd, termios.TCSANOW, self._before)
            except termios.error:
                pass
        if is_drawn:
            self.say(LEAVE)

    def say(self, text: str) -> None:
        """As much of it as the terminal takes within a second."""
        left = text.encode()
        try:
            while left:
                _, ready, _ = select.select([], [self.fd], [], SAY_WITHIN_S)
                if not ready:
                    return
                left = left[os.write(self.fd, left) :]
        except OSError:
            return


def _open_again() -> int:
    """A description of its own, so that its not blocking isn't the shell's; the shared one if that can't be."""
    for name in _names():
        try:
            return os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
    return os.dup(2)


def _names() -> list[str]:
    try:
        return [os.ttyname(2), "/dev/tty"]
    except OSError:
        return ["/dev/tty"]
