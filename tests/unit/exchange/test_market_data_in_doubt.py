"""The feed when something is wrong: silence, garbage, closes. On any doubt a new connection begins."""

from __future__ import annotations

import asyncio
import random
import time
from itertools import pairwise
from typing import Any

import orjson
import pytest

from core.domain.events import FeedChanged, FillsArrived, Quote, WireQuarantined
from core.exchange import market_data
from core.exchange.market_data import MarketData
from core.exchange.venue_clock import VenueClock
from core.exchange.wire_history import BAD_ROWS_SHOWN
from tests.unit.exchange.little_server import LittleServer, say
from tests.unit.exchange.samples import ACCOUNT, INSTRUMENTS, fill_row, until
from tests.unit.exchange.scripted_feed import Desk, Talk, bbo, feeding, fills, stay, then


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_data, "BACKOFF_FIRST_S", 0.01)


async def test_a_subscription_that_is_never_acknowledged_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(market_data, "ACK_TIMEOUT_S", 0.05)

    async def deaf(talk: Talk) -> None:
        await talk.acknowledge(3)
        await talk.hush()

    async with feeding(deaf, stay) as desk:
        down = await desk.went_down(1)
        assert "TimeoutError" in down.reason
        await desk.connected(2)
        assert FeedChanged(True, 1) not in desk.items


async def test_an_error_in_place_of_an_acknowledgement_is_shown_and_does_not_count_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(market_data, "ACK_TIMEOUT_S", 0.05)

    async def refusing(talk: Talk) -> None:
        await talk.acknowledge(3)
        await talk.say({"channel": "error", "data": "Invalid subscription"})
        await talk.hush()

    async with feeding(refusing, stay) as desk:
        await desk.connected(2)
        (quarantined,) = desk.of(WireQuarantined)
        assert quarantined.channel == "error"
        assert "Invalid subscription" in quarantined.sample


async def test_a_connection_that_is_open_but_silent_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_data, "PING_AFTER_S", 0.02)
    monkeypatch.setattr(market_data, "SILENT_AFTER_S", 0.06)

    async def mute(talk: Talk) -> None:
        await talk.acknowledge()
        await talk.hush()

    async with feeding(mute, stay) as desk:
        down = await desk.went_down(1)
        assert down.reason.startswith("silent for")
        await desk.connected(2)
        assert {"method": "ping"} in desk.talks[0].heard


async def test_a_close_by_the_exchange_opens_the_next_generation() -> None:
    async def close(talk: Talk) -> None:
        await talk.acknowledge()
        await talk.say(fills(fill_row(talk.number)))
        await talk.socket.close(1012, "restart")

    async def cut(talk: Talk) -> None:
        await talk.acknowledge()
        talk.socket.transport.abort()

    async with feeding(close, cut, stay) as desk:
        await desk.connected(3)
        changes = desk.of(FeedChanged)
        assert [(c.connected, c.generation) for c in changes] == [
            (True, 1),
            (False, 1),
            (True, 2),
            (False, 2),
            (True, 3),
        ]
        assert "restart" in changes[1].reason
        assert len(desk.of(FillsArrived)) == 1


async def test_the_back_off_doubles_to_its_bound_and_never_storms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_data, "BACKOFF_MAX_S", 0.04)
    monkeypatch.setattr(random, "uniform", lambda _low, _high: 1.0)
    at: list[float] = []

    async def slam(talk: Talk) -> None:
        at.append(time.monotonic())
        talk.socket.transport.abort()

    async with feeding(slam) as desk:
        await until(lambda: len(at) >= 6)
        assert desk.of(FillsArrived) == []
    gaps = [later - earlier for earlier, later in pairwise(at)]
    for gap, least in zip(gaps, [0.01, 0.02, 0.04, 0.04, 0.04], strict=False):
        assert gap >= least * 0.9


_GARBAGE: list[Any] = [
    "not json",
    b"\xff\xfe\x00",
    "[]",
    "null",
    '"text"',
    "[" * 1000 + "]" * 1000,
    {"channel": "userFills", "data": None},
    {"channel": "userFills", "data": {"user": ACCOUNT}},
    {"channel": "userFills", "data": {"user": ACCOUNT, "fills": {}}},
    fills(fill_row(1, px="NaN")),
    fills(fill_row(1), user="0x" + "bb" * 20),
]


