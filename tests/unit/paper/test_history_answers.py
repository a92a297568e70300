"""Paging through fills, funding and transfers; merging partial fills."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from core.domain.orders import Side
from core.paper.answers.info import Info
from core.paper.answers.tape import Tape
from core.paper.config import AnswerSettings
from core.paper.venue.accounts import Account
from core.paper.venue.orders import FillRecord, HistoryRow
from core.paper.venue.venue import Venue
from tests.unit.paper.world import ALICE, FUNDS_MICRO, NOW_MS, UNIVERSE


class Desk:
    def __init__(self, settings: AnswerSettings | None = None) -> None:
        self._venue = Venue(UNIVERSE, FUNDS_MICRO, NOW_MS)
        self._info = Info(self._venue, Tape(UNIVERSE.listings, 10), settings or AnswerSettings())
        self.account: Account = self._venue.see(ALICE)

    def ask(self, kind: str, **request: Any) -> Any:
        return self._info.answer({"type": kind, "user": ALICE, **request}, NOW_MS)

    def times(self, kind: str, **request: Any) -> list[int]:
        return [row["time"] for row in self.ask(kind, **request)]

    def trade(
        self, time_ms: int, oid: int = 1, price: int = 1_000_000, lots: int = 100, fee: int = 7
    ) -> None:
        self.account.fills.append(
            FillRecord(
                user=ALICE,
                coin="BTC",
                time_ms=time_ms,
                tid=len(self.account.fills),
                oid=oid,
                cloid=None,
                side=Side.BUY,
                price=price,
                lots=lots,
                start_lots=0,
                closed_pnl=0,
                fee=fee,
                crossed=True,
                direction="Open Long",
                hash="0x" + "0" * 64,
            )
        )

    def note(self, time_ms: int, kind: str) -> None:
        self.account.history.append(HistoryRow(ALICE, time_ms, "0x" + "0" * 64, {"type": kind}))


@pytest.fixture(scope="module")
def busy() -> Desk:
    """12,000 fills at the times 0 to 11,999."""
    desk = Desk()
    for time_ms in range(12_000):
        desk.trade(time_ms, oid=time_ms)
    return desk


def test_the_newest_two_thousand_fills_come_newest_first(busy: Desk) -> None:
    assert busy.times("userFills") == list(range(11_999, 9_999, -1))


def test_bounds_are_inclusive_and_the_oldest_come_first(busy: Desk) -> None:
    assert busy.times("userFillsByTime", startTime=5_000, endTime=5_003) == [5_000, 5_001, 5_002, 5_003]
    assert busy.times("userFillsByTime", startTime=5_000, endTime=5_003, reversed=True) == [
        5_003,
        5_002,
        5_001,
        5_000,
    ]
    assert busy.times("userFillsByTime", startTime=11_999, endTime=None) == [11_999]


def test_paging_by_the_last_time_reaches_the_ten_thousand_newest(busy: Desk) -> None:
    found: list[int] = []
    start = 0
    while page := busy.times("userFillsByTime", startTime=start):
        assert len(page) <= 2_000
        found += page
        start = page[-1] + 1
    assert found == list(range(2_000, 12_000))


def test_which_end_of_too_many_fills_is_kept_is_a_setting() -> None:
    desk = Desk(AnswerSettings(keeps_oldest_fills=False))
    for time_ms in range(2_500):
        desk.trade(time_ms)
    assert desk.times("userFillsByTime", startTime=0) == list(range(500, 2_500))


def test_funding_and_transfers_are_pages_of_five_hundred() -> None:
    desk = Desk()
    for time_ms in range(600):
        desk.note(time_ms, "funding")
        desk.note(time_ms, "deposit")
    for kind in ("userFunding", "userNonFundingLedgerUpdates"):
        assert desk.times(kind, startTime=0) == list(range(500))
        assert desk.times(kind, startTime=499, endTime=None) == list(range(499, 600))
        assert desk.times(kind, startTime=10, endTime=12) == [10, 11, 12]
        assert desk.times(kind) == list(range(500))
    assert {row["delta"]["type"] for row in desk.ask("userFunding", startTime=0)} == {"funding"}


def test_partial_fills_of_one_order_at_one_time_are_merged_when_asked() -> None:
    desk = Desk()
    desk.trade(5, oid=1, price=1_000_000, lots=100)
    desk.trade(5, oid=1, price=1_000_030, lots=200)
    desk.trade(5, oid=2, price=1_000_000, lots=100)
    desk.trade(6, oid=1, price=1_000_000, lots=100)
    rows = desk.ask("userFillsByTime", startTime=0, aggregateByTime=True)
    assert [(row["time"], row["oid"], row["sz"]) for row in rows] == [
        (5, 1, "0.003"),
        (5, 2, "0.001"),
        (6, 1, "0.001"),
    ]
    assert Decimal(rows[0]["px"]) == (Decimal("100000.0") + 2 * Decimal("100003.0")) / 3
    assert rows[0]["fee"] == "0.000014"
    assert desk.ask("userFills", aggregateByTime=True) == rows[::-1]
    assert len(desk.ask("userFills", aggregateByTime=False)) == 4
    assert len(desk.ask("userFills", aggregateByTime=None)) == 4
