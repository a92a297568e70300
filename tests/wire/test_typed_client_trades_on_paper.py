"""typed-hyperliquid, which others wrote and which validates every answer it gets, trades on the paper exchange unmodified."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from typed_core.exceptions import ApiError
from typed_hyperliquid import Hyperliquid

from tests.unit.paper.paper_client import new_wallet, running

_USDC = "0x6d1e7cde53ba9467b783cb7c530ce054"
_LEFT_OUT = {
    "perp_dex_limits": "refuses the first dex, as Hyperliquid does",
    "request": "is no info request",
}
_SILENT = {"subscribe", "notification", "outcome_meta_updates"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(speed=60) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[Any]:
    wallet = new_wallet()
    ws_url = f"ws{url.removeprefix('http')}/ws"
    async with Hyperliquid.new(wallet, mainnet=False, base_url=url, ws_url=ws_url) as client:
        yield client


async def _bid(client: Any) -> int:
    return int((await client.info.l2_book(coin="BTC"))["levels"][0][0]["px"])


def _order(price: int, size: str, tif: str = "Gtc", *, is_buy: bool = True, **more: Any) -> dict[str, Any]:
    limit = {"limit": {"tif": tif}}
    return {"a": 0, "b": is_buy, "p": str(price), "s": size, "r": False, "t": limit, **more}


async def _place(client: Any, *orders: dict[str, Any], transport: str = "http") -> list[Any]:
    answer = await client.exchange.order(list(orders), grouping="na", transport=transport)
    statuses: list[Any] = answer["response"]["data"]["statuses"]
    return statuses


def _oid(status: Any) -> int:
    oid: int = status["resting"]["oid"]
    return oid


def _needed(method: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(method).parameters.values()
    return {p.name: arguments[p.name] for p in parameters if p.default is p.empty}


def _is_stream(member: Any) -> bool:
    return inspect.ismethod(member) and "keep_latest" in inspect.signature(member).parameters


async def test_an_order_is_placed_found_modified_and_cancelled(client: Any) -> None:
    user, cloid = client.wallet.address, "0x" + "12" * 16
    low = await _bid(client) - 2000
    (status,) = await _place(client, _order(low, "0.001", "Alo", c=cloid))
    assert status["resting"]["cloid"] == cloid
    found = await client.info.order_status(user=user, oid=cloid)
    assert (found["order"]["status"], found["order"]["order"]["oid"]) == ("open", _oid(status))
    changed = _order(low - 10, "0.002", c=cloid)
    await client.exchange.modify_order(oid=_oid(status), order=changed)
    (row,) = await client.info.open_orders(user=user)
    assert (str(row["sz"]), row["oid"] > _oid(status)) == ("0.002", True)
    batch = await client.exchange.modify_orders([{"oid": row["oid"], "order": changed}])
    (moved,) = batch["response"]["data"]["statuses"]
    gone = await client.exchange.cancel_by_cloid([{"asset": 0, "cloid": cloid}])
    assert gone["response"]["data"]["statuses"] == ["success"]
    assert (await client.info.order_status(user=user, oid=_oid(moved)))["order"]["status"] == "canceled"


async def test_a_bulk_is_placed_over_the_websocket_and_cancelled_by_oid(client: Any) -> None:
    low = await _bid(client) - 2000
    orders = [_order(low - step, "0.001", "Alo") for step in range(5)]
    oids = [_oid(status) for status in await _place(client, *orders, transport="ws")]
    cancels = [{"a": 0, "o": oid} for oid in (*oids, 1)]
    *done, unknown = (await client.exchange.cancel(cancels))["response"]["data"]["statuses"]
    assert done == ["success"] * 5
    assert unknown == {"error": "Order was never placed, already canceled, or filled. asset=0"}


async def test_a_taker_fills_and_all_views_agree(client: Any) -> None:
    user = client.wallet.address
    async with client.streams.user_fills(user=user) as stream:
        frames = aiter(stream)
        assert (await anext(frames))["isSnapshot"] is True
        (status,) = await _place(client, _order(await _bid(client) + 2000, "0.01", "Ioc"))
        assert str(status["filled"]["totalSz"]) == "0.01"
        async with asyncio.timeout(5):
            told = (await anext(frames))["fills"]
    fills = await client.info.user_fills(user=user)
    assert [fill["tid"] for fill in fills[::-1]] == [fill["tid"] for fill in told]
    later = await client.info.user_fills_by_time(user=user, start_time=fills[-1]["time"])
    assert [fill["tid"] for fill in later] == [fill["tid"] for fill in told]
    (position,) = (await client.info.clearinghouse_state(user=user))["assetPositions"]
    assert str(position["position"]["szi"]) == "0.01"


async def test_leverage_and_the_rate_limit_are_told(client: Any) -> None:
    user = client.wallet.address
    await client.exchange.update_leverage(asset=0, is_cross=False, leverage=7)
    data = await client.info.active_asset_data(user=user, coin="BTC")
    assert (data["leverage"]["type"], data["leverage"]["value"]) == ("isolated", 7)
    assert (await client.info.user_rate_limit(user=user))["nRequestsUsed"] == 1
    with pytest.raises(ApiError):
        await client.exchange.update_leverage(asset=0, is_cross=True, leverage=41)


@pytest.mark.parametrize("transport", ["http", "ws"])
async def test_every_info_answer_is_valid(client: Any, transport: str) -> None:
    user = client.wallet.address
    bid = await _bid(client)
    (resting, _) = await _place(
        client, _order(bid - 2000, "0.001"), _order(bid + 2000, "0.01", "Ioc", c="0x" + "34" * 16)
    )
    now = datetime.now(UTC)
    arguments = {
        "user": user,
        "coin": "BTC",
        "interval": "1m",
        "start_time": now - timedelta(hours=1),
        "end_time": now,
        "oid": _oid(resting),
        "builder": user,
        "vault_address": user,
        "token": 0,
        "token_id": _USDC,
        "outcome": 1,
        "dex": "",
    }
    asked = []
    for name, method in inspect.getmembers(client.info, inspect.iscoroutinefunction):
        if name.startswith("_") or name in _LEFT_OUT:
            continue
        await method(**_needed(method, arguments), transport=transport)
        asked.append(name)
    assert len(asked) > 50


async def test_every_stream_that_has_something_to_tell_is_valid(client: Any) -> None:
    arguments = {"user": client.wallet.address, "coin": "BTC", "interval": "1m", "dex": ""}

    async def first(method: Any) -> Any:
        async with method(**_needed(method, arguments)) as messages:
            return await anext(aiter(messages))

    streams = dict(inspect.getmembers(client.streams, _is_stream))
    listening = [asyncio.create_task(first(streams[name])) for name in streams.keys() - _SILENT]
    price = await _bid(client) + 2000
    async with asyncio.timeout(10):
        while not all(task.done() for task in listening):
            await _place(client, _order(price, "0.001", "Ioc"))
            await asyncio.wait(listening, timeout=0.2)
        heard = await asyncio.gather(*listening)
    assert all(heard)
    assert len(heard) > 20


async def test_quotes_come_several_times_a_second(client: Any) -> None:
    async with asyncio.timeout(10), client.streams.bbo(coin="BTC") as stream:
        frames = aiter(stream)
        times = [(await anext(frames))["time"] for _ in range(6)]
    assert min(later - earlier for earlier, later in pairwise(times)) < timedelta(seconds=1)
