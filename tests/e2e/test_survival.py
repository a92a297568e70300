"""The rows of docs/operator.md, "When the terminal goes": each mishap of a terminal, in a real one, and what trades on."""

from __future__ import annotations

import fcntl
import itertools
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.program import GRIDBOT, Exchange, wait_until
from tests.e2e.survival import Bot, bot_in_terminal

TIOCVHANGUP = 0x5437


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, exchange: Exchange) -> Iterator[Bot]:
    """One bot for all that a screen gets over: it must still be there for the next."""
    with bot_in_terminal(tmp_path_factory.mktemp("watched"), exchange) as bot:
        bot.terminal.wait_for("RUNNING")
        yield bot


def goes_on(bot: Bot) -> None:
    """It trades, and its screen is drawn anew when asked."""
    bot.trades_on()
    bot.terminal.forget()
    widths = itertools.cycle((81, 80))

    def is_drawn() -> bool:
        columns = next(widths)
        bot.terminal.resize(columns, 24)
        time.sleep(0.5)
        return "RUNNING" in bot.terminal.text()

    wait_until(is_drawn, 20, "it is drawn anew")


@pytest.mark.parametrize("key", ["\x1a", "\x03", "\x11", "Q"], ids=["ctrl+z", "ctrl+c", "ctrl+q", "Q"])
def test_no_key_ends_it_unasked(watched: Bot, key: str) -> None:
    watched.terminal.type(key)
    if key != "\x1a":
        watched.terminal.wait_for("QUIT GRIDBOT")
        watched.terminal.type("\x1b")
    goes_on(watched)


def test_sigtstp_stops_neither_of_the_two(watched: Bot) -> None:
    os.kill(watched.keeper, signal.SIGTSTP)
    watched.signal(signal.SIGTSTP)
    goes_on(watched)


def test_one_cell_is_too_small_for_a_screen_and_not_for_trading(watched: Bot) -> None:
    watched.terminal.resize(1, 1)
    watched.trades_on()
    watched.terminal.resize(80, 24)
    goes_on(watched)


def test_a_terminal_that_stalls_for_ten_seconds_goes_on_where_the_bot_is_by_then(watched: Bot) -> None:
    watched.terminal.stall()
    before = watched.fills()
    for _ in range(5):
        assert not wait_a_while(watched)
    assert watched.fills() > before
    watched.terminal.go_on()
    goes_on(watched)


def wait_a_while(bot: Bot) -> bool:
    """Two seconds, if it answers all the while; whether it stopped answering."""
    try:
        wait_until(lambda: not bot.is_running(), 2, "it stopped")
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("is_marked", [True, False], ids=["bracketed", "as if typed"])
def test_pasted_garbage_reaches_neither_the_exchange_nor_the_log(watched: Bot, is_marked: bool) -> None:
    """P21. Each letter that acts is in it, many times over; so are escape sequences, and false ends of a paste."""
    noise = random.Random(3)
    garbage = bytearray(noise.randbytes(100_000).replace(b"\x1b[201~", b""))
    for at in range(0, 100_000, 500):
        garbage[at : at + 24] = b"HFRWPUAEOBKQ\r\x18\x1b[999H\x1b[Z"
    garbage = garbage.replace(b"\x1b[20", b"")
    before = watched.status()
    watched.terminal.send(b"\x1b[200~" + garbage + b"\x1b[201~" if is_marked else bytes(garbage))
    goes_on(watched)
    after = watched.status()
    assert (after["state"], after["commands"]) == ("running", before["commands"])


# -- what ends the screen ------------------------------------------------------------------------------------------


def test_detaching_gives_the_shell_its_prompt_back_and_status_names_who_trades(
    home: Path, exchange: Exchange
) -> None:
    with bot_in_terminal(home, exchange, in_shell=True) as bot:
        bot.terminal.wait_for("RUNNING")
        pid = bot.pid
        bot.terminal.type("Q")
        bot.terminal.wait_for("QUIT GRIDBOT")

        def left() -> bool:
            bot.terminal.type("d")  # deaf to what is typed before one can have read it
            return f"the bot trades on as pid {pid}" in bot.terminal.text()

        wait_until(left, 20, "the sentence")
        bot.terminal.type("\x15\recho code=$?\r")
        bot.terminal.wait_for("code=")
        bot.terminal.assert_screen_left()
        assert bot.status()["pid"] == pid
        bot.trades_on()
        assert not (Path(f"/proc/{pid}/fd/0").resolve()).is_relative_to("/dev/pts")


def test_a_hang_up_signal_detaches_and_the_terminal_is_given_back(home: Path, exchange: Exchange) -> None:
    with bot_in_terminal(home, exchange) as bot:
        bot.terminal.wait_for("RUNNING")
        bot.signal(signal.SIGHUP)
        bot.terminal.wait_for("detached (the terminal hung up)")
        assert bot.terminal.process.wait(10) == 0
        bot.terminal.assert_given_back()
        bot.trades_on()


def test_a_closed_window_detaches(home: Path, exchange: Exchange) -> None:
    with bot_in_terminal(home, exchange, in_shell=True) as bot:
        bot.terminal.wait_for("RUNNING")
        bot.terminal.hang_up()
        bot.terminal.process.wait(10)
        bot.trades_on()


