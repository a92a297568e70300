"""Processes that are the program with its modules loaded already: forks of a server that has done nothing but import them.

Half of what a test of a short life costs is the import of other people's packages. From there on it is the program's own
``main``, in a process of its own with its own environment, directory, output and signals.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

_LOADED = [
    "core.paper.server.http",
    "core.runtime.session",
    "core.runtime.verify_online",
    "eth_account",
    "gridbot_tui.cli",
    "gridbot_tui.exchange",
    "gridbot_tui.headless",
    "gridbot_tui.run",
    "hyperliquid.utils.signing",
]
"""Nothing of Textual, which a headless run never loads."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(_LOADED)


def _live(arguments: tuple[str, ...], home: Path, env: dict[str, str], out: Path, err: Path) -> None:
    os.chdir(home)
    os.environ.clear()
    os.environ.update(env)
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    sys.argv = ["gridbot", *arguments]
    importlib.reload(importlib.import_module("core.failpoints"))  # it reads its variable once
    from gridbot_tui.main import main

    main()


class WarmPopen:
    """One such process, with what tests use of ``subprocess.Popen``."""

    def __init__(
        self, arguments: tuple[str, ...], home: Path, env: dict[str, str], out: Path, err: Path
    ) -> None:
        self.args = arguments
        self._process = _context.Process(target=_live, args=(arguments, home, env, out, err), daemon=True)
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
