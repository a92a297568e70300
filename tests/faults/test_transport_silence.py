"""Streams that fall silent, in whole or in part, that are never acknowledged, that flap, or that are there twice (T1-T4)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.domain.orders import Side
from core.engine import feed_watch
from core.paper.jsonio import Json
from core.paper.server.frames import frame
from tests.faults.pace import WATCHFUL, pace
from tests.faults.world import World


@pytest.fixture(autouse=True)
def watchful() -> Iterator[None]:
    with pace(WATCHFUL):
        yield


def hit_a_bid(world: World) -> None:
    world.hit(max((o for o in world.ours() if o.side is Side.BUY), key=lambda o: o.price).remaining)


async def reconnected(world: World, times: int = 1) -> None:
    await world.until(lambda: len(world.told("ws_reconnected")) == times, "the receipt of the reconnect")


def say(world: World, channel: str, data: Json) -> None:
    """A frame of the exchange's to every connection."""
    hub = world.exchange.server._hub
    assert hub is not None, "the server has started"
    for connection in hub.connections:
        connection.deliver(frame(channel, data))


# -- silence (T1) ------------------------------------------------------------------------------------------------


@pytest.mark.real_time
async def test_t01_a_connection_that_is_open_and_says_nothing_is_replaced_and_its_gap_read(
    world: World,
) -> None:
    await world.start()
    await world.faults({"kind": "ws_silent", "count": 1})
    await world.struck()
    hit_a_bid(world)
    nothing_owed = {"FILL_OWED_MS": 60_000, "UPDATE_OWED_MS": 60_000, "BOOK_CHECK_MS": 60_000}
    with pace({feed_watch: nothing_owed}):  # or one of its channels is missed first
        await world.until(lambda: world.told("ws_disconnected"), "silence is noticed")
    assert "silent for" in world.told("ws_disconnected")[0]["reason"]
    await reconnected(world)
    await world.check("ws_disconnected", "ws_reconnected", "fill")
    await world.turn()
    assert world.snapshot.feed.generation == 2


async def test_t01_a_quiet_market_is_not_a_dead_one(world: World) -> None:
    await world.start()
    seen = world.snapshot.feed.last_message_ms
    await world.until(
        lambda: world.snapshot.feed.last_message_ms > seen + 3_000, "pongs come in for many times the silence"
    )
    await world.check()
    assert world.snapshot.feed.generation == 1, world.standing()
    assert not world.told("ws_channel_stale")
    assert not world.told("ws_disconnected")


async def test_t01_quotes_that_stopped_while_all_else_lives_are_missed_by_the_book(world: World) -> None:
    await world.start()
    await world.faults({"kind": "ws_silent", "channel": "bbo", "count": 1})
    world.move(0.01)
    await world.struck()
    world.move(2)
    await world.until(lambda: world.told("ws_reconnected"), "the channel is found dead and replaced")
    assert world.told("ws_channel_stale")[0]["channel"] == "bbo BTC"
    await world.check("ws_channel_stale", "ws_reconnected", "grid_recentered")
    await world.turn()
    assert world.snapshot.feed.generation == 2


async def test_t01_fills_that_stopped_while_all_else_lives_are_missed_by_the_next_read(world: World) -> None:
    await world.start()
    await world.faults({"kind": "ws_silent", "channel": "userFills", "count": 1})
    hit_a_bid(world)
    await world.until(lambda: world.told("ws_reconnected"), "the channel is found dead and replaced")
    assert world.told("ws_channel_stale")[0]["channel"] == "userFills"
    await world.check("ws_channel_stale", "ws_reconnected", "fill")
    assert world.coin().fills.from_rest == 1
    await world.turn()
    assert world.snapshot.feed.generation == 2


