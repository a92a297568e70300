"""A journal is proven, copied, and begun anew from the exchange, as an operator does it."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import Exchange, Process, gridbot, status, wait_until

Start = Callable[..., Process]


@pytest.fixture
def state(home: Path) -> Path:
    return home / "state"


def trading(start: Start, exchange: Exchange, state: Path, name: str = "gridbot") -> Process:
    return start(
        *("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(state), "--summary", "json"),
        name=name,
    )


def asked(home: Path, *arguments: str, code: int = 0) -> Any:
    done = gridbot(home, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def alter(state: Path, sql: str) -> None:
    db = sqlite3.connect(state / "journal.db")
    assert db.execute(sql).rowcount
    db.commit()
    db.close()


def test_a_real_run_is_verified_while_it_runs_and_after_and_what_is_done_to_its_rows_is_named(
    start: Start, own_exchange: Exchange, home: Path, state: Path
) -> None:
    exchange = own_exchange
    bot = trading(start, exchange, state)
    bot.wait_for("fill", count=6)
    account = bot.events("session_start")[0]["account"]
    exchange.trade(account, "B", "0.003")
    wait_until(lambda: any(fill["external"] for fill in bot.events("fill")), 15, "the manual trade's fill")
    assert asked(home, "verify").stdout.splitlines()[-1].startswith("VERIFIED: ")
    online = json.loads(asked(home, "verify", "--online", "--json").stdout)
    assert online["verified"] is True
    assert {check["name"] for check in online["checks"]} >= {
        "online position",
        "online fills",
        "online orders",
    }
    refused = asked(home, "doctor", "--rebuild-from-exchange", "--state-dir", str(state), code=2)
    assert "is in use by a running gridbot" in refused.stderr
    assert bot.stop() == 0

    found = json.loads(asked(home, "verify", "--json", "--online", "--state-dir", str(state)).stdout)
    truth = exchange.truth(account)
    assert found["coins"]["BTC"]["fills"] == len(truth["fills"]) == bot.summary()["coins"]["BTC"]["fills"]
    assert found["coins"]["BTC"]["external"] >= 1
    assert found["coins"]["BTC"]["position"] == truth["positions"].get("BTC", "0")
    _each_change_is_named(home, state)
    exchange.process.end()
    unreached = asked(home, "verify", "--online", "--state-dir", str(state), code=5)
    assert "cannot be reached" in unreached.stderr


def _each_change_is_named(home: Path, state: Path) -> None:
    third = "id = (SELECT id FROM fills ORDER BY id LIMIT 1 OFFSET 2)"
    columns = (
        "account, coin, time_ms, trade_id, order_id, cloid, side, price, lots, start_lots, closed_pnl, fee, fee_token, "
        "crossed, direction, hash, source, received_ms, raw, kind, external"
    )
    changes = {
        "lost": (f"DELETE FROM fills WHERE {third}", "chain", "is missing"),
        "twice": (
            f"INSERT INTO fills ({columns}, discriminator) SELECT {columns}, '2' FROM fills WHERE {third}",
            "keys",
            "its key is not that of its content",
        ),
        "altered": (f"UPDATE fills SET price = price + 10 WHERE {third}", "raw", "sent was"),
    }
    for name, (sql, check, words) in changes.items():
        copy = state.with_name(f"{state.name}-{name}")
        shutil.copytree(state, copy)
        alter(copy, sql)
        said = asked(home, "verify", "--state-dir", str(copy), code=4).stdout
        assert said.splitlines()[-1].startswith("NOT VERIFIED: "), said
        (line,) = [line for line in said.splitlines() if line.startswith(f"✘ FAIL BTC {check}: ")]
        below = said.splitlines()[said.splitlines().index(line) + 1]
        assert words in below, below


def test_a_backup_made_while_it_trades_is_verified_by_itself(
    start: Start, exchange: Exchange, home: Path, state: Path
) -> None:
    bot = trading(start, exchange, state)
    bot.wait_for("fill", count=3)
    copy = home / "copy" / "journal.db"
    copy.parent.mkdir()
    assert " fills, " in asked(home, "backup", str(copy)).stdout
    assert "VERIFIED: " in asked(home, "verify", "--state-dir", str(copy.parent)).stdout
    assert "is there already" in asked(home, "backup", str(copy), code=2).stderr
    assert bot.stop() == 0


def test_a_truncated_journal_is_refused_and_rebuilt_and_trades_again_after_resume(
    start: Start, exchange: Exchange, home: Path, state: Path
) -> None:
    first = trading(start, exchange, state, "first")
    first.wait_for("fill", count=4)
    account = first.events("session_start")[0]["account"]
    first.stop(signal.SIGKILL)
    assert exchange.truth(account)["orders"], "its orders rest on"
    cut(state)

    refused = trading(start, exchange, state, "refused")
    assert refused.popen.wait(30) == 4
    assert "gridbot: " in refused.err.read_text()
    assert str(state / "journal.db") in refused.err.read_text()
    told = asked(home, "doctor", "--state-dir", str(state), code=4).stdout
    assert "FIX  journal: " in told
    assert f"gridbot doctor --rebuild-from-exchange --state-dir {state}" in told
    assert "instance id could not be read" not in rebuilt(home, state)

    second = trading(start, exchange, state, "second")
    second.wait_for("ws_ready")
    wait_until(lambda: exchange.truth(account)["orders"] == [], 20, "the old orders are cancelled")
    held = len(exchange.truth(account)["fills"])
    said = json.loads(asked(home, "status", "--json").stdout)
    assert (said["halted"], said["halt_reason"].split(":")[0]) == (
        True,
        "journal rebuilt from the exchange",
    )
    assert not second.events("grid_built"), "quoted before it was resumed"
    quoted_ms = market_ms(state)
    wait_until(lambda: market_ms(state) > quoted_ms + 1_000, 15, "the market goes on")
    assert len(exchange.truth(account)["fills"]) == held, "filled before it was resumed"
    asked(home, "resume")
    second.wait_for("fill", count=2)
    assert second.stop() == 0
    btc, truth = second.summary()["coins"]["BTC"], exchange.truth(account)
    assert (btc["position"], btc["drift"]) == (truth["positions"].get("BTC", "0"), "0")
    assert "VERIFIED: " in asked(home, "verify", "--online", "--state-dir", str(state)).stdout


def test_a_journal_of_a_newer_version_is_rebuilt_with_what_it_still_tells(
    start: Start, exchange: Exchange, home: Path, state: Path
) -> None:
    first = trading(start, exchange, state, "first")
    first.wait_for("grid_built")
    account = first.events("session_start")[0]["account"]
    asked(home, "halt", "BTC")
    assert first.stop() == 0
    db = sqlite3.connect(state / "journal.db")
    before = dict(db.execute("SELECT key, value FROM meta"))
    db.execute("PRAGMA user_version = 99")
    db.close()
    refused = trading(start, exchange, state, "refused")
    assert refused.popen.wait(30) == 4
    assert "newer GridBot (schema 99)" in refused.err.read_text()
    assert "newer GridBot" in asked(home, "verify", "--state-dir", str(state), code=4).stderr
    assert "Not readable" not in rebuilt(home, state)

    db = sqlite3.connect(state / "journal.db")
    after = dict(db.execute("SELECT key, value FROM meta"))
    assert {name: after[name] for name in ("account", "network", "exchange_url", "instance")} == {
        name: before[name] for name in ("account", "network", "exchange_url", "instance")
    }
    assert [coin for (coin,) in db.execute("SELECT coin FROM halts WHERE lifted_ms IS NULL")] == ["BTC", ""]
    assert db.execute("SELECT count(*) FROM nonces").fetchone() == (1,)
    db.close()
    second = trading(start, exchange, state, "second")
    second.wait_for("ws_ready")
    assert exchange.truth(account)["orders"] == []
    assert second.stop() == 3


def market_ms(state: Path) -> int:
    """Of the newest quote that the bot has seen."""
    return int(status(state)["coins"]["BTC"]["market_ms"])


def cut(state: Path) -> None:
    """As a file system that lost the end of a file leaves it."""
    journal = state / "journal.db"
    with journal.open("r+b") as file:
        file.truncate(journal.stat().st_size // 2)
    for beside in state.glob("journal.db-*"):
        beside.unlink()


def rebuilt(home: Path, state: Path) -> str:
    said = str(asked(home, "doctor", "--rebuild-from-exchange", "--state-dir", str(state)).stdout)
    assert "All is halted." in said
    assert len(list(state.glob("journal.db.broken-*Z"))) == 1
    return said
