"""Whatever becomes of an answer on its way, it settles an order only as the exchange's own books do.

Answers of the paper exchange to placements, changes and cancels are damaged (statuses missing, doubled, in another order, in
words that nobody knows, of another type; other shapes; pages of HTML; cut off) and read. What the reader says is held against
what the matching engine has.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from core.domain.events import PlaceResult, Refused, Resting, Traded, Unsettled
from core.domain.orders import Order, OrderState, Side, Tif
from core.exchange.actions import cancel_action, modify_action, order_action
from core.exchange.answers import cancel_results, modify_results, place_results
from core.paper.requests.actions import decode_action
from core.paper.requests.trading import Trading
from core.paper.venue.orders import Order as Booked
from tests.unit.exchange.samples import INSTRUMENTS, order
from tests.unit.paper.world import ALICE, NOW_MS, World

BID, ASK = 1_000_000, 1_000_100

KINDS: dict[str, dict[str, Any]] = {
    "rests": {"price": BID - 100},
    "rests deeper": {"price": BID - 500},
    "would take": {"price": ASK + 100},
    "too small": {"price": BID - 200, "lots": 1},
    "takes": {"price": ASK, "tif": Tif.IOC},
    "finds nobody": {"price": BID - 300, "tif": Tif.IOC},
    "asks": {"price": ASK + 300, "side": Side.SELL},
}
kinds = st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6)


def orders_of(chosen: list[str], first: int = 1) -> tuple[Order, ...]:
    """Each at a price of its own."""
    found = []
    for number, kind in enumerate(chosen):
        one = order(first + number, **{"lots": 30, **KINDS[kind]})
        found.append(
            one if one.tif is Tif.IOC else replace(one, price=one.price - 10 * one.side.sign * number)
        )
    return tuple(found)


class Venue:
    """One account on the paper exchange, asked as over the wire."""

    def __init__(self) -> None:
        self.world = World()
        self.trading = Trading(self.world.venue)

    def act(self, action: Any) -> Any:
        decoded, _ = decode_action(orjson.loads(orjson.dumps(action)))
        answer = self.trading.act(self.world.venue.see(ALICE), decoded, NOW_MS)  # type: ignore[arg-type]
        return orjson.loads(orjson.dumps(answer))

    def booked(self, cloid: str) -> Booked | None:
        """What the matching engine has of an order: also of one that has ended, but for one that it refused."""
        account = self.world.venue.see(ALICE)
        for one in (*account.open_orders.values(), *account.terminal_orders.values()):
            if one.cloid == cloid and "ejected" not in one.status.value:
                return one
        return None


# -- damage ---------------------------------------------------------------------------------------------------------

UNKNOWN: tuple[Any, ...] = (
    *("governanceErased", "waitingForFill", "", 5, None, [], {}, True),
    *({"resting": {}}, {"resting": {"oid": "7"}}, {"resting": {"oid": -1}}, {"filled": {"oid": 1}}),
    *({"error": 5}, {"error": None}, {"error": "x", "resting": {"oid": 3}}, {"parked": {"oid": 4}}),
)
SHAPES: tuple[Any, ...] = (
    *(None, [], {}, "ok", 0, {"status": "ok"}, {"status": "ok", "response": None}),
    {"status": "ok", "response": {"type": "default"}},
    {"status": "ok", "response": {"type": "order", "data": {}}},
    {"status": "ok", "response": {"type": "order", "data": {"statuses": {}}}},
    {"status": "err", "response": "Something that nobody has ever seen"},
    {"status": "err", "response": None},
    {"status": "maybe", "response": {"type": "order", "data": {"statuses": []}}},
)


def statuses(answer: Any) -> list[Any]:
    found: list[Any] = answer["response"]["data"]["statuses"]
    return found


def _named(rows: list[Any]) -> list[Any]:
    return [row for row in rows if isinstance(row, dict) and ("resting" in row or "filled" in row)]


def _fewer(answer: Any, n: int) -> Any:
    del statuses(answer)[n % len(statuses(answer))]
    return answer


def _doubled(answer: Any, n: int) -> Any:
    """A refusal names no order: two of them in place of one, and one order less, nobody could tell from two refusals."""
    rows = statuses(answer)
    if named := _named(rows):
        rows.insert(n % len(rows), copy.deepcopy(named[n % len(named)]))
    return answer


def _moved(answer: Any, n: int) -> Any:
    rows = statuses(answer)
    rows.append(rows.pop(n % len(rows)))
    return answer


def _in_the_place_of_another(answer: Any, n: int) -> Any:
    rows = statuses(answer)
    if named := _named(rows):
        rows[n % len(rows)] = copy.deepcopy(named[n % len(named)])
    return answer


def _unknown(answer: Any, n: int) -> Any:
    rows = statuses(answer)
    rows[n % len(rows)] = UNKNOWN[n % len(UNKNOWN)]
    return answer


def _other_shape(_: Any, n: int) -> Any:
    return SHAPES[n % len(SHAPES)]


DAMAGES: tuple[Callable[[Any, int], Any], ...] = (
    _fewer,
    _doubled,
    _moved,
    _in_the_place_of_another,
    _unknown,
    _other_shape,
)
damage = st.lists(st.tuples(st.sampled_from(DAMAGES), st.integers(0, 400)), min_size=1, max_size=3)


def damaged(answer: Any, how: list[tuple[Callable[[Any, int], Any], int]]) -> Any:
    found = copy.deepcopy(answer)
    for change, n in how:
        match found:
            case {"status": "ok", "response": {"data": {"statuses": [_, *_]}}}:
                found = change(found, n)
            case _:
                pass
    return found


# -- what is held against the books ---------------------------------------------------------------------------------


def judge(venue: Venue, results: tuple[tuple[str, PlaceResult], ...], lots: dict[str, int]) -> None:
    for cloid, result in results:
        booked = venue.booked(cloid)
        match result:
            case Refused():
                assert booked is None or booked.status.value == "iocCancelRejected", (result, booked)
            case Resting(order_id):
                assert booked is not None, result
                assert booked.oid == order_id, (result, booked)
            case Traded(order_id, traded):
                assert booked is not None, result
                assert (booked.oid, booked.filled) == (order_id, traded), (result, booked)
                assert traded <= lots[cloid]
            case Unsettled():
                pass
            case _:
                raise AssertionError(f"an order that waits for nothing waits: {result}")


@given(kinds, damage)
def test_a_damaged_answer_to_placements_says_of_no_order_what_is_not_so(
    chosen: list[str], how: list[tuple[Callable[[Any, int], Any], int]]
) -> None:
    venue, orders = Venue(), orders_of(chosen)
    answer = damaged(venue.act(order_action(orders, INSTRUMENTS)), how)
    told: list[str] = []
    results = place_results(answer, orders, INSTRUMENTS, told.append)
    assert [cloid for cloid, _ in results] == [each.cloid for each in orders], "each once"
    judge(venue, results, {each.cloid: each.lots for each in orders})


@given(kinds)
def test_an_answer_that_is_whole_settles_every_order_as_the_books_do(chosen: list[str]) -> None:
    venue, orders = Venue(), orders_of(chosen)
    results = place_results(venue.act(order_action(orders, INSTRUMENTS)), orders, INSTRUMENTS)
    assert not [result for _, result in results if isinstance(result, Unsettled)]
    judge(venue, results, {each.cloid: each.lots for each in orders})


@given(st.permutations(range(4)))
def test_statuses_in_another_order_settle_the_orders_that_they_name_and_the_others_stay_in_doubt(
    places: list[int],
) -> None:
    venue, orders = Venue(), orders_of(["rests", "would take", "rests deeper", "too small"])
    answer = venue.act(order_action(orders, INSTRUMENTS))
    rows = statuses(answer)
    rows[:] = [rows[place] for place in places]
    results = dict(place_results(answer, orders, INSTRUMENTS))
    assert isinstance(results[orders[0].cloid], Resting)
    assert isinstance(results[orders[2].cloid], Resting)
    is_in_place = places[0] == 0 and places[2] == 2
    for refused in (orders[1], orders[3]):
        assert isinstance(results[refused.cloid], Refused if is_in_place else Unsettled)
    judge(venue, tuple(results.items()), {each.cloid: each.lots for each in orders})


@given(st.integers(1, 5), kinds, damage)
def test_a_damaged_answer_to_changes_says_of_no_order_what_is_not_so(
    count: int, chosen: list[str], how: list[tuple[Callable[[Any, int], Any], int]]
) -> None:
    venue = Venue()
    old = orders_of(["rests"] * min(count, len(chosen)))
    first = place_results(venue.act(order_action(old, INSTRUMENTS)), old, INSTRUMENTS)
    placed = [result for _, result in first]
    olds = [
        replace(each, state=OrderState.OPEN, order_id=result.order_id)
        for each, result in zip(old, placed, strict=True)
        if isinstance(result, Resting)
    ]
    new = [
        one
        if one.tif is Tif.ALO and one.side is Side.BUY
        else replace(one, side=Side.BUY, tif=Tif.ALO, price=BID - 900 - 10 * n)
        for n, one in enumerate(orders_of(chosen, first=50)[: len(olds)])
    ]
    pairs = list(zip(olds, new, strict=True))
    answer = damaged(venue.act(modify_action(pairs, INSTRUMENTS)), how)
    results, replaced = modify_results(answer, pairs, INSTRUMENTS)
    assert [cloid for cloid, _ in results] == [each.cloid for each in new]
    judge(venue, results, {each.cloid: each.lots for each in new})
    for cloid, error in replaced:
        booked = venue.booked(cloid)
        assert error or (booked is not None and not booked.is_open), "held for gone, and rests"


@given(st.integers(1, 6), st.integers(0, 6), damage)
def test_a_damaged_answer_to_cancels_ends_no_order_that_rests(
    count: int, gone: int, how: list[tuple[Callable[[Any, int], Any], int]]
) -> None:
    venue, orders = Venue(), orders_of(["rests"] * count)
    venue.act(order_action(orders, INSTRUMENTS))
    cloids = [each.cloid for each in orders]
    if gone < count:
        venue.act(cancel_action([("BTC", cloids[gone])], INSTRUMENTS))
    answer = damaged(venue.act(cancel_action([("BTC", cloid) for cloid in cloids], INSTRUMENTS)), how)
    results = cancel_results(answer, cloids)
    assert [cloid for cloid, _ in results] == cloids
    for cloid, error in results:
        booked = venue.booked(cloid)
        assert error or (booked is not None and not booked.is_open)
