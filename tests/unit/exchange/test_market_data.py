"""The feed when all goes well: subscriptions, generations, what is delivered and in which order."""

from __future__ import annotations

import asyncio

import pytest

from core.domain.events import FeedChanged, FillsArrived, OrderUpdate, Quote, WireQuarantined
from core.domain.fills import FillSource
from core.exchange import market_data
from tests.unit.exchange.samples import ACCOUNT, cloid, fill_row, until
from tests.unit.exchange.scripted_feed import Talk, bbo, feeding, fills, stay, then


def _update(order_id: int, coin: str = "BTC") -> dict[str, object]:
    order = {"coin": coin, "oid": order_id, "sz": "0.1", "origSz": "0.1", "cloid": cloid(order_id)}
    return {"order": order, "status": "open", "statusTimestamp": 5}


async def test_it_subscribes_to_fills_orders_and_each_coin_and_is_up_when_all_are_acknowledged() -> None:
    allow_last = asyncio.Event()

    async def slow(talk: Talk) -> None:
        await talk.acknowledge(3)
        await allow_last.wait()
        await talk.acknowledge(1)
        await talk.stay()

    async with feeding(slow) as desk:
        await until(lambda: desk.talks and len(desk.talks[0].heard) == 3)
        await asyncio.sleep(0.02)
        assert desk.items == []
        allow_last.set()
        await desk.connected(1)
        assert [m["subscription"] for m in desk.talks[0].heard] == [
            {"type": "userFills", "user": ACCOUNT, "aggregateByTime": False},
            {"type": "orderUpdates", "user": ACCOUNT},
            {"type": "bbo", "coin": "BTC"},
            {"type": "bbo", "coin": "ETH"},
        ]
        assert all(m["method"] == "subscribe" for m in desk.talks[0].heard)


async def test_acknowledgements_may_come_in_any_order_and_twice_and_in_capitals() -> None:
    async def shuffled(talk: Talk) -> None:
        heard = [(await talk.hear())["subscription"] for _ in range(4)]
        for each in [*heard[::-1], heard[0]]:
            user = {"user": each["user"].upper().replace("0X", "0x")} if "user" in each else {}
            await talk.say({"channel": "subscriptionResponse", "data": {"subscription": {**each, **user}}})
        await talk.stay()

    async with feeding(shuffled) as desk:
        await desk.connected(1)


async def test_what_arrives_before_the_last_acknowledgement_is_delivered_too() -> None:
    async def eager(talk: Talk) -> None:
        await talk.acknowledge(1)
        await talk.say(fills(fill_row(1), snapshot=True))
        await talk.acknowledge(3)
        await talk.stay()

    async with feeding(eager) as desk:
        await desk.connected(1)
        assert [type(item) for item in desk.items] == [FillsArrived, FeedChanged]


async def test_the_snapshot_and_the_stream_are_told_apart() -> None:
    script = then(fills(fill_row(1), fill_row(2), snapshot=True), fills(fill_row(3)))
    async with feeding(script) as desk:
        first, second = await desk.has(FillsArrived, 2)
        assert [(f.trade_id, f.source) for f in first.fills] == [
            (1, FillSource.SNAPSHOT),
            (2, FillSource.SNAPSHOT),
        ]
        assert [(f.trade_id, f.source) for f in second.fills] == [(3, FillSource.WS)]


async def test_quotes_updates_and_fills_come_in_the_order_sent_and_fills_of_other_coins_apart() -> None:
    script = then(
        bbo(),
        {"channel": "orderUpdates", "data": [_update(1), _update(2, coin="@1"), _update(3)]},
        fills(fill_row(1, coin="@142")),
        fills(fill_row(2, coin="@142"), fill_row(3)),
        {"channel": "notification", "data": {"notification": "hello"}},
    )
    async with feeding(script) as desk:
        first, second = await desk.has(FillsArrived, 2)
        kinds = [type(item) for item in desk.items]
        assert kinds == [FeedChanged, Quote, OrderUpdate, OrderUpdate, FillsArrived, FillsArrived]
        assert [u.order_id for u in desk.of(OrderUpdate)] == [1, 3]
        assert first.fills == ()
        assert [(f.coin, f.trade_id) for f in (*first.foreign, *second.foreign)] == [("@142", 1), ("@142", 2)]
        assert [f.trade_id for f in second.fills] == [3]


async def test_nothing_is_dropped_or_reordered_while_the_inbox_pushes_back() -> None:
    count = 400
    script = then(*(fills(fill_row(n)) for n in range(1, count + 1)))
    async with feeding(script) as desk:
        await desk.connected(1)
        await desk.has(FillsArrived, 10)
        desk.gate.clear()
        held = len(desk.items)
        await asyncio.sleep(0.03)
        assert len(desk.items) <= held + 1
        desk.gate.set()
        found = await desk.has(FillsArrived, count)
        assert [item.fills[0].trade_id for item in found] == list(range(1, count + 1))


async def test_a_quote_is_heard_early_but_never_before_what_came_before_it() -> None:
    async def script(talk: Talk) -> None:
        await talk.acknowledge()
        await talk.hear()
        await talk.say(bbo())
        await talk.hear()
        await talk.say(fills(fill_row(1)))
        await talk.say(fills(fill_row(2)))
        await talk.say(bbo())
        await talk.stay()

    async with feeding(script) as desk:
        await desk.connected(1)
        assert desk.feed._socket is not None
        await desk.feed._socket.send('{"method":"ping"}')
        await desk.has(Quote)
        assert desk.heard_early == 1
        assert desk.of(Quote)[0].arrived_us > 0
        desk.gate.clear()
        await desk.feed._socket.send('{"method":"ping"}')
        await asyncio.sleep(0.05)
        assert desk.heard_early == 1, "it waits behind the fills that the inbox doesn't take"
        desk.gate.set()
        await desk.has(Quote, 2)
        assert [type(item) for item in desk.items] == [FeedChanged, Quote, FillsArrived, FillsArrived, Quote]
        assert desk.heard_early == 1


async def test_a_quiet_market_is_kept_alive_with_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_data, "PING_AFTER_S", 0.02)
    monkeypatch.setattr(market_data, "SILENT_AFTER_S", 0.5)
    async with feeding(stay) as desk:
        await desk.connected(1)
        await until(lambda: desk.talks[0].heard.count({"method": "ping"}) >= 3)
        assert desk.feed.generation == 1
        assert desk.feed.last_message_ms > 0


async def test_the_banner_of_the_exchange_is_no_garbage() -> None:
    async def banner(talk: Talk) -> None:
        await talk.say("Websocket connection established.")
        await stay(talk)

    async with feeding(banner) as desk:
        await desk.connected(1)
        assert desk.of(WireQuarantined) == []
