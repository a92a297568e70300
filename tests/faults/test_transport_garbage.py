"""Answers and frames that can't be read, in part or at all (T8), and answers of a node that lags behind (T18)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from core.domain.orders import Side
from core.paper.jsonio import Json
from core.paper.server.frames import frame
from tests.faults.oddities import rewritten
from tests.faults.pace import BRISK, WATCHFUL, pace
from tests.faults.world import World

READS = ("frontendOpenOrders", "clearinghouseState", "userFillsByTime")


@pytest.fixture(autouse=True)
def watchful() -> Iterator[None]:
    with pace(WATCHFUL):
        yield


def hit_a_bid(world: World) -> None:
    world.hit(max((o for o in world.ours() if o.side is Side.BUY), key=lambda o: o.price).remaining)


def say(world: World, channel: str, data: Json) -> None:
    """A frame of the exchange's to every connection."""
    hub = world.exchange.server._hub
    assert hub is not None, "the server has started"
    for connection in hub.connections:
        connection.deliver(frame(channel, data))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http_html"},
        {"kind": "http_empty"},
        {"kind": "http_truncate"},
        {"kind": "http_corrupt", "mode": "garble"},
        {"kind": "http_corrupt", "mode": "truncate"},
    ],
    ids=lambda fault: "-".join(fault.values()),
)
async def test_t08_answers_that_are_no_json_are_told_and_believed_in_nothing(
    world: World, fault: dict[str, Any]
) -> None:
    await world.start()
    await world.faults(
        *({**fault, "action": read} for read in READS), {"kind": "ws_drop", "channel": "userFills"}
    )
    hit_a_bid(world)
    answer = await world.control("resync")
    assert "resync failed" in str(answer), answer
    await world.until(lambda: world.told("api_error"), "it says what it could not read")
    assert not world.told("position_drift_detected")
    await world.check("api_error", "fill")


@pytest.mark.real_time
@pytest.mark.parametrize("read", READS)
async def test_t08_one_answer_that_is_no_json_is_not_taken_for_an_empty_one(world: World, read: str) -> None:
    await world.start()
    await world.faults({"kind": "http_empty", "action": read})
    answer = await world.control("resync")
    assert "resync failed" in str(answer), answer
    await world.check()


@pytest.mark.parametrize("read", READS)
async def test_t08_answers_with_a_value_of_another_type_are_set_aside_with_their_text(
    world: World, read: str
) -> None:
    await world.start()
    await world.trade(Side.BUY, "0.001")
    await world.until(lambda: world.coin().fills.total == 1, "there is something to read")
    await world.faults(
        *(
            {"kind": "http_corrupt", "mode": "types", "action": read, "count": 2, "seed": s}
            for s in range(1, 9)
        )
    )
    for _ in range(12):
        await world.control("resync")
    await world.until(lambda: world.told("wire_quarantined"), "some were of no use")
    assert all(told["sample"] for told in world.told("wire_quarantined"))
    await world.check("wire_quarantined")


@pytest.mark.parametrize("channel", ["userFills", "orderUpdates", "bbo"])
@pytest.mark.parametrize("mode", ["truncate", "garble", "types", "short"])
async def test_t08_frames_that_are_damaged_lose_nothing(world: World, channel: str, mode: str) -> None:
    with pace(BRISK):
        await world.start()
        await world.faults({"kind": "ws_corrupt", "channel": channel, "mode": mode, "probability": 0.7})
        for number in range(6):
            world.hit(100, side=Side.SELL if number % 2 else Side.BUY)
            world.move(0.002 if number % 2 else -0.002)
            await world.turn()
        await world.struck()
        truth = await world.check("fill")
    assert len(truth["fills"]) >= 6


