"""Unknown is a state: what is asked, when, and what settles it (C-6); late fills; slots; pruning."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.events import Refused, Resting, Unsettled
from core.domain.orders import Order, OrderState, Side, Slot
from core.engine.coin import Coin
from core.engine.order_index import TERMINAL_KEPT
from core.engine.order_manager import OrderManager
from tests.unit.engine.builders import SOL, at, fill, make_engine, order, update

SLOT = Slot(1, Side.BUY, -1)


def book_of(*orders: Order) -> OrderManager:
    book = OrderManager()
    for each in orders:
        book.add(each)
    return book


def unknown_book() -> OrderManager:
    book = book_of(order(slot=SLOT))
    book.apply_place(order().cloid, Unsettled("time-out"), at(1_000))
    return book


def state_of(book: OrderManager, number: int = 1) -> OrderState:
    return book.by_cloid[order(number).cloid].state


def not_found(book: OrderManager, ms: int, venue_ms: int | None = None) -> OrderState:
    book.apply_not_found(order().cloid, at(ms if venue_ms is None else venue_ms).venue_ms, at(ms))
    return state_of(book)


def absent(book: OrderManager, asked_ms: int) -> None:
    book.saw_open_orders([], at(asked_ms).mono_ms, at(asked_ms + 50))


# -- never placed ------------------------------------------------------------------------------------------------------


def test_two_not_founds_apart_after_expiry_and_absence_settle_an_unknown_order() -> None:
    book = unknown_book()
    absent(book, 5_500)
    assert not_found(book, 6_000) is OrderState.UNKNOWN
    assert not_found(book, 10_999) is OrderState.UNKNOWN
    assert not_found(book, 11_000) is OrderState.NEVER_PLACED
    assert book.live_at(SLOT) is None
    assert book.exposure() == (0, 0)


def test_not_found_before_the_action_expired_on_the_venues_clock_proves_nothing() -> None:
    book = unknown_book()
    absent(book, 4_000)
    assert not_found(book, 6_000, venue_ms=5_000) is OrderState.UNKNOWN
    assert not_found(book, 12_000, venue_ms=5_001) is OrderState.UNKNOWN
    assert not_found(book, 16_999, venue_ms=9_000) is OrderState.UNKNOWN
    assert not_found(book, 17_000, venue_ms=9_000) is OrderState.NEVER_PLACED


def test_not_found_without_absence_from_the_open_orders_proves_nothing() -> None:
    book = unknown_book()
    assert not_found(book, 6_000) is OrderState.UNKNOWN
    assert not_found(book, 60_000) is OrderState.UNKNOWN
    book.saw_open_orders([order().cloid], at(60_000).mono_ms, at(60_050))
    assert not_found(book, 66_000) is OrderState.UNKNOWN


def test_a_list_that_was_asked_for_before_the_doubt_proves_no_absence() -> None:
    book = unknown_book()
    absent(book, 999)
    not_found(book, 6_000)
    assert not_found(book, 12_000) is OrderState.UNKNOWN


def test_an_order_seen_in_a_later_list_is_not_absent_any_more() -> None:
    book = unknown_book()
    absent(book, 5_500)
    book.saw_open_orders([order().cloid], at(6_000).mono_ms, at(6_050))
    not_found(book, 6_100)
    assert not_found(book, 12_000) is OrderState.UNKNOWN


@pytest.mark.parametrize("seen", [{"order_id": 700}, {"filled": 3}])
def test_an_order_that_had_rested_or_traded_is_gone_only_once_no_node_can_lag_so_far(
    seen: dict[str, int],
) -> None:
    book = book_of(replace(order(), **seen).moved(OrderState.CANCELLING))  # type: ignore[arg-type]
    book.doubt(order().cloid, "lost", at(0))
    absent(book, 5_500)
    assert not_found(book, 6_000) is OrderState.UNKNOWN
    assert not_found(book, 11_000) is OrderState.UNKNOWN
    assert not_found(book, 65_999) is OrderState.UNKNOWN
    assert not_found(book, 66_000) is OrderState.CANCELLED


def test_an_order_that_was_held_for_gone_and_is_seen_again_is_live_again() -> None:
    book = book_of(order(state=OrderState.CANCELLED, order_id=700, slot=SLOT))
    book.apply_update(update(order(), "open"), at(0))
    assert state_of(book) is OrderState.OPEN
    assert book.exposure() == (50, 0)
    assert book.live_at(SLOT) is not None


# -- what is asked, and when ----------------------------------------------------------------------------------------------


def questions(coin: Coin, ms: int) -> list[str]:
    return [type(effect).__name__ for effect in coin.questions(at(ms))]


def unknown_coin() -> Coin:
    coin = make_engine(SOL).coins["SOL"]
    coin.orders.add(order(slot=SLOT))
    coin.orders.apply_place(order().cloid, Unsettled("time-out"), at(1_000))
    return coin


def test_an_unknown_order_is_looked_for_in_the_list_until_it_can_no_longer_arrive() -> None:
    coin = unknown_coin()
    assert questions(coin, 2_999) == []
    assert questions(coin, 3_000) == ["AskOpenOrders"]
    assert questions(coin, 5_000) == ["AskOpenOrders"]
    coin.orders.apply_update(update(order(), "open"), at(5_000))
    assert coin.orders.doubts == {}


def test_the_venues_time_is_asked_for_as_soon_as_an_unknown_order_should_have_expired() -> None:
    coin = unknown_coin()
    coin.orders.saw_venue_time(at(5_000).venue_ms, at(4_990))
    assert questions(coin, 4_999) == ["AskOpenOrders"]
    assert questions(coin, 5_001) == ["AskOpenOrders", "AskAccount"]
    assert questions(coin, 5_500) == []
    assert questions(coin, 5_501) == ["AskOpenOrders", "AskAccount"]
    coin.orders.saw_venue_time(at(5_001).venue_ms, at(5_600))
    assert questions(coin, 5_600) == ["AskOrderStatus", "AskOpenOrders"]


def test_the_second_question_is_asked_as_soon_as_its_answer_counts() -> None:
    coin = unknown_coin()
    coin.orders.saw_venue_time(at(5_001).venue_ms, at(5_100))
    absent(coin.orders, 5_100)
    asked = [ms for ms in range(5_100, 10_400, 100) if _asked_and_not_found(coin, ms)]
    assert asked == [5_100, 7_100, 9_100, 10_100]
    assert state_of(coin.orders) is OrderState.NEVER_PLACED


def _asked_and_not_found(coin: Coin, ms: int) -> bool:
    asked = "AskOrderStatus" in questions(coin, ms)
    if asked:
        not_found(coin.orders, ms)
    return asked


def test_a_cancel_that_failed_is_asked_about_at_once_and_one_that_succeeded_after_two_seconds() -> None:
    for error, first_ms in (("", 2_000), ("time-out", 100)):
        book = book_of(order(state=OrderState.OPEN))
        book.start_cancel(order().cloid, at(0))
        book.apply_cancel(order().cloid, error, at(100))
        assert book.due_questions(at(first_ms - 1)) == []
        assert len(book.due_questions(at(first_ms))) == 1


@pytest.mark.parametrize("error", ["", "time-out", "Order was never placed, already canceled, or filled."])
def test_whatever_a_cancel_is_answered_the_order_stays_tracked_until_evidence(error: str) -> None:
    book = book_of(order(state=OrderState.OPEN, slot=SLOT))
    book.start_cancel(order().cloid, at(0))
    book.apply_cancel(order().cloid, error, at(100))
    assert state_of(book) is OrderState.CANCELLING
    assert book.exposure() == (50, 0)
    assert book.live_at(SLOT) is not None


@pytest.mark.parametrize(("error", "again_ms"), [("", 2_000), ("time-out", 1_000)])
def test_a_cancel_that_did_not_take_can_be_tried_again(error: str, again_ms: int) -> None:
    book = book_of(order(state=OrderState.OPEN))
    book.start_cancel(order().cloid, at(0))
    book.apply_cancel(order().cloid, error, at(100))
    book.due_questions(at(100))
    book.apply_update(update(order(), "open"), at(again_ms - 1))
    assert state_of(book) is OrderState.CANCELLING
    assert len(book.due_questions(at(again_ms))) == 1
    book.apply_update(update(order(), "open"), at(again_ms))
    assert state_of(book) is OrderState.OPEN
    assert book.doubts == {}


def test_an_open_order_missing_from_one_list_is_asked_about_and_not_dropped() -> None:
    book = book_of(order(state=OrderState.OPEN))
    absent(book, 10_000)
    assert state_of(book) is OrderState.OPEN
    assert len(book.due_questions(at(10_050))) == 1
    book.apply_update(update(order(), "open"), at(10_100))
    assert book.due_questions(at(60_000)) == []


def test_an_order_sent_after_a_list_was_asked_for_may_be_missing_from_it() -> None:
    book = book_of(order(state=OrderState.OPEN, created=at(10_000)))
    book.saw_open_orders([], at(9_999).mono_ms, at(10_400))
    assert book.doubts == {}


def test_an_order_that_was_made_by_a_clock_that_was_ahead_is_asked_about_like_any_other() -> None:
    book = book_of(order(state=OrderState.OPEN, created=at(3_600_000)))
    book.saw_open_orders([], at(9_999).mono_ms, at(10_400))
    assert [each.cloid for each in book.due_questions(at(10_400))] == [order().cloid]


def test_an_order_that_had_rested_is_gone_whatever_the_time_until_which_it_could_have_arrived() -> None:
    book = book_of(order(state=OrderState.OPEN, order_id=700, created=at(3_600_000)))
    absent(book, 10_000)
    absent(book, 10_100)
    assert not_found(book, 10_200) is OrderState.OPEN
    assert not_found(book, 70_200) is OrderState.CANCELLED


def test_an_order_whose_answer_contradicts_what_was_seen_is_asked_about() -> None:
    book = book_of(order())
    book.apply_fill(fill(lots=10, of=order()))
    book.apply_place(order().cloid, Refused("no"), at(10))
    assert state_of(book) is OrderState.OPEN
    assert len(book.due_questions(at(10))) == 1


# -- late fills ----------------------------------------------------------------------------------------------------------


def test_a_late_fill_of_an_order_that_was_never_placed_takes_its_slot_back() -> None:
    book = book_of(order(state=OrderState.NEVER_PLACED, slot=SLOT))
    book.apply_fill(fill(lots=10, of=order()))
    assert book.live_at(SLOT) == book.by_cloid[order().cloid]
    assert book.exposure() == (40, 0)


def test_a_late_fill_does_not_push_the_order_that_took_the_slot_out_of_it() -> None:
    book = book_of(order(1, state=OrderState.REJECTED, slot=SLOT), order(2, state=OrderState.OPEN, slot=SLOT))
    book.apply_fill(fill(lots=10, of=order(1)))
    holder = book.live_at(SLOT)
    assert holder is not None
    assert holder.cloid == order(2).cloid
    assert book.exposure() == (90, 0)


def test_a_slot_is_not_free_while_a_revived_order_of_it_lives() -> None:
    book = book_of(order(1, state=OrderState.REJECTED, slot=SLOT), order(2, state=OrderState.OPEN, slot=SLOT))
    book.apply_fill(fill(lots=10, of=order(1)))
    book.apply_update(update(order(2), "canceled", 50, order_id=701), at(0))
    holder = book.live_at(SLOT)
    assert holder is not None
    assert holder.cloid == order(1).cloid


def test_more_filled_than_ordered_is_an_alarm_and_not_clamped() -> None:
    book = book_of(order(state=OrderState.OPEN))
    assert book.apply_fill(fill(lots=50, of=order()))[1] is False
    late, overfilled = book.apply_fill(fill(lots=1, trade_id=2, of=order()))
    assert overfilled
    assert late is not None
    assert late.filled == 51


def test_a_fill_without_cloid_is_matched_by_order_id() -> None:
    book = book_of(order())
    book.apply_place(order().cloid, Resting(700), at(0))
    matched, _ = book.apply_fill(fill(lots=10, order_id=700))
    assert matched is not None
    assert matched.filled == 10
    assert book.apply_fill(fill(lots=10, order_id=701)) == (None, False)


# -- slots, restoring, pruning ---------------------------------------------------------------------------------------------


def test_a_second_live_order_in_one_slot_is_a_programmers_error() -> None:
    book = book_of(order(1, slot=SLOT))
    with pytest.raises(AssertionError):
        book.add(order(2, slot=SLOT))
    with pytest.raises(AssertionError):
        book.add(order(1))


def test_what_was_in_flight_when_the_program_died_is_unknown_and_all_rows_are_asked_about() -> None:
    book = OrderManager()
    for number, state in enumerate((OrderState.SENT, OrderState.OPEN, OrderState.CANCELLING), 1):
        book.restore(order(number, state=state), at(60_000))
    assert [state_of(book, n) for n in (1, 2, 3)] == [
        OrderState.UNKNOWN,
        OrderState.OPEN,
        OrderState.CANCELLING,
    ]
    assert len(book.due_questions(at(60_000))) == 3


def test_two_live_rows_of_one_slot_do_not_keep_the_program_from_starting() -> None:
    book = OrderManager()
    book.restore(order(1, state=OrderState.OPEN, slot=SLOT), at(0))
    book.restore(order(2, state=OrderState.SENT, slot=SLOT), at(0))
    assert book.exposure() == (100, 0)


def test_pruning_forgets_old_ended_orders_and_never_a_live_one() -> None:
    book = book_of(order(1, state=OrderState.OPEN), order(2, state=OrderState.REJECTED, order_id=702))
    book.apply_fill(fill(lots=10, of=order(2)))
    for number in range(3, TERMINAL_KEPT + 103):
        book.add(order(number, order_id=1_000 + number))
        book.apply_update(update(order(number), "canceled", 50, order_id=1_000 + number), at(0))
    assert {state_of(book, 1), state_of(book, 2)} == {OrderState.OPEN}
    assert len(book.by_cloid) == TERMINAL_KEPT + 2
    assert order(3).cloid not in book.by_cloid
    assert book.find(None, 1_003) is None
    assert len(book.by_oid) <= TERMINAL_KEPT + 2
    assert book.due_questions(at(99_000)) == []


def test_changed_rows_are_told_once_and_only_if_they_changed() -> None:
    book = book_of(order())
    assert [o.state for o in book.take_changed()] == [OrderState.SENT]
    book.apply_place(order().cloid, Resting(700), at(0))
    book.apply_update(update(order(), "open"), at(1))
    assert [o.state for o in book.take_changed()] == [OrderState.OPEN]
    book.apply_update(update(order(), "open"), at(2))
    assert book.take_changed() == []


@pytest.mark.parametrize("state", [OrderState.OPEN, OrderState.AWAITING_FILLS, OrderState.CANCELLING])
def test_a_restored_order_whose_fills_add_up_has_ended_though_its_row_does_not_say_so(
    state: OrderState,
) -> None:
    """The fill was committed and the order's row was not: a kill came between."""
    book = OrderManager()
    final = 50 if state is OrderState.AWAITING_FILLS else None
    book.restore(replace(order(state=state, order_id=7), filled=50, final_filled=final), at(0))
    assert not list(book.live())
    assert book.take_changed()[0].state is OrderState.FILLED
