"""A mirrored market: what the source shows becomes changes alone, and nothing that was taken comes back by itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.orders import Side
from core.paper.config import UnknownMarketError
from core.paper.jsonio import Json, MalformedRequestError
from core.paper.market.listing import Tier
from core.paper.market.step import MarketStep, MarketTrade
from core.paper.mirror.book import SourceBook
from core.paper.mirror.decode import (
    SourceLevels,
    SourceTrade,
    decode_best,
    decode_book,
    decode_prices,
    decode_rules,
    decode_trade,
)
from core.paper.mirror.feed import MirrorTarget, parse_target
from core.paper.venue.orders import TimeInForce
from tests.unit.paper.world import BTC, World, lots, price

_Ladder = tuple[tuple[int, int], ...]
_BASE = 99_900
"""Prices are told from here, so that they stay short: 100 is 100000 USDC."""


def _at(usd: int) -> int:
    return price(_BASE + usd)


def _levels(*levels: tuple[int, int]) -> SourceLevels:
    """Whole, in whole USDC from ``_BASE`` on, and lots."""
    return SourceLevels(tuple((_at(usd), size) for usd, size in levels), is_whole=True)


class _Mirror:
    """A venue that follows a source."""

    def __init__(self) -> None:
        self.world = World()
        self.source = SourceBook(BTC)
        self.time_ms = 0
        self.step(MarketStep("BTC", (), None, None, is_open=False))

    def step(self, step: MarketStep | None) -> None:
        if step is not None:
            self.world.venue.step(step, self.world.now_ms)
            self.world.venue.take_batch()

    def shows(self, bids: SourceLevels, asks: SourceLevels) -> None:
        self.time_ms += 1
        self.step(self.source.on_book(self.time_ms, bids, asks))

    def prints(self, aggressor: Side, usd: int, size: int) -> None:
        self.time_ms += 1
        trade = SourceTrade(self.time_ms, self.time_ms, MarketTrade(_at(usd), size, aggressor))
        self.step(self.source.on_trades([trade]))

    def ladder(self, side: Side) -> list[tuple[int, int]]:
        return [
            (p // 10 - _BASE, size) for p, size, _ in self.world.venue.ledger.books["BTC"].depth(side, 30)
        ]


@st.composite
def _books(draw: st.DrawFn) -> list[tuple[_Ladder, _Ladder]]:
    """Books of up to twenty levels a side around a middle that wanders."""
    books = []
    for _ in range(draw(st.integers(1, 8))):
        middle = draw(st.integers(100, 140))
        sides = []
        for prices in (st.integers(middle - 30, middle - 1), st.integers(middle, middle + 30)):
            chosen = draw(st.sets(prices, min_size=1, max_size=20))
            sides.append(tuple((p, draw(st.integers(1, 50))) for p in sorted(chosen)))
        books.append((sides[0][::-1], sides[1]))
    return books


@settings(deadline=None, max_examples=50)
@given(_books())
def test_after_every_snapshot_the_book_is_the_sources(books: list[tuple[_Ladder, _Ladder]]) -> None:
    mirror = _Mirror()
    for bids, asks in books:
        sides = [
            SourceLevels(tuple((_at(usd), size) for usd, size in side), is_whole=len(side) < 20)
            for side in (bids, asks)
        ]
        mirror.shows(sides[0], sides[1])
        for side, shown in ((Side.BUY, bids), (Side.SELL, asks)):
            assert mirror.ladder(side)[: len(shown)] == list(shown)
            assert len(shown) == 20 or len(mirror.ladder(side)) == len(shown)


def test_what_was_taken_stays_taken_until_the_source_shows_something_new_there() -> None:
    mirror = _Mirror()
    mirror.shows(_levels((99, 50)), _levels((101, 40), (102, 70)))
    mirror.world.buy(_BASE + 101, "0.0003", TimeInForce.IOC)
    assert mirror.ladder(Side.SELL) == [(101, 10), (102, 70)]
    mirror.shows(_levels((99, 60)), _levels((101, 40), (102, 70)))
    assert mirror.ladder(Side.SELL) == [(101, 10), (102, 70)], "the source has shown nothing new at 101"
    mirror.shows(_levels((99, 60)), _levels((101, 41), (102, 70)))
    assert mirror.ladder(Side.SELL) == [(101, 41), (102, 70)]
    mirror.world.buy(_BASE + 101, "0.00041", TimeInForce.IOC)
    mirror.prints(Side.BUY, 101, 5)
    mirror.shows(_levels((99, 60)), _levels((101, 41), (102, 70)))
    assert mirror.ladder(Side.SELL)[0] == (101, 41), "a print is news, though as much was put there again"


def test_the_best_quote_takes_better_levels_away_and_an_empty_side_all() -> None:
    mirror = _Mirror()
    mirror.shows(_levels((99, 50), (98, 5)), _levels((101, 40), (102, 70)))
    mirror.step(mirror.source.on_best(5, (_at(98), 7), (_at(101), 40)))
    assert (mirror.ladder(Side.BUY), mirror.ladder(Side.SELL)) == ([(98, 7)], [(101, 40), (102, 70)])
    mirror.step(mirror.source.on_best(6, (_at(98), 7), None))
    assert mirror.ladder(Side.SELL) == []


def test_older_books_and_prints_that_were_told_before_change_nothing() -> None:
    source = SourceBook(BTC)
    source.begin(100)
    assert source.on_book(100, _levels((99, 1)), _levels((101, 1))) is not None
    assert source.on_book(99, _levels((99, 2)), _levels((101, 2))) is None
    assert source.on_best(99, (_at(99), 2), None) is None
    assert source.on_book(101, _levels((99, 1)), _levels((101, 1))) is None, "nothing has changed"
    told = [SourceTrade(t, t, MarketTrade(_at(99), 1, Side.SELL)) for t in (102, 100, 101)]
    step = source.on_trades(told)
    assert step is not None
    assert len(step.trades) == 2, "what is as old as the first snapshot is in it"
    assert source.on_trades(told) is None


def test_prints_of_the_source_fill_users_at_their_own_price() -> None:
    mirror = _Mirror()
    mirror.shows(_levels((99, 50_000)), _levels((101, 40_000)))
    order = mirror.world.buy(_BASE + 100, "0.2")
    mirror.prints(Side.SELL, 99, 30_000)
    (fill, *_) = mirror.world.account().fills
    assert (fill.price, fill.lots) == (_at(100), lots("0.2"))
    assert not order.is_open
    mirror.shows(_levels((99, 20_000)), _levels((101, 40_000)))
    assert mirror.ladder(Side.BUY) == [(99, 20_000)]


def test_withdrawn_quotes_leave_users_orders_alone_and_whatever_comes_next_is_new() -> None:
    mirror = _Mirror()
    mirror.shows(_levels((99, 50)), _levels((101, 40)))
    order = mirror.world.buy(_BASE + 98, "0.2")
    mirror.step(mirror.source.withdraw())
    assert (mirror.ladder(Side.BUY), mirror.ladder(Side.SELL)) == ([(98, lots("0.2"))], [])
    assert order.is_open
    mirror.shows(_levels((99, 50)), _levels((101, 40)))
    assert mirror.ladder(Side.SELL) == [(101, 40)]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("http://127.0.0.1:3001", MirrorTarget("http://127.0.0.1:3001", ())),
        ("https://api.hyperliquid.xyz/", MirrorTarget("https://api.hyperliquid.xyz", ())),
        ("http://h:1?coins=BTC,xyz:TSLA", MirrorTarget("http://h:1", ("BTC", "xyz:TSLA"))),
    ],
)
def test_a_source_is_named_by_its_url(text: str, target: MirrorTarget) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize("text", ["", "127.0.0.1:3001", "ftp://h", "http://", "http://h?coin=BTC"])
def test_what_names_no_server_is_refused_with_the_fix(text: str) -> None:
    with pytest.raises(UnknownMarketError, match=r"Fix: write mirror:https?://"):
        parse_target(text)


def test_rules_follow_the_sources_meta() -> None:
    meta: Json = {
        "universe": [
            {"szDecimals": 5, "name": "BTC", "maxLeverage": 40, "marginTableId": 56},
            {"szDecimals": 1, "name": "MATIC", "maxLeverage": 20, "marginTableId": 20, "isDelisted": True},
            {
                "szDecimals": 3,
                "name": "xyz:TSLA",
                "maxLeverage": 10,
                "marginMode": "strictIsolated",
                "growthMode": "enabled",
            },
        ],
        "marginTables": [
            [
                56,
                {
                    "description": "",
                    "marginTiers": [
                        {"lowerBound": "0.0", "maxLeverage": 40},
                        {"lowerBound": "150000000.0", "maxLeverage": 20},
                    ],
                },
            ]
        ],
    }
    bitcoin, matic, tesla = decode_rules(meta)
    assert bitcoin.tiers == (Tier(0, 40), Tier(150_000_000_000_000, 20))
    assert (matic.is_delisted, matic.tiers) == (True, (Tier(0, 20),))
    assert (tesla.dex, tesla.margin_mode, tesla.has_growth_mode, tesla.sz_decimals) == (
        "xyz",
        "strictIsolated",
        True,
        3,
    )


@pytest.mark.parametrize(
    "levels",
    [
        [],
        [[]],
        [[], [], []],
        [[{"px": "1", "sz": "x", "n": 1}], []],
        [[{"px": 1, "sz": "1", "n": 1}], []],
        [[{"px": "0", "sz": "1", "n": 1}], []],
        [[None], []],
        None,
        "book",
    ],
)
def test_books_that_are_none_are_malformed(levels: Json) -> None:
    with pytest.raises(MalformedRequestError):
        decode_book(levels, BTC)


def test_quotes_trades_and_prices_are_read_exactly() -> None:
    assert decode_best([{"px": "77479.0", "sz": "0.1", "n": 2}, None], BTC) == ((774_790, 10_000), None)
    row: Json = {
        "coin": "BTC",
        "side": "A",
        "px": "77479",
        "sz": "0.00001",
        "time": 5,
        "tid": 7,
        "hash": "0x",
        "users": [],
    }
    assert decode_trade(row, BTC) == SourceTrade(5, 7, MarketTrade(774_790, 1, Side.SELL))
    assert decode_prices({"oraclePx": "77605.04", "markPx": "77562.06"}, BTC) == (776_050, 775_621)
    bad_ones: list[Json] = [
        {"oraclePx": "1"},
        {"oraclePx": "0", "markPx": "1"},
        {"oraclePx": None, "markPx": "1"},
        [],
    ]
    for bad in bad_ones:
        with pytest.raises(MalformedRequestError):
            decode_prices(bad, BTC)