NOT_NUMBERS: list[tuple[str, Json]] = [
    (
        "bbo",
        {"coin": "BTC", "time": 1, "bbo": [{"px": "NaN", "sz": "1", "n": 1}, {"px": "1", "sz": "1", "n": 1}]},
    ),
    (
        "bbo",
        {
            "coin": "BTC",
            "time": 1,
            "bbo": [{"px": "", "sz": "1", "n": 1}, {"px": "Infinity", "sz": "1", "n": 1}],
        },
    ),
    (
        "bbo",
        {
            "coin": "BTC",
            "time": 1,
            "bbo": [{"px": 109700, "sz": "1", "n": 1}, {"px": "-1", "sz": "1", "n": 1}],
        },
    ),
    (
        "bbo",
        {"coin": "BTC", "time": 1, "bbo": [{"px": "1e5", "sz": True, "n": 1}, {"px": [], "sz": {}, "n": 1}]},
    ),
    ("orderUpdates", [{"order": {"coin": "BTC", "oid": "x", "sz": "NaN"}, "status": "open"}]),
    ("orderUpdates", {"order": None}),
    ("userFills", {"user": None, "fills": "none"}),
]


@pytest.mark.parametrize(("channel", "data"), NOT_NUMBERS)
async def test_t08_what_is_no_number_touches_nothing(world: World, channel: str, data: Json) -> None:
    await world.start()
    sent = set(world.watch.cloids)
    before = world.coin().grid.levels
    say(world, channel, data)
    (told,) = await world.until(lambda: world.told("wire_quarantined"), "it is set aside")
    assert (told["channel"], bool(told["reason"]), bool(told["sample"])) == (channel, True, True)
    await world.turn()
    assert world.coin().grid.levels == before
    assert world.watch.cloids == sent
    await world.check("wire_quarantined")
    assert world.snapshot.feed.quarantined == 1


async def test_t08_fields_and_values_that_are_new_change_nothing(world: World) -> None:
    await world.start()
    mid = world.instrument().price_text(world.mid())
    row: Json = {"px": mid, "sz": "1.0", "n": 1, "builder": None}
    say(world, "bbo", {"coin": "BTC", "time": 1, "bbo": [row, None], "seq": 7})
    say(world, "bbo", {"coin": "XYZ", "time": 1, "bbo": [None, None]})
    say(
        world,
        "orderUpdates",
        [{"order": {"coin": "XYZ"}, "status": "asleep", "statusTimestamp": 1, "seq": 7}],
    )
    world.move(0.01)
    await world.turn()
    with rewritten({"seq": 7, "builder": None}):
        world.hit(100)
        await world.check("fill")
    assert not world.told("wire_quarantined")


# -- a node that lags (T18) --------------------------------------------------------------------------------------


async def test_t18_a_node_that_lags_by_half_a_minute_makes_no_drift_and_undoes_nothing(world: World) -> None:
    await world.start()
    await world.faults({"kind": "rest_lag", "delay_ms": 30_000, "probability": 0.5, "seed": 5})
    for number in range(4):
        hit_a_bid(world) if number < 2 else world.hit(100, side=Side.BUY)
        await world.until(lambda: world.is_whole(), "the grid goes with it")
        await world.control("resync")
    await world.until(lambda: len(world.told("operator")) >= 4, "each resync has ended")
    assert not world.told("position_drift_detected")
    truth = await world.check("fill")
    assert len(truth["fills"]) >= 4
    assert not world.told("order_cancelled")


async def test_t18_an_order_that_a_lagging_node_does_not_know_is_not_dropped(world: World) -> None:
    with pace(BRISK):
        await world.start()
        await world.faults(
            {"kind": "rest_lag", "delay_ms": 30_000, "action": "orderStatus"},
            {"kind": "rest_lag", "delay_ms": 30_000, "action": "frontendOpenOrders"},
        )
        hit_a_bid(world)
        await world.until(lambda: world.is_whole(), "its sell rests")
        sent = set(world.watch.cloids)
        (sell,) = [o for o in world.ours() if o.oid == max(each.oid for each in world.ours())]
        asked = sum(await world.strikes())
        deadline = 8 + asked
        while sum(await world.strikes()) < deadline:
            await world.turn()
        assert world.watch.cloids == sent, "another took its place"
        assert sell.is_open
        await world.check()
        assert world.watch.cloids == sent
