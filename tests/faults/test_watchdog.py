"""The watchdog beside a bot that hangs, dies, halts, stops or comes back; what rests, and what it leaves."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.cloid import make_cloid
from core.domain.effects import Notify
from core.domain.orders import Side
from core.exchange.signing import Signer
from core.runtime import heartbeat, vigil, watchdog
from core.runtime.account_loop import AccountLoop
from core.runtime.keys import Identity
from core.runtime.keys.places import KeyPlace
from core.runtime.keys.succession import Successor
from core.runtime.statedir import UsageError
from core.runtime.watchdog import Watchdog
from tests.faults.world import GRID, World, living
from tests.unit.exchange.samples import KEY
from tests.unit.runtime.agents import Wallet

AFTER_MS = 1_500
LOW = Decimal(109_000)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real times are a minute's; how they relate stays."""
    monkeypatch.setattr(heartbeat, "BEAT_EVERY_MS", 200)
    monkeypatch.setattr(watchdog, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(watchdog, "RETRY_S", 0.2)
    monkeypatch.setattr(watchdog, "PROOF_APART_S", 0.3)
    monkeypatch.setattr(vigil, "AGAIN_MS", 500)


class Dog:
    """One that runs beside the world's bot, and what it has said."""

    def __init__(self, world: World, key: Identity | None = None) -> None:
        self.told: list[Notify] = []
        self._dog = Watchdog(
            world.plan().state,
            AFTER_MS,
            self._identity,
            self._hear,
        )
        self._key = key or Identity(world.exchange.user, Signer(KEY, False))
        self.lacks_key = False
        self.task = asyncio.create_task(self._dog.run())

    def _identity(self, _network: str) -> Identity:
        if self.lacks_key:
            raise UsageError("the key file is gone; put it back")
        return self._key

    def _hear(self, notice: Notify, _time_ms: int) -> None:
        self.told.append(notice)

    def names(self) -> list[str]:
        return [notice.name for notice in self.told]

    def said(self, name: str) -> dict[str, object]:
        return next(dict(notice.fields) for notice in self.told if notice.name == name)

    async def end(self) -> None:
        self._dog.stop()
        await self.task


@asynccontextmanager
async def dog_beside(world: World, key: Identity | None = None) -> AsyncIterator[Dog]:
    dog = Dog(world, key)
    try:
        await world.until(lambda: "watchdog_armed" in dog.names(), "it is armed")
        yield dog
    finally:
        await dog.end()


async def test_the_grid_of_a_killed_bot_is_taken_back_and_its_stop_stays_and_so_does_what_is_foreign(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, stop_loss_low=LOW) as world:
        await world.start()
        world.hit(400, 400)
        await world.until(lambda: world.stops(), "a stop rests")
        foreign = await world.place_by_hand(Side.BUY, world.instrument().price_units(Decimal(90_000)), 200)
        async with dog_beside(world) as dog:
            await world.crash()
            await world.until(lambda: "watchdog_orders_cancelled" in dog.names(), "it says that none rests")
            assert not world.ours()
            assert len(world.stops()) == 1
            assert foreign in {order.oid for order in world.resting()}
            assert dog.said("watchdog_orders_cancelled")["cancelled"] == GRID - 2 or world.lots()
        await world.start(resting=None)
        await world.until(world.is_whole, "the bot that comes back places its grid anew")
        await world.check()


async def test_orders_of_another_gridbot_on_the_account_are_left_alone(world: World) -> None:
    await world.start()
    async with dog_beside(world) as dog:
        await world.crash()
        price = world.instrument().price_units(Decimal(90_000))
        others = await world.place_by_hand(Side.BUY, price, 200, cloid=make_cloid("0badc0de", "b0070001", 1))
        await world.until(lambda: "watchdog_orders_cancelled" in dog.names(), "it says that none rests")
        assert [order.oid for order in world.ours()] == [others]


@pytest.mark.parametrize("is_approved", [True, False], ids=["the next", "the present"])
async def test_of_the_two_keys_of_a_rotation_it_cancels_with_the_one_that_the_exchange_takes(
    world: World, is_approved: bool
) -> None:
    account, unknown, following = Wallet(KEY), Wallet(), Wallet()
    if is_approved:
        venue = world.venue.venue
        venue.agents.approve(venue.see(account.address), following.address, "grid", world.venue.now_ms())
    present = unknown if is_approved else account
    successor = Successor(following.signer, KeyPlace("paper", account.address))
    await world.start()
    async with dog_beside(world, Identity(account.address, present.signer, successor=successor)) as dog:
        await world.crash()
        await world.until(lambda: "watchdog_orders_cancelled" in dog.names(), "its orders are gone")
        assert not world.ours()


async def test_a_loop_that_hangs_is_found_though_its_process_and_its_event_loop_live(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.start()
    thawed = asyncio.Event()
    drain = world.run.session.inbox.drain

    async def hang(wait_s: float) -> object:
        await thawed.wait()
        return await drain(wait_s)

    async with dog_beside(world) as dog:
        monkeypatch.setattr(world.run.session.inbox, "drain", hang)
        await world.until(lambda: "watchdog_orders_cancelled" in dog.names(), "its orders are gone")
        assert not world.ours()
        thawed.set()
        await world.until(lambda: "watchdog_bot_returned" in dog.names(), "it is watched again")
        await world.check()
        assert len(world.ours()) == GRID, "and quotes anew by its own rules"
        assert dog.names().count("watchdog_bot_lost") == 1


async def test_a_disk_that_hangs_under_the_heartbeat_holds_up_no_trading_and_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opens a pipe that nobody reads waits like one whose disk hangs."""
    monkeypatch.setattr(heartbeat, "STUCK_MS", 500)
    await world.start()
    path = world.plan().state.heartbeat
    await world.until(path.exists, "it beats")
    path.unlink()
    os.mkfifo(path)
    await world.until(lambda: world.told("heartbeat_failed"), "it says so")
    before = {order.cloid for order in world.ours()}
    world.move(1.5)
    await world.until(lambda: world.is_whole() and before.isdisjoint(o.cloid for o in world.ours()), "anew")
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    path.unlink()
    await world.until(path.exists, "it beats again")
    os.close(reader)
    await world.check()


async def test_it_leaves_alone_a_bot_that_is_halted_or_has_stopped_in_order(world: World) -> None:
    await world.start()
    async with dog_beside(world) as dog:
        await world.control("halt")
        await world.until(lambda: "watchdog_at_rest" in dog.names(), "nothing of a halted bot rests")
        await world.control("resume")
        await world.until(lambda: dog.names().count("watchdog_armed") == 2, "armed again")
        await world.until(world.is_whole, "the grid")
        await world.stop()
        await world.until(lambda: dog.names().count("watchdog_at_rest") == 2, "stopped in order")
        await asyncio.sleep(2 * AFTER_MS / 1000)
        assert "watchdog_bot_lost" not in dog.names()


async def the_last_beat(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No beat comes any more because it is time."""
    path = world.plan().state.heartbeat
    before = heartbeat.read_beat(path)
    assert before is not None
    monkeypatch.setattr(heartbeat, "BEAT_EVERY_MS", 3_600_000)
    await world.until(lambda: heartbeat.read_beat(path) != before, "the one that was due")


async def test_that_orders_may_rest_is_on_the_disk_before_the_first_one_leaves_after_a_resume(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bot that is killed between its resume and its next beat."""
    await world.start()
    async with dog_beside(world) as dog:
        await world.control("halt")
        await world.until(lambda: "watchdog_at_rest" in dog.names(), "nothing of a halted bot rests")
        await the_last_beat(world, monkeypatch)
        said = list[bool]()

        def look(*_: object) -> None:
            beat = heartbeat.read_beat(world.plan().state.heartbeat)
            if world.ours() and beat is not None:
                said.append(beat.leaves_orders)

        world.venue.listen(look)
        await world.control("resume")
        await world.until(world.ours, "the grid is placed")
        await world.crash()
        assert said
        assert all(said), "whatever moment it is killed at"
        await world.until(lambda: "watchdog_orders_cancelled" in dog.names(), "its orders are gone")
        assert not world.ours()


async def test_a_heartbeat_that_says_at_rest_and_cannot_be_written_holds_the_grid_back_and_no_way_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.start()
    world.hit(400)
    await world.check()
    path = world.plan().state.heartbeat
    async with dog_beside(world) as dog:
        await world.control("halt")
        await world.until(lambda: "watchdog_at_rest" in dog.names(), "nothing of a halted bot rests")
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", _no_space)
            await world.control("resume")
            await world.until(lambda: world.told("circuit_break"), "it says why nothing is placed")
            await world.turn()
            assert not world.ours()
            assert any("a watchdog would leave these orders alone" in str(e.fields) for e in world.events)
            assert str(path) in str(world.told("heartbeat_failed"))
            answer = await world.control("flatten", "BTC")
            assert answer["ok"], answer
            assert not world.lots(), "I7"
        await world.control("resume")
        await world.until(world.is_whole, "the grid is placed once it can be written", 60)


def _no_space(*_: object) -> int:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("missing", ["frontendOpenOrders", "cancelByCloid"], ids=["the list", "the cancels"])
async def test_a_halted_start_from_a_backup_is_not_at_rest_while_orders_that_it_does_not_know_may_rest(
    world: World, missing: str
) -> None:
    await world.start()
    await world.control("halt")
    await world.stop()
    journal = world.plan().state.journal
    backup = journal.read_bytes()
    await world.start(resting=None)
    await world.until(lambda: world.is_halted("operator"), "as it was")
    await world.control("resume")
    await world.until(world.is_whole, "the grid")
    await world.control("stop", value="keep")
    await world.run.task
    journal.write_bytes(backup)
    await world.faults({"kind": "http_500", "action": missing})
    await world.start(resting=None)
    async with dog_beside(world) as dog:
        await world.struck(times=2)
        await asyncio.sleep(3 * heartbeat.BEAT_EVERY_MS / 1000)
        assert len(world.ours()) == GRID
        assert "watchdog_at_rest" not in dog.names()
        await world.crash()
        await world.faults()
        await world.until(lambda: "watchdog_orders_cancelled" in dog.names(), "they are gone")
        assert not world.ours()
        await world.start(resting=None)
        await world.until(lambda: "watchdog_at_rest" in dog.names(), "the next one has seen that none rests")


async def test_it_goes_on_trying_while_the_exchange_answers_nothing(world: World) -> None:
    await world.start()
    async with dog_beside(world) as dog:
        await world.faults({"kind": "http_503", "action": "cancelByCloid", "count": 2})
        await world.crash()
        await world.until(lambda: "watchdog_cancel_failed" in dog.names(), "it says that it couldn't")
        await world.until(lambda: "watchdog_orders_cancelled" in dog.names(), "and did it in the end")
        assert not world.ours()
        assert dog.names().count("watchdog_cancel_failed") == 1, "twice for one reason is told once"


async def test_a_key_that_is_away_when_it_is_needed_is_told_of_and_looked_for_again(world: World) -> None:
    await world.start()
    async with dog_beside(world) as dog:
        dog.lacks_key = True
        await world.crash()
        await world.until(lambda: "watchdog_cannot_reach" in dog.names(), "it says what is missing")
        assert world.ours()
        dog.lacks_key = False
        await world.until(lambda: "watchdog_orders_cancelled" in dog.names(), "and does it with the key")
        assert not world.ours()


async def test_a_list_of_coins_that_lacks_rows_hides_no_order_of_the_bot_from_it(world: World) -> None:
    await world.start()
    async with dog_beside(world) as dog:
        await world.faults({"kind": "http_corrupt", "action": "meta", "mode": "short", "count": 1})
        await world.crash()
        await world.until(lambda: "watchdog_orders_cancelled" in dog.names(), "it says that none rests")
        assert not world.ours(), "and none does"
        assert dog.said("watchdog_orders_cancelled")["cancelled"] == GRID
        assert "watchdog_cancel_failed" not in dog.names()


async def test_orders_of_finer_sizes_than_the_coin_has_by_now_are_taken_back_too(world: World) -> None:
    await world.start()
    assert any(order.remaining % 1_000 for order in world.ours())
    async with dog_beside(world) as dog:
        await world.crash()
        await world.faults({"kind": "meta_change", "coin": "BTC", "sz_decimals": 2})
        await world.until(lambda: "watchdog_orders_cancelled" in dog.names(), "it says that none rests")
        assert not world.ours()
        assert "watchdog_cannot_reach" not in dog.names()


async def test_a_bot_that_goes_on_while_its_orders_are_taken_back_keeps_what_it_places(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look at the open orders and the cancel are apart: what the bot does between them decides."""
    await world.start()
    async with dog_beside(world) as dog:
        monkeypatch.setattr(watchdog, "PROOF_APART_S", 3.0)
        turn = AccountLoop.turn
        gate = asyncio.Event()

        async def held(self: AccountLoop, items: list[object]) -> None:
            await gate.wait()
            await turn(self, items)  # type: ignore[arg-type]

        monkeypatch.setattr(AccountLoop, "turn", held)
        await world.until(lambda: not world.ours(), "taken back")
        gate.set()
        await world.until(lambda: "watchdog_stands_back" in dog.names(), "it gives up looking")
        await world.check()
        assert len(world.ours()) == GRID


@pytest.mark.parametrize("when", ["at its start", "meanwhile"])
async def test_a_watchdog_of_another_version_than_its_bot_says_so_and_ends_and_cancels_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    await world.start()
    write = os.pwrite

    def of_another_version(fd: int, data: bytes, offset: int) -> int:
        said = {**json.loads(data), "version": "9.1.0", "mood": "calm"}
        return write(fd, json.dumps(said).encode().ljust(heartbeat.SIZE), offset)

    if when == "at its start":
        monkeypatch.setattr(os, "pwrite", of_another_version)
        await world.until(lambda: b"mood" in world.plan().state.heartbeat.read_bytes(), "it beats")
    dog = Dog(world)
    if when == "meanwhile":
        await world.until(lambda: "watchdog_armed" in dog.names(), "it is armed")
        monkeypatch.setattr(os, "pwrite", of_another_version)
    with pytest.raises(
        UsageError, match=r"a bot of 9\.1\.0, this is .*: start the watchdog of the same version"
    ):
        await asyncio.wait_for(dog.task, 10)
    assert dog.told[-1].name == "watchdog_refused"
    assert len(world.ours()) == GRID, "it can't judge whether the bot lives"


async def test_a_bot_on_the_embedded_exchange_or_of_another_key_is_not_watched(world: World) -> None:
    await world.start()
    state = world.plan().state
    told = list[Notify]()
    stranger = Identity("0x" + "1" * 40, Signer(KEY, False))
    with pytest.raises(UsageError, match=r"the key here is for 0x1111"):
        await Watchdog(state, AFTER_MS, lambda _: stranger, lambda notice, _: told.append(notice)).run()
    assert told[-1].name == "watchdog_refused", "its stderr may be read by nobody"
    assert dict(told[-1].fields)["reason"].startswith("nothing is guarded: the bot of")  # type: ignore[union-attr]
    await world.stop()
    heartbeat.Heartbeat(
        state.heartbeat, heartbeat.Beat("b", 1, "paper", "0x", "i", url=""), lambda _: None
    ).end()
    with pytest.raises(UsageError, match="ends with its bot"):
        await Watchdog(state, AFTER_MS, lambda _: stranger, lambda *_: None).run()
