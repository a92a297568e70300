"""Every state an order can be in, against every piece of evidence that can arrive: the whole table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.domain.events import Refused, Resting, Traded, Unsettled
from core.domain.orders import OrderState, Tif
from core.engine.order_manager import OrderManager
from tests.unit.engine.builders import at, fill, order, update

SENT, OPEN, CANCELLING, UNKNOWN, AWAITS, FILLED, CANCELLED, REJECTED, NEVER = OrderState
Evidence = Callable[[OrderManager], object]
CLOID = order().cloid

EVIDENCE: dict[str, Evidence] = {
    "answered resting": lambda m: m.apply_place(CLOID, Resting(700), at(100)),
    "answered refused": lambda m: m.apply_place(CLOID, Refused("no"), at(100)),
    "answer lost": lambda m: m.apply_place(CLOID, Unsettled("time-out"), at(100)),
    "cancel answered success": lambda m: m.apply_cancel(CLOID, "", at(100)),
    "cancel answered gone": lambda m: m.apply_cancel(CLOID, "never placed, already canceled, or filled", at(100)),
    "seen open": lambda m: m.apply_update(update(order(), "open"), at(100)),
    "said filled": lambda m: m.apply_update(update(order(), "filled"), at(100)),
    "said cancelled, untraded": lambda m: m.apply_update(update(order(), "canceled", 50), at(100)),
    "said cancelled, 20 traded": lambda m: m.apply_update(update(order(), "marginCanceled", 30), at(100)),
    "said rejected": lambda m: m.apply_update(update(order(), "badAloPxRejected"), at(100)),
    "said something new": lambda m: m.apply_update(update(order(), "quantumSuspended"), at(100)),
    "not found once": lambda m: m.apply_not_found(CLOID, at(9_000).venue_ms, at(9_000)),
    "absent from a list": lambda m: m.saw_open_orders([], at(9_000).mono_ms, at(9_100)),
    "10 of 50 traded": lambda m: m.apply_fill(fill(lots=10, of=order())),
    "50 of 50 traded": lambda m: m.apply_fill(fill(lots=50, of=order())),
}  # fmt: skip

#                             sent       open       cancelling  unknown    awaiting  filled  cancelled  rejected   never placed
TABLE: dict[str, tuple[OrderState, ...]] = {
    "answered resting":          (OPEN,      OPEN,      CANCELLING, OPEN,      AWAITS, FILLED, CANCELLED, OPEN,      OPEN),
    "answered refused":          (REJECTED,  OPEN,      CANCELLING, REJECTED,  AWAITS, FILLED, CANCELLED, REJECTED,  NEVER),
    "answer lost":               (UNKNOWN,   OPEN,      CANCELLING, UNKNOWN,   AWAITS, FILLED, CANCELLED, REJECTED,  NEVER),
    "cancel answered success":   (SENT,      OPEN,      CANCELLING, UNKNOWN,   AWAITS, FILLED, CANCELLED, REJECTED,  NEVER),
    "cancel answered gone":      (SENT,      OPEN,      CANCELLING, UNKNOWN,   AWAITS, FILLED, CANCELLED, REJECTED,  NEVER),
    "seen open":                 (OPEN,      OPEN,      CANCELLING, OPEN,      AWAITS, FILLED, CANCELLED, OPEN,      OPEN),
    "said filled":               (AWAITS,  AWAITS,  AWAITS,   AWAITS,  AWAITS, FILLED, CANCELLED, AWAITS,  AWAITS),
    "said cancelled, untraded":  (CANCELLED, CANCELLED, CANCELLED,  CANCELLED, AWAITS, FILLED, CANCELLED, CANCELLED, CANCELLED),
    "said cancelled, 20 traded": (AWAITS,  AWAITS,  AWAITS,   AWAITS,  AWAITS, FILLED, CANCELLED, AWAITS,  AWAITS),
    "said rejected":             (REJECTED,  REJECTED,  REJECTED,   REJECTED,  AWAITS, FILLED, CANCELLED, REJECTED,  REJECTED),
    "said something new":        (UNKNOWN,   UNKNOWN,   UNKNOWN,    UNKNOWN,   AWAITS, FILLED, CANCELLED, UNKNOWN,   UNKNOWN),
    "not found once":            (SENT,      OPEN,      CANCELLING, UNKNOWN,   AWAITS, FILLED, CANCELLED, REJECTED,  NEVER),
    "absent from a list":        (SENT,      OPEN,      CANCELLING, UNKNOWN,   AWAITS, FILLED, CANCELLED, REJECTED,  NEVER),
    "10 of 50 traded":           (OPEN,      OPEN,      CANCELLING, OPEN,      AWAITS, FILLED, CANCELLED, OPEN,      OPEN),
    "50 of 50 traded":           (FILLED,    FILLED,    FILLED,     FILLED,    FILLED,   FILLED, FILLED,    FILLED,    FILLED),
}  # fmt: skip


def book_with(state: OrderState) -> OrderManager:
    """A book that holds one order of 50 lots in ``state``; the exchange said that 50 traded if it awaits fills, and none if it
    is cancelled."""
    book = OrderManager()
    start = order(state=state, order_id=None if state in (SENT, UNKNOWN, NEVER) else 700)
    if state is AWAITS:
        start = replace(start, final_filled=50)
    if state is CANCELLED:
        start = replace(start, final_filled=0)
    if state is FILLED:
        start = replace(start, filled=50)
    book.add(start)
    return book


@pytest.mark.parametrize("evidence", EVIDENCE)
@pytest.mark.parametrize(("column", "state"), list(enumerate(OrderState)))
def test_evidence_moves_an_order_as_the_table_says(column: int, state: OrderState, evidence: str) -> None:
    book = book_with(state)
    EVIDENCE[evidence](book)
    assert book.by_cloid[CLOID].state is TABLE[evidence][column]


@pytest.mark.parametrize("evidence", EVIDENCE)
@pytest.mark.parametrize("state", list(OrderState))
def test_the_same_evidence_twice_changes_no_more_than_once(state: OrderState, evidence: str) -> None:
    if "traded" in evidence and "said" not in evidence:
        return  # fills are made unique by the journal
    book = book_with(state)
    EVIDENCE[evidence](book)
    once = book.by_cloid[CLOID]
    EVIDENCE[evidence](book)
    assert book.by_cloid[CLOID] == once


@pytest.mark.parametrize("evidence", EVIDENCE)
@pytest.mark.parametrize("state", list(OrderState))
def test_lots_that_may_still_trade_are_in_the_worst_case_and_no_others(
    state: OrderState, evidence: str
) -> None:
    book = book_with(state)
    EVIDENCE[evidence](book)
    after = book.by_cloid[CLOID]
    whole = after.lots if after.final_filled is None else after.final_filled
    assert book.exposure() == (max(0, whole - after.filled) if after.state.is_live else 0, 0)
    assert after.state.is_live or CLOID not in book.doubts


@pytest.mark.parametrize(
    "status",
    [
        "canceled", "marginCanceled", "vaultWithdrawalCanceled", "openInterestCapCanceled", "selfTradeCanceled",
        "reduceOnlyCanceled", "siblingFilledCanceled", "delistedCanceled", "liquidatedCanceled", "scheduledCancel",
        "internalCancel",
    ],
)  # fmt: skip
def test_every_word_for_cancelled_is_understood(status: str) -> None:
    book = book_with(OPEN)
    book.apply_update(update(order(), status, 50), at(0))
    assert (book.by_cloid[CLOID].state, book.by_cloid[CLOID].reason) == (CANCELLED, status)


@pytest.mark.parametrize(
    "status",
    [
        "rejected", "tickRejected", "minTradeNtlRejected", "perpMarginRejected", "reduceOnlyRejected", "badAloPxRejected",
        "iocCancelRejected", "oracleRejected", "perpMaxPositionRejected", "tooManyOpenOrdersRejected",
    ],
)  # fmt: skip
def test_every_word_for_rejected_is_understood(status: str) -> None:
    book = book_with(SENT)
    book.apply_update(update(order(), status), at(0))
    assert (book.by_cloid[CLOID].state, book.by_cloid[CLOID].reason) == (REJECTED, status)


# -- orders that trade at once ---------------------------------------------------------------------------------------


def ioc_book() -> OrderManager:
    book = OrderManager()
    book.add(order(tif=Tif.IOC, reduce_only=True))
    return book


def test_an_ioc_answered_filled_in_part_waits_for_those_fills_and_no_more() -> None:
    book = ioc_book()
    book.apply_place(CLOID, Traded(700, 20), at(0))
    assert (book.by_cloid[CLOID].state, book.exposure()) == (AWAITS, (20, 0))
    book.apply_fill(fill(lots=15, of=order()))
    assert (book.by_cloid[CLOID].state, book.exposure()) == (AWAITS, (5, 0))
    book.apply_fill(fill(lots=5, of=order()))
    assert (book.by_cloid[CLOID].state, book.exposure()) == (CANCELLED, (0, 0))


def test_the_fills_of_an_ioc_may_come_before_its_answer() -> None:
    book = ioc_book()
    book.apply_fill(fill(lots=20, of=order()))
    book.apply_place(CLOID, Traded(700, 20), at(0))
    assert book.by_cloid[CLOID].state is CANCELLED


def test_a_reduce_only_order_that_the_exchange_shrank_does_not_wait_for_fills_that_never_come() -> None:
    """The position had shrunk meanwhile: 20 of 50 is all that can trade, and the update calls that filled."""
    for answer_first in (True, False):
        book = ioc_book()
        steps: list[Evidence] = [
            lambda m: m.apply_place(CLOID, Traded(700, 20), at(0)),
            lambda m: m.apply_update(update(order(), "filled"), at(0)),
        ]
        for step in steps if answer_first else reversed(steps):
            step(book)
        book.apply_fill(fill(lots=20, of=order()))
        assert book.by_cloid[CLOID].state is CANCELLED
        book.apply_update(update(order(), "filled"), at(9))
        assert book.by_cloid[CLOID].state is CANCELLED
