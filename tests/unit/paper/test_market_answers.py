"""Books, trades, candles and contexts, per coin and dex, in a market of two dexs that stands still."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.orders import Side
from core.paper.answers.books import Grouping, levels
from core.paper.venue.book import Book
from tests.unit.paper.still import PRICES
from tests.wire.lived_paper import Paper

_SIZES = st.dictionaries(st.integers(1, 2_000_000), st.integers(1, 1000), min_size=1, max_size=60)
_GROUPINGS = st.sampled_from(
    [Grouping(figures) for figures in (2, 3, 4, 5)] + [Grouping(5, 2), Grouping(5, 5)]
)


@pytest.fixture(scope="module")
def paper() -> Paper:
    return Paper()


@given(_SIZES, _GROUPINGS, st.sampled_from(list(Side)))
def test_a_grouped_book_loses_nothing_and_rounds_away_from_the_middle(
    sizes: dict[int, int], grouping: Grouping, side: Side
) -> None:
    book = Book("BTC")
    for price, lots in sizes.items():
        book.side(side).set_ghost(price, lots)
    rows = levels(book, side, grouping, 1000)
    assert sum(lots for _, lots, _ in rows) == sum(sizes.values())
    prices = [price for price, _, _ in rows]
    assert prices == sorted(set(prices), reverse=side is Side.BUY)
    best = book.side(side).best
    assert best is not None
    away = (best - prices[0]) * side.sign
    assert 0 <= away < 10 ** max(0, len(str(best)) - (grouping.figures or 0)) * (grouping.mantissa or 1)
    assert all(len(str(price).rstrip("0")) <= (grouping.figures or 0) for price in prices)


def _levels(paper: Paper, **request: Any) -> tuple[list[str], list[str]]:
    bids, asks = paper.info("l2Book", coin="BTC", **request)["levels"]
    return [row["px"] for row in bids], [row["px"] for row in asks]


def test_books_are_grouped_as_asked(paper: Paper) -> None:
    assert _levels(paper)[1][:2] == ["100100.0", "100110.0"]
    assert _levels(paper, nSigFigs=5)[1][:2] == ["100100.0", "100110.0"]
    bids, asks = _levels(paper, nSigFigs=4)
    assert (bids[:2], asks[:3]) == (["100000.0", "99990.0"], ["100100.0", "100200.0", "100300.0"])
    assert _levels(paper, nSigFigs=2) == (["100000.0", "99000.0", "95000.0"], ["110000.0"])
    assert _levels(paper, nSigFigs=5, mantissa=5)[1][:2] == ["100100.0", "100150.0"]
    book = paper.info("l2Book", coin="BTC", nSigFigs=3)
    assert book["spread"] == "100.0"
    assert "spread" not in paper.info("l2Book", coin="BTC")
    assert paper.info("l2Book", coin="NOPE", nSigFigs=3) is None


def test_every_dex_answers_for_itself(paper: Paper) -> None:
    assert list(paper.info("allMids")) == ["BTC", "ETH"]
    assert list(paper.info("allMids", dex="xyz")) == ["xyz:TSLA", "xyz:GOLD"]
    assert paper.info("allMids", dex="nope") == {}
    assert paper.info("meta", dex="nope") is None
    meta, contexts = paper.info("metaAndAssetCtxs", dex="xyz")
    assert [row["name"] for row in meta["universe"]] == ["xyz:TSLA", "xyz:GOLD"]
    assert len(contexts) == 2
    assert paper.info("perpDexs")[1]["name"] == "xyz"
    assert paper.info("perpDexLimits", dex="xyz")["coinToOiCap"][0][0] == "xyz:TSLA"
    assert paper.info("perpDexLimits", dex="nope") is None
    (order,) = [row for row in paper.mine("openOrders", dex="") if row["coin"] == "BTC" and row["oid"]][:1]
    assert paper.mine("openOrders", dex="xyz") == []
    assert paper.mine("orderStatus", oid=order["oid"])["status"] == "order"
    assert {row["coin"] for row in paper.mine("userFills")} == {"BTC", "ETH", "xyz:TSLA"}


def test_flags_of_a_coin_are_absent_unless_they_hold(paper: Paper) -> None:
    bitcoin, _, old = paper.info("meta")["universe"]
    assert bitcoin == {"szDecimals": 5, "name": "BTC", "maxLeverage": 40, "marginTableId": 51}
    assert old["isDelisted"] is True
    tesla, gold = paper.info("meta", dex="xyz")["universe"]
    assert (tesla["marginMode"], tesla["onlyIsolated"], tesla["growthMode"]) == (
        "strictIsolated",
        True,
        "enabled",
    )
    assert gold["marginMode"] == "noCross"
    assert "growthMode" not in gold


def test_margin_tables_are_told_listed_or_not(paper: Paper) -> None:
    tiered = {
        "description": "tiered 40x",
        "marginTiers": [
            {"lowerBound": "0.0", "maxLeverage": 40},
            {"lowerBound": "150000000.0", "maxLeverage": 20},
        ],
    }
    assert paper.info("marginTable", id=51) == tiered
    assert [51, tiered] in paper.info("meta")["marginTables"]
    assert paper.info("marginTable", id=7) == {
        "description": "",
        "marginTiers": [{"lowerBound": "0.0", "maxLeverage": 7}],
    }


def test_meta_leaves_out_tables_whose_id_is_their_leverage(paper: Paper) -> None:
    """So does Hyperliquid for most of its coins, and a client has to fall back on the id."""
    for meta in paper.info("allPerpMetas"):
        used = {coin["marginTableId"] for coin in meta["universe"]}
        assert {number for number, _ in meta["marginTables"]} == {number for number in used if number >= 50}
    assert paper.info("meta", dex="xyz")["marginTables"] == []


def test_contexts_tell_what_was_traded(paper: Paper) -> None:
    prints = paper.info("recentTrades", coin="BTC")
    traded = [(float(row["px"]), float(row["sz"])) for row in prints]
    (context, *_) = paper.info("metaAndAssetCtxs")[1]
    assert float(context["dayBaseVlm"]) == pytest.approx(sum(size for _, size in traded))
    assert float(context["dayNtlVlm"]) == pytest.approx(sum(price * size for price, size in traded))
    assert context["prevDayPx"] == prints[-1]["px"]
    candles = paper.info("candleSnapshot", req={"coin": "BTC", "interval": "1d", "startTime": 0})
    assert (candles[0]["o"], candles[-1]["c"]) == (prints[-1]["px"], prints[0]["px"])
    assert sum(candle["n"] for candle in candles) == len(prints)
    bid, ask = (float(price) for price in context["impactPxs"])
    assert bid <= PRICES["BTC"] < ask


def test_candles_reach_from_the_one_of_the_start_to_the_one_of_the_end(paper: Paper) -> None:
    def starts(start: int, end: int | None) -> list[int]:
        request = {"coin": "BTC", "interval": "1m", "startTime": start, "endTime": end}
        return [row["t"] for row in paper.info("candleSnapshot", req=request)]

    first = starts(0, None)[0]
    paper.now_ms += 180_000
    assert starts(first + 30_000, first + 120_000) == [first, first + 60_000, first + 120_000]
    assert starts(first + 60_000, first + 61_000) == [first + 60_000]
    assert starts(0, first - 1) == []
