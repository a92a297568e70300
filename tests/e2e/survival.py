"""A bot in a real terminal, and what tells that it still trades: its own status, its fills, the exchange's truth."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.runtime.statedir import UsageError
from tests.e2e import program
from tests.e2e.program import Exchange, wait_until
from tests.e2e.terminal import Terminal


class Bot:
    """One gridbot in a terminal of its own."""

    def __init__(self, home: Path, exchange: Exchange, terminal: Terminal) -> None:
        self.home, self.exchange, self.terminal = home, exchange, terminal
        self.state = home / "state"

    @property
    def pid(self) -> int:
        """The process that trades."""
        return program.trading_pid(self.state)

    @property
    def keeper(self) -> int:
        """The shell's job: the parent of the one that trades, while it lives."""
        return int(Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[1])

    def status(self) -> dict[str, Any]:
        """Nothing while none answers."""
        try:
            return program.status(self.state)
        except UsageError:
            return {}

    def fills(self) -> int:
        return int(self.status()["coins"]["BTC"]["fills"])

    def orders(self) -> int:
        return len(self.exchange.truth(self.status()["account"], 1)["orders"])

    def is_running(self) -> bool:
        return self.status().get("state") == "running"

    def trades_on(self) -> None:
        """It is not stopped, and a fill comes that wasn't there."""
        assert Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T"
        before = self.fills()
        wait_until(lambda: self.fills() > before, 40, "a fill")

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)


@contextmanager
def bot_in_terminal(
    home: Path, exchange: Exchange, in_shell: bool = False, redirect: str = "", **settings: Any
) -> Iterator[Bot]:
    """Running, its screen drawn."""
    arguments = ("--exchange-url", exchange.url, "--state-dir", str(home / "state"))
    terminal = Terminal(home, 80, 24, *arguments, in_shell=in_shell, redirect=redirect, **settings)
    bot = Bot(home, exchange, terminal)
    try:
        wait_until(bot.is_running, 40, f"it runs: {terminal.text()[-300:]!r}")
        yield bot
    finally:
        if pid := bot.pid:
            os.kill(pid, signal.SIGKILL)
        terminal.end()