def test_a_killed_shell_detaches(home: Path, exchange: Exchange) -> None:
    with bot_in_terminal(home, exchange, in_shell=True) as bot:
        bot.terminal.wait_for("RUNNING")
        bot.terminal.process.kill()
        bot.terminal.process.wait(10)
        bot.trades_on()


def test_a_killed_keeper_detaches_and_the_shell_can_go_on(home: Path, exchange: Exchange) -> None:
    with bot_in_terminal(home, exchange, in_shell=True) as bot:
        bot.terminal.wait_for("RUNNING")
        os.kill(bot.keeper, signal.SIGKILL)
        wait_until(lambda: "\x1b[?1049l" in bot.terminal.sent(), 20, "the screen is left")
        bot.terminal.type("echo still-$((40+2))\r")
        bot.terminal.wait_for("still-42")
        bot.terminal.assert_screen_left()
        bot.trades_on()


def test_the_terminal_is_given_back_when_the_bot_is_killed_and_the_exit_code_says_so(
    home: Path, exchange: Exchange
) -> None:
    with bot_in_terminal(home, exchange) as bot:
        bot.terminal.wait_for("RUNNING")
        pid = bot.pid
        bot.signal(signal.SIGKILL)
        assert bot.terminal.process.wait(10) == 128 + signal.SIGKILL
        bot.terminal.wait_for(f"SIGKILL killed the bot (pid {pid}): nobody trades")
        bot.terminal.assert_given_back()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_shells_job_stops_the_bot_in_order(
    home: Path, exchange: Exchange, number: int
) -> None:
    with bot_in_terminal(home, exchange) as bot:
        bot.terminal.wait_for("RUNNING")
        account = bot.status()["account"]
        assert bot.orders() > 0
        bot.terminal.process.send_signal(number)
        assert bot.terminal.process.wait(40) == 0
        assert exchange.truth(account, 1)["orders"] == []
        bot.terminal.assert_given_back()


def test_a_terminal_that_has_stalled_for_ever_can_be_left_and_the_bot_ended(
    home: Path, exchange: Exchange
) -> None:
    with bot_in_terminal(home, exchange) as bot:
        bot.terminal.wait_for("RUNNING")
        account = bot.status()["account"]
        bot.terminal.stall()
        bot.trades_on()
        bot.signal(signal.SIGHUP)
        assert bot.terminal.process.wait(20) == 0, "the shell's job is over"
        assert bot.terminal.is_echoing()
        bot.trades_on()
        bot.signal(signal.SIGTERM)
        wait_until(lambda: not bot.pid, 40, "it has ended")
        assert exchange.truth(account, 1)["orders"] == []


def test_a_terminal_taken_away_from_under_it_is_left(home: Path, exchange: Exchange) -> None:
    with bot_in_terminal(home, exchange) as bot:
        bot.terminal.wait_for("RUNNING")
        device = os.open(os.readlink(f"/proc/{bot.pid}/fd/0"), os.O_RDWR | os.O_NOCTTY)
        try:
            fcntl.ioctl(device, TIOCVHANGUP)
        except PermissionError:
            pytest.skip("taking a terminal away needs root")
        finally:
            os.close(device)
        assert bot.terminal.process.wait(15) == 0
        bot.trades_on()


# -- no terminal from the start ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("redirect", "term", "says"),
    [
        ("</dev/null", "xterm-256color", "no terminal here, so it runs headless"),
        ("<&-", "xterm-256color", "no terminal here, so it runs headless"),
        ("", "dumb", "TERM=dumb can't draw a screen"),
    ],
    ids=["stdin at its end", "stdin closed", "TERM=dumb"],
)
def test_without_a_usable_terminal_it_says_so_and_runs_headless(
    home: Path, exchange: Exchange, redirect: str, term: str, says: str
) -> None:
    with bot_in_terminal(home, exchange, redirect=redirect, term=term) as bot:
        assert says in bot.terminal.text()
        assert "\x1b[?1049h" not in bot.terminal.sent()
        assert bot.terminal.process.pid == bot.pid, "nobody is needed to keep a terminal"
        bot.trades_on()
        assert bot.terminal.stop() == 0


def test_started_in_the_background_it_trades_without_a_screen(home: Path, exchange: Exchange) -> None:
    with bot_in_terminal(home, exchange, in_shell=True, redirect="&") as bot:
        bot.terminal.wait_for("detached (started in the background)")
        assert "\x1b[?1049h" not in bot.terminal.sent()
        bot.trades_on()


def test_a_second_one_says_who_is_there(home: Path, exchange: Exchange) -> None:
    with bot_in_terminal(home, exchange, in_shell=True, redirect="&") as bot:
        bot.terminal.wait_for("detached")
        bot.terminal.type(f"{GRIDBOT} --state-dir {bot.state} --exchange-url {exchange.url}; echo code=$?\r")
        bot.terminal.wait_for("code=2")
        assert f"in use by a running gridbot (pid {bot.pid}" in bot.terminal.text().replace("\r\n", "")
