"""``gridbot watchdog`` as a process beside real bots, one killed and one stopped by a real signal."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.exchange.signing import Signer
from tests.crash.books import ours
from tests.e2e.conftest import Start
from tests.e2e.program import Exchange, Process, gridbot, wait_until

LEVELS = 3
AFTER_S = 10
WITHIN_S = 30.0


@dataclass
class Watched:
    """A bot with a position, a stop and a grid, and its watchdog."""

    exchange: Exchange
    state: Path
    account: str
    bot: Process
    dog: Process

    def grid(self) -> list[dict[str, Any]]:
        return [
            order for order in ours(self.exchange.truth(self.account, 0)["orders"]) if not order["isTrigger"]
        ]

    def is_whole(self) -> bool:
        return len(self.grid()) >= LEVELS and bool(self.stops())

    def stops(self) -> list[dict[str, Any]]:
        return [order for order in self.exchange.truth(self.account, 0)["orders"] if order["isTrigger"]]


@pytest.fixture
def watched(home: Path, exchange: Exchange, start: Start) -> Iterator[list[Watched]]:
    """Two of them: what they wait for they wait for together."""
    both = []
    for name in ("killed", "stopped"):
        key, state = secrets.token_hex(32), home / name
        env = {
            "HOME": str(home / name),  # a host of its own: it counts the exchange's weight alone
            "HL_AGENT_KEY": key,
            "HL_NUM_GRIDS": str(LEVELS),
            "HL_STOP_LOSS_LOW": "95000",
            "HL_GRID_SPACING_PCT": "0.004",
            "HL_TRAILING_PCT": "0.5",
        }
        account = Signer(key, is_mainnet=False).address
        arguments = ("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(state))
        bot = start(*arguments, name=name, **env)
        bot.wait_for("ws_ready")
        exchange.trade(account, "B", "0.005")
        dog = start(
            *("watchdog", "--state-dir", str(state), "--after", f"{AFTER_S}s"),
            name=f"dog-{name}",
            HOME=str(home / name),
            HL_AGENT_KEY=key,
        )
        both.append(Watched(exchange, state, account, bot, dog))
    for one in both:
        one.dog.wait_for("watchdog_armed")
        wait_until(one.is_whole, WITHIN_S, "a grid and a stop")
    yield both
    both[1].bot.popen.send_signal(signal.SIGCONT)


def test_a_bot_that_is_killed_or_stopped_by_a_signal_leaves_no_order_of_its_grid_and_its_stop(
    watched: list[Watched], home: Path, start: Start
) -> None:
    killed, stopped = watched
    killed.bot.stop(signal.SIGKILL)
    stopped.bot.popen.send_signal(signal.SIGSTOP)
    assert all(one.grid() for one in watched)
    for one in watched:
        one.dog.wait_for("watchdog_orders_cancelled", within_s=WITHIN_S)
        assert not one.grid()
        assert one.stops(), "what protects the position stays"
        (lost,) = one.dog.events("watchdog_bot_lost")
        assert lost["level"] == "crit"
    logged = gridbot(home, "events", "--state-dir", str(killed.state), "--name", "watchdog", "--json").stdout
    assert '"event":"watchdog_orders_cancelled"' in logged

    stopped.bot.popen.send_signal(signal.SIGCONT)
    stopped.dog.wait_for("watchdog_bot_returned")
    stopped.bot.wait_for("loop_lag")
    wait_until(lambda: len(stopped.grid()) >= LEVELS, WITHIN_S, "a bot that thaws quotes anew")
    assert not stopped.bot.events("nonce_refused")
    assert not stopped.bot.events("nonce_resync"), "it shares no nonce with its watchdog"
    assert stopped.bot.stop() == 0
    stopped.dog.wait_for("watchdog_at_rest")
    for one in watched:
        assert one.dog.stop() == 0
        assert not one.dog.err.read_text()


def test_there_is_one_watchdog_for_a_state_dir_and_it_loads_no_screen(
    home: Path, exchange: Exchange, start: Start
) -> None:
    state = home / "state"
    first = start("watchdog", "--state-dir", str(state), name="first")
    first.wait_for("watchdog_waits")
    (waits,) = first.events("watchdog_waits")
    assert waits["level"] == "warn"
    assert "nothing is guarded" in waits["reason"]
    assert "no key is found from here" in waits["reason"]
    second = gridbot(home, "watchdog", "--state-dir", str(state))
    assert second.returncode == 2
    assert "a watchdog of" in second.stderr
    assert f"pid {first.popen.pid}" in second.stderr
    assert "textual" not in Path(f"/proc/{first.popen.pid}/maps").read_text()
    assert first.stop(signal.SIGINT) == 0
    refused = gridbot(home, "watchdog", "--state-dir", str(state), "--after", "2s")
    assert refused.returncode == 2
    assert "at least 10s" in refused.stderr
    garbled = gridbot(home, "watchdog", "--state-dir", str(state), "--after", "soon")
    assert "--after 'soon' is not a duration" in garbled.stderr
