"""TWAP orders: their suborders' sizes and turns, what befalls them, what is told of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.paper.config import OrderSettings, PaperConfig
from core.paper.exchange import PaperExchange
from core.paper.jsonio import MalformedRequestError
from core.paper.market.step import MarketStep
from core.paper.requests.envelope import decode_envelope
from core.paper.store import PaperStore
from core.paper.venue.orders import OrderStatus, TimeInForce
from core.paper.venue.refusals import RefusedError
from core.paper.venue.twaps import Twap, WireTwap, suborder_lots
from core.paper.venue.venue import Venue
from tests.unit.paper import desk
from tests.unit.paper.paper_client import new_wallet
from tests.unit.paper.world import FUNDS_MICRO, NOW_MS, UNIVERSE, World, lots, price, quote

_TURN_MS = 30_000
_NO_HASH = "0x" + "0" * 64

# Suborders of five randomized orders of seven days as userTwapSliceFillsByTime told them live in October 2026: each coin's size
# decimals, the order's size, the first two suborders' prices and sizes, and the milliseconds between these two.
_LIVE = [
    ("BTC", 5, "0.00119", (("84854.0", "0.00014"), ("86689.0", "0.00014")), 71_129_984),
    ("STX", 1, "262.3", (("0.38545", "30.3"), ("0.37001", "31.5")), 69_870_038),
    ("SOL", 2, "0.85", (("118.43", "0.1"), ("122.25", "0.1")), 71_160_047),
    ("HYPE", 2, "1.15", (("87.774", "0.14"), ("89.679", "0.13")), 73_619_980),
    ("ETH", 4, "0.0374", (("2700.7", "0.0044"), ("2748.5", "0.0043")), 71_130_036),
]


def _twap(size_lots: int, minutes: int, *, randomize: bool = False) -> Twap:
    return Twap(7, "0x", "BTC", Side.BUY, size_lots, minutes, False, randomize, 0, 0)


def _course(twap: Twap, *prices: int) -> list[tuple[int, int]]:
    """(time, lots) of each suborder if all are filled; ``prices`` are the limits one after the other, the last from then on."""
    found: list[tuple[int, int]] = []
    while not twap.is_over:
        limit = prices[min(len(found), len(prices) - 1)]
        if sent := suborder_lots(twap, limit, 1):
            found.append((twap.due_ms, sent))
            twap.executed += sent
        twap.pass_turn()
    return found


@pytest.mark.parametrize(("coin", "decimals", "size", "fills", "apart_ms"), _LIVE, ids=lambda v: str(v)[:4])
def test_suborders_are_as_large_and_as_far_apart_as_live_ones(
    coin: str, decimals: int, size: str, fills: tuple[tuple[str, str], ...], apart_ms: int
) -> None:
    instrument = Instrument(coin, 0, decimals, 40)
    limits = [instrument.round_price_down(instrument.parse_price(text) * 103 // 100) for text, _ in fills]
    course = _course(_twap(instrument.parse_size(size), 10_080, randomize=True), *limits)
    assert [sent for _, sent in course[:2]] == [instrument.parse_size(text) for _, text in fills]
    assert abs(course[1][0] - course[0][0] - apart_ms) <= _TURN_MS + 100
    assert sum(sent for _, sent in course) == instrument.parse_size(size)


def test_an_hour_has_a_suborder_every_thirty_seconds() -> None:
    """The documentation's example: 10,000 USD over an hour are about 121 suborders of about 83 USD."""
    course = _course(_twap(lots("0.1"), 60), price(103_000))
    assert [at for at, _ in course] == [turn * _TURN_MS for turn in range(121)]
    assert {sent for _, sent in course} == {82, 83}
    assert sum(sent for _, sent in course) == lots("0.1")


