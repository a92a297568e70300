"""The headless bot as a service manager and other programs see it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.program import Exchange, Process, get, gridbot, installed_gridbot, status, wait_until

Start = Callable[..., Process]


def coin_of(summary: dict[str, object], coin: str = "BTC") -> dict[str, object]:
    coins = summary["coins"]
    assert isinstance(coins, dict)
    found = coins[coin]
    assert isinstance(found, dict)
    return found


def test_a_first_run_on_the_embedded_exchange_fills_and_ends_flat_of_drift_and_orders(home: Path) -> None:
    state = home / "state"
    done = installed_gridbot(home, "--no-ui", "--for", "12s", "--summary", "json", "--state-dir", str(state))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    summary = json.loads(done.stdout.splitlines()[-1])
    btc = coin_of(summary)
    fills = [json.loads(line) for line in done.stdout.splitlines() if '"event":"fill"' in line]
    assert btc["fills"] == len(fills) > 0
    assert (btc["drift"], btc["open_orders"]) == ("0", 0)
    assert btc["position"] == btc["exchange_position"]
    moved = sum(Decimal(fill["size"]) * (1 if fill["side"] == "buy" else -1) for fill in fills)
    assert moved == Decimal(str(btc["position"]))
    assert btc["fills_from_ws"] + btc["fills_from_rest"] == btc["fills"]  # type: ignore[operator]
    log = (state / "logs" / "gridbot.log").read_text()
    assert log.count('"event":"fill"') == len(fills)


def test_the_second_run_goes_on_where_the_first_ended(home: Path) -> None:
    arguments = ("--no-ui", "--for", "6s", "--summary", "json", "--state-dir", str(home / "state"))
    first = json.loads(gridbot(home, *arguments).stdout.splitlines()[-1])
    second = json.loads(gridbot(home, *arguments).stdout.splitlines()[-1])
    assert second["account"] == first["account"]
    assert coin_of(second)["fills"] >= coin_of(first)["fills"]  # type: ignore[operator]
    assert coin_of(second)["drift"] == "0"
    assert coin_of(second)["position"] == coin_of(second)["exchange_position"]


def test_a_kill_in_the_middle_loses_no_fill_and_counts_none_twice(
    start: Start, exchange: Exchange, home: Path
) -> None:
    arguments = (
        "--no-ui",
        "--exchange-url",
        exchange.url,
        "--state-dir",
        str(home / "state"),
        "--summary",
        "json",
    )
    first = start(*arguments, name="first")
    first.wait_for("fill", count=8)
    account = first.events("session_start")[0]["account"]
    first.stop(signal.SIGKILL)
    before = len(exchange.truth(account)["fills"])
    wait_until(lambda: len(exchange.truth(account)["fills"]) > before, 40, "a fill while nobody watched")
    second = start(*arguments, name="second")
    second.wait_for("fill", count=3)
    assert second.stop() == 0
    truth, btc = exchange.truth(account), coin_of(second.summary())
    assert btc["fills"] == len(truth["fills"])
    assert btc["position"] == truth["positions"].get("BTC", "0")
    assert btc["drift"] == "0"
    assert truth["orders"] == []
    assert btc["fills_from_rest"] > 0  # type: ignore[operator]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_cancels_our_orders_and_exits_0(
    start: Start, exchange: Exchange, home: Path, number: signal.Signals
) -> None:
    bot = start(
        *("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(home / "state")), is_installed=True
    )
    bot.wait_for("grid_built")
    account = bot.events("session_start")[0]["account"]
    wait_until(lambda: len(exchange.truth(account)["orders"]) == 20, 10, "20 orders")
    assert bot.stop(number) == 0
    assert exchange.truth(account)["orders"] == []


def test_a_stop_that_is_asked_for_again_and_again_ends_as_the_first(
    start: Start, exchange: Exchange, home: Path
) -> None:
    bot = start("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(home / "state"))
    bot.wait_for("grid_built")
    while bot.popen.poll() is None:
        bot.popen.send_signal(signal.SIGTERM)
        time.sleep(0.005)
    assert bot.popen.returncode == 0


def test_a_hang_up_changes_nothing(start: Start, exchange: Exchange, home: Path) -> None:
    bot = start("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(home / "state"))
    bot.wait_for("fill")
    bot.popen.send_signal(signal.SIGHUP)
    bot.wait_for("fill", count=len(bot.events("fill")) + 2)
    assert bot.stop() == 0


def test_a_manual_trade_moves_position_and_ledger_alike(start: Start, exchange: Exchange, home: Path) -> None:
    state = str(home / "state")
    bot = start("--no-ui", "--exchange-url", exchange.url, "--state-dir", state, HL_INVESTMENT_USD="500")
    bot.wait_for("grid_built")
    account = bot.events("session_start")[0]["account"]
    exchange.trade(account, "B", "0.05")

    def agrees() -> bool:
        btc = coin_of(status(Path(state)))
        truth = exchange.truth(account)
        return btc["position"] == truth["positions"].get("BTC", "0") and btc["fills"] == len(truth["fills"])

    wait_until(agrees, 15, "the ledger follows the manual trade")

    def told() -> Decimal:
        return sum((Decimal(fill["size"]) for fill in bot.events("fill") if fill["external"]), Decimal(0))

    wait_until(lambda: told() >= Decimal("0.05"), 15, "its lines are written")
    assert told() == Decimal("0.05")
    assert not bot.events("position_drift_detected")


def test_halt_resume_and_flatten_show_on_the_exchange(start: Start, exchange: Exchange, home: Path) -> None:
    state = str(home / "state")
    bot = start("--no-ui", "--exchange-url", exchange.url, "--state-dir", state)
    bot.wait_for("fill", count=2)
    account = bot.events("session_start")[0]["account"]

    halted = gridbot(home, "halt", "--state-dir", state)
    assert halted.returncode == 0, halted.stderr
    assert exchange.truth(account)["orders"] == []
    said = json.loads(gridbot(home, "status", "--json").stdout)
    assert (said["halted"], said["halt_reason"]) == (True, "operator")

    flat = gridbot(home, "flatten", "--state-dir", state)
    assert flat.returncode == 0, flat.stderr
    assert "CONFIRMED FLAT" in flat.stdout
    assert exchange.truth(account)["positions"].get("BTC", "0") in ("0", "0.0")

    assert gridbot(home, "resume", "--state-dir", state).returncode == 0
    wait_until(lambda: len(exchange.truth(account)["orders"]) == 20, 10, "the orders are back")
    refused = gridbot(home, "resume", "--state-dir", state)
    assert (refused.returncode, refused.stderr) == (6, "gridbot: nothing is halted\n")


def test_a_halt_survives_kill_9_and_the_halted_bot_stays_up(
    start: Start, exchange: Exchange, home: Path
) -> None:
    arguments = ("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(home / "state"))
    first = start(*arguments, name="first")
    first.wait_for("grid_built")
    account = first.events("session_start")[0]["account"]
    assert gridbot(home, "halt").returncode == 0
    first.stop(signal.SIGKILL)
    second = start(*arguments, name="second")
    second.wait_for("ws_ready")
    said = json.loads(gridbot(home, "status", "--json").stdout)
    assert said["halted"] is True
    assert exchange.truth(account)["orders"] == []
    assert second.stop() == 0


def test_resync_poll_and_reconnect_say_what_they_found(start: Start, exchange: Exchange, home: Path) -> None:
    state = str(home / "state")
    bot = start("--no-ui", "--exchange-url", exchange.url, "--state-dir", state)
    bot.wait_for("fill")
    for command, words in (("resync", "drift 0"), ("poll", "0 new"), ("reconnect", "reconnected in")):
        said = gridbot(home, command, "--json", "--state-dir", state)
        answer = json.loads(said.stdout)
        assert (said.returncode, answer["ok"]) == (0, True), answer
        assert words in answer["text"]
    bot.wait_for("ws_reconnected")


def test_without_a_terminal_it_runs_headless_and_says_so(start: Start, home: Path) -> None:
    bot = start("run", "--state-dir", str(home / "state"), is_installed=True)
    bot.wait_for("grid_built")
    assert "no terminal here, so it runs headless" in bot.err.read_text()
    assert bot.events("session_start")
    assert bot.stop() == 0


def test_two_instances_are_listed_instead_of_guessed(start: Start, exchange: Exchange, home: Path) -> None:
    for name in ("one", "two"):
        bot = start("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(home / name), name=name)
        bot.wait_for("ws_ready")
    asked = gridbot(home, "status")
    assert asked.returncode == 2
    assert str(home / "one") in asked.stderr
    assert str(home / "two") in asked.stderr


def test_the_books_of_the_exchange_balance_after_all_of_it(
    start: Start, exchange: Exchange, home: Path
) -> None:
    bot = start("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(home / "state"))
    bot.wait_for("fill", count=5)
    assert bot.stop() == 0
    audit = get(f"{exchange.url}/paper/audit")
    assert (audit["position_residual"], audit["money_residual"]) == ("0", "0")