def _as_sent(message: Any) -> str:
    raw = message if isinstance(message, str | bytes) else orjson.dumps(message)
    return raw if isinstance(raw, str) else raw.decode("utf-8", "replace")


@pytest.mark.parametrize("garbage", _GARBAGE, ids=lambda g: str(g)[:30])
async def test_garbage_where_a_fill_may_have_been_is_told_at_once_and_shown_as_it_came(garbage: Any) -> None:
    """So that the engine reads back at once what it may have hidden; the connection goes on."""
    async with feeding(then(garbage, garbage, fills(fill_row(7)), garbage, garbage, bbo())) as desk:
        await desk.has(Quote)
        assert desk.feed.generation == 1
        assert [fill.trade_id for each in desk.of(FillsArrived) for fill in each.fills] == [7]
        assert len(desk.of(WireQuarantined)) == 4
        for quarantined in desk.of(WireQuarantined):
            assert quarantined.channel in ("text", "userFills")
            assert quarantined.sample[:400] in _as_sent(garbage)


@pytest.mark.parametrize("garbage", _GARBAGE, ids=lambda g: str(g)[:30])
async def test_garbage_where_a_fill_may_have_been_three_times_in_a_row_forces_a_new_connection(
    garbage: Any,
) -> None:
    async with feeding(then(garbage, garbage, garbage), stay) as desk:
        await desk.connected(2)
        assert desk.of(FillsArrived) == []
        assert len(desk.of(WireQuarantined)) == 3
        assert (await desk.went_down(1)).reason.startswith("3 undecodable messages in a row on ")


async def test_other_channels_do_not_end_a_row_of_damaged_fills() -> None:
    bad = fills(fill_row(1, px="NaN"))
    async with feeding(then(bad, bbo(), bad, bbo(), bad), stay) as desk:
        await desk.connected(2)


async def test_a_damaged_row_of_fills_keeps_back_no_other() -> None:
    bad = fill_row(2, sz="1e-5")
    async with feeding(then(fills(fill_row(1), bad, fill_row(3)))) as desk:
        (quarantined,) = await desk.has(WireQuarantined)
        (arrived,) = desk.of(FillsArrived)
        assert [fill.trade_id for fill in arrived.fills] == [1, 3]
        assert quarantined.channel == "userFills"
        assert quarantined.sample == orjson.dumps(bad).decode()[:400] + (
            "…" if len(_as_sent(bad)) > 400 else ""
        )


async def test_a_damaged_row_of_a_coin_that_is_not_traded_is_told_apart_and_no_reason_to_reconnect() -> None:
    bad = fills(fill_row(1, coin="@142", tid=None))
    async with feeding(then(bad, bad, bad, bad, fills(fill_row(2)))) as desk:
        await desk.has(FillsArrived)
        assert desk.feed.generation == 1
        assert [each.channel for each in desk.of(WireQuarantined)] == ["userFills:foreign"] * 4


async def test_a_message_full_of_damaged_rows_is_told_in_a_few_lines() -> None:
    async with feeding(then(fills(*(fill_row(n, px="NaN") for n in range(500))), bbo())) as desk:
        await desk.has(Quote)
        told = desk.of(WireQuarantined)
        assert len(told) == BAD_ROWS_SHOWN + 1
        assert told[-1].reason.startswith(f"{500 - BAD_ROWS_SHOWN} more rows")


async def test_the_good_rows_of_a_damaged_snapshot_are_used() -> None:
    async def spoilt(talk: Talk) -> None:
        await talk.acknowledge(1)
        await talk.say(fills(fill_row(1), fill_row(2, px="NaN"), snapshot=True))
        await talk.acknowledge(3)
        await talk.stay()

    async with feeding(spoilt) as desk:
        await desk.connected(1)
        assert [type(item) for item in desk.items] == [FillsArrived, WireQuarantined, FeedChanged]


