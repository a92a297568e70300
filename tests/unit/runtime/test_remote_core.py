"""A screen in another process: it reads what the core published, asks, and outlives the instance it shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from core.domain.commands import Action, Command, Operator
from core.domain.events import CommandReceived
from core.preview_view import PreviewView
from core.runtime import remote_core
from core.runtime.control import looking, server, watching
from core.runtime.control.server import ControlServer
from core.runtime.control.viewers import Viewers
from core.runtime.inbox import CAPACITY, Inbox
from core.runtime.remote_core import RemoteCore
from core.runtime.statedir import StateDir, StateLock
from core.view import RunState, Snapshot
from core.view.delta import patched
from tests.tui.factory import preview_view, snapshot

ALICE = Operator("alice", tty="pts/3")
BOB = Operator("bob", tty="pts/4")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(remote_core, "AGAIN_S", 0.02)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))


async def until(condition: Callable[[], object], what: str = "") -> None:
    for _ in range(1_500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"it never happened: {what}")


@dataclass
class Core:
    """What is behind the socket: an inbox, viewers, a server, and Snapshots as they are published."""

    state: StateDir
    inbox: Inbox = field(default_factory=Inbox)
    breaks: bool = False

    def __post_init__(self) -> None:
        self.viewers = Viewers(lambda command: self.inbox.force(CommandReceived(command)))
        self.server = ControlServer(
            self.state.socket, self.inbox, lambda _: {}, lambda _: None, self.viewers, self.preview
        )
        self.shown = snapshot()
        self.answers = asyncio.Event()
        """Whether the exchange answers what a preview asks it."""
        self.answers.set()
        self.publish()

    async def preview(self, coin: str) -> PreviewView:
        await self.answers.wait()
        if self.breaks:
            raise RuntimeError("a fault of ours")
        return preview_view(coin)

    def publish(self, **changes: Any) -> Snapshot:
        version = self.shown.version + 1
        self.shown = replace(self.shown, version=version, control=self.viewers.view, **changes)
        self.server.show(self.shown)
        return self.shown

    async def commands(self, *unwanted: Action) -> list[Command]:
        found = [item.command for item in await self.inbox.drain(0.05) if isinstance(item, CommandReceived)]
        return [command for command in found if command.action not in (Action.ATTACH, *unwanted)]


@asynccontextmanager
async def running(state: StateDir) -> AsyncIterator[Core]:
    state.prepare()
    with StateLock(state):
        core = Core(state)
        await core.server.start()
        try:
            yield core
        finally:
            await core.server.stop()


@asynccontextmanager
async def attached(core: Core, by: Operator) -> AsyncIterator[RemoteCore]:
    remote = RemoteCore(core.state, by, pace_hz=10)
    remote.start()
    try:
        await until(lambda: remote.latest() is not None and not remote.link_trouble(), "attached")
        core.publish()
        await until(lambda: remote.latest() == core.shown, "up to date")
        yield remote
    finally:
        remote.close()


async def test_a_viewer_sees_each_snapshot_as_it_was_published(tmp_path: Path) -> None:
    async with running(StateDir(tmp_path / "s")) as core, attached(core, ALICE) as remote:
        for price in range(5):
            coins = tuple(replace(coin, mid=coin.mid + price) for coin in core.shown.coins)
            shown = core.publish(coins=coins, events=core.shown.events[1:])
            await until(lambda: remote.latest() == core.shown, "the next one")
            assert remote.latest() == shown


async def test_a_viewer_that_sends_without_end_is_read_at_a_pace_that_a_held_key_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "COMMAND_PAUSE_S", 0.1)
    async with running(StateDir(tmp_path / "s")) as core, attached(core, ALICE) as remote:
        await core.commands()
        began = asyncio.get_running_loop().time()
        for _ in range(50):
            remote.submit(Action.ACKNOWLEDGE)
        heard: list[Command] = []
        async with asyncio.timeout(20):
            while len(heard) < 4:
                heard += await core.commands()
        assert asyncio.get_running_loop().time() - began >= 0.3


async def test_of_two_viewers_one_acts_and_the_core_itself_refuses_the_other(tmp_path: Path) -> None:
    async with (
        running(StateDir(tmp_path / "s")) as core,
        attached(core, ALICE) as first,
        attached(core, BOB) as second,
    ):
        await until(lambda: len(first.latest().control.viewers) == 2)  # type: ignore[union-attr]
        assert (first.acting_refusal(), second.acting_refusal()) == (
            "",
            "view only: alice@pts/3 acts, K takes over",
        )
        await core.commands()
        assert second.submit(Action.FLATTEN, "BTC", by=BOB) is not None, "a screen that doesn't ask itself"
        await until(lambda: len(core.inbox))
        (refused,) = await core.commands()
        assert (refused.action, refused.by.user) == (Action.FLATTEN, "bob")
        assert refused.refusal == "view only: alice@pts/3 acts, K takes over"
        assert second.submit(Action.HALT, by=BOB) is not None
        await until(lambda: len(core.inbox))
        assert [command.refusal for command in await core.commands()] == [""]


async def test_taking_over_is_seen_by_both_and_a_viewer_that_goes_frees_it(tmp_path: Path) -> None:
    async with running(StateDir(tmp_path / "s")) as core, attached(core, ALICE) as first:
        async with attached(core, BOB) as second:
            second.submit(Action.TAKE_CONTROL, by=BOB)
            await until(lambda: core.viewers.view.holder == "bob@pts/4")
            core.publish()
            await until(lambda: first.acting_refusal() == "view only: bob@pts/4 acts, K takes over")
            await until(lambda: not second.acting_refusal())
        await until(lambda: not core.viewers.view.holder, "it went")
        core.publish()
        await until(lambda: not first.acting_refusal())
        lines = [f"{c.action.value}: {c.value}" for c in await core.commands()]
        assert lines == [
            "take_control: bob@pts/4 acts now, in place of alice@pts/3",
            "detach: bob@pts/4 left; nobody acts now, the first who does may",
        ]


async def test_the_same_command_id_of_a_viewer_is_the_desks_to_know(tmp_path: Path) -> None:
    async with running(StateDir(tmp_path / "s")) as core, attached(core, ALICE) as remote:
        await core.commands()
        id_ = remote.submit(Action.POLL, by=ALICE)
        await until(lambda: len(core.inbox))
        (command,) = await core.commands()
        assert (command.id, command.action, command.by) == (id_, Action.POLL, ALICE)


async def test_a_preview_comes_over_the_socket(tmp_path: Path) -> None:
    async with running(StateDir(tmp_path / "s")) as core, attached(core, ALICE) as remote:
        assert await asyncio.to_thread(remote.preview, "BTC") == preview_view("BTC")


async def test_no_halt_waits_for_a_preview_that_the_exchange_does_not_answer(tmp_path: Path) -> None:
    async with running(StateDir(tmp_path / "s")) as core, attached(core, ALICE) as remote:
        await core.commands()
        core.answers.clear()
        first = asyncio.create_task(asyncio.to_thread(remote.preview, "BTC"))
        await asyncio.sleep(0.05)
        id_ = remote.submit(Action.HALT, by=ALICE)
        assert [command.id for command in await core.commands()] == [id_]
        newest = asyncio.create_task(asyncio.to_thread(remote.preview, "ETH"))
        assert (await asyncio.wait_for(first, 5)).refusal == looking.OVERTAKEN
        core.answers.set()
        assert await asyncio.wait_for(newest, 5) == preview_view("ETH")


async def test_a_fault_in_a_preview_is_loud_and_the_next_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_core, "PREVIEW_WITHIN_S", 0.2)
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))
    async with running(StateDir(tmp_path / "s")) as core, attached(core, ALICE) as remote:
        core.breaks = True
        assert "did not answer in time" in (await asyncio.to_thread(remote.preview, "BTC")).refusal
        assert [str(fault) for fault in faults] == ["a fault of ours"]
        core.breaks = False
        assert await asyncio.to_thread(remote.preview, "BTC") == preview_view("BTC")


async def test_a_core_that_is_busy_is_read_as_a_refusal_of_the_command(tmp_path: Path) -> None:
    async with running(StateDir(tmp_path / "s")) as core, attached(core, ALICE) as remote:
        await core.commands()
        for number in range(CAPACITY):
            assert core.inbox.offer(CommandReceived(Command(str(number), Action.POLL)))
        id_ = remote.submit(Action.RESYNC, by=ALICE)

        def told() -> list[str]:
            shown = remote.latest()
            return [c.text for c in shown.commands if c.id == id_] if shown is not None else []

        await until(lambda: told() == ["the core is busy: its inbox is full; try again"])


@pytest.mark.parametrize(
    ("shown", "flags"),
    [
        ({"is_embedded": False}, "--exchange-url http://127.0.0.1:3001"),
        ({"is_embedded": False, "network": "testnet"}, "--network testnet"),
        ({"is_embedded": False, "network": "mainnet"}, "--network mainnet --live"),
    ],
)
async def test_the_way_to_start_it_again_names_the_exchange_that_it_traded_on(
    tmp_path: Path, shown: dict[str, Any], flags: str
) -> None:
    state = StateDir(tmp_path / "s")
    async with running(state) as core:
        core.publish(**shown)
        remote = RemoteCore(state, ALICE, pace_hz=10)
        remote.start()
        await until(lambda: remote.latest() == core.shown)
    await until(lambda: "has ended" in remote.link_trouble())
    assert f"`gridbot run {flags} --state-dir {state.path}` and its other flags" in remote.link_trouble()
    remote.close()


async def test_an_instance_that_ends_is_said_to_have_ended_and_is_found_again(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "s")
    async with running(state) as core:
        remote = RemoteCore(state, ALICE, pace_hz=10)
        remote.start()
        await until(lambda: remote.latest() is not None)
        last = core.shown
    await until(lambda: "has ended, and its orders may rest; start it again with" in remote.link_trouble())
    assert str(state.path) in remote.link_trouble()
    assert "`gridbot run --state-dir" in remote.link_trouble(), "the exchange inside needs no address"
    assert remote.acting_refusal() == remote.link_trouble()
    assert remote.submit(Action.HALT) is None
    assert remote.latest() == last, "what was seen last stays, with its age"
    async with running(state) as core:
        await until(lambda: not remote.link_trouble())
        core.publish(state=RunState.STOPPING)
        await until(lambda: remote.latest() == core.shown)
    await until(lambda: "the instance has stopped; start it again" in remote.link_trouble())
    assert not remote.wait_ended(0)
    remote.close()
    assert remote.wait_ended(0)


async def test_an_instance_without_its_socket_is_said_not_to_answer(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "s")
    state.prepare()
    with StateLock(state):
        remote = RemoteCore(state, ALICE)
        remote.start()
        await until(lambda: "does not answer on its socket" in remote.link_trouble())
        assert "it may be starting" in remote.link_trouble()
        assert (await asyncio.to_thread(remote.preview, "BTC")).refusal == remote.link_trouble()
        remote.close()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"ok": False, "text": "'watch' is not a command"}, "is older than gridbot"),
        ({"ok": False, "text": "16 screens look on already; close one"}, "close one"),
        ({"ok": False, "text": "this instance speaks version 2"}, "speaks version 2"),
        ([1, 2], "can't be read"),
        ({"snapshot": {"version": 1}}, "does not answer on its socket"),
    ],
    ids=["older", "too many", "another protocol", "no object", "another shape"],
)
async def test_an_instance_of_another_kind_is_a_sentence(tmp_path: Path, answer: Any, says: str) -> None:
    state = StateDir(tmp_path / "s")
    state.prepare()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        await reader.read()
        writer.close()

    with StateLock(state):
        async with await asyncio.start_unix_server(serve, state.socket):
            remote = RemoteCore(state, ALICE)
            remote.start()
            await until(lambda: says in remote.link_trouble(), says)
            assert remote.latest() is None
            remote.close()


class _Idle:
    """A viewer's connection of which no more is read than has been: ``drain`` waits until it is read on."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.transport = self

    def set_write_buffer_limits(self, high: int) -> None:
        self.high = high

    def write(self, line: bytes) -> None:
        self.lines.append(json.loads(line))

    async def drain(self) -> None:
        await self.reads.wait()

    def is_closing(self) -> bool:
        return False