def test_four_days_have_suborders_of_ten_dollars() -> None:
    """The documentation's example: 10,000 USD over 4 days are about 1,000 suborders of about 10 USD, six minutes apart."""
    course = _course(_twap(lots("0.1"), 4 * 1440), price(103_000))
    assert (len(course), {sent for _, sent in course}) == (1000, {10})
    apart = [later - at for (at, _), (later, _) in pairwise(course)]
    assert {step // _TURN_MS for step in apart} == {11, 12}


def test_randomized_suborders_are_up_to_a_fifth_off_and_make_it_up() -> None:
    course = _course(_twap(lots("1"), 60, randomize=True), price(103_000))
    even = lots("1") / 121
    sizes = [sent for _, sent in course]
    assert len(set(sizes)) > 20
    assert even * 0.6 < min(sizes) < even * 0.9 < even * 1.1 < max(sizes) < even * 1.5
    assert sum(sizes) == lots("1")
    assert sizes == [sent for _, sent in _course(_twap(lots("1"), 60, randomize=True), price(103_000))]


@pytest.fixture
def world() -> World:
    return World()


def _start(
    world: World, size: str = "0.05", side: Side = Side.BUY, minutes: int = 5, **changes: bool
) -> Twap:
    flags = {"reduce_only": False, "randomize": False, **changes}
    account = world.account()
    world.venue.ledger.begin_block(world.now_ms)
    wire = WireTwap(0, side is Side.BUY, size, minutes=minutes, **flags)
    return account.twaps[world.venue.twaps.place(account, wire)]


def _refused(
    world: World, size: str = "0.05", side: Side = Side.BUY, minutes: int = 5, **changes: bool
) -> str:
    with pytest.raises(RefusedError) as refused:
        _start(world, size, side, minutes, **changes)
    assert not world.venue.take_batch().history
    return str(refused.value)


def _told(world: World) -> list[tuple[str, str]]:
    """(status, description) of each row of the history, oldest first."""
    rows: list[Any] = [row.delta["status"] for row in world.account().history if row.is_twap]
    return [(row["status"], row.get("description", "")) for row in rows]


def _done(world: World) -> int:
    return sum(fill.lots for fill in world.account().slice_fills)


def _fresh(world: World) -> None:
    world.market(quote=quote(100_000, "1", 100_010, "1"))


def test_it_takes_what_is_due_every_thirty_seconds_and_rests_nothing(world: World) -> None:
    twap = _start(world)
    parts = [sum(fill.lots for fill in world.tick(0).fills)]
    parts += [sum(fill.lots for fill in world.tick(after).fills) for after in [29_999, 1] * 10]
    assert [part for part in parts if part] == [455, 455, 454, 455, 454, 455, 454, 455, 454, 455, 454]
    assert (twap.executed, twap.executed_micro) == (5000, 5000 * price(100_010))
    assert (world.account().lots("BTC"), len(world.account().open_orders)) == (5000, 0)
    assert world.now_ms - NOW_MS == 300_000
    assert (_told(world), world.account().twaps) == ([("activated", ""), ("finished", "")], {})


def test_its_suborders_are_orders_of_a_kind_of_their_own(world: World) -> None:
    twap = _start(world)
    batch = world.tick()
    (order,) = batch.orders.values()
    assert (order.tif, order.price, order.twap_id) == (TimeInForce.IOC, price(103_005), twap.twap_id)
    assert order.status is OrderStatus.FILLED
    (fill,) = batch.fills
    (told,) = batch.prints
    assert (fill.hash, told.hash, fill.twap_id, fill.crossed) == (_NO_HASH, _NO_HASH, twap.twap_id, True)
    assert fill.fee == fill.lots * fill.price * 45 // 100_000
    assert (world.account().slice_fills, world.account().fills) == ([fill], [])


def test_a_maker_that_it_meets_has_an_ordinary_fill_without_a_hash(world: World) -> None:
    other = "0x" + "b0" * 20
    world.sell(100_005, "0.001", user=other)
    _start(world)
    world.tick()
    (fill,) = world.account(other).fills
    taken = world.account().slice_fills[0]
    assert (fill.tid, fill.hash, fill.twap_id) == (taken.tid, _NO_HASH, None)


@pytest.mark.parametrize(
    ("side", "bid", "ask", "status"),
    [
        (Side.BUY, 100_000, 106_185, OrderStatus.FILLED),
        (Side.BUY, 100_000, 106_186, OrderStatus.IOC_REJECTED),
        (Side.SELL, 94_175, 100_000, OrderStatus.FILLED),
        (Side.SELL, 94_174, 100_000, OrderStatus.IOC_REJECTED),
    ],
)
def test_it_goes_no_further_than_three_percent_from_the_middle(
    world: World, side: Side, bid: int, ask: int, status: OrderStatus
) -> None:
    _start(world, side=side)
    world.market(quote=quote(bid, "1", ask, "1"))
    (order,) = world.tick().orders.values()
    assert order.status is status


def test_what_the_market_withheld_is_made_up_for_with_three_parts_at_most(world: World) -> None:
    world.market(quote=quote(100_000, "1", 110_000, "1"))
    _start(world)
    for _ in range(5):
        world.tick(_TURN_MS)
    assert _done(world) == 0
    _fresh(world)
    parts = [sum(fill.lots for fill in world.tick(_TURN_MS).fills) for _ in range(5)]
    assert parts == [1363, 1363, 1363, 457, 454]
    assert _told(world)[-1] == ("finished", "")


def test_what_can_not_be_made_up_for_stays_undone(world: World) -> None:
    world.market(quote=quote(100_000, "1", 110_000, "1"))
    twap = _start(world)
    world.tick(285_000)
    _fresh(world)
    world.tick(_TURN_MS)
    assert (twap.executed, _told(world)[-1]) == (1363, ("finished", ""))


@pytest.mark.parametrize("why", ["post-only", "closed"])
def test_nothing_is_sent_while_nothing_could_be_taken(world: World, why: str) -> None:
    def shut(is_shut: bool) -> None:
        if why == "post-only":
            world.venue.post_only = is_shut
        else:
            step = MarketStep("BTC", (), None, quote(100_000, "1", 100_010, "1"), is_open=not is_shut)
            world.venue.step(step, world.now_ms)

    _start(world)
    shut(True)
    for _ in range(3):
        assert not world.tick(_TURN_MS).orders
    shut(False)
    assert sum(fill.lots for fill in world.tick(_TURN_MS).fills) == 1363


def test_turns_that_were_missed_pass_at_once(world: World) -> None:
    twap = _start(world)
    world.tick()
    assert len(world.tick(125_000).fills) == 1
    assert (twap.turn, twap.due_ms) == (5, NOW_MS + 150_000)


def test_a_clock_that_is_set_back_stops_it_no_longer_than_a_turn_takes(world: World) -> None:
    _start(world)
    world.tick()
    world.now_ms -= 3_600_000
    world.venue.set_clock_back(world.now_ms)
    assert world.tick(_TURN_MS).fills


def test_a_suborder_that_the_account_can_not_bear_ends_it_with_an_error(world: World) -> None:
    _start(world, "50")
    world.tick()
    assert _told(world)[-1] == ("error", "Insufficient margin to place order.")
    assert not world.account().twaps


def test_a_reduce_only_one_ends_with_the_position(world: World) -> None:
    assert _refused(world, reduce_only=True) == "Reduce-only TWAP order would increase position."
    world.buy(100_010, "0.01")
    _start(world, side=Side.SELL, reduce_only=True)
    for _ in range(4):
        world.tick(_TURN_MS)
    assert (world.account().lots("BTC"), _done(world)) == (0, 1000)
    assert _told(world)[-1] == ("error", "Reduce only order would increase position.")


def test_the_last_part_may_be_worth_less_than_ten_dollars(world: World) -> None:
    twap = _start(world, "0.00105")
    world.tick()
    twap.executed = twap.lots - 3
    assert [fill.lots for fill in world.tick(300_000).fills] == [3]
    assert _told(world)[-1] == ("finished", "")


@pytest.mark.parametrize(
    ("size", "minutes", "words"),
    [
        ("0.05", 4, "Invalid TWAP duration: 4 min(s)"),
        ("0.05", 1441, "Invalid TWAP duration: 1441 min(s)"),
        ("0.000001", 5, "Order has invalid size."),
        ("-1", 5, "Order has invalid size."),
        ("0", 5, "Order has zero size."),
        ("0.00099", 5, "TWAP order value too small. Min is $100."),
    ],
)
def test_what_is_refused(world: World, size: str, minutes: int, words: str) -> None:
    assert _refused(world, size, minutes=minutes) == words


def test_the_bounds_are_settings() -> None:
    settings = OrderSettings(longest_twap_minutes=10_080, most_twaps=2)
    world = World(Venue(UNIVERSE, FUNDS_MICRO, NOW_MS, settings=settings))
    first, second = _start(world, minutes=10_080), _start(world)
    assert second.twap_id == first.twap_id + 1
    world.venue.take_batch()
    assert _refused(world) == "Exceeded max number of active TWAP orders."
    assert _refused(world, minutes=10_081) == "Invalid TWAP duration: 10081 min(s)"


def test_it_can_be_cancelled_once(world: World) -> None:
    twap, account = _start(world), world.account()
    world.tick()
    for asset, twap_id in ((0, twap.twap_id + 1), (1, twap.twap_id)):
        with pytest.raises(RefusedError, match="TWAP was never placed"):
            world.venue.twaps.cancel(account, asset, twap_id)
    world.venue.twaps.cancel(account, 0, twap.twap_id)
    assert _told(world)[-1] == ("terminated", "")
    assert not world.tick(_TURN_MS).fills
    with pytest.raises(RefusedError, match=r"already canceled, or filled\."):
        world.venue.twaps.cancel(account, 0, twap.twap_id)


def test_a_liquidation_terminates_it(world: World) -> None:
    world.venue.set_leverage("0x" + "a1" * 20, 0, 40, is_cross=True)
    world.buy(100_010, "1")
    _start(world, "0.01")
    world.mid(90_000)
    world.tick(1_000)
    assert (world.account().lots("BTC"), _told(world)[-1]) == (0, ("terminated", ""))


def test_a_delisting_terminates_it(world: World) -> None:
    _start(world)
    world.tick()
    world.venue.relist(replace(UNIVERSE.listings["BTC"].rules, is_delisted=True), world.now_ms)
    assert (world.account().lots("BTC"), _told(world)[-1]) == (0, ("terminated", ""))
    assert _refused_after(world) == "Trading is halted."


def _refused_after(world: World) -> str:
    world.venue.take_batch()
    return _refused(world)


def test_its_suborders_keep_to_a_coarser_lot(world: World) -> None:
    _start(world)
    world.venue.relist(replace(UNIVERSE.listings["BTC"].rules, sz_decimals=3), world.now_ms)
    sizes = {fill.lots for _ in range(11) for fill in world.tick(_TURN_MS).fills}
    assert {size % 100 for size in sizes} == {0}
    assert _done(world) == 5000


def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    clock = [NOW_MS]

    def opened() -> tuple[PaperExchange, PaperStore]:
        store = PaperStore(tmp_path / "paper.db")
        return PaperExchange(PaperConfig(), desk.QuotedMarket(), store, lambda: clock[0]), store

    exchange, store = opened()
    account = exchange.venue.see("0x" + "a1" * 20)
    exchange.venue.ledger.begin_block(NOW_MS)
    twap_id = exchange.venue.twaps.place(account, WireTwap(0, True, "0.05", False, 5, True))
    exchange.tick()
    before = _picture(exchange)
    store.close()
    exchange, store = opened()
    assert _picture(exchange) == before
    clock[0] += 300_000
    exchange.tick()
    store.close()
    rows: Any = _picture(exchange)
    assert [row["status"]["status"] for row in rows["twapHistory"]] == ["finished", "activated"]
    assert {row["twapId"] for row in rows["userTwapSliceFills"]} == {twap_id}
    assert (len(rows["userTwapSliceFills"]), rows["userFills"]) == (2, [])


def _picture(exchange: PaperExchange) -> dict[str, Any]:
    user = "0x" + "a1" * 20
    kinds = ("twapHistory", "userTwapSliceFills", "userFills", "historicalOrders", "webData2")
    told: dict[str, Any] = {kind: exchange.ask({"type": kind, "user": user}) for kind in kinds}
    return {**told, "webData2": told["webData2"]["twapStates"]}


def test_requests_are_answered_in_the_venues_shapes() -> None:
    office, wallet = desk.Desk(), new_wallet()
    twap = {"a": 0, "b": True, "s": "0.05", "r": False, "m": 5, "t": False}
    answer = office.act(wallet, {"type": "twapOrder", "twap": twap})
    twap_id = answer["response"]["data"]["status"]["running"]["twapId"]
    assert answer["response"]["type"] == "twapOrder"
    cancel = {"type": "twapCancel", "a": 0, "t": twap_id}
    done = {"type": "twapCancel", "data": {"status": "success"}}
    assert office.act(wallet, cancel) == {"status": "ok", "response": done}
    unlisted = decode_envelope(office.body(wallet, {"type": "twapOrder", "twap": {**twap, "a": 77}}))
    with pytest.raises(MalformedRequestError):
        office.api.check_assets(unlisted.action)
