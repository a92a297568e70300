"""What is refused, in which words, and what the refusal leaves behind."""

from __future__ import annotations

import pytest

from core.domain.orders import Side
from core.paper.answers.info import Info
from core.paper.answers.tape import Tape
from core.paper.config import AnswerSettings, OrderSettings
from core.paper.market.listing import Rules, Tier, Universe
from core.paper.venue.nonces import KEPT, REMEMBERED, NonceRefusedError, NonceSet
from core.paper.venue.orders import Grouping, OrderStatus, TimeInForce, WireOrder
from core.paper.venue.validation import StaticError
from core.paper.venue.venue import Venue
from tests.unit.paper.world import ALICE, BOB, FUNDS_MICRO, NOW_MS, UNIVERSE, World, stop

_DAY_MS = 86_400_000


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("at", "size", "words"),
    [
        ("0", "0.1", "Order has invalid price."),
        ("-1", "0.1", "Order has invalid price."),
        ("100000.01", "0.1", "Order has invalid price."),
        ("100000", "0.000001", "Order has invalid size."),
        ("100000", "-0.1", "Order has invalid size."),
        ("100000", "0", "Order has zero size."),
        ("4000", "0.1", "Order price cannot be more than 95% away from the reference price"),
        ("200000", "0.1", "Order price cannot be more than 95% away from the reference price"),
    ],
)
def test_an_order_that_cannot_be_meant_fails_the_whole_batch_without_an_id(
    world: World, at: str, size: str, words: str
) -> None:
    good = WireOrder(0, True, "99000", "0.1", False, TimeInForce.GTC, None)
    bad = WireOrder(0, True, at, size, False, TimeInForce.GTC, None)
    next_oid = world.venue.ledger.counters.next_oid
    with pytest.raises(StaticError, match=words.replace(".", r"\.")):
        world.venue.place(ALICE, (good, bad), NOW_MS)
    assert world.venue.ledger.counters.next_oid == next_oid
    assert not world.venue.take_batch().updates


def test_an_empty_batch_is_refused(world: World) -> None:
    with pytest.raises(StaticError, match=r"Orders are empty\."):
        world.venue.place(ALICE, (), NOW_MS)


@pytest.mark.parametrize(
    ("at", "size", "words", "status"),
    [
        ("99000.5", "0.1", "Price must be divisible by tick size.", OrderStatus.TICK_REJECTED),
        ("99000", "0.0001", "Order must have minimum value of $10.", OrderStatus.MIN_NOTIONAL_REJECTED),
    ],
)
def test_a_rejected_order_has_an_id_a_row_and_a_status_that_can_be_asked_for(
    world: World, at: str, size: str, words: str, status: OrderStatus
) -> None:
    placed = world.place(Side.BUY, at, size)
    assert (placed.error, placed.order.status) == (words, status)
    assert [u.status for u in world.last.updates] == [status]
    assert world.account().find_order(placed.order.oid) is placed.order


