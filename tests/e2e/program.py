"""The installed program as others use it: a process, its lines, its exit code, its socket; and the exchange's own truth."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.runtime.control_client import ask
from core.runtime.statedir import StateDir, lock_holder
from tests.e2e.warm import WarmPopen

GRIDBOT = str(Path(sys.executable).with_name("gridbot"))
START_WITHIN_S = 30.0
END_WITHIN_S = 75.0
"""A stop may take a minute, and a command wait as long for the request weight that a bot beside it has used."""


def environment(home: Path) -> dict[str, str]:
    """Nothing of this user's: no ``HL_*``, an empty home. ``PYTHONPATH`` says whose code is run, if not the installed."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(home), "PYTHONUNBUFFERED": "1"}


def gridbot(
    home: Path, *arguments: str, timeout_s: float = END_WITHIN_S, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, in ``home``."""
    with TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        process = WarmPopen(arguments, home, {**environment(home), **(env or {})}, out, err)
        try:
            code = process.wait(timeout_s)
        finally:
            process.kill()
        return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())


def installed_gridbot(
    home: Path, *arguments: str, timeout_s: float = END_WITHIN_S, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """As ``gridbot``, by the script that users run."""
    return subprocess.run(
        [GRIDBOT, *arguments],
        cwd=home,
        env={**environment(home), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def status(state: Path) -> dict[str, Any]:
    """What the instance that runs there says of itself, over its socket: what ``gridbot status --json`` prints."""
    found: dict[str, Any] = ask(StateDir(state), "status")["status"]
    return found


def trading_pid(state: Path) -> int:
    """The process that trades there, by its lock; 0 if none does."""
    return lock_holder(StateDir(state)) or 0


def stop(state: Path) -> None:
    """Stop in order what trades there, whoever started it, and wait for its end."""
    pid = trading_pid(state)
    assert pid, "nothing trades there"
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not trading_pid(state), END_WITHIN_S, "it has ended")


def kill(state: Path) -> None:
    """What still trades there, for the end of a test."""
    if pid := trading_pid(state):
        os.kill(pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool], within_s: float, what: str) -> None:
    """Poll a condition; fail with what was waited for."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Process:
    """A running gridbot; its lines go to files so that it never waits for a reader. ``is_installed``: by the users' script;
    otherwise ``program`` is the module whose ``main`` it is.
    """

    arguments: tuple[str, ...]
    home: Path
    env: dict[str, str] = field(default_factory=dict)
    name: str = "gridbot"
    is_installed: bool = False
    program: str = "gridbot_tui.main"

    def __post_init__(self) -> None:
        self.out = self.home / f"{self.name}.out"
        self.err = self.home / f"{self.name}.err"
        env = {**environment(self.home), **self.env}
        self.popen: subprocess.Popen[bytes] | WarmPopen
        if not self.is_installed:
            self.out.touch()
            self.err.touch()
            self.popen = WarmPopen(self.arguments, self.home, env, self.out, self.err, self.program)
            return
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.popen = subprocess.Popen(
                [GRIDBOT, *self.arguments],
                cwd=self.home,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """The JSON lines so far, of one event name if given."""
        lines = self.out.read_text().splitlines()
        rows = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [row for row in rows if not name or row.get("event") == name]

    def wait_for(self, name: str, count: int = 1, within_s: float = START_WITHIN_S) -> None:
        def seen() -> bool:
            assert self.popen.poll() is None, f"ended with {self.popen.returncode}: {self.err.read_text()}"
            return len(self.events(name)) >= count

        wait_until(seen, within_s, f"{count} × {name}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal it and wait; its exit code."""
        self.popen.send_signal(number)
        return self.popen.wait(END_WITHIN_S)

    def summary(self) -> dict[str, Any]:
        """The last line of stdout."""
        found: dict[str, Any] = json.loads(self.out.read_text().splitlines()[-1])
        return found

    def end(self) -> None:
        """Whatever it is doing, end it: for the end of a test."""
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def post(url: str, payload: object) -> Any:
    request = urllib.request.Request(url, json.dumps(payload).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


@dataclass
class Exchange:
    """``gridbot exchange`` on a loopback port of its own, as a process of its own."""

    home: Path
    speed: float = 60.0
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        arguments = (
            *("exchange", "--listen", f"127.0.0.1:{port}", "--speed", str(self.speed)),
            *self.flags,
        )
        self.process = Process(arguments, self.home, name="exchange")
        wait_until(self._answers, START_WITHIN_S, "the exchange answers")

    def _answers(self) -> bool:
        try:
            return bool(post(f"{self.url}/info", {"type": "allMids"}))
        except OSError:
            return False

    def truth(self, account: str, last: int | None = None) -> dict[str, Any]:
        """What the matching engine holds, whatever the ordinary answers say; all fills, or the ``last`` so many."""
        some = "" if last is None else f"&last={last}"
        found: dict[str, Any] = get(f"{self.url}/paper/truth?user={account}{some}")
        return found

    def trade(self, account: str, side: str, size: str, coin: str = "BTC") -> Any:
        return post(f"{self.url}/paper/trade", {"user": account, "coin": coin, "side": side, "size": size})

    def set_faults(self, faults: list[dict[str, Any]]) -> None:
        post(f"{self.url}/paper/faults", faults)

    def faults(self) -> list[dict[str, Any]]:
        """Those that are set, with their strikes."""
        found: list[dict[str, Any]] = get(f"{self.url}/paper/faults")
        return found

    def fund(self, account: str, usd: str) -> Any:
        return post(f"{self.url}/paper/fund", {"user": account, "usd": usd})
