"""The exchange's cash beside the rows: what is judged, how exactly, and what can't be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from core.domain.events import AccountObserved
from core.domain.fills import Fill
from core.domain.margin import AccountMode
from core.domain.orders import Side
from core.domain.transfers import Transfer
from core.engine.certificate import Check
from core.exchange.reads import Reads
from core.exchange.rest import RestError
from core.journal.batch import Batch, CashMark
from core.journal.certificate import Evidence, read_evidence
from core.journal.reader import Restored
from core.runtime import cash
from core.runtime.cash import MODE, Flow, note_cash, quiet_cash
from tests.unit.exchange.samples import ACCOUNT, INSTRUMENTS, NOW_MS, fill_row
from tests.unit.runtime.kept_journal import Trades, alter, write_journal

RAW = Decimal("1000.5")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cash, "PAUSE_S", 0.0)


@pytest.fixture
def fills() -> list[Fill]:
    trades = Trades()
    return [
        trades.fill(Side.BUY, 10, 840_000, NOW_MS, fee="0.02"),
        trades.fill(Side.SELL, 4, 850_000, NOW_MS + 5, fee="-0.001", feeToken="USDC"),
        trades.fill(Side.SELL, 1, 850_000, NOW_MS + 9, fee="0.5", feeToken="HYPE"),
    ]


@pytest.fixture
def evidence(tmp_path: Path, fills: list[Fill]) -> Iterator[Evidence]:
    path = tmp_path / "journal.db"
    write_journal(path, fills)
    raw = json.dumps(fill_row(8, NOW_MS + 6, coin="ETH", px="3000.0", sz="0.01", side="A", fee="0.03"))
    alter(path, "INSERT INTO foreign_fills VALUES (1, ?, 'ETH', ?, 8, 8, 0, ?)", ACCOUNT, NOW_MS + 6, raw)
    alter(path, "INSERT INTO foreign_fills VALUES (2, ?, '@107', ?, 9, 9, 0, ?)", ACCOUNT, NOW_MS + 6, raw)
    with read_evidence(path) as found:
        yield found


def account(raw: Decimal, venue_ms: int = NOW_MS + 100) -> AccountObserved:
    return AccountObserved((), raw, Decimal(0), venue_ms, 0, raw_usd=raw)


def moved(evidence: Evidence, change: str, since_ms: int = NOW_MS - 1, *transfers: Transfer) -> Check:
    flow = Flow(CashMark(ACCOUNT, "", since_ms, RAW), account(RAW + Decimal(change)))
    flow.take_funding([Decimal("-0.1")])
    flow.take_transfers([*transfers])
    flow.take_fills(evidence, INSTRUMENTS)
    check = Check("online cash", "")
    flow.judge(check)
    return check


ALL = Decimal("-8.4") + Decimal("3.4") + Decimal("0.85") + 30 - Decimal("0.049") - Decimal("0.1")
"""What was bought, sold and sold, another coin's 0.01 at 3,000, fees in USDC, funding. A fee in HYPE takes no USDC."""


def test_every_change_has_its_row_fills_of_other_coins_included_but_not_those_of_spot(
    evidence: Evidence,
) -> None:
    found = moved(evidence, str(ALL))
    assert found.ok, found.rows
    assert (
        "trades 25.85 - fees 0.049 + funding -0.1 + transfers 0, residual 0, bound 0.000007 USDC"
        in found.text
    )


@pytest.mark.parametrize(("off", "ok"), [("0.000007", True), ("-0.000007", True), ("0.000008", False)])
def test_each_field_may_be_cut_by_a_micro_dollar_and_no_more(evidence: Evidence, off: str, ok: bool) -> None:
    assert moved(evidence, str(ALL + Decimal(off))).ok is ok


def test_a_fill_that_is_also_held_aside_counts_once(
    evidence: Evidence, tmp_path: Path, fills: list[Fill]
) -> None:
    """As a coin leaves it that was traded, wasn't, and is again."""
    path = tmp_path / "journal.db"
    for fill in fills:
        alter(
            path,
            "INSERT INTO foreign_fills (account, coin, time_ms, trade_id, order_id, received_ms, raw) "
            "VALUES (?, 'BTC', ?, ?, ?, 0, ?)",
            *(ACCOUNT, fill.time_ms, fill.trade_id, fill.order_id, fill.raw),
        )
    with read_evidence(path) as found:
        assert moved(found, str(ALL)).ok
        assert [row.coin for row in found.foreign_fills()] == ["ETH", "@107"]


def test_what_was_before_the_mark_is_in_it(evidence: Evidence) -> None:
    assert moved(evidence, str(ALL + Decimal("8.42")), NOW_MS).ok


def test_a_transfer_that_is_not_understood_leaves_the_rest_unjudged(evidence: Evidence) -> None:
    odd = Transfer(ACCOUNT, NOW_MS + 50, "0xa", "borrow", (), "{}", understood=False)
    found = moved(evidence, "500", NOW_MS - 1, odd)
    assert found.ok
    assert "not judged, as a borrow at " in found.text
    paid_in = Transfer(ACCOUNT, NOW_MS + 50, "0xa", "deposit", (("", Decimal(500)),), "{}")
    assert moved(evidence, str(ALL + 500), NOW_MS - 1, paid_in).ok


class Looks:
    """The account, look by look; the last one stays."""

    def __init__(self, *seen: AccountObserved | Exception) -> None:
        self.seen = list(seen)
        self.mode = AccountMode.STANDARD

    async def account(self, ticket: str = "") -> AccountObserved:
        found = self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]
        if isinstance(found, Exception):
            raise found
        return found


async def marked(*seen: Any) -> CashMark | None:
    return await quiet_cash(cast(Reads, Looks(*seen)), ACCOUNT, "")


async def test_cash_is_noted_at_the_first_of_two_looks_that_agree() -> None:
    looks = [account(RAW, 1), account(RAW + 1, 2), account(RAW + 1, 3)]
    assert await marked(*looks) == CashMark(ACCOUNT, "", 2, RAW + 1)


async def test_one_answer_told_twice_proves_nothing() -> None:
    assert await marked(account(RAW, 1)) is None


async def test_cash_that_can_not_be_read_is_noted_another_time() -> None:
    assert await marked(RestError("HTTP 502")) is None


async def noted(mode: AccountMode, before: Restored) -> Batch | None:
    looks = Looks(account(RAW, 1), account(RAW, 2))
    looks.mode = mode
    return await note_cash(cast(Reads, looks), before, ACCOUNT, "", NOW_MS)


async def test_a_start_notes_the_mode_and_only_in_the_standard_one_what_the_dex_holds() -> None:
    first = await noted(AccountMode.STANDARD, Restored({}, {}, "", {}))
    assert first is not None
    assert (first.meta, first.cash_marks) == ({MODE: "standard"}, [CashMark(ACCOUNT, "", 1, RAW)])
    again = Restored({MODE: "standard"}, {}, "", {}, cash_marked=frozenset({""}))
    assert await noted(AccountMode.STANDARD, again) is None
    unified = await noted(AccountMode.UNIFIED, again)
    assert unified is not None
    assert (unified.meta, unified.cash_marks) == ({MODE: "unified"}, [])
    assert await noted(AccountMode.UNIFIED, Restored({MODE: "unified"}, {}, "", {})) is None
