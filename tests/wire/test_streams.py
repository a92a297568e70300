"""WebSocket channels against what /info says of the same things: greetings, snapshots, live frames."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import orjson
import pytest

from core.domain.orders import Side
from core.paper.jsonio import MalformedRequestError
from core.paper.server.subscriptions import InvalidSubscriptionError, decode_subscription
from tests.unit.paper.still import UNIVERSE
from tests.wire.lived_paper import CLOIDS, Paper
from tests.wire.shapes import differences

_USER = "0x" + "a1" * 20


@pytest.fixture(scope="module")
def paper() -> Paper:
    return Paper()


def _first(paper: Paper, subscription: dict[str, Any]) -> Any:
    """What a new subscriber is told."""
    told = len(paper.frames)
    paper.subscribe({"user": paper.user, **subscription})
    frames = paper.frames[told:]
    return frames[0]["data"] if frames else None


def test_states_are_what_info_says(paper: Paper) -> None:
    user = paper.user
    for dex in ("", "xyz"):
        data = _first(paper, {"type": "clearinghouseState", "dex": dex})
        assert data == {
            "dex": dex,
            "user": user,
            "clearinghouseState": paper.mine("clearinghouseState", dex=dex),
        }
        orders = _first(paper, {"type": "openOrders", "dex": dex})
        assert orders == {"dex": dex, "user": user, "orders": paper.mine("frontendOpenOrders", dex=dex)}
    states = _first(paper, {"type": "allDexsClearinghouseState"})["clearinghouseStates"]
    assert states == [[dex, paper.mine("clearinghouseState", dex=dex)] for dex in ("", "xyz")]
    spot = _first(paper, {"type": "spotState"})
    assert spot == {"user": user, "spotState": paper.mine("spotClearinghouseState")}
    assert _first(paper, {"type": "activeAssetData", "coin": "ETH"}) == paper.mine(
        "activeAssetData", coin="ETH"
    )
    assert _first(paper, {"type": "webData2"}) == paper.mine("webData2")
    assert _first(paper, {"type": "twapStates"}) == {"dex": "", "user": user, "states": []}
    web = _first(paper, {"type": "webData3"})
    assert (web["userState"]["user"], len(web["perpDexStates"])) == (user, 2)


def test_histories_begin_with_a_snapshot(paper: Paper) -> None:
    for channel, key, rows in (
        ("userFills", "fills", paper.mine("userFills")),
        ("userHistoricalOrders", "orderHistory", paper.mine("historicalOrders")),
        ("userTwapHistory", "history", []),
        ("userTwapSliceFills", "twapSliceFills", []),
        ("userNonFundingLedgerUpdates", "nonFundingLedgerUpdates", paper.mine("userNonFundingLedgerUpdates")),
    ):
        assert _first(paper, {"type": channel}) == {"isSnapshot": True, "user": paper.user, key: rows}
    merged = _first(paper, {"type": "userFills", "aggregateByTime": True})
    assert merged["fills"] == paper.mine("userFills", aggregateByTime=True)
    for channel in ("orderUpdates", "userEvents", "notification"):
        assert _first(paper, {"type": channel}) is None


def test_market_channels_begin_with_the_present(paper: Paper) -> None:
    _, contexts = paper.info("metaAndAssetCtxs")
    assert _first(paper, {"type": "activeAssetCtx", "coin": "ETH"}) == {"coin": "ETH", "ctx": contexts[1]}
    assert _first(paper, {"type": "assetCtxs"}) == {"dex": "", "ctxs": contexts}
    every = _first(paper, {"type": "allDexsAssetCtxs"})["ctxs"]
    assert every == [["", contexts], ["xyz", paper.info("metaAndAssetCtxs", dex="xyz")[1]]]
    mids = _first(paper, {"type": "allMids", "dex": "xyz"})
    assert mids == {"mids": paper.info("allMids", dex="xyz"), "dex": "xyz"}
    assert _first(paper, {"type": "allMids"}) == {"mids": paper.info("allMids")}
    assert _first(paper, {"type": "trades", "coin": "BTC"}) == paper.info("recentTrades", coin="BTC")[::-1]
    assert _first(paper, {"type": "trades", "coin": "xyz:GOLD"}) is None
    request = {"coin": "BTC", "interval": "1h", "startTime": 0, "endTime": None}
    candle = _first(paper, {"type": "candle", "coin": "BTC", "interval": "1h"})
    assert candle == paper.info("candleSnapshot", req=request)[-1]


def test_books_come_grouped_and_fast(paper: Paper) -> None:
    for grouping in ({"nSigFigs": 3}, {"nSigFigs": 5, "mantissa": 2}, {}):
        book = _first(paper, {"type": "l2Book", "coin": "BTC", **grouping})
        assert book == paper.info("l2Book", coin="BTC", **grouping)
    fast = _first(paper, {"type": "l2Book", "coin": "BTC", "fast": True})
    assert fast["fast"] is True
    assert [len(side) for side in fast["levels"]] == [5, 5]


def test_fast_contexts_are_deflated_json_in_base64(paper: Paper) -> None:
    packed = base64.b64decode(_first(paper, {"type": "fastAssetCtxs"}))
    prices = orjson.loads(zlib.decompress(packed, -zlib.MAX_WBITS))
    tesla, _ = paper.info("metaAndAssetCtxs", dex="xyz")[1]
    assert prices["xyz:TSLA"] == {"markPx": tesla["markPx"], "midPx": tesla["midPx"]}
    assert prices.keys() == {"BTC", "ETH", "OLD", "xyz:TSLA", "xyz:GOLD"}


def test_what_happens_is_told_at_once_and_states_follow() -> None:
    paper = Paper()
    for channel in ("userHistoricalOrders", "notification", "openOrders", "webData2", "clearinghouseState"):
        paper.subscribe({"type": channel, "user": paper.user})
    paper.subscribe({"type": "candle", "coin": "ETH", "interval": "1m"})
    paper.subscribe({"type": "userFills", "user": paper.user, "aggregateByTime": True})
    paper.publisher.flush(10.0)
    paper.frames.clear()
    paper.order(1, "4002", "0.5", "Gtc", is_buy=True, c=CLOIDS[7])
    paper.exchange.venue.market_order("0x" + "0b" * 20, "ETH", Side.SELL, 5000, paper.exchange.now_ms())
    paper.exchange.settle()
    at_once = [frame["channel"] for frame in paper.frames]
    assert {"orderUpdates", "user", "userFills", "userHistoricalOrders", "notification"} == set(at_once)
    (notice,) = paper.heard("notification")
    assert notice["data"] == {"notification": "Resting order filled: Bought 0.5 ETH at $4002.0"}
    opened, filled = [row for frame in paper.heard("orderUpdates") for row in frame["data"]]
    assert (opened["status"], opened["order"]["sz"], filled["status"], filled["order"]["sz"]) == (
        *("open", "0.5"),
        *("filled", "0.0"),
    )
    past = [row for frame in paper.heard("userHistoricalOrders") for row in frame["data"]["orderHistory"]]
    assert [(row["status"], row["order"]["sz"]) for row in past] == [("open", "0.5"), ("filled", "0.0")]
    assert past[-1] == paper.mine("historicalOrders")[0]
    assert not any("isSnapshot" in frame["data"] for frame in paper.heard("userFills"))
    paper.publisher.flush(10.2)
    assert [frame["data"]["orders"] for frame in paper.heard("openOrders")] == [
        paper.mine("frontendOpenOrders", dex="")
    ]
    assert paper.heard("candle")[0]["data"]["c"] == "4002.0"
    told = len(paper.heard("webData2"))
    paper.publisher.flush(10.3)
    assert len(paper.heard("webData2")) == told == 1
    paper.publisher.flush(11.0)
    assert len(paper.heard("webData2")) == 2


def test_funding_is_told_once_and_kept(paper: Paper) -> None:
    rows = paper.mine("userFunding", startTime=0)
    assert {row["delta"]["coin"] for row in rows} == {"BTC", "ETH", "xyz:TSLA"}
    told = [{"time": row["time"], **row["delta"]} for row in rows]
    for row in told:
        del row["type"]
    (frame,) = [frame for frame in paper.heard("userFundings") if "isSnapshot" not in frame["data"]]
    assert frame["data"] == {"user": paper.user, "fundings": told}
    events = [frame["data"]["funding"] for frame in paper.heard("user") if "funding" in frame["data"]]
    assert events == told
    (rate,) = paper.info("fundingHistory", coin="BTC", startTime=0)
    assert rate["fundingRate"] == next(row["fundingRate"] for row in told if row["coin"] == "BTC")
    assert paper.info("fundingHistory", coin="BTC", startTime=0, endTime=rate["time"] - 1) == []
    ((coin, [[venue, predicted]]), *_) = paper.info("predictedFundings")
    assert (coin, venue, predicted["nextFundingTime"] % 3_600_000) == ("BTC", "HlPerp", 0)


def test_nothing_is_written_that_nobody_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    paper = Paper()
    paper.leave()
    monkeypatch.setattr(type(paper.exchange.info.rows), "trade", None)
    monkeypatch.setattr(type(paper.exchange.info.rows), "fill", None)
    monkeypatch.setattr(type(paper.exchange.info.rows), "order_update", None)
    monkeypatch.setattr(type(paper.exchange.info.contexts), "context", None)
    paper.order(0, "101000", "0.01", "Ioc", is_buy=True)
    paper.publisher.flush(100.0)


@pytest.mark.parametrize(
    ("request_", "echo"),
    [
        ({"type": "allMids"}, {"type": "allMids"}),
        ({"type": "allMids", "dex": "xyz"}, {"type": "allMids", "dex": "xyz"}),
        (
            {"type": "l2Book", "coin": "BTC", "extra": 1},
            {"type": "l2Book", "coin": "BTC", "nSigFigs": None, "mantissa": None},
        ),
        (
            {"type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 2, "fast": True},
            {"type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 2, "fast": True},
        ),
        (
            {"type": "candle", "coin": "xyz:TSLA", "interval": "1M"},
            {"type": "candle", "coin": "xyz:TSLA", "interval": "1M"},
        ),
        (
            {"type": "userFills", "user": _USER.upper().replace("0X", "0x")},
            {"type": "userFills", "user": _USER, "aggregateByTime": False},
        ),
        ({"type": "openOrders", "user": _USER}, {"type": "openOrders", "user": _USER, "dex": ""}),
        (
            {"type": "activeAssetData", "user": _USER, "coin": "ETH"},
            {"type": "activeAssetData", "user": _USER, "coin": "ETH"},
        ),
    ],
)
def test_a_subscription_is_echoed_with_its_defaults(request_: dict[str, Any], echo: dict[str, Any]) -> None:
    assert decode_subscription(request_, UNIVERSE).wire() == echo


@pytest.mark.parametrize(
    "subscription",
    [
        {"type": "nope"},
        {"type": "candle", "coin": "BTC", "interval": "7m"},
        {"type": "candle", "coin": "BTC"},
        {"type": "l2Book", "coin": "BTC", "fast": "yes"},
        {"type": "userFills"},
        {"type": "userFills", "user": "0x12"},
        [],
        None,
    ],
)
def test_a_subscription_that_cannot_be_read_is_refused(subscription: object) -> None:
    with pytest.raises(MalformedRequestError):
        decode_subscription(subscription, UNIVERSE)


@pytest.mark.parametrize(
    "subscription",
    [
        {"type": "l2Book", "coin": "BTC", "nSigFigs": 7},
        {"type": "bbo", "coin": "NOPE"},
        {"type": "openOrders", "user": _USER, "dex": "nope"},
    ],
)
def test_a_subscription_that_cannot_be_meant_is_refused(subscription: object) -> None:
    with pytest.raises(InvalidSubscriptionError):
        decode_subscription(subscription, UNIVERSE)


def test_an_order_in_the_stream_has_the_fields_of_an_open_order(paper: Paper) -> None:
    rows = [row["order"] for frame in paper.heard("orderUpdates") for row in frame["data"]]
    assert differences(paper.mine("openOrders"), rows) == set()


def test_a_waiting_parent_is_shown_with_its_children_wherever_it_is_asked_for(paper: Paper) -> None:
    (parent,) = [row for row in paper.mine("frontendOpenOrders") if row["children"]]
    assert [child["orderType"] for child in parent["children"]] == ["Take Profit Market", "Stop Market"]
    assert paper.mine("orderStatus", oid=parent["oid"])["order"]["order"] == parent