@pytest.mark.parametrize(
    ("max_leverage", "value", "most"),
    [
        (40, 300_000_001, 300_000_000),
        (20, 50_000_001, 50_000_000),
        (10, 20_000_001, 20_000_000),
        (5, 5_000_001, 5_000_000),
    ],
)
def test_the_value_of_an_order_is_bounded_by_the_leverage_of_its_coin(
    max_leverage: int, value: int, most: int
) -> None:
    venue = Venue(Universe.of([Rules("COIN", 0, (Tier(0, max_leverage),))]), FUNDS_MICRO, NOW_MS)
    for size, words in ((value, f"Order value too large. Max is ${most}."), (most, "")):
        wire = WireOrder(0, True, "1", str(size), False, TimeInForce.GTC, None)
        if words:
            with pytest.raises(StaticError) as refused:
                venue.place(ALICE, (wire,), NOW_MS)
            assert str(refused.value) == words
        else:
            assert venue.place(ALICE, (wire,), NOW_MS)[0].error == "Insufficient margin to place order."
    market = WireOrder(0, True, "1", str(most // 10 + 1), False, TimeInForce.FRONTEND_MARKET, None)
    with pytest.raises(StaticError, match=f"Max is \\${most // 10}"):
        venue.place(ALICE, (market,), NOW_MS)


def test_a_position_may_not_outgrow_the_tier_of_its_leverage() -> None:
    tiers = (Tier(0, 40), Tier(10_000_000_000, 20), Tier(30_000_000_000, 10))
    world = World(Venue(Universe.of([Rules("BTC", 5, tiers)]), FUNDS_MICRO, NOW_MS))
    world.venue.set_leverage(ALICE, 0, 40, is_cross=True)
    words = "Order would cause position to exceed margin tier limit at current leverage"
    placed = world.place(Side.BUY, 100_000, "0.1")
    assert (placed.error, placed.order.status) == (words, OrderStatus.MAX_POSITION_REJECTED)
    assert not world.place(Side.BUY, 99_000, "0.1").error
    world.venue.set_leverage(ALICE, 0, 20, is_cross=True)
    assert not world.place(Side.BUY, 100_000, "0.1").error


def test_at_the_open_interest_cap_positions_may_only_shrink() -> None:
    rules = Rules("BTC", 5, (Tier(0, 40),), open_interest_cap_micro=20_000_000_000)
    world = World(Venue(Universe.of([rules]), FUNDS_MICRO, NOW_MS))
    info = Info(world.venue, Tape(["BTC"], 1), AnswerSettings())
    assert info.answer({"type": "perpsAtOpenInterestCap"}, NOW_MS) == []
    world.buy(100_010, "0.2")
    assert info.answer({"type": "perpsAtOpenInterestCap", "dex": ""}, NOW_MS) == ["BTC"]
    words = "Order would increase open interest while open interest is capped"
    for user in (ALICE, BOB):
        placed = world.place(Side.BUY, 99_000, "0.01", user=user)
        assert (placed.error, placed.order.status) == (words, OrderStatus.CAP_INCREASE_REJECTED)
    flip = world.place(Side.SELL, 100_000, "0.21")
    assert (flip.error, flip.order.status) == (words, OrderStatus.CAP_FLIP_REJECTED)
    assert not world.place(Side.SELL, 100_000, "0.1").error
    assert not world.place(Side.BUY, 99_000, "0.01").error


def test_open_orders_are_counted(world: World) -> None:
    world.buy(100_010, "0.01")
    order = WireOrder(0, True, "90000", "0.0002", False, TimeInForce.ALO, None)
    world.venue.place(ALICE, (order,) * 998, NOW_MS)
    (waiting,) = world.place_all(stop(Side.SELL, 99_000, "0.01"), grouping=Grouping.NONE)
    assert not waiting.error
    assert world.place(Side.BUY, 90_000, "0.0002").error == ""
    words = ("Too many open orders.", OrderStatus.TOO_MANY_REJECTED)
    placed = world.place(Side.BUY, 90_000, "0.0002")
    assert (placed.error, placed.order.status) == words
    world.account().volume = 5_000_000_000_000
    (trigger,) = world.place_all(stop(Side.SELL, 99_000, "0.01"), grouping=Grouping.NONE)
    reducing = world.place(Side.SELL, 110_000, "0.01", reduce_only=True)
    assert [(p.error, p.order.status) for p in (trigger, reducing)] == [words, words]
    assert not world.place(Side.BUY, 90_000, "0.0002").error


def test_more_than_five_figures_fail_the_batch_where_it_is_set_so() -> None:
    settings = OrderSettings(figures_fail_batch=True)
    world = World(Venue(UNIVERSE, FUNDS_MICRO, NOW_MS, settings=settings))
    with pytest.raises(StaticError, match=r"Order has invalid price\."):
        world.place(Side.BUY, "99000.5", "0.1")


def test_an_order_that_closes_the_whole_position_may_be_worth_less_than_ten_dollars(world: World) -> None:
    world.buy(100_010, "0.0002")
    assert (
        world.place(Side.SELL, 99_000, "0.0001", TimeInForce.IOC).error
        == "Order must have minimum value of $10."
    )
    world.sell(99_000, "0.00015", TimeInForce.IOC)
    assert not world.place(Side.SELL, 99_000, "0.00005", TimeInForce.IOC).error
    assert world.account().lots("BTC") == 0


def test_a_reduce_only_order_larger_than_a_small_position_is_exempt_from_the_minimum(world: World) -> None:
    world.buy(100_010, "0.0002")
    world.sell(99_000, "0.00015", TimeInForce.IOC)
    assert not world.place(Side.SELL, 99_000, "0.00009", TimeInForce.IOC, reduce_only=True).error


def test_what_is_no_longer_there_cannot_be_cancelled(world: World) -> None:
    order = world.buy(99_000, "0.1", TimeInForce.ALO)
    words = "Order was never placed, already canceled, or filled."
    cancels: tuple[tuple[int, int | str], ...] = ((0, order.oid), (0, order.oid), (0, 1), (7, order.oid))
    assert world.venue.cancel(ALICE, cancels, NOW_MS) == ["", words, words, words]


def test_a_cloid_names_the_latest_order_that_used_it(world: World) -> None:
    cloid = "0x" + "0" * 31 + "a"
    first = world.place(Side.BUY, 99_000, "0.1", cloid=cloid).order
    assert world.venue.cancel(ALICE, ((0, cloid),), NOW_MS) == [""]
    second = world.place(Side.BUY, 98_000, "0.1", cloid=cloid).order
    assert world.account().find_order(cloid.upper().replace("0X", "0x")) is second
    assert first.status is OrderStatus.CANCELED


def test_an_open_order_is_found_by_its_cloid_though_a_later_one_was_refused(world: World) -> None:
    cloid = "0x" + "0" * 31 + "a"
    resting = world.place(Side.BUY, 99_000, "0.1", cloid=cloid).order
    refused = world.place(Side.BUY, 110_000, "0.1", TimeInForce.ALO, cloid=cloid)
    assert refused.error
    wire = WireOrder(0, True, "98000", "0.1", False, TimeInForce.ALO, cloid)
    (moved,) = world.venue.modify(ALICE, ((cloid, wire),), False, NOW_MS)
    assert (moved.error, resting.status) == ("", OrderStatus.CANCELED)
    twin = world.place(Side.BUY, 97_000, "0.1", cloid=cloid).order
    assert world.venue.cancel(ALICE, ((0, cloid), (0, cloid), (0, cloid)), NOW_MS)[:2] == ["", ""]
    assert moved.placed is not None
    assert {moved.placed.order.status, twin.status} == {OrderStatus.CANCELED}
    assert not world.account().open_orders
    assert not world.account().open_by_cloid


def test_nobody_can_cancel_anothers_order(world: World) -> None:
    order = world.buy(99_000, "0.1")
    stranger = "0x" + "ee" * 20
    assert world.venue.cancel(stranger, ((0, order.oid),), NOW_MS)[0].startswith("Order was never placed")


def test_nonces_may_arrive_out_of_order_but_not_twice() -> None:
    nonces = NonceSet()
    nonces.admit(NOW_MS + 5, NOW_MS)
    nonces.admit(NOW_MS + 3, NOW_MS)
    with pytest.raises(NonceRefusedError, match=f"Invalid nonce: duplicate nonce {NOW_MS + 3}"):
        nonces.admit(NOW_MS + 3, NOW_MS)


def test_an_unused_nonce_below_the_hundred_highest_is_too_low() -> None:
    nonces = NonceSet()
    for number in range(KEPT):
        nonces.admit(NOW_MS + 2 * number, NOW_MS)
    nonces.admit(NOW_MS + 1, NOW_MS)
    with pytest.raises(NonceRefusedError, match=f"Invalid nonce: nonce too low {NOW_MS - 1} < {NOW_MS + 1}"):
        nonces.admit(NOW_MS - 1, NOW_MS)


def test_a_nonce_is_still_known_as_used_when_a_hundred_higher_ones_have_come() -> None:
    nonces = NonceSet()
    for number in range(3 * KEPT):
        assert nonces.admit(NOW_MS + number, NOW_MS) == []
    with pytest.raises(NonceRefusedError, match=f"Invalid nonce: duplicate nonce {NOW_MS}"):
        nonces.admit(NOW_MS, NOW_MS)


def test_nonces_that_have_left_the_window_are_forgotten() -> None:
    nonces = NonceSet()
    nonces.admit(NOW_MS, NOW_MS)
    assert nonces.admit(NOW_MS + 2 * _DAY_MS, NOW_MS + 2 * _DAY_MS) == [NOW_MS]
    assert nonces.kept == [NOW_MS + 2 * _DAY_MS]


def test_so_many_nonces_are_remembered_and_no_more() -> None:
    nonces = NonceSet(list(range(NOW_MS, NOW_MS + REMEMBERED)))
    assert nonces.admit(NOW_MS + REMEMBERED, NOW_MS) == [NOW_MS]
    assert len(nonces.kept) == REMEMBERED


@pytest.mark.parametrize(
    ("nonce", "words"),
    [
        (NOW_MS - 2 * _DAY_MS, "nonce too low"),
        (NOW_MS - 2 * _DAY_MS + 120_000, "nonce too low"),
        (NOW_MS + _DAY_MS - 120_000, "nonce too high"),
        (NOW_MS + _DAY_MS, "nonce too high"),
    ],
)
def test_a_nonce_outside_the_window_is_refused_and_stays_unused(nonce: int, words: str) -> None:
    nonces = NonceSet()
    with pytest.raises(NonceRefusedError, match=words):
        nonces.admit(nonce, NOW_MS)
    assert nonces.kept == []
