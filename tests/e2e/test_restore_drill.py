"""The drill: a journal is destroyed while the bot trades, a backup takes its place, and no fill is lost or counted twice."""

from __future__ import annotations

import csv
import json
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.e2e.program import Exchange, Process, gridbot, status, wait_until

Start = Callable[..., Process]


def asked(home: Path, *arguments: str, code: int = 0) -> str:
    """As another user of the exchange, whose weight of this minute isn't spent by two starts of the bot."""
    named = (*arguments, "--state-dir", str(home / "state"))
    done = gridbot(home, *named, env={"XDG_STATE_HOME": str(home / f"apart{len(list(home.iterdir()))}")})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_trade_back_up_destroy_restore_and_go_on_and_the_export_of_it_all_adds_up(
    start: Start, exchange: Exchange, home: Path
) -> None:
    state = home / "state"
    flags = ("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(state), "--summary", "json")
    first = start(*flags, name="first")
    first.wait_for("fill", count=4)
    account = first.events("session_start")[0]["account"]
    backups = home / "backups"
    backups.mkdir()
    kept = json.loads(asked(home, "backup", str(backups), "--keep", "2", "--json"))
    assert kept["fills"] >= 4
    backed_up = len(first.events("fill"))
    wait_until(lambda: len(first.events("fill")) >= backed_up + 3, 30, "fills that the backup doesn't know")
    exchange.trade(account, "B", "0.003")
    first.stop(signal.SIGKILL)
    for file in state.glob("journal.db*"):
        file.unlink()

    told = asked(home, "restore", kept["file"])
    assert "All is halted" in told
    second = start(*flags, name="second")
    second.wait_for("ws_ready")
    wait_until(lambda: exchange.truth(account)["orders"] == [], 20, "orders of the lost hour are cancelled")
    assert status(state)["halted"] is True
    held = len(exchange.truth(account)["fills"])
    wait_until(lambda: status(state)["coins"]["BTC"]["fills"] == held, 20, "the gap is filled")
    online = json.loads(asked(home, "verify", "--online", "--json"))
    assert online["verified"] is True, online
    asked(home, "resume")
    second.wait_for("fill", count=2)
    _exports_add_up_while_it_trades(home)
    assert second.stop() == 0

    truth, coin = exchange.truth(account), second.summary()["coins"]["BTC"]
    assert coin["fills"] == len(truth["fills"])
    assert coin["position"] == truth["positions"].get("BTC", "0")
    assert json.loads(asked(home, "verify", "--online", "--json"))["verified"] is True
    _export_is_the_exchanges_truth(home, truth)


def _exports_add_up_while_it_trades(home: Path) -> None:
    found = json.loads(asked(home, "export", "--output", str(home / "meanwhile"), "--json"))
    assert (found["ok"], found["residual_usd"]) == (True, "0")


def _export_is_the_exchanges_truth(home: Path, truth: dict[str, Any]) -> None:
    said = asked(home, "export", "--output", str(home / "all"), "--online")
    assert "The exchange shows no fill before " in said
    rows = table(home / "all" / "fills.csv")
    sent = {str(fill["tid"]): fill for fill in truth["fills"]}
    assert {row["trade_id"] for row in rows} == set(sent)
    assert len(rows) == len(sent)
    for row in rows:
        fill = sent[row["trade_id"]]
        assert Decimal(row["price"]) == Decimal(fill["px"])
        assert Decimal(row["size"]) == Decimal(fill["sz"])
        assert Decimal(row["closed_pnl_usd"]) == Decimal(fill["closedPnl"])
        assert Decimal(row["fee"]) == Decimal(fill["fee"])
    (whole,) = [row for row in table(home / "all" / "summary.csv") if row["year"] == "all"]
    assert whole["residual_usd"] == "0"
    told = sum(Decimal(fill["closedPnl"]) for fill in truth["fills"])
    assert abs(Decimal(whole["gains_average_usd"]) - told) <= Decimal(len(rows)).scaleb(-6)
