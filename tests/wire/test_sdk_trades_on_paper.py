"""The official SDK, unmodified, trades on the paper exchange."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.error import ClientError
from hyperliquid.utils.types import Cloid

from tests.unit.paper.paper_client import new_wallet, running, until


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as url:
        yield url


@pytest.fixture
def wallet() -> LocalAccount:
    return new_wallet()


@pytest.fixture
def exchange(url: str, wallet: LocalAccount) -> Exchange:
    return Exchange(wallet, url)


@pytest.fixture
def info(url: str) -> Info:
    return Info(url, skip_ws=True)


def _mid(info: Info) -> float:
    return float(info.all_mids()["BTC"])


def _status(answer: Any) -> Any:
    assert answer["status"] == "ok", answer
    (status,) = answer["response"]["data"]["statuses"]
    return status


def test_a_post_only_order_rests_and_is_found_by_oid_and_by_cloid(
    exchange: Exchange, info: Info, wallet: LocalAccount
) -> None:
    cloid = Cloid.from_int(1)
    price = round(_mid(info) - 500)
    status = _status(exchange.order("BTC", True, 0.002, price, {"limit": {"tif": "Alo"}}, cloid=cloid))
    assert status["resting"]["cloid"] == cloid.to_raw()
    oid = status["resting"]["oid"]
    by_oid = info.query_order_by_oid(wallet.address, oid)
    assert by_oid == info.query_order_by_cloid(wallet.address, cloid)
    assert by_oid["order"]["status"] == "open"
    assert by_oid["order"]["order"]["limitPx"] == f"{price}.0"
    (row,) = info.open_orders(wallet.address)
    assert (row["oid"], row["sz"], row["origSz"], row["side"]) == (oid, "0.002", "0.002", "B")
    assert info.frontend_open_orders(wallet.address)[0]["tif"] == "Alo"
    assert info.query_order_by_oid(wallet.address, 1) == {"status": "unknownOid"}


def test_a_gtc_order_rests_and_an_ioc_order_fills(
    exchange: Exchange, info: Info, wallet: LocalAccount
) -> None:
    mid = _mid(info)
    assert "resting" in _status(
        exchange.order("BTC", False, 0.002, round(mid + 500), {"limit": {"tif": "Gtc"}})
    )
    filled = _status(exchange.order("BTC", True, 0.002, round(mid + 400), {"limit": {"tif": "Ioc"}}))[
        "filled"
    ]
    assert filled["totalSz"] == "0.002"
    assert mid < float(filled["avgPx"]) < mid + 10
    (fill,) = info.user_fills(wallet.address)
    assert (fill["dir"], fill["crossed"], fill["startPosition"]) == ("Open Long", True, "0.0")
    assert fill["oid"] == filled["oid"]
    assert info.user_fills_by_time(wallet.address, fill["time"]) == [fill]
    (position,) = info.user_state(wallet.address)["assetPositions"]
    assert position["position"]["szi"] == "0.002"


def test_market_orders_open_and_close_a_position(
    exchange: Exchange, info: Info, wallet: LocalAccount
) -> None:
    assert _status(exchange.market_open("BTC", False, 0.05))["filled"]["totalSz"] == "0.05"
    assert _status(exchange.market_close("BTC"))["filled"]["totalSz"] == "0.05"
    assert info.user_state(wallet.address)["assetPositions"] == []


def test_a_bulk_answers_order_by_order(exchange: Exchange, info: Info) -> None:
    mid = _mid(info)
    answer = exchange.bulk_orders(
        [
            {
                "coin": "BTC",
                "is_buy": True,
                "sz": size,
                "limit_px": price,
                "order_type": {"limit": {"tif": "Alo"}},
                "reduce_only": reduce_only,
            }
            for price, size, reduce_only in (
                (round(mid - 500), 0.001, False),
                (round(mid + 500), 0.001, False),
                (round(mid - 500), 0.00005, False),
                (round(mid - 500), 0.001, True),
                (round(mid - 500), 1.8, False),
                (round(mid - 500), 0.1, False),
            )
        ]
    )
    first, crossing, small, reduce, large, poor = answer["response"]["data"]["statuses"]
    assert "oid" in first["resting"]
    assert crossing["error"].startswith("Post only order would have immediately matched, bbo was 1")
    assert crossing["error"].endswith(". asset=0")
    assert small == {"error": "Order must have minimum value of $10. asset=0"}
    assert reduce == {"error": "Reduce only order would increase position. asset=0"}
    assert "oid" in large["resting"]
    assert poor == {"error": "Insufficient margin to place order. asset=0"}


def test_orders_are_cancelled_by_oid_and_by_cloid(
    exchange: Exchange, info: Info, wallet: LocalAccount
) -> None:
    price = round(_mid(info) - 500)
    cloid = Cloid.from_int(2)
    oid = _status(exchange.order("BTC", True, 0.001, price, {"limit": {"tif": "Alo"}}))["resting"]["oid"]
    exchange.order("BTC", True, 0.001, price, {"limit": {"tif": "Alo"}}, cloid=cloid)
    assert _status(exchange.cancel("BTC", oid)) == "success"
    assert _status(exchange.cancel_by_cloid("BTC", cloid)) == "success"
    again = _status(exchange.cancel("BTC", oid))
    assert again == {"error": "Order was never placed, already canceled, or filled. asset=0"}
    assert info.open_orders(wallet.address) == []
    assert info.query_order_by_cloid(wallet.address, cloid)["order"]["status"] == "canceled"


def test_a_modified_order_is_a_new_order(exchange: Exchange, info: Info, wallet: LocalAccount) -> None:
    price = round(_mid(info) - 500)
    oid = _status(exchange.order("BTC", True, 0.001, price, {"limit": {"tif": "Alo"}}))["resting"]["oid"]
    new = _status(exchange.modify_order(oid, "BTC", True, 0.002, price - 10, {"limit": {"tif": "Alo"}}))
    assert new["resting"]["oid"] > oid
    (row,) = info.open_orders(wallet.address)
    assert (row["oid"], row["sz"]) == (new["resting"]["oid"], "0.002")
    assert info.query_order_by_oid(wallet.address, oid)["order"]["status"] == "canceled"


def test_account_actions_are_answered(exchange: Exchange, info: Info, wallet: LocalAccount) -> None:
    assert exchange.update_leverage(5, "BTC", is_cross=False) == {
        "status": "ok",
        "response": {"type": "default"},
    }
    refused = exchange.schedule_cancel(None)
    assert refused["response"].startswith("Cannot set scheduled cancel time until enough volume traded.")
    exchange.set_expires_after(1_000)
    assert exchange.update_leverage(5, "BTC") == {"status": "err", "response": "Action already expired"}
    assert info.user_rate_limit(wallet.address)["nRequestsCap"] == 10_000


def test_the_sdk_reads_books_and_the_refusal_of_unknown_requests(info: Info) -> None:
    book = info.l2_snapshot("BTC")
    assert float(book["levels"][0][0]["px"]) < float(book["levels"][1][0]["px"])
    meta, contexts = info.meta_and_asset_ctxs()
    assert len(meta["universe"]) == len(contexts) == 1
    with pytest.raises(ClientError) as refused:
        info.post("/info", {"type": "noSuchThing"})
    assert refused.value.status_code == 422


def test_fills_and_order_updates_arrive_over_the_sdks_websocket(url: str, wallet: LocalAccount) -> None:
    info = Info(url, skip_ws=False)
    messages: dict[str, list[Any]] = {"userFills": [], "orderUpdates": [], "bbo": [], "trades": []}
    try:
        for channel, seen in messages.items():
            target = {"coin": "BTC"} if channel in ("bbo", "trades") else {"user": wallet.address}
            info.subscribe({"type": channel, **target}, seen.append)
        until(lambda: messages["userFills"] and messages["bbo"])
        exchange = Exchange(wallet, url)
        status = _status(exchange.market_open("BTC", True, 0.01))
        until(lambda: len(messages["userFills"]) > 1 and messages["orderUpdates"])
        until(lambda: wallet.address.lower() in str(messages["trades"]))
        fills = info.user_fills(wallet.address)
    finally:
        info.disconnect_websocket()
    snapshot, live = (message["data"] for message in messages["userFills"][:2])
    assert (snapshot["isSnapshot"], snapshot["fills"]) == (True, [])
    assert "isSnapshot" not in live
    assert live["fills"][::-1] == fills
    rows = messages["orderUpdates"][0]["data"]
    assert [(row["status"], row["order"]["sz"]) for row in rows] == [("open", "0.01"), ("filled", "0.0")]
    assert {row["order"]["oid"] for row in rows} == {status["filled"]["oid"]}
    printed = {trade["tid"]: trade for message in messages["trades"] for trade in message["data"]}
    assert printed[fills[-1]["tid"]]["users"][0] == wallet.address.lower()


def test_the_moving_market_fills_resting_orders_and_both_feeds_tell_the_same() -> None:
    wallet = new_wallet()
    with running(speed=600) as url:
        info = Info(url, skip_ws=False)
        heard: list[Any] = []
        try:
            info.subscribe({"type": "userFills", "user": wallet.address}, heard.append)
            until(lambda: heard)
            exchange = Exchange(wallet, url)

            def quote() -> None:
                """The market may have passed some of them by the time that they arrive."""
                mid = round(_mid(info))
                for away in (20, 40, 60):
                    for is_buy in (True, False):
                        price = mid - away if is_buy else mid + away
                        exchange.order("BTC", is_buy, 0.002, price, {"limit": {"tif": "Alo"}})

            def has_three_fills() -> bool:
                if not info.open_orders(wallet.address):
                    quote()
                return sum(len(message["data"]["fills"]) for message in heard) >= 3

            until(has_three_fills, 30)
            truth = until(lambda: info.user_fills(wallet.address))
            until(lambda: sum(len(message["data"]["fills"]) for message in heard) >= len(truth))
        finally:
            info.disconnect_websocket()
    streamed = [fill for message in heard for fill in message["data"]["fills"]]
    assert streamed[: len(truth)] == truth[::-1]
    assert {fill["crossed"] for fill in streamed} == {False}
    assert truth[-1]["startPosition"] == "0.0"
