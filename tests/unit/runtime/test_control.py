"""The control socket: one JSON object a line each way, for this user alone, each command once."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.domain.commands import Action, Command, Operator, Origin
from core.domain.events import CommandReceived
from core.engine.operator_desk import Outcome
from core.preview_view import PreviewView
from core.runtime.control import protocol, server
from core.runtime.control.protocol import LINE_MAX
from core.runtime.control.server import ControlServer
from core.runtime.control.viewers import Viewers
from core.runtime.control.watching import Watching
from core.runtime.control_client import ask, find_instance
from core.runtime.inbox import CAPACITY, Inbox
from core.runtime.statedir import StateDir, StateLock, UsageError
from core.view import CommandStatus
from tests.unit.exchange.samples import until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(server, "POLL_S", 0.005)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))


@dataclass
class Desk:
    """The core behind the socket."""

    path: Path
    inbox: Inbox = field(default_factory=Inbox)
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def status(self, full: bool) -> dict[str, Any]:
        return {"state": "running", "position": Decimal("0.5"), **({"orders": []} if full else {})}

    async def preview(self, coin: str) -> PreviewView:
        return PreviewView(coin, 5, refusal="no price yet")

    def conclude(self, command: str, status: str, text: str = "") -> None:
        self.outcomes[command] = Outcome(Command(command, Action.HALT), CommandStatus(status), text, 5)

    async def received(self) -> Command:
        (item,) = await self.inbox.drain(5)
        assert isinstance(item, CommandReceived)
        return item.command

    async def say(self, *lines: object) -> list[Any]:
        """One client: send lines, read as many answers; ``None`` once it has been cut off."""
        reader, writer = await asyncio.open_unix_connection(self.path, limit=4 * LINE_MAX)
        try:
            answers = []
            for line in lines:
                writer.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
                try:
                    answer = await asyncio.wait_for(reader.readline(), 5)
                except ConnectionError:
                    answer = b""
                answers.append(json.loads(answer) if answer else None)
            return answers
        finally:
            writer.close()


@asynccontextmanager
async def _serving(directory: Path) -> AsyncIterator[Desk]:
    desk = Desk(directory / "control.sock")
    viewers = Viewers(lambda command: desk.inbox.force(CommandReceived(command)))
    served = ControlServer(desk.path, desk.inbox, desk.status, desk.outcomes.get, viewers, desk.preview)
    await served.start()
    try:
        yield desk
    finally:
        await served.stop()
        assert not desk.path.exists()


def _command(cmd: str = "halt", **more: Any) -> dict[str, Any]:
    return {"v": 1, "cmd": cmd, **more}


async def test_the_socket_is_for_this_user_alone_and_replaces_a_dead_one(tmp_path: Path) -> None:
    (tmp_path / "control.sock").touch()
    async with _serving(tmp_path) as desk:
        assert stat.S_IMODE(desk.path.stat().st_mode) == 0o600


async def test_another_users_directory_is_no_place_for_a_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    with pytest.raises(UsageError, match=r"belongs to another user.*shorter --state-dir"):
        async with _serving(tmp_path):
            pass


async def test_status_is_answered_at_once_on_a_connection_that_stays(tmp_path: Path) -> None:
    async with _serving(tmp_path) as desk:
        answers = await desk.say(_command("status"), _command("status"))
        assert answers == [{"ok": True, "status": {"state": "running", "position": "0.5"}}] * 2
        assert await desk.inbox.drain(0) == []


async def test_thousands_that_are_only_there_take_no_descriptors_from_trading_and_keep_nobody_from_a_halt(
    tmp_path: Path,
) -> None:
    async with _serving(tmp_path) as desk:
        before, there = len(os.listdir("/proc/self/fd")), []
        for _ in range(5 * server.MOST_CLIENTS):
            reader, writer = await asyncio.open_unix_connection(desk.path)
            writer.write(b'{"v":1,"cmd":"sta')
            there.append((reader, writer))
        await asyncio.sleep(0.1)
        served = len(os.listdir("/proc/self/fd")) - before - len(there)
        assert served <= server.MOST_CLIENTS + 1
        asked = asyncio.create_task(desk.say(_command(id="7")))
        assert (await desk.received()).action is Action.HALT
        desk.conclude("7", "done", "halted")
        assert (await asked)[0]["text"] == "halted"
        assert await asyncio.wait_for(there[0][0].read(), 5) == b"", "the first of them had to go"
        for _, writer in there:
            writer.close()


async def test_one_too_many_among_those_that_are_being_answered_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CLIENTS", 2)
    async with _serving(tmp_path) as desk:
        asked = [asyncio.create_task(desk.say(_command(id=id_))) for id_ in "12"]
        await asyncio.sleep(0.05)
        assert len(await desk.inbox.drain(0)) == 2
        assert (await desk.say(_command("status")))[0]["text"] == server.CROWDED
        for id_ in "12":
            desk.conclude(id_, "done")
        await asyncio.gather(*asked)


@pytest.mark.parametrize(("status", "ok"), [("done", True), ("refused", False), ("failed", False)])
async def test_a_command_is_answered_once_it_has_ended(tmp_path: Path, status: str, ok: bool) -> None:
    async with _serving(tmp_path) as desk:
        asked = asyncio.create_task(desk.say(_command(coin="BTC", id="7", origin="screen")))
        assert await desk.received() == Command("7", Action.HALT, "BTC", Origin.SCREEN)
        desk.conclude("7", "running")
        await asyncio.sleep(0.03)
        assert not asked.done()
        desk.conclude("7", status, "a sentence")
        assert await asked == [{"ok": ok, "outcome": status, "text": "a sentence", "id": "7"}]


@pytest.mark.parametrize("own", ["tui", "risk", "session", "restart", "stop", "", "cron", 7])
async def test_no_client_speaks_as_the_core_itself(tmp_path: Path, own: object) -> None:
    """A flatten of origin ``session`` would close the position and halt nothing."""
    async with _serving(tmp_path) as desk:
        asked = asyncio.create_task(desk.say(_command("flatten", coin="BTC", id="7", origin=own)))
        assert (await desk.received()).origin is Origin.CLI
        desk.conclude("7", "done")
        await asked


async def test_the_same_id_goes_to_the_desk_which_acts_once_and_both_are_answered(tmp_path: Path) -> None:
    async with _serving(tmp_path) as desk:
        desk.conclude("7", "done", "halted")
        answers = await asyncio.gather(*(desk.say(_command(id="7")) for _ in range(3)))
        assert answers == [[{"ok": True, "outcome": "done", "text": "halted", "id": "7"}]] * 3


async def test_a_command_without_an_id_gets_one_of_its_own(tmp_path: Path) -> None:
    async with _serving(tmp_path) as desk:
        both = [asyncio.create_task(desk.say(_command("poll"))) for _ in range(2)]
        ids: set[str] = set()
        while len(ids) < 2:
            for item in await desk.inbox.drain(5):
                assert isinstance(item, CommandReceived)
                ids.add(item.command.id)
        for each in ids:
            desk.conclude(each, "done")
        found = [answer for (answer,) in await asyncio.gather(*both)]
        assert {answer["id"] for answer in found} == ids


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"garbage\n", "not a JSON object"),
        (b"\n", "not a JSON object"),
        (b"[1]\n", "not a JSON object"),
        (b"\xff\xfe\n", "not a JSON object"),
        ({"cmd": "status"}, "speaks version 1"),
        ({"v": 2, "cmd": "halt"}, "speaks version 1"),
        ({"v": "1", "cmd": "halt"}, "speaks version 1"),
        (_command("explode"), "'explode' is not a command"),
        (_command("HALT"), "'HALT' is not a command"),
        ({"v": 1}, "None is not a command"),
        ({"v": 1, "cmd": ["halt"]}, "['halt'] is not a command"),
        ({"v": 1, "cmd": {"halt": 1}}, "is not a command"),
        (_command("attach"), "'attach' is not a command"),
        (_command("take_control"), "'take_control' is not a command"),
        (
            _command("watch", shape="of another", version="0.0.9"),
            "with other screens than yours (0.0.9): attach with its",
        ),
    ],
    ids=str,
)
async def test_a_line_that_is_no_command_is_refused_and_the_next_is_heard(
    tmp_path: Path, line: object, says: str
) -> None:
    async with _serving(tmp_path) as desk:
        refused, heard = await desk.say(line, _command("status"))
        assert (refused["ok"], refused["outcome"]) == (False, "refused")
        assert says in refused["text"]
        assert heard["ok"]
        assert await desk.inbox.drain(0) == []


async def test_an_endless_line_ends_its_client_alone(tmp_path: Path) -> None:
    async with _serving(tmp_path) as desk:
        assert await desk.say(b"x" * (3 * LINE_MAX)) == [None]
        assert (await desk.say(_command("status")))[0]["ok"]


async def test_another_user_is_not_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_peer_uid", lambda _writer: os.getuid() + 1)
    async with _serving(tmp_path) as desk:
        assert await desk.say(_command("halt")) == [None]
        assert await desk.inbox.drain(0) == []


async def test_the_uid_of_the_peer_is_the_kernels_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, real = [], server._peer_uid

    def note(writer: asyncio.StreamWriter) -> int:
        seen.append(real(writer))
        return seen[-1]

    monkeypatch.setattr(server, "_peer_uid", note)
    async with _serving(tmp_path) as desk:
        await desk.say(_command("status"))
    assert seen == [os.getuid()]


async def test_a_core_whose_inbox_is_full_says_that_it_is_busy(tmp_path: Path) -> None:
    async with _serving(tmp_path) as desk:
        for number in range(CAPACITY):
            assert desk.inbox.offer(CommandReceived(Command(str(number), Action.POLL)))
        (answer,) = await desk.say(_command("resync"))
        assert "busy" in answer["text"]


@pytest.mark.parametrize("cmd", ["halt", "flatten", "cancel_all"])
async def test_a_way_out_is_taken_by_a_core_whose_inbox_is_full(tmp_path: Path, cmd: str) -> None:
    async with _serving(tmp_path) as desk:
        for number in range(CAPACITY):
            assert desk.inbox.offer(CommandReceived(Command(str(number), Action.POLL)))
        desk.conclude("7", "done")
        assert (await desk.say(_command(cmd, id="7")))[0]["ok"]
        newest = (await desk.inbox.drain(0, CAPACITY + 1))[-1]
        assert isinstance(newest, CommandReceived)
        assert newest.command.action.value == cmd


async def test_a_core_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ANSWER_WITHIN_S", 0.05)
    async with _serving(tmp_path) as desk:
        (nothing,) = await desk.say(_command(id="7"))
        assert nothing == {"ok": False, "outcome": "refused", "text": "no answer from the core"}
        desk.conclude("8", "running", "cancelling 3 orders")
        (late,) = await desk.say(_command(id="8"))
        assert late == {"ok": False, "outcome": "running", "text": "cancelling 3 orders", "id": "8"}


async def test_clients_do_not_wait_for_each_other_and_stopping_waits_for_none(tmp_path: Path) -> None:
    async with _serving(tmp_path) as desk:
        waiting = [asyncio.create_task(desk.say(_command(id=str(n)))) for n in range(20)]
        await until(lambda: len(desk.inbox._items) == 20)
        assert (await desk.say(_command("status")))[0]["ok"]
    assert await asyncio.gather(*waiting) == [[None]] * 20


async def test_a_client_that_leaves_in_the_middle_harms_nobody(tmp_path: Path) -> None:
    async with _serving(tmp_path) as desk:
        _, writer = await asyncio.open_unix_connection(desk.path)
        writer.write(json.dumps(_command(id="7")).encode() + b"\n")
        await desk.received()
        writer.transport.abort()
        desk.conclude("7", "done")
        assert (await desk.say(_command("status")))[0]["ok"]


async def test_the_command_line_finds_the_instance_and_asks_it(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "one")
    state.prepare()
    with pytest.raises(UsageError, match="no gridbot of this user is running"):
        find_instance(None)
    with pytest.raises(UsageError, match=r"no gridbot runs on .*one; start one with"):
        find_instance(state)
    with StateLock(state):
        assert find_instance(None) == find_instance(state) == state
        with pytest.raises(UsageError, match=rf"pid {os.getpid()}\) does not answer"):
            ask(state, "status")
        async with _serving(state.path) as desk:
            assert (await asyncio.to_thread(ask, state, "status"))["ok"]
            asked = asyncio.create_task(
                asyncio.to_thread(ask, state, "halt", "BTC", "", Operator("bob", "10.0.0.1"))
            )
            command = await desk.received()
            assert (command.coin, command.asked_by) == ("BTC", "cli (bob from 10.0.0.1)")
            desk.conclude(command.id, "done", "halted")
            assert (await asked)["text"] == "halted"
        other = StateDir(tmp_path / "two")
        other.prepare()
        with (
            StateLock(other),
            pytest.raises(UsageError, match=r"2 instances are running; name one:\n  --state-dir"),
        ):
            find_instance(None)


@pytest.mark.parametrize(("owner", "named"), [(0, "root"), (2**31 - 9, "#2147483639")])
async def test_an_instance_of_another_user_is_called_that_and_not_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: int, named: str
) -> None:
    state = StateDir(tmp_path / "one")
    state.prepare()
    monkeypatch.setattr(os, "getuid", lambda: 12_345)
    monkeypatch.setattr(sys, "argv", ["gridbot", "status"])
    seen = os.stat_result((0o40700, 0, 0, 0, owner, 0, 0, 0, 0, 0))
    monkeypatch.setattr(Path, "stat", lambda _: seen)
    for ask_it in (lambda: find_instance(state), lambda: ask(state, "status")):
        with pytest.raises(
            UsageError, match=rf"belongs to the user {named}.*sudo -u '?{named}'? gridbot status`"
        ):
            ask_it()


@pytest.mark.parametrize(
    ("answer", "says"),
    [(b"", "ended before it answered"), (b"[]\n", "ended"), (b"garbage\n", "does not answer")],
)
async def test_an_instance_that_answers_nonsense_is_named(tmp_path: Path, answer: bytes, says: str) -> None:
    state = StateDir(tmp_path)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    async with await asyncio.start_unix_server(serve, state.socket):
        with pytest.raises(UsageError, match=says):
            await asyncio.to_thread(ask, state, "status")


async def test_a_fault_in_a_viewers_stream_frees_its_place_and_is_not_swallowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> str:
        raise RuntimeError("a fault of ours")

    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))
    monkeypatch.setattr(Watching, "run", broken)
    async with _serving(tmp_path) as desk:
        hello, end = await desk.say(_command("watch", shape=protocol.shape()), b"")
        assert (hello["ok"], end) == (True, None)
        came, went = [
            item.command.action for item in await desk.inbox.drain(5) if isinstance(item, CommandReceived)
        ]
        assert (came, went) == (Action.ATTACH, Action.DETACH)
    gc.collect()
    assert [str(fault) for fault in faults] == ["a fault of ours"]


async def test_a_fault_in_an_answer_ends_its_client_alone_and_is_not_swallowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(desk: Desk, full: bool) -> dict[str, Any]:
        raise ValueError("a fault of ours")

    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))
    monkeypatch.setattr(Desk, "status", broken)
    async with _serving(tmp_path) as desk:
        assert await desk.say(_command("status")) == [None]
        answered = asyncio.create_task(desk.say(_command(id="7")))
        assert (await desk.received()).action is Action.HALT
        desk.conclude("7", "done")
        assert (await answered)[0]["ok"]
    gc.collect()
    assert [str(fault) for fault in faults] == ["a fault of ours"]
