"""Trigger orders, brackets, modifies and the dead man's switch as the official SDK and plain requests send them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from eth_account.signers.local import LocalAccount
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info

from tests.unit.paper.paper_client import act, envelope, info, new_wallet, order, running


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as url:
        yield url


@pytest.fixture
def wallet() -> LocalAccount:
    return new_wallet()


def _mid(url: str) -> int:
    return round(float(info(url, type="allMids")["BTC"]))


def _trigger(
    is_buy: bool, price: int, size: str, trigger_at: int, tpsl: str, *, is_market: bool = True
) -> dict[str, Any]:
    kind = {"trigger": {"isMarket": is_market, "triggerPx": str(trigger_at), "tpsl": tpsl}}
    return {"a": 0, "b": is_buy, "p": str(price), "s": size, "r": True, "t": kind}


def _place(url: str, wallet: LocalAccount, grouping: str, *orders: dict[str, Any]) -> list[Any]:
    answer = act(url, wallet, {"type": "order", "orders": list(orders), "grouping": grouping})
    statuses: list[Any] = answer["response"]["data"]["statuses"]
    return statuses


def test_the_sdk_places_and_cancels_a_stop(url: str, wallet: LocalAccount) -> None:
    exchange, asked = Exchange(wallet, url), Info(url, skip_ws=True)
    assert exchange.market_open("BTC", True, 0.002)["status"] == "ok"
    mid = _mid(url)
    kind = {"trigger": {"triggerPx": mid - 1000, "isMarket": True, "tpsl": "sl"}}
    answer = exchange.order("BTC", False, 0.002, mid - 3000, kind, reduce_only=True)
    assert answer["response"]["data"]["statuses"] == ["waitingForTrigger"]
    (row,) = asked.frontend_open_orders(wallet.address)
    assert (row["orderType"], row["isTrigger"], row["tif"]) == ("Stop Market", True, None)
    assert (row["triggerCondition"], row["triggerPx"]) == (f"Price below {mid - 1000}", f"{mid - 1000}.0")
    (plain,) = asked.open_orders(wallet.address)
    assert (plain["oid"], plain["limitPx"], plain["reduceOnly"]) == (row["oid"], f"{mid - 3000}.0", True)
    fast = act(url, wallet, {"type": "cancel", "cancels": [{"a": 0, "o": row["oid"]}], "f": True})
    assert "error" in fast["response"]["data"]["statuses"][0]
    assert exchange.cancel("BTC", row["oid"])["response"]["data"]["statuses"] == ["success"]
    assert asked.query_order_by_oid(wallet.address, row["oid"])["order"]["status"] == "canceled"


def test_a_bracket_waits_and_goes_with_its_parent(url: str, wallet: LocalAccount) -> None:
    mid = _mid(url)
    statuses = _place(
        url,
        wallet,
        "normalTpsl",
        order(True, str(mid - 500), "0.002"),
        _trigger(False, mid + 900, "0.002", mid + 1000, "tp", is_market=False),
        _trigger(False, mid - 3000, "0.002", mid - 1000, "sl"),
    )
    assert statuses[1:] == ["waitingForFill", "waitingForFill"]
    rows = info(url, type="frontendOpenOrders", user=wallet.address)
    loss, profit, parent = rows
    assert parent["oid"] == statuses[0]["resting"]["oid"]
    assert parent["children"] == [profit, loss]
    assert (profit["orderType"], loss["orderType"]) == ("Take Profit Limit", "Stop Market")
    act(url, wallet, {"type": "cancel", "cancels": [{"a": 0, "o": parent["oid"]}]})
    assert info(url, type="openOrders", user=wallet.address) == []


def test_a_bracket_around_a_filled_parent_waits_for_the_mark(url: str, wallet: LocalAccount) -> None:
    mid = _mid(url)
    statuses = _place(
        url,
        wallet,
        "normalTpsl",
        order(True, str(mid + 500), "0.002", "Ioc"),
        _trigger(False, mid - 3000, "0.002", mid - 1000, "sl"),
    )
    assert statuses[0]["filled"]["totalSz"] == "0.002"
    assert statuses[1] == "waitingForTrigger"


def test_the_stop_of_a_position_needs_no_size(url: str, wallet: LocalAccount) -> None:
    """As recorded of a live account: sz and origSz are 0.0."""
    mid = _mid(url)
    _place(url, wallet, "na", order(True, str(mid + 500), "0.002", "Ioc"))
    assert _place(url, wallet, "positionTpsl", _trigger(False, mid - 3000, "0", mid - 1000, "sl")) == [
        "waitingForTrigger"
    ]
    (row,) = info(url, type="frontendOpenOrders", user=wallet.address)
    assert (row["isPositionTpsl"], row["sz"], row["origSz"]) == (True, "0.0", "0.0")


@pytest.mark.parametrize(
    ("grouping", "words"),
    [
        ("normalTpsl", "Main order cannot be trigger order."),
        ("na", "Invalid TP/SL price. asset=0"),
    ],
)
def test_a_refused_trigger_order_has_one_status(
    url: str, wallet: LocalAccount, grouping: str, words: str
) -> None:
    mid = _mid(url)
    _place(url, wallet, "na", order(True, str(mid + 500), "0.002", "Ioc"))
    bad = _trigger(False, mid + 500, "0.002", mid + 1000, "sl")
    assert _place(url, wallet, grouping, bad) == [{"error": words}]


def test_an_asset_that_is_not_listed_cannot_be_read(url: str, wallet: LocalAccount) -> None:
    unlisted = {**order(True, "100", "1"), "a": 7}
    actions: list[dict[str, Any]] = [
        {"type": "order", "orders": [unlisted], "grouping": "na"},
        {"type": "batchModify", "modifies": [{"oid": 1, "order": unlisted}]},
        {"type": "updateLeverage", "asset": 7, "isCross": True, "leverage": 3},
        {"type": "updateIsolatedMargin", "asset": 7, "isBuy": True, "ntli": 1_000_000},
    ]
    for action in actions:
        answer = requests.post(f"{url}/exchange", json=envelope(wallet, action), timeout=5)
        assert answer.status_code == 422
        assert answer.text == "Failed to deserialize the JSON body into the target type"
    cancelled = act(url, wallet, {"type": "cancel", "cancels": [{"a": 7, "o": 1}]})
    assert cancelled["response"]["data"]["statuses"] == [
        {"error": "Order was never placed, already canceled, or filled. asset=7"}
    ]


def test_triggers_and_their_families_survive_a_restart(tmp_path: Path) -> None:
    wallet, path = new_wallet(), tmp_path / "paper.db"
    with running(store_path=path) as url:
        mid = _mid(url)
        _place(
            url,
            wallet,
            "normalTpsl",
            order(True, str(mid - 500), "0.002"),
            _trigger(False, mid - 3000, "0.002", mid - 1000, "sl"),
        )
        before = info(url, type="frontendOpenOrders", user=wallet.address)
    with running(store_path=path) as url:
        assert info(url, type="frontendOpenOrders", user=wallet.address) == before
        (parent,) = (row["oid"] for row in before if row["children"])
        act(url, wallet, {"type": "cancel", "cancels": [{"a": 0, "o": parent}]})
        assert info(url, type="openOrders", user=wallet.address) == []
