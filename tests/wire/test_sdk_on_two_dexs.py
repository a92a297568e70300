"""Hyperliquid's own Python SDK, unmodified, on a moving market of several coins and two dexs: everything that it can ask, hear
and change.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.types import Cloid

from tests.unit.paper.paper_client import new_wallet, running, until

_DEXS = ["", "xyz"]
_ALO: Any = {"limit": {"tif": "Alo"}}
_IOC: Any = {"limit": {"tif": "Ioc"}}
_NO_QUESTIONS = {"subscribe", "unsubscribe", "disconnect_websocket", "post", "set_perp_meta"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(market="synthetic", speed=20) as url:
        yield url


@pytest.fixture
def wallet() -> LocalAccount:
    return new_wallet()


@pytest.fixture
def exchange(url: str, wallet: LocalAccount) -> Exchange:
    return Exchange(wallet, url, perp_dexs=_DEXS)


@pytest.fixture
def info(url: str, wallet: LocalAccount) -> Info:
    info = Info(url, skip_ws=True, perp_dexs=_DEXS)
    assert info.user_role(wallet.address) == {"role": "user"}
    return info


def _statuses(answer: Any) -> list[Any]:
    assert answer["status"] == "ok", answer
    statuses: list[Any] = answer["response"]["data"]["statuses"]
    return statuses


def _far_below(info: Info, coin: str, dex: str = "") -> float:
    """A price that is valid, and a tenth below the market's."""
    return float(f"{float(info.all_mids(dex)[coin]) * 0.9:.3g}")


def test_every_question_of_the_sdk_is_answered(info: Info, exchange: Exchange, wallet: LocalAccount) -> None:
    cloid = Cloid.from_int(7)
    exchange.market_open("ETH", True, 0.1)
    exchange.order("BTC", True, 0.001, _far_below(info, "BTC"), _ALO, cloid=cloid)
    now_ms = int(time.time() * 1000)
    arguments: dict[str, Any] = {
        **dict.fromkeys(("address", "user", "multi_sig_user"), wallet.address),
        "name": "BTC",
        "interval": "1m",
        "startTime": now_ms - 3_600_000,
        "endTime": now_ms,
        "start_time": now_ms - 3_600_000,
        "oid": 1,
        "cloid": cloid,
    }
    asked = 0
    for name, method in inspect.getmembers(info, inspect.ismethod):
        if name.startswith("_") or name in _NO_QUESTIONS:
            continue
        needed = [p for p in inspect.signature(method).parameters.values() if p.default is p.empty]
        method(**{p.name: arguments[p.name] for p in needed})
        asked += 1
    assert asked > 35
    assert info.query_order_by_cloid(wallet.address, cloid)["order"]["status"] == "open"
    assert info.candles_snapshot("ETH", "1m", now_ms - 3_600_000, now_ms)[-1]["s"] == "ETH"
    assert info.portfolio(wallet.address)[0][0] == "day"


def test_a_coin_of_a_builders_dex_is_traded_by_name(
    info: Info, exchange: Exchange, wallet: LocalAccount
) -> None:
    assert (info.name_to_asset("xyz:TSLA"), info.name_to_asset("ETH")) == (110_000, 1)
    assert exchange.update_leverage(5, "xyz:TSLA", is_cross=False)["status"] == "ok"
    price = _far_below(info, "xyz:TSLA", "xyz")
    (status,) = _statuses(exchange.order("xyz:TSLA", True, 0.1, price, _ALO))
    oid = status["resting"]["oid"]
    (row,) = info.frontend_open_orders(wallet.address, dex="xyz")
    assert (row["oid"], row["coin"]) == (oid, "xyz:TSLA")
    assert info.frontend_open_orders(wallet.address) == []
    assert info.query_order_by_oid(wallet.address, oid)["order"]["order"]["coin"] == "xyz:TSLA"
    assert info.user_state(wallet.address, dex="xyz")["marginSummary"]["accountValue"] == "10000.0"
    assert _statuses(exchange.cancel("xyz:TSLA", oid)) == ["success"]


