"""Money that isn't profit, as the engine takes it: summed for the dex that is traded on, told, and in no profit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from core.domain.effects import Notify
from core.domain.events import TransfersCommitted
from core.domain.transfers import Transfer
from core.engine.snapshot import build_snapshot
from core.engine.transfers import TransferBook
from tests.unit.engine.builders import ACCOUNT, at, make_engine

SENT = Transfer(ACCOUNT, 5, "0xa1", "send", (("", Decimal(-7)), ("xyz", Decimal(7))), "{}")


def test_a_transfer_counts_by_what_it_brought_to_the_dex_that_is_traded_on() -> None:
    assert TransferBook.restore("", [SENT, SENT]).net == -14
    assert TransferBook.restore("xyz", [SENT]).net == 7
    assert TransferBook.restore("abc", [SENT]) == TransferBook("abc", Decimal(0), 1)


def test_it_is_told_and_shown_and_moves_no_profit() -> None:
    engine = make_engine(position=100)
    before = build_snapshot(engine, "paper", at(0))
    (told,) = (e for e in engine.step(TransfersCommitted((SENT,)), at(0)) if isinstance(e, Notify))
    assert (told.name, told.severity) == ("transfer", "info")
    assert dict(told.fields) == {"kind": "send", "usd": "-7", "time_ms": 5}
    after = build_snapshot(engine, "paper", at(0))
    assert (after.transfers.net_usd, after.transfers.count) == (Decimal(-7), 1)
    assert (after.pnl, after.risk) == (before.pnl, before.risk)
    assert after.coins[0].daily_usd == before.coins[0].daily_usd


def test_a_row_that_is_not_understood_is_a_warning_with_its_kind() -> None:
    odd = replace(SENT, kind="borrow", moves=(), understood=False)
    engine = make_engine()
    (told,) = (e for e in engine.step(TransfersCommitted((odd,)), at(0)) if isinstance(e, Notify))
    assert (told.name, told.severity, dict(told.fields)["kind"]) == (
        "transfer_not_understood",
        "warn",
        "borrow",
    )