async def test_t01_updates_that_stopped_while_all_else_lives_are_missed_by_an_answered_order(
    world: World,
) -> None:
    await world.start()
    await world.faults({"kind": "ws_silent", "channel": "orderUpdates", "count": 1})
    hit_a_bid(world)
    await world.until(lambda: world.told("ws_reconnected"), "the channel is found dead and replaced")
    assert world.told("ws_channel_stale")[0]["channel"] == "orderUpdates"
    await world.check("ws_channel_stale", "ws_reconnected", "fill")
    await world.turn()
    assert world.snapshot.feed.generation == 2


# -- never acknowledged (T2) -------------------------------------------------------------------------------------


async def test_t02_a_connection_whose_subscriptions_are_not_acknowledged_is_given_up(world: World) -> None:
    await world.faults({"kind": "ws_drop", "channel": "subscriptionResponse", "count": 3})
    await world.start(resting=None)
    await world.until(lambda: world.told("ws_connect_failed"), "the first is given up")
    assert world.coin().idle_reason == "no connection to the exchange"
    assert not world.ours()
    await world.check("ws_connect_failed", "ws_ready")
    await world.turn()
    assert world.snapshot.feed.generation == 2


async def test_t02_one_subscription_that_is_not_acknowledged_is_one_too_many(world: World) -> None:
    await world.start()
    await world.faults({"kind": "ws_drop", "channel": "subscriptionResponse", "count": 1})
    await world.control("reconnect")
    hit_a_bid(world)
    await reconnected(world)
    await world.check("ws_disconnected", "ws_connect_failed", "ws_reconnected", "fill")
    assert world.snapshot.feed.generation == 3


async def test_t02_words_on_the_error_channel_are_kept_and_end_a_connection_that_says_nothing_else(
    world: World,
) -> None:
    await world.start()
    for _ in range(3):
        say(world, "error", "Already unsubscribed: nothing here is as it should be")
    await world.until(lambda: world.told("ws_disconnected"), "three are enough")
    (told, *_) = world.told("wire_quarantined")
    assert told["channel"] == "error"
    assert "nothing here is as it should be" in told["sample"]
    await reconnected(world)
    await world.check("wire_quarantined", "ws_disconnected", "ws_reconnected")


# -- flapping, and twice (T3, T4) --------------------------------------------------------------------------------


async def test_t03_a_line_that_breaks_again_and_again_is_tried_at_a_slower_and_slower_pace(
    world: World,
) -> None:
    await world.start()
    await world.faults({"kind": "ws_close", "channel": "subscriptionResponse", "count": 15})
    await world.control("reconnect")
    await world.struck()
    hit_a_bid(world)
    await reconnected(world)
    await world.check("ws_disconnected", "ws_connect_failed", "ws_reconnected", "fill")
    assert world.snapshot.feed.generation > 4
    assert len(world.told("ws_disconnected")) == 1
    assert len(world.told("ws_connect_failed")) == 1, "said once, however often it is tried"
    assert len(world.told("ws_reconnected")) == 1
    assert len(world.told("grid_recentered")) == 0


@pytest.mark.real_time
async def test_t04_reconnects_leave_one_connection_and_each_fill_counts_once(world: World) -> None:
    await world.start()
    await world.faults({"kind": "ws_delay", "channel": "userFills", "delay_ms": 300})
    for generation in range(2, 5):
        world.hit(100)
        await world.control("reconnect")
        await world.until(
            lambda g=generation: world.snapshot.feed.generation == g and world.snapshot.feed.ready,  # type: ignore[misc]
            "the next connection",
        )
    await reconnected(world, 3)
    truth = await world.check()
    assert len(truth["fills"]) == 3
    hub = world.exchange.server._hub
    assert hub is not None
    await world.until(lambda: len(list(hub.connections)) == 1, "the old ones are closed")
    streamed = world.coin().fills.from_ws
    for _ in range(4):
        world.hit(100)
        await world.until(lambda: world.coin().fills.total == world.fill_count(), "told once")
        if world.coin().fills.from_ws > streamed:
            break  # else a read that was due by chance was sooner
    assert world.coin().fills.from_ws > streamed, "the one that is left streams"
    await world.check()