def test_orders_are_modified_and_cancelled_many_at_once(
    info: Info, exchange: Exchange, wallet: LocalAccount
) -> None:
    price = _far_below(info, "ETH")
    cloids = [Cloid.from_int(number) for number in range(1, 5)]
    orders: list[Any] = [
        {
            "coin": "ETH",
            "is_buy": True,
            "sz": 0.01 * number,
            "limit_px": price,
            "order_type": _ALO,
            "reduce_only": False,
            "cloid": cloid,
        }
        for number, cloid in enumerate(cloids, 1)
    ]
    oids = [status["resting"]["oid"] for status in _statuses(exchange.bulk_orders(orders))]
    changes: list[Any] = [
        {"oid": oid, "order": {**order, "sz": 0.05}} for oid, order in zip(oids, orders, strict=True)
    ]
    moved = [status["resting"]["oid"] for status in _statuses(exchange.bulk_modify_orders_new(changes))]
    assert min(moved) > max(oids)
    assert {row["sz"] for row in info.open_orders(wallet.address)} == {"0.05"}
    by_oid: list[Any] = [{"coin": "ETH", "oid": oid} for oid in moved[:2]]
    assert _statuses(exchange.bulk_cancel(by_oid)) == ["success"] * 2
    by_cloid: list[Any] = [{"coin": "ETH", "cloid": cloid} for cloid in cloids]
    gone, still = _statuses(exchange.bulk_cancel_by_cloid(by_cloid))[1:3]
    assert (gone["error"].split(",")[0], still) == ("Order was never placed", "success")
    assert info.open_orders(wallet.address) == []
    ended = [row["status"] for row in info.historical_orders(wallet.address)]
    assert ended == ["canceled"] * 8


def test_an_agent_trades_for_its_account(url: str, info: Info, exchange: Exchange) -> None:
    approved, key = exchange.approve_agent("grid")
    assert approved == {"status": "ok", "response": {"type": "default"}}
    agent = Account.from_key(key)
    master = exchange.wallet.address
    acting = Exchange(agent, url, account_address=master)
    (status,) = _statuses(acting.order("ETH", True, 0.1, _far_below(info, "ETH") * 1.2, _IOC))
    assert status["filled"]["totalSz"] == "0.1"
    assert info.user_fills(master)[0]["oid"] == status["filled"]["oid"]
    assert [row["name"] for row in info.extra_agents(master)] == ["grid"]
    assert info.user_role(agent.address) == {"role": "agent", "data": {"user": master.lower()}}
    assert info.user_fills(agent.address) == []


def test_every_subscription_of_the_sdk_is_heard(url: str, exchange: Exchange, wallet: LocalAccount) -> None:
    info = Info(url, skip_ws=False, perp_dexs=_DEXS)
    user, heard = wallet.address, dict[str, list[Any]]()
    subscriptions: list[Any] = [
        {"type": "allMids"},
        *({"type": channel, "coin": "BTC"} for channel in ("bbo", "l2Book", "trades", "activeAssetCtx")),
        {"type": "candle", "coin": "BTC", "interval": "1m"},
        *(
            {"type": channel, "user": user}
            for channel in (
                *("userEvents", "userFills", "orderUpdates", "userFundings"),
                *("userNonFundingLedgerUpdates", "webData2"),
            )
        ),
        {"type": "activeAssetData", "user": user, "coin": "BTC"},
    ]
    try:
        for subscription in subscriptions:
            info.subscribe(subscription, heard.setdefault(subscription["type"], []).append)
        until(lambda: heard["userFills"])
        exchange.market_open("BTC", True, 0.01)
        until(lambda: all(heard.values()))
        until(lambda: len(heard["bbo"]) > 5)
    finally:
        info.disconnect_websocket()
    times = [message["data"]["time"] for message in heard["bbo"]]
    assert min(later - earlier for earlier, later in pairwise(times)) < 1000
    fills = info.user_fills(user)[::-1]
    assert heard["userEvents"][0]["data"]["fills"] == heard["userFills"][1]["data"]["fills"] == fills
