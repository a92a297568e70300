"""Synthetic markets: the same from the same seed, each kind true to its name, a session that closes and opens again."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.orders import Side
from core.paper.config import PaperConfig, UnknownMarketError
from core.paper.exchange import PaperExchange
from core.paper.market.listing import FIRST_DEX
from core.paper.market.load import load_market
from core.paper.market.step import MarketStep
from core.paper.market.synthetic.kinds import Kind, parse_coins
from core.paper.market.synthetic.market import Synthetic
from core.paper.market.synthetic.path import CLOSED_MS, OPEN_MS, first_state, next_state
from core.paper.store import PaperStore
from core.paper.venue.audit import audit
from core.paper.venue.orders import OrderStatus, TimeInForce, WireOrder
from core.paper.venue.prices import middle
from core.paper.venue.venue import Venue
from tests.unit.paper.world import ALICE, FUNDS_MICRO, NOW_MS


def _walk(market: Synthetic, steps: int) -> list[tuple[int | None, MarketStep]]:
    return [(market.wait_ms(), market.advance()) for _ in range(steps)]


def _one(kind: Kind, seed: int = 1) -> Synthetic:
    return Synthetic(parse_coins(kind.value), seed)


def _prices(kind: Kind, steps: int) -> list[int]:
    """Of a path alone, without its books."""
    random, start = Random(1), 1_100_000
    state = first_state(kind, start)
    prices = [state.price]
    for _ in range(steps):
        state = next_state(kind, state, start, 50_000, random)
        prices.append(state.price)
    return prices


def test_by_itself_it_has_five_coins_of_five_kinds_on_two_dexs() -> None:
    market = load_market("synthetic")
    assert list(market.universe.listings) == ["BTC", "ETH", "SOL", "TRB", "xyz:TSLA"]
    assert market.universe.dexs == (FIRST_DEX, "xyz")
    assert market.universe.listings["xyz:TSLA"].rules.margin_mode == "strictIsolated"
    assert market.universe.instruments["xyz:TSLA"].asset_id == 110_000
    assert "BTC=reverting,ETH=trending,SOL=jumps,TRB=thin,xyz:TSLA=session seed 1" in market.name


@pytest.mark.parametrize(
    ("text", "coins"),
    [
        ("jumps", {"BTC": "jumps"}),
        ("trending,jumps,gaps", {"BTC": "trending", "ETH": "jumps", "SOL": "gaps"}),
        ("thin,session", {"TRB": "thin", "xyz:TSLA": "session"}),
        (
            "DOGE=trending, xyz:NVDA=session,reverting",
            {"DOGE": "trending", "xyz:NVDA": "session", "BTC": "reverting"},
        ),
    ],
)
def test_kinds_and_coins_can_be_chosen(text: str, coins: dict[str, str]) -> None:
    assert {coin.rules.coin: coin.kind for coin in parse_coins(text)} == coins


@pytest.mark.parametrize("text", ["wild", "BTC=", "BTC=jumps,BTC=thin", "B T=jumps", "=jumps", "jumps,,thin"])
def test_what_cannot_be_meant_is_refused_with_the_fix(text: str) -> None:
    with pytest.raises(UnknownMarketError, match="Fix: "):
        load_market(f"synthetic:{text}")


def test_the_same_seed_gives_the_same_market_and_another_one_another() -> None:
    first, second, other = (Synthetic(parse_coins(""), seed) for seed in (7, 7, 8))
    walked = _walk(first, 1_000)
    assert walked == _walk(second, 1_000)
    assert walked != _walk(other, 1_000)


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([*(kind.value for kind in Kind), ""]), st.integers(0, 800), st.integers(0, 10**6))
def test_it_goes_on_from_any_saved_place_as_if_nothing_had_happened(text: str, steps: int, seed: int) -> None:
    first, second = Synthetic(parse_coins(text), seed), Synthetic(parse_coins(text), seed)
    for _ in range(steps):
        first.advance()
    second.resume(first.place)
    assert second.place == first.place
    assert second.scene() == first.scene()
    assert _walk(second, 100) == _walk(first, 100)


@pytest.mark.parametrize(
    "place",
    [
        "",
        "{}",
        "nonsense",
        '{"at_ms":1,"walks":{}}',
        '{"at_ms":0,"walks":{"BTC":[0,0,0,0,0,0,0,0,0,0]}}',
        '{"at_ms":5,"walks":{"BTC":[300,0,0,99999,99999,0,0,1,99999,0]}}',
        '{"at_ms":0,"walks":{"BTC":["x"]}}',
    ],
)
def test_a_place_that_makes_no_sense_is_ignored(place: str) -> None:
    market = _one(Kind.REVERTING)
    fresh = market.place
    market.resume(place)
    assert market.place == fresh


@pytest.mark.parametrize("kind", list(Kind))
def test_every_step_is_a_sound_book_at_valid_prices_one_to_ten_times_a_second(kind: Kind) -> None:
    market = _one(kind)
    (instrument,) = market.universe.instruments.values()
    walked = _walk(market, 1_000)
    for wait_ms, step in walked:
        assert wait_ms is not None
        assert 0 <= wait_ms <= 130_000
        if not step.is_open:
            assert (step.quote, step.depth, step.trades) == (None, None, ())
            continue
        assert step.quote is not None
        assert 0 < step.quote.bid < step.quote.ask
        prices = [step.quote.bid, step.quote.ask]
        if step.depth is not None:
            assert (step.depth.bids[0][0], step.depth.asks[0][0]) == (step.quote.bid, step.quote.ask)
            assert [p for p, _ in step.depth.bids] == sorted({p for p, _ in step.depth.bids}, reverse=True)
            assert [p for p, _ in step.depth.asks] == sorted({p for p, _ in step.depth.asks})
            prices += [p for p, _ in (*step.depth.bids, *step.depth.asks)]
        assert all(instrument.is_valid_price(price) for price in prices)
        assert all(trade.lots > 0 for trade in step.trades)
    open_waits = [wait for wait, step in walked if step.is_open and wait is not None and wait < 20_000]
    assert 100 <= sum(open_waits) / len(open_waits) <= 1_100


def test_a_market_runs_away_neither_up_nor_down() -> None:
    for kind in (Kind.TRENDING, Kind.JUMPS, Kind.GAPS):
        prices = _prices(kind, 10_000)
        assert prices[0] / 8 < min(prices) < max(prices) < prices[0] * 8


def test_a_reverting_market_stays_where_a_trending_one_goes_far() -> None:
    def range_percent(kind: Kind) -> float:
        prices = _prices(kind, 10_000)
        return 100 * (max(prices) - min(prices)) / prices[0]

    assert range_percent(Kind.REVERTING) < 1.5
    assert range_percent(Kind.TRENDING) > 3


def test_jumps_and_gaps_move_at_once_and_gaps_come_after_silence() -> None:
    jumps = _prices(Kind.JUMPS, 2_000)
    assert max(abs(b - a) / a for a, b in pairwise(jumps)) > 0.005
    gaps = _walk(_one(Kind.GAPS), 2_000)
    after_silence = [
        abs(step.quote.bid - before.quote.bid) / before.quote.bid
        for (_, before), (wait, step) in pairwise(gaps)
        if wait is not None and wait > 20_000 and step.quote is not None and before.quote is not None
    ]
    assert after_silence
    assert all(move > 0.004 for move in after_silence)


def test_a_thin_book_has_a_wide_spread_and_little_in_it() -> None:
    market = _one(Kind.THIN)
    (step,) = market.scene()
    assert step.quote is not None
    assert step.depth is not None
    assert (step.quote.ask - step.quote.bid) / step.quote.bid > 0.001
    assert sum(price * lots for price, lots in step.depth.asks) < 5_000 * 10**6
    assert not market.hidden_depth


def test_oracles_are_stated_and_builders_state_the_mark_as_well() -> None:
    steps = [step for _, step in _walk(Synthetic(parse_coins("reverting,session"), 1), 200)]
    first = [step for step in steps if step.coin == "BTC" and step.oracle is not None]
    assert 10 < len(first) < 60
    assert all(step.mark is None for step in first)
    builder = [step for step in steps if step.coin == "xyz:TSLA" and step.oracle is not None]
    assert builder
    assert all(step.mark is not None for step in builder)


def test_a_session_closes_keeps_its_mark_in_bounds_and_opens_with_a_gap() -> None:
    market = _one(Kind.SESSION)
    at_ms, last = 0, market.scene()[0]
    closed: list[MarketStep] = []
    while True:
        at_ms += market.wait_ms() or 0
        step = market.advance()
        if not step.is_open:
            closed.append(step)
        elif closed:
            break
        else:
            last = step
    assert OPEN_MS + CLOSED_MS <= at_ms < OPEN_MS + CLOSED_MS + 10_000
    assert last.quote is not None
    marks = [step.mark for step in closed if step.mark is not None]
    assert len(marks) == len(closed) > 300
    assert len(set(marks)) > 100
    assert all(abs(mark - marks[0]) * 20 <= marks[0] + 20 for mark in marks), "a twentieth, as half of 1/10"
    assert len({step.oracle for step in closed}) == 1
    assert step.quote is not None
    assert step.depth is not None
    assert abs(step.quote.bid - marks[-1]) / marks[-1] > 0.002


def _venue(market: Synthetic) -> Venue:
    venue = Venue(market.universe, FUNDS_MICRO, NOW_MS)
    for step in market.scene():
        venue.step(step, NOW_MS)
    return venue


def _until(market: Synthetic, venue: Venue, is_open: bool) -> None:
    while True:
        step = market.advance()
        venue.step(step, NOW_MS)
        venue.take_batch()
        if step.is_open is is_open:
            return


def _order(price: str, is_buy: bool = True, tif: TimeInForce = TimeInForce.GTC) -> WireOrder:
    return WireOrder(110_000, is_buy, price, "1", False, tif, None)


def test_while_a_session_is_closed_orders_rest_but_nothing_is_taken_or_matched() -> None:
    market = _one(Kind.SESSION)
    venue = _venue(market)
    (resting,) = venue.place(ALICE, (_order("300"),), NOW_MS)
    assert not resting.error
    _until(market, venue, is_open=False)
    book = venue.ledger.books["xyz:TSLA"]
    assert book.depth(Side.BUY, 5) == [(resting.order.price, 1_000, 1)]
    assert book.depth(Side.SELL, 5) == []
    for tif in TimeInForce:
        (refused,) = venue.place(ALICE, (_order("500", tif=tif),), NOW_MS)
        assert refused.error == "Trading is halted."
        assert refused.order.status is OrderStatus.REJECTED
    assert resting.order.is_open
    assert venue.cancel(ALICE, ((110_000, resting.order.oid),), NOW_MS) == [""]
    _until(market, venue, is_open=True)
    (placed,) = venue.place(ALICE, (_order("300"),), NOW_MS)
    assert not placed.error
    assert book.top(Side.SELL) is not None


def test_what_the_gap_of_a_reopening_crosses_is_filled_at_its_own_price() -> None:
    market = _one(Kind.SESSION)
    venue = _venue(market)
    while True:
        before = middle(venue.ledger.books["xyz:TSLA"])
        step = market.advance()
        if not step.is_open:
            break
        venue.step(step, NOW_MS)
    instrument = market.universe.instruments["xyz:TSLA"]
    orders = []
    for is_buy, factor in ((True, 9_995), (False, 10_005)):
        price = instrument.round_price_down(before * factor // 10_000)
        (placed,) = venue.place(ALICE, (_order(instrument.price_text(price), is_buy),), NOW_MS)
        assert not placed.error
        orders.append(placed.order)
    venue.step(step, NOW_MS)
    _until(market, venue, is_open=True)
    fills = venue.see(ALICE).fills
    assert fills
    assert {fill.price for fill in fills} <= {order.price for order in orders}
    assert audit(venue).is_balanced


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10**6))
def test_the_books_balance_while_users_trade_on_every_kind(seed: int) -> None:
    market = Synthetic(parse_coins(""), seed)
    venue = _venue(market)
    for number in range(400):
        venue.step(market.advance(), NOW_MS + number)
        listing = list(market.universe.listings.values())[number % 5]
        mark = venue.mark_of(listing.coin)
        price = listing.instrument.price_text(listing.instrument.round_price_down(mark))
        lots = listing.instrument.size_text(max(1, 20 * 10**6 // mark))
        wire = WireOrder(
            listing.instrument.asset_id, bool(number % 3), price, lots, False, TimeInForce.GTC, None
        )
        venue.place(ALICE, (wire,), NOW_MS + number)
    assert venue.see(ALICE).fills
    assert audit(venue).is_balanced


def test_an_exchange_with_a_memory_goes_on_in_the_same_synthetic_market(tmp_path: Path) -> None:
    def opened() -> tuple[PaperExchange, PaperStore]:
        store = PaperStore(tmp_path / "paper.db")
        market = load_market("synthetic:session", seed=3)
        return PaperExchange(PaperConfig(), market, store, lambda: NOW_MS), store

    first, store = opened()
    for _ in range(700):
        first.advance()
    (placed,) = first.venue.place(ALICE, (_order("300"),), NOW_MS)
    first.settle()
    store.close()
    second, store = opened()
    assert second.market.place == first.market.place
    assert list(second.venue.see(ALICE).open_orders) == [placed.order.oid]
    assert [second.market.advance() for _ in range(300)] == [first.market.advance() for _ in range(300)]
    store.close()
