"""A bot that is killed and started again on one account of a stand-alone exchange."""

from __future__ import annotations

import secrets
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.exchange.signing import Signer
from core.failpoints import VARIABLE
from core.runtime.statedir import StateDir
from tests.crash.books import Books, Truth, ours
from tests.crash.watch import Watch
from tests.e2e.program import Exchange, Process, wait_until

LEVELS = 5
SETTINGS = {"HL_NUM_GRIDS": str(LEVELS), "HL_RECENTER_INTERVAL_SEC": "2"}
"""A small grid that follows a fast market."""

WHOLE = LEVELS
"""Half of the orders of a whole grid: the rest may wait for the market, or for the cap."""

WHOLE_WITHIN_S = 15.0
"""After the last fault has cleared (I10); what the machine needs to start a process comes on top."""

TRADES_AT_ONCE = 4
EXCUSED_S = 20.0
"""How long a trade by hand may take the worst case past the cap: the bot cancels what is too much, once it runs."""

DIES_WITHIN_S = 30.0
SETTLES_WITHIN_S = 30.0


@dataclass
class Bot:
    """``lives`` are its processes, oldest first."""

    exchange: Exchange
    home: Path
    settings: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))
    lives: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        key = secrets.token_hex(32)
        self.settings["HL_AGENT_KEY"] = key
        self.account = Signer(key, is_mainnet=False).address
        self.state = StateDir(self.home / "state")
        self.books = Books(self.state.journal)
        self.watch = Watch(self.exchange, self.account, self.books)
        self.watch.start()

    @property
    def life(self) -> Process:
        return self.lives[-1]

    def truth(self) -> Truth:
        return self.exchange.truth(self.account)

    def resting(self) -> list[dict[str, Any]]:
        """Our orders on the exchange."""
        return ours(self.exchange.truth(self.account, last=0)["orders"])

    def start(self, failpoint: str = "") -> Process:
        """Begin a life, which ends at the fail point if one is given."""
        arguments = (
            *("--no-ui", "--exchange-url", self.exchange.url),
            *("--state-dir", str(self.state.path), "--summary", "json"),
        )
        # A minute's weight is for a few starts only: here, where there are more and the exchange counts none, each has its own.
        weights = str(self.home / f"weights{len(self.lives)}")
        env = {**self.settings, "XDG_STATE_HOME": weights, **({VARIABLE: failpoint} if failpoint else {})}
        self.lives.append(Process(arguments, self.home, env, name=f"life{len(self.lives)}"))
        return self.life

    def dies(self) -> None:
        """Wait until the present life has killed itself; then look at what it left."""
        assert self.life.popen.wait(DIES_WITHIN_S) == -signal.SIGKILL, self.life.err.read_text()
        self.watch.look()

    def killed_at(self, failpoint: str) -> None:
        """One life, from its start to the fail point."""
        self.start(failpoint)
        self.dies()

    def killed_stopping_at(self, failpoint: str) -> None:
        """One life that is told to stop once its grid is whole, and killed at a point on that way."""
        self.start(failpoint)
        self.is_whole()
        self.life.popen.send_signal(signal.SIGTERM)
        self.dies()

    def kill(self) -> None:
        self.life.stop(signal.SIGKILL)
        self.watch.look()

    def trades_until(self, fills: int) -> None:
        """Trade by hand, nobody watching, until the account has had so many fills."""
        self.watch.excused_until = time.monotonic() + EXCUSED_S
        self.exchange.fund(self.account, "500000000")  # isolated, at 3x, whatever they add up to
        while len(self.truth()["fills"]) < fills:
            for side in ("B", "A") * TRADES_AT_ONCE:
                self.exchange.trade(self.account, side, "100")  # through many levels of the book

    def is_whole(self, orders: int = WHOLE) -> None:
        """Wait until the grid is on the exchange."""
        self.life.wait_for("ws_ready")
        wait_until(lambda: len(self.resting()) >= orders, WHOLE_WITHIN_S, "the grid is whole")

    def settles(self) -> None:
        """Wait until everything from before this life has been settled and the grid is whole (I10)."""
        self.is_whole()
        before_ms = int(time.time() * 1000)

        def is_settled() -> bool:
            known = self.books.fills()
            told = {key for key in self.books.fills_of(self.truth()) if key[1] <= before_ms}  # type: ignore[operator]
            return not self.books.unsettled(before_ms) and told <= known.keys()

        wait_until(is_settled, SETTLES_WITHIN_S, "fills and orders of earlier lives are settled")

    def recovers(self) -> dict[str, Any]:
        """A life without a fault: it settles, trades and stops in order, and then all books agree. Its summary."""
        self.start()
        self.settles()
        return self.stops()

    def stops(self) -> dict[str, Any]:
        """Stop in order and hold the books together."""
        assert self.life.stop() == 0, self.life.err.read_text()
        found = self.wrong()
        assert not found, "\n".join(found)
        return self.life.summary()

    def wrong(self, expected_alarms: frozenset[str] = frozenset()) -> list[str]:
        """All that may not be, now that the last life has stopped in order: in words, so that nothing hides the rest."""
        self.watch.look()
        truth = self.truth()
        found = [*self.watch.breaches, *self.books.differences(truth, self.life.summary())]
        seen = self.watch.cloids | {fill["cloid"] for fill in ours(truth["fills"])}
        if unknown := seen - self.watch.planted - self.books.cloids():
            found.append(f"orders without a row (I3): {sorted(unknown)}")
        for life in self.lives:
            alarms = [row for row in life.events() if row.get("level") == "crit"]
            found += [f"{life.name}: {row}" for row in alarms if row["event"] not in expected_alarms]
            if said := life.err.read_text():
                found.append(f"{life.name} wrote to stderr: {said}")
        return found

    def end(self) -> None:
        """Whatever it is doing."""
        self.watch.end()
        for life in self.lives:
            life.end()