async def test_one_that_reads_slowly_has_one_line_waiting_and_then_gets_a_whole_snapshot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "BEHIND_S", 0.03)
    shown = [snapshot()]
    idle = _Idle()
    stream = asyncio.create_task(watching.Watching(idle, lambda: shown[-1], 1_000).run())  # type: ignore[arg-type]
    await until(lambda: len(idle.lines) == 1)
    idle.reads.clear()
    shown.append(replace(shown[-1], version=100))
    await until(lambda: len(idle.lines) == 2)
    for version in range(101, 120):
        shown.append(replace(shown[-1], version=version))
        await asyncio.sleep(0.005)
    assert [list(line) for line in idle.lines] == [["snapshot"], ["delta"]], "nothing piles up"
    idle.reads.set()
    await until(lambda: len(idle.lines) == 3)
    assert idle.lines[2]["snapshot"]["version"] == 119
    stream.cancel()


async def test_the_last_word_is_told_though_its_turn_has_not_come() -> None:
    shown = [snapshot()]
    idle = _Idle()
    stream = asyncio.create_task(watching.Watching(idle, lambda: shown[-1], 0.001).run())  # type: ignore[arg-type]
    await until(lambda: len(idle.lines) == 1)
    shown.append(replace(shown[-1], version=100, state=RunState.STOPPING))
    stream.cancel()
    await asyncio.wait([stream])
    assert stream.cancelled()
    assert patched(shown[0], idle.lines[-1]["delta"]).state is RunState.STOPPING


async def test_one_that_reads_nothing_is_dropped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "DEAD_S", 0.02)
    idle = _Idle()
    idle.reads.clear()
    why = await watching.Watching(idle, snapshot, 1_000).run()  # type: ignore[arg-type]
    assert "read nothing for" in why
    assert len(idle.lines) == 1


class _GivenUpMeanwhile(dict[str, Any]):
    """Whoever asked gives up right after it was seen that he waits."""

    def __contains__(self, key: object) -> bool:
        return self.pop(str(key), None) is not None


async def test_an_answer_that_comes_as_its_asker_gives_up_does_not_end_the_link(tmp_path: Path) -> None:
    async with running(StateDir(tmp_path / "s")) as core, attached(core, ALICE) as remote:
        remote._previews = _GivenUpMeanwhile(remote._previews)
        asked = asyncio.create_task(asyncio.to_thread(remote.preview, "BTC"))
        await until(lambda: asked.done() or not remote._thread.is_alive())
        assert remote._thread.is_alive()
        core.publish()
        await until(lambda: remote.latest() == core.shown, "it reads on")
