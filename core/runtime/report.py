"""The summary at the end of a run, and the status of a running one: the same object, with more fields."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.domain.clock import Instant
from core.domain.orders import OrderState
from core.domain.units import decimal_text
from core.engine.certificate import utc_text
from core.engine.coin import Coin
from core.engine.engine import Engine
from core.engine.halts import FLATTEN, OPERATOR
from core.engine.stop import Stop
from core.journal.errors import StorageError
from core.runtime.exit_code import ExitCode
from core.runtime.plan import RunReport
from core.telemetry.crash_report import sentence, write_crash_beside
from core.view import CoinView, Snapshot, to_plain

_RESTING = (OrderState.OPEN, OrderState.CANCELLING)


def crashed(logs: Path, task: str, error: BaseException) -> RunReport:
    """How a run ended that a bug broke, whose report is on its way to the disk, or a disk."""
    if isinstance(error, StorageError):
        return RunReport(ExitCode.STORAGE, str(error))
    write_crash_beside(logs, task, error)
    return RunReport(ExitCode.INTERNAL, sentence(error, f"in {logs}", task))


def ending(engine: Engine, network: str, now: Instant, failure: RunReport | None = None) -> RunReport:
    """How a run ended, by what broke it if something did. That the exchange's dead man's switch may fire is in the sentence of
    each, and in the summary then.
    """
    found, stop = summary(engine, network), engine.desk.stopping
    report = failure or _in_order(stop, found["halt_reason"])
    left = stop.switch if stop is not None and stop.done else engine.dead_man.left(stop, now)
    if left is None:
        return replace(report, summary=found)
    is_clean = report.exit_code in (ExitCode.CLEAN, ExitCode.HALTED)
    before = report.message or (stop.text if stop is not None else "stopped")
    return RunReport(
        ExitCode.UNREACHABLE if is_clean else report.exit_code,
        f"{before}; {left.sentence(engine.coins.values())}",
        {**found, "dead_man_fires_by": utc_text(left.by_wall_ms)},
    )


def _in_order(stop: Stop | None, halt_reason: str) -> RunReport:
    if stop is not None and stop.failed:
        text = f"{stop.text}: orders or fills may be unsettled; start again to settle them"
        return RunReport(ExitCode.UNREACHABLE, text)
    if halt_reason and halt_reason not in (OPERATOR, FLATTEN):
        return RunReport(ExitCode.HALTED, f"halted: {halt_reason}")
    return RunReport(ExitCode.CLEAN, "")


def summary(engine: Engine, network: str) -> dict[str, Any]:
    """Counts are integers over the journal's lifetime, external fills included; quantities canonical decimal text."""
    reasons = [engine.halted, *(coin.halted for coin in engine.coins.values())]
    reason = next((r for r in reasons if r), "")
    return {
        "network": network,
        "account": engine.account,
        "halted": bool(reason),
        "halt_reason": reason,
        "coins": {name: _coin(coin) for name, coin in engine.coins.items()},
    }


def kept_orders(engine: Engine) -> int:
    """How many orders of the grid a stop leaves at the exchange, as far as is known."""
    stop = engine.desk.stopping
    if stop is None or not stop.keeps:
        return engine.strays
    return engine.strays + sum(len(coin.live_grid_orders()) for coin in engine.coins.values())


def _coin(coin: Coin) -> dict[str, Any]:
    instrument, counts, ledger = coin.config.instrument, coin.counts, coin.ledger
    exchange = ledger.drift.exchange_lots
    return {
        "fills": counts.total,
        "fills_from_ws": counts.from_ws,
        "fills_from_rest": counts.from_rest,
        "duplicates": counts.duplicates,
        "position": instrument.size_text(ledger.lots),
        "exchange_position": None if exchange is None else instrument.size_text(exchange),
        "drift": None if exchange is None else instrument.size_text(coin.ledger.drift.lots),
        "open_orders": sum(o.state in _RESTING for o in coin.live_grid_orders()),
        "realized_pnl": decimal_text(ledger.current.realized),
        "fees": decimal_text(ledger.current.fees),
        "funding": decimal_text(ledger.funding.total),
    }


LONG_LISTS = ("orders", "fills", "history", "settings")


def status(snapshot: Snapshot, full: bool = False) -> dict[str, Any]:
    """The summary's object, and what the screen shows; its long lists only if they are asked for.

    Of the Snapshot alone, so that any thread may make it.
    """
    less = snapshot if full else replace(snapshot, orders=(), fills=(), history=(), settings=())
    plain = to_plain(replace(less, events=()))
    coins = {view["coin"]: view for view in plain.pop("coins")}
    for unwanted in ("events", *(() if full else LONG_LISTS)):
        plain.pop(unwanted)
    for coin in snapshot.coins:
        coins[coin.coin].update(_status_of(coin))
        del coins[coin.coin]["coin"]
    return {"pid": os.getpid(), **plain, "halted": bool(snapshot.halt_reason), "coins": coins}


def _status_of(coin: CoinView) -> dict[str, Any]:
    """What the summary says of a coin, and what comes with it, where the view has parts of the same names."""
    fills, drift = coin.fills, coin.drift
    return {
        "fills": fills.total,
        "fills_from_ws": fills.from_ws,
        "fills_from_rest": fills.from_rest,
        "duplicates": fills.duplicates,
        "position": decimal_text(coin.position),
        "exchange_position": None
        if drift.exchange_position is None
        else decimal_text(drift.exchange_position),
        "drift": None if drift.difference is None else decimal_text(drift.difference),
        "open_orders": coin.open_orders,
        "realized_pnl": decimal_text(coin.realized_usd),
        "fees": decimal_text(coin.fees_usd),
        "funding": decimal_text(coin.funding_usd),
        "fill_source_ratio": round(fills.from_ws / fills.total, 4) if fills.total else None,
        "exchange_seen_ms": drift.observed_ms,
    }
