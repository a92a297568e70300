"""Processes that are the program with its modules loaded already: forks of a server that has done nothing but import them and
read the bundled recording.

Half of what a test of a short life costs is the import of other people's packages, and nearly all of what the start of an
exchange costs is its recording. From there on it is the program's own ``main``, in a process of its own with its own
environment, directory, output and signals.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_LOADED = [
    "core.paper.server.http",
    "core.runtime.session",
    "core.runtime.verify_online",
    "eth_account",
    "gridbot_tui.app",
    "gridbot_tui.cli",
    "gridbot_tui.exchange",
    "gridbot_tui.headless",
    "gridbot_tui.run",
    "hyperliquid.utils.signing",
    "textual.drivers.linux_driver",
    "tests.e2e.loaded",
]
"""What a screen loads too: that a headless run never does is proved elsewhere, by a process that begins with nothing."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(_LOADED)


def _live(
    arguments: tuple[str, ...], home: Path, env: Mapping[str, str], program: str, out: Path, err: Path
) -> None:
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    _be(arguments, home, env, program)


def _live_in_terminal(
    arguments: tuple[str, ...], home: Path, env: Mapping[str, str], program: str, tty: str
) -> None:
    """As the leader of its session."""
    os.setsid()
    file = os.open(tty, os.O_RDWR | os.O_NOCTTY)
    fcntl.ioctl(file, termios.TIOCSCTTY, 0)
    for number in range(3):
        os.dup2(file, number)
    os.close(file)
    _be(arguments, home, env, program)


def _unbuffered(number: int, errors: str) -> io.TextIOWrapper:
    """As Python makes it of ``PYTHONUNBUFFERED``: what a terminal that hung up didn't take is not tried again at the end."""
    raw: Any = io.FileIO(number, "w", closefd=False)
    return io.TextIOWrapper(raw, errors=errors, newline="\n", write_through=True)


def _be(arguments: tuple[str, ...], home: Path, env: Mapping[str, str], program: str) -> None:
    gc.freeze()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # whatever runs the tests may ignore them, as nohup does
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.chdir(home)
    os.environ.clear()
    os.environ.update(env)
    sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _unbuffered(1, "strict")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _unbuffered(2, "backslashreplace")  # type: ignore[misc]
    sys.argv = ["gridbot", *arguments]
    importlib.reload(importlib.import_module("core.failpoints"))  # it reads its variable once
    importlib.import_module(program).main()


class WarmPopen:
    """One such process, with what tests use of ``subprocess.Popen``: its lines go to two files, or all of it to a terminal."""

    def __init__(
        self,
        arguments: tuple[str, ...],
        home: Path,
        env: dict[str, str],
        out: Path | str,
        err: Path | None = None,
        program: str = "gridbot_tui.main",
    ) -> None:
        """``out`` is the name of a terminal if no ``err`` is given; ``program`` the module whose ``main`` it is."""
        self.args = arguments
        to: tuple[Any, ...] = (out,) if err is None else (out, err)
        live = _live_in_terminal if err is None else _live
        self._process = _context.Process(target=live, args=(arguments, home, env, program, *to), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
