"""The summary and the status: what other programs read."""

from __future__ import annotations

import orjson

from core.engine.snapshot import build_snapshot
from core.runtime.report import kept_orders, status, summary
from tests.unit.engine.builders import at, make_engine

_KEYS = {
    "fills",
    "fills_from_ws",
    "fills_from_rest",
    "duplicates",
    "position",
    "exchange_position",
    "drift",
    "open_orders",
    "realized_pnl",
    "fees",
    "funding",
}

_NUMBERS = {
    "matched_usd",
    "inventory_usd",
    "fees_usd",
    "funding_usd",
    "total_usd",
    "holding_usd",
    "versus_holding_usd",
}


def test_the_summary_has_the_promised_fields_and_types() -> None:
    found = summary(make_engine(position=-150), "paper")
    assert set(found) == {"network", "account", "halted", "halt_reason", "coins"}
    coin = found["coins"]["SOL"]
    assert set(coin) == _KEYS
    assert all(
        isinstance(coin[name], int) for name in ("fills", "fills_from_ws", "fills_from_rest", "duplicates")
    )
    assert (coin["position"], coin["realized_pnl"], coin["fees"], coin["funding"]) == ("-1.5", "0", "0", "0")
    assert (coin["exchange_position"], coin["drift"]) == (None, None), "not looked at yet, so not claimed"


def test_drift_is_ledger_minus_exchange_and_never_negative_zero() -> None:
    engine = make_engine(position=100)
    for lots, drift in ((100, "0"), (30, "0.7"), (130, "-0.3")):
        engine.coins["SOL"].ledger.observe(lots, 1, 1, 1)
        assert summary(engine, "paper")["coins"]["SOL"]["drift"] == drift


def test_a_halt_of_any_coin_or_of_all_is_told() -> None:
    engine = make_engine()
    assert summary(engine, "paper")["halted"] is False
    engine.coins["SOL"].halted = "drawdown"
    assert summary(engine, "paper")["halt_reason"] == "drawdown"
    engine.halted = "operator"
    assert summary(engine, "paper")["halt_reason"] == "operator", "the account's comes first"


def test_the_status_is_the_summary_with_more_fields_and_plain_json() -> None:
    engine = make_engine(position=100)
    found = status(build_snapshot(engine, "paper", at(0)))
    base = summary(engine, "paper")
    assert {name: found[name] for name in base if name != "coins"} == {
        name: value for name, value in base.items() if name != "coins"
    }
    assert {name: found["coins"]["SOL"][name] for name in _KEYS} == base["coins"]["SOL"]
    assert set(found["pnl"]) == set(found["coins"]["SOL"]["pnl"]) == _NUMBERS
    assert {"state", "feed", "api", "risk"} <= set(found)
    assert orjson.loads(orjson.dumps(found, default=str))["coins"]["SOL"]["position"] == "1"


def test_what_no_journal_knows_and_still_rests_is_left_by_a_stop_too() -> None:
    engine = make_engine()
    assert kept_orders(engine) == 0
    engine.strays = 2
    assert kept_orders(engine) == 2, "so that a watchdog cancels them if no start does"
