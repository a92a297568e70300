"""What info and streams tell of TWAP orders, against rows as Hyperliquid told them, and to a client that validates."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import requests
from typed_hyperliquid import Hyperliquid
from typed_hyperliquid.exchange.twap_order import TwapOrderParams

from tests.unit.paper.paper_client import act, new_wallet, running, until
from tests.wire.lived_paper import Paper
from tests.wire.shapes import differences

_USER = "0x" + "a1" * 20
_STATE = {
    "coin": "BTC",
    "user": _USER,
    "side": "B",
    "sz": "0.00119",
    "executedSz": "0.00119",
    "executedNtl": "100.20108",
    "minutes": 10080,
    "reduceOnly": False,
    "randomize": True,
    "timestamp": 1790191600889,
    "trigger": None,
    "stopPx": None,
}
# As live answers of October 2026 had them, the user's address replaced.
_HISTORY = [{"time": 1790689722, "state": _STATE, "status": {"status": "finished"}, "twapId": 2248297}]
_SLICES = [
    {
        "fill": {
            "coin": "BTC",
            "px": "84854.0",
            "sz": "0.00014",
            "side": "B",
            "time": 1790878212047,
            "startPosition": "0.01416",
            "dir": "Open Long",
            "closedPnl": "0.0",
            "hash": "0x" + "0" * 64,
            "oid": 562676821063,
            "crossed": True,
            "fee": "0.005345",
            "tid": 668277586873125,
            "feeToken": "USDC",
            "twapId": None,
        },
        "twapId": 2276387,
    }
]


def _started(paper: Paper, **changes: Any) -> int:
    twap = {"a": 0, "b": True, "s": "0.005", "r": False, "m": 5, "t": False, **changes}
    return int(
        paper.act({"type": "twapOrder", "twap": twap})["response"]["data"]["status"]["running"]["twapId"]
    )


def test_rows_have_the_shape_of_live_ones() -> None:
    paper = Paper()
    twap_id = _started(paper)
    paper.exchange.tick()
    history, slices = paper.mine("twapHistory"), paper.mine("userTwapSliceFills")
    assert not differences(_HISTORY, history)
    assert not differences(_SLICES, slices)
    assert history[0]["time"] == history[0]["state"]["timestamp"] // 1000
    states = paper.mine("webData2")["twapStates"]
    assert not differences([[2276387, _STATE]], states)
    assert (states[0][0], states[0][1]["executedSz"]) == (twap_id, slices[0]["fill"]["sz"])
    order = paper.mine("orderStatus", oid=slices[0]["fill"]["oid"])["order"]["order"]
    assert (order["orderType"], order["tif"]) == ("Twap Slice", "Ioc")


def test_slices_are_told_apart_from_other_fills() -> None:
    paper = Paper()
    before = paper.mine("userFills")
    _started(paper)
    for _ in range(11):
        paper.exchange.tick()
        paper.now_ms += 30_000
    assert paper.mine("userFills") == before
    assert paper.mine("userFillsByTime", startTime=0) == before[::-1]
    newest, oldest = paper.mine("userTwapSliceFills"), paper.mine("userTwapSliceFillsByTime", startTime=0)
    assert (newest, len(newest)) == (oldest[::-1], 11)
    assert len({row["fill"]["tid"] for row in newest}) == 11
    times = [row["fill"]["time"] for row in oldest]
    between = paper.mine("userTwapSliceFillsByTime", startTime=times[2], endTime=times[4])
    assert between == oldest[2:5]
    started, finished = paper.mine("twapHistory")[::-1]
    assert (started["status"]["status"], started["state"]["executedSz"]) == ("activated", "0.0")
    assert (finished["status"], finished["state"]["executedSz"]) == ({"status": "finished"}, "0.005")
    assert sum(Decimal(row["fill"]["sz"]) for row in newest) == Decimal("0.005")


def test_streams_tell_what_info_does() -> None:
    paper = Paper()
    channels = ("userTwapHistory", "userTwapSliceFills", "twapStates", "userEvents", "userFills")
    for channel in channels:
        paper.subscribe({"type": channel, "user": paper.user})
    paper.frames.clear()
    twap_id = _started(paper)
    paper.exchange.tick()
    paper.publisher.flush(1e9)
    (history,), slices = paper.mine("twapHistory"), paper.mine("userTwapSliceFills")
    told = {**history, "status": {"status": "activated", "description": ""}}
    common = {"isSnapshot": False, "user": paper.user}
    assert [f["data"] for f in paper.heard("userTwapHistory")] == [{**common, "history": [told]}]
    assert [f["data"] for f in paper.heard("userTwapSliceFills")] == [{**common, "twapSliceFills": slices}]
    assert [f["data"] for f in paper.heard("user")] == [{"twapHistory": [told]}, {"twapSliceFills": slices}]
    (states,) = paper.heard("twapStates")[-1]["data"]["states"]
    assert (states[0], states[1]["executedSz"]) == (twap_id, slices[0]["fill"]["sz"])
    assert not paper.heard("userFills")
    paper.frames.clear()
    for channel, key, rows in (
        ("userTwapHistory", "history", [told]),
        ("userTwapSliceFills", "twapSliceFills", slices),
    ):
        paper.subscribe({"type": channel, "user": paper.user})
        assert paper.frames[-1]["data"] == {"isSnapshot": True, "user": paper.user, key: rows}


async def test_a_client_that_validates_places_one_and_watches_it_end() -> None:
    """It doesn't cancel it: it names the fields of ``twapCancel`` otherwise than the documentation does."""
    wallet = new_wallet()
    with running(speed=60) as url:
        ws_url = f"ws{url.removeprefix('http')}/ws"
        async with (
            asyncio.timeout(15),
            Hyperliquid.new(wallet, mainnet=False, base_url=url, ws_url=ws_url) as client,
            client.streams.user_twap_slice_fills(wallet.address) as slices,
            client.streams.user_twap_history(wallet.address) as history,
            client.streams.twap_states(dex="", user=wallet.address) as states,
        ):
            fills, lives, running_ones = aiter(slices), aiter(history), aiter(states)
            assert (await anext(fills))["twapSliceFills"] == (await anext(lives))["history"] == []
            twap = TwapOrderParams(a=0, b=True, s="0.01", r=False, m=30, t=True)
            placed: Any = (await client.exchange.twap_order(twap))["data"]["status"]
            twap_id = placed["running"]["twapId"]
            (begun,) = (await anext(lives))["history"]
            (slice_, *_) = (await anext(fills))["twapSliceFills"]
            assert (begun["status"]["status"], slice_["twapId"]) == ("activated", twap_id)
            while not (found := (await anext(running_ones))["states"]):
                pass
            assert found[0][0] == twap_id
            told = await client.info.user_twap_slice_fills(wallet.address)
            assert told[-1]["fill"]["tid"] == slice_["fill"]["tid"]
            cancel = {"type": "twapCancel", "a": 0, "t": twap_id}
            gone = await asyncio.to_thread(act, url, wallet, cancel)
            assert gone["response"] == {"type": "twapCancel", "data": {"status": "success"}}
            (ended,) = (await anext(lives))["history"]
            assert (ended["status"]["status"], ended["state"]["executedSz"] > 0) == ("terminated", True)


def test_the_truth_holds_slices_as_well() -> None:
    wallet = new_wallet()
    twap = {"a": 0, "b": True, "s": "0.01", "r": False, "m": 30, "t": False}
    with running() as url:
        act(url, wallet, {"type": "twapOrder", "twap": twap})

        def truth() -> Any:
            return requests.get(f"{url}/paper/truth", {"user": wallet.address}, timeout=5).json()

        until(lambda: truth()["fills"])
        told = truth()
    assert sum(Decimal(fill["sz"]) for fill in told["fills"]) == Decimal(told["positions"]["BTC"])
