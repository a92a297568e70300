"""The console in a real pseudo-terminal, on a real exchange process: what a key does is read from the exchange's truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.runtime.statedir import UsageError
from tests.e2e import program
from tests.e2e.program import Exchange, wait_until
from tests.e2e.terminal import Terminal

Open = Callable[[int, int], Terminal]


@pytest.fixture
def open_terminal(home: Path, exchange: Exchange) -> Iterator[Open]:
    opened: list[Terminal] = []

    def open_one(columns: int, rows: int) -> Terminal:
        terminal = Terminal(
            home, columns, rows, "--exchange-url", exchange.url, "--state-dir", str(home / "state")
        )
        opened.append(terminal)
        return terminal

    yield open_one
    for terminal in opened:
        terminal.end()
    program.kill(home / "state")


def status(home: Path) -> dict[str, Any]:
    """Nothing while none answers."""
    try:
        return program.status(home / "state")
    except UsageError:
        return {}


def running(home: Path) -> dict[str, Any]:
    wait_until(lambda: status(home).get("state") == "running", 20, "it runs")
    return status(home)


def fills(home: Path) -> int:
    return int(status(home)["coins"]["BTC"]["fills"])


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
def test_halt_flatten_and_resume_by_key_show_on_the_exchange(
    open_terminal: Open, exchange: Exchange, home: Path, columns: int, rows: int
) -> None:
    terminal = open_terminal(columns, rows)
    account = running(home)["account"]
    for word in ("PAPER", "RUNNING", "Position & PnL", "Fill capture", "Grid ladder"):
        terminal.wait_for(word)
    wait_until(lambda: fills(home) >= 2, 30, "two fills")

    terminal.type("H")
    wait_until(lambda: exchange.truth(account)["orders"] == [], 10, "no order rests")
    assert status(home)["state"] == "halted"

    terminal.type("F")
    terminal.wait_for("FLATTEN BTC")
    terminal.wait_for("closes in 19s")
    terminal.type("btc\r")
    wait_until(lambda: not exchange.truth(account)["positions"], 20, "the position is closed")
    terminal.wait_for("CONFIRMED FLAT")

    terminal.type("U")
    terminal.wait_for("RESUME QUOTING")
    terminal.wait_for("closes in 19s")
    terminal.type("RESUME\r")
    wait_until(lambda: len(exchange.truth(account)["orders"]) == 20, 15, "the orders are back")
    assert terminal.stop() == 0
    assert exchange.truth(account)["orders"] == []
    terminal.assert_screen_left()


def test_a_hang_up_detaches_and_the_core_trades_on(
    open_terminal: Open, exchange: Exchange, home: Path
) -> None:
    terminal = open_terminal(80, 24)
    account = running(home)["account"]
    terminal.wait_for("RUNNING")
    before = fills(home)
    terminal.hang_up()
    wait_until(lambda: fills(home) >= before + 2, 40, "fills after the hang-up")
    assert terminal.process.wait(10) == 0, "the shell's job is over"
    program.stop(home / "state")
    assert exchange.truth(account)["orders"] == []


def test_a_terminal_that_reads_nothing_stops_neither_trading_nor_the_end(
    open_terminal: Open, exchange: Exchange, home: Path
) -> None:
    terminal = open_terminal(120, 40)
    account = running(home)["account"]
    terminal.wait_for("RUNNING")
    terminal.stall()
    before = fills(home)
    wait_until(lambda: fills(home) >= before + 4, 40, "fills while the terminal stalls")
    assert terminal.stop() == 0
    assert exchange.truth(account)["orders"] == []


def test_a_small_terminal_is_told_so_and_trading_goes_on(open_terminal: Open, home: Path) -> None:
    terminal = open_terminal(50, 12)
    terminal.wait_for("GridBot needs 60x15")
    running(home)
    before = fills(home)
    wait_until(lambda: fills(home) > before, 30, "a fill")
    assert terminal.stop() == 0


def test_quitting_asks_and_then_stops_in_order(open_terminal: Open, exchange: Exchange, home: Path) -> None:
    terminal = open_terminal(80, 24)
    account = running(home)["account"]
    terminal.wait_for("RUNNING")
    terminal.type("Q")
    terminal.wait_for("QUIT GRIDBOT")

    def agreed() -> bool:
        terminal.type("s")  # the dialog ignores what is typed before one can have read it
        return status(home).get("state") in ("stopping", None)

    wait_until(agreed, 10, "it stops")
    assert terminal.process.wait(30) == 0
    assert exchange.truth(account)["orders"] == []


def test_a_stop_from_another_shell_ends_the_screen_too(
    open_terminal: Open, exchange: Exchange, home: Path
) -> None:
    terminal = open_terminal(80, 24)
    account = running(home)["account"]
    wait_until(lambda: len(exchange.truth(account)["orders"]) == 20, 20, "the grid rests")
    said = program.gridbot(home, "stop", "--keep-orders", "--state-dir", str(home / "state"))
    assert said.returncode == 0, said.stderr
    assert terminal.process.wait(30) == 0
    assert exchange.truth(account)["orders"], "kept"