async def test_two_damaged_quotes_are_forgiven_and_a_third_in_a_row_is_not() -> None:
    bad = bbo(bid="NaN")
    async with feeding(then(bad, bad, bbo(), bad, bad), stay) as desk:
        await desk.has(WireQuarantined, 4)
        await asyncio.sleep(0.02)
        assert desk.feed.generation == 1
        assert len(desk.of(Quote)) == 1
    async with feeding(then(bad, bad, bad), stay) as desk:
        await desk.connected(2)
        assert len(desk.of(WireQuarantined)) == 3


async def test_one_damaged_row_keeps_back_its_whole_frame_of_updates() -> None:
    good = {"coin": "BTC", "oid": 1, "sz": "0.1", "origSz": "0.1"}
    rows = [{"order": good, "status": "open", "statusTimestamp": 5}, {"order": good, "status": None}]
    async with feeding(then({"channel": "orderUpdates", "data": rows}, bbo())) as desk:
        await desk.has(Quote)
        assert [type(item) for item in desk.items] == [FeedChanged, WireQuarantined, Quote]


@pytest.mark.parametrize("data", [None, [], "x", {}, {"subscription": None}, {"subscription": {"type": []}}])
async def test_an_acknowledgement_of_another_shape_ends_nothing(data: object) -> None:
    async def odd(talk: Talk) -> None:
        await talk.say({"channel": "subscriptionResponse", "data": data})
        await stay(talk)

    async with feeding(odd) as desk:
        await desk.connected(1)


async def test_a_reconnect_asked_for_opens_a_new_generation() -> None:
    async with feeding(stay) as desk:
        await desk.connected(1)
        await desk.feed.reconnect("asked for by the operator")
        await desk.connected(2)
        assert (await desk.went_down(1)).reason == "asked for by the operator"


async def test_a_reconnect_asked_for_does_not_wait_out_a_long_back_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(market_data, "BACKOFF_FIRST_S", 3_600.0)
    monkeypatch.setattr(market_data, "BACKOFF_MAX_S", 3_600.0)

    async def slam(talk: Talk) -> None:
        await talk.socket.close()

    async with feeding(slam, stay) as desk:
        await desk.went_down(1)
        await desk.feed.reconnect("asked for by the operator")
        await desk.connected(2)


@pytest.mark.parametrize("status", [200, 404, 502])
async def test_a_server_that_speaks_no_websocket_is_tried_again(status: int) -> None:
    desk = Desk()
    desk.gate.set()
    async with LittleServer(say("<html>", status)).running() as server:
        feed = MarketData(server.url, ACCOUNT, INSTRUMENTS, VenueClock(), desk.sink)
        running = asyncio.create_task(feed.run())
        downs = await desk.has(FeedChanged, 2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert all(not change.connected and change.generation == 0 and change.reason for change in downs)


async def test_channels_that_nobody_knows_are_one_however_many_names_they_have() -> None:
    strange = [{"channel": f"c{number}", "data": 1} for number in range(3)]
    async with feeding(then(strange[0], bbo(), strange[1], bbo(), strange[2]), stay) as desk:
        await desk.connected(2)
        assert (await desk.went_down(1)).reason == "3 undecodable messages in a row on unknown"
        assert {quarantined.channel for quarantined in desk.of(WireQuarantined)} == {"unknown"}
        assert "'c1'" in desk.of(WireQuarantined)[1].reason


async def test_what_is_undecodable_on_one_channel_after_the_other_is_a_row_too() -> None:
    bad = [
        fills(fill_row(1, px="NaN")),
        {"channel": "orderUpdates", "data": 1},
        {"channel": "bbo", "data": 1},
    ]
    async with feeding(then(*bad), stay) as desk:
        await desk.connected(2)
        assert (await desk.went_down(1)).reason == "3 undecodable messages in a row"


async def test_a_message_that_decodes_ends_the_row_over_all_channels() -> None:
    bad = [
        fills(fill_row(1, px="NaN")),
        {"channel": "orderUpdates", "data": 1},
        {"channel": "bbo", "data": 1},
    ]
    async with feeding(then(bad[0], bad[1], bbo(), bad[2], fills(fill_row(2))), stay) as desk:
        await desk.has(FillsArrived)
        assert desk.of(FeedChanged) == [FeedChanged(True, 1)]
