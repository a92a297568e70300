"""The process is told to stop in the middle, loses its terminal, has a dumb one, or is stopped for seconds (P16, P19)."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gridbot_tui.run import SAME_PRESS_S
from tests.e2e.program import Exchange, Process, gridbot, post, status, wait_until
from tests.e2e.terminal import Terminal

Start = Callable[..., Process]
STOPPED_S = 5.0


def begin(start: Start, exchange: Exchange, home: Path) -> tuple[Process, str]:
    bot = start("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(home / "state"))
    bot.wait_for("grid_built")
    account = str(bot.events("session_start")[0]["account"])
    return bot, account


def agrees(exchange: Exchange, account: str, home: Path) -> bool:
    truth, coin = exchange.truth(account), status(home / "state")["coins"]["BTC"]
    position = str(truth["positions"].get("BTC", "0"))
    return bool(coin["fills"] == len(truth["fills"]) and coin["position"] == position)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http_delay", "action": "order", "delay_ms": 1_500},
        {"kind": "answer_lost", "action": "order", "count": 1},
    ],
    ids=["answer-late", "answer-lost"],
)
def test_p16_a_sigterm_in_the_middle_of_a_batch_leaves_no_order_behind(
    start: Start, own_exchange: Exchange, home: Path, fault: dict[str, object]
) -> None:
    exchange = own_exchange
    post(f"{exchange.url}/paper/faults", [fault, {"kind": "ws_drop", "channel": "orderUpdates"}])
    bot, account = begin(start, exchange, home)
    wait_until(lambda: bool(exchange.truth(account)["orders"]), 15, "the batch has reached the exchange")
    code = bot.stop(signal.SIGTERM)
    assert code == 0, bot.err.read_text()
    assert exchange.truth(account)["orders"] == []
    assert not bot.events("stop_incomplete")


def test_p16_a_second_signal_ends_a_stop_at_once_and_says_what_is_left(
    start: Start, own_exchange: Exchange, home: Path
) -> None:
    bot, account = begin(start, own_exchange, home)
    wait_until(lambda: len(own_exchange.truth(account)["orders"]) == 20, 15, "the grid rests")
    own_exchange.set_faults([{"kind": "http_503"}, {"kind": "ws_silent"}])
    bot.popen.send_signal(signal.SIGTERM)
    bot.wait_for("stopping")
    time.sleep(SAME_PRESS_S)
    assert bot.stop(signal.SIGINT) == 5
    said = bot.err.read_text()
    assert "stopped at once (SIGINT again)" in said
    assert "orders still rest" in said
    assert bot.events("stop_incomplete")
    assert gridbot(home, "verify", "--state-dir", str(home / "state")).returncode == 0


@pytest.fixture
def dumb(home: Path, exchange: Exchange) -> Iterator[Terminal]:
    terminal = Terminal(
        home, 80, 24, "--exchange-url", exchange.url, "--state-dir", str(home / "state"), term="dumb"
    )
    yield terminal
    terminal.end()


def test_p16_a_dumb_terminal_gets_lines_and_a_hang_up_changes_nothing(
    dumb: Terminal, exchange: Exchange, home: Path
) -> None:
    dumb.wait_for('"event":"grid_built"')
    assert "TERM=dumb can't draw a screen" in dumb.text()
    assert "so it runs headless" in dumb.text()
    assert "\x1b[" not in dumb.sent()
    account = str(status(home / "state")["account"])
    dumb.hang_up()
    before = status(home / "state")["coins"]["BTC"]["fills"]
    wait_until(lambda: status(home / "state")["coins"]["BTC"]["fills"] > before + 1, 40, "it trades on")
    assert dumb.process.poll() is None
    assert dumb.stop() == 0
    assert exchange.truth(account)["orders"] == []


def test_p19_a_process_that_stood_still_looks_anew_before_it_places_anything(
    start: Start, exchange: Exchange, home: Path
) -> None:
    bot, account = begin(start, exchange, home)
    wait_until(lambda: len(exchange.truth(account)["orders"]) == 20, 15, "the grid rests")
    bot.popen.send_signal(signal.SIGSTOP)
    exchange.trade(account, "B", "0.002")
    seen = len(exchange.truth(account)["fills"])
    time.sleep(STOPPED_S)
    bot.popen.send_signal(signal.SIGCONT)
    bot.wait_for("loop_lag")
    (lag, *_) = bot.events("loop_lag")
    assert lag["gap_s"] >= STOPPED_S - 0.5
    wait_until(lambda: agrees(exchange, account, home), 15, "every fill of the pause is there once")
    assert len(exchange.truth(account)["fills"]) >= seen
    wait_until(lambda: not status(home / "state")["coins"]["BTC"]["idle_reason"], 15, "it quotes again")
    wait_until(lambda: len(exchange.truth(account)["orders"]) >= 10, 15, "the grid is back")
    assert bot.stop() == 0, bot.err.read_text()
    assert exchange.truth(account)["orders"] == []
