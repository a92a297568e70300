"""Answers on the control socket, inside the core's loop. The socket is for this user alone."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from core import VERSION
from core.domain.commands import WAYS_OUT, Action, Command, Operator
from core.domain.events import CommandReceived
from core.engine.operator_desk import Outcome
from core.preview_view import PreviewView
from core.runtime.alert_trial import Ask, no_targets
from core.runtime.control.looking import Looking
from core.runtime.control.protocol import (
    ANSWER_WITHIN_S,
    LINE_MAX,
    Answer,
    RefusedLineError,
    command_of,
    encoded,
    operator_of,
    pace_of,
    refusal,
    request_of,
    shape,
    shape_refusal,
)
from core.runtime.control.viewers import Viewers
from core.runtime.control.watching import Watching
from core.runtime.inbox import Inbox
from core.runtime.statedir import UsageError
from core.view import CommandStatus, Snapshot

POLL_S = 0.05
LAST_WORDS = 20
"""Polls, at the end, for those who still wait for an answer."""

URGENT = WAYS_OUT | {Action.TAKE_CONTROL}
"""Whoever takes over has done so when it is told: that is written down."""

BUSY = "the core is busy: its inbox is full; try again"

MOST_CLIENTS = 64
"""Each takes a file descriptor, and trading needs some: of more, the one that has asked for nothing the longest goes."""

CROWDED = f"{MOST_CLIENTS} clients are being answered already; try again"

COMMAND_PAUSE_S = 0.02
"""Between two lines of one viewer: a held key sends thirty a second. A program that sends without end waits, not the core, to
which each command is an event and two rows of the journal.
"""

READS_WITHIN_S = 30.0
"""An answer that nobody reads for so long ends its client."""

Status = Callable[[bool], dict[str, Any]]
"""``True``: with the long lists, too."""
OutcomeOf = Callable[[str], Outcome | None]
PreviewOf = Callable[[str], Awaitable[PreviewView]]
Rotate = Callable[[str, Operator], Awaitable[str]]
"""Takes the key that is handed over at a path, and says what came of it. Raises ``UsageError`` if it isn't used."""


async def nothing_to_rotate(path: str, by: Operator) -> str:
    raise UsageError("no agent signs here, so none can be changed")


class ControlServer:
    """``show`` it each new Snapshot: viewers get it at their own pace."""

    def __init__(
        self,
        path: Path,
        inbox: Inbox,
        status: Status,
        outcome_of: OutcomeOf,
        viewers: Viewers,
        preview_of: PreviewOf,
        told_to_stop: Callable[[], None] = lambda: None,
        rotate: Rotate = nothing_to_rotate,
        alerts: Ask = no_targets,
    ) -> None:
        self._path, self._inbox, self._status, self._outcome_of = path, inbox, status, outcome_of
        self._viewers, self._preview_of, self._rotate, self._alerts = viewers, preview_of, rotate, alerts
        self._told_to_stop = told_to_stop
        self._awaited: set[str] = set()
        """Ids of commands of which somebody waits for the end."""
        self._latest: Snapshot | None = None
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[Any]] = set()
        self._silent: dict[asyncio.Task[Any], None] = {}
        """Those that ask for nothing now, the longest first."""

    def show(self, snapshot: Snapshot) -> None:
        self._latest = snapshot

    async def start(self) -> None:
        """The state dir's lock is held, so a socket file that is there is a dead one's.

        Raises ``UsageError`` if its directory (under the temporary one, for a long path) is another user's.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._path.parent.stat().st_uid != os.getuid():
            raise UsageError(
                f"{self._path.parent} belongs to another user, so no control socket is safe there; "
                "name a shorter --state-dir"
            )
        self._path.unlink(missing_ok=True)
        listening = socket.socket(
            socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        )
        listening.bind(str(self._path))
        self._path.chmod(0o600)  # before it listens, so nobody else can have come in between
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=LINE_MAX)

    async def stop(self) -> None:
        """Whoever waits for the end of a command is told it first, for a bounded time."""
        if self._server is not None:
            self._server.close()
        for _ in range(LAST_WORDS):
            if not self._awaited:
                break
            await asyncio.sleep(POLL_S)
        for client in list(self._clients):
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            if _peer_uid(writer) != os.getuid():
                return
            if not self._has_room():
                writer.write(encoded(refusal(CROWDED)))
                return
            while line := await self._request(task, reader):
                answer = await self._answer(line, reader, writer)
                if answer is None:
                    return
                writer.write(encoded(answer))
                async with asyncio.timeout(READS_WITHIN_S):
                    await writer.drain()
        except TimeoutError:
            writer.transport.abort()
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client went away, had to make room, or we are stopping: its end alone
        finally:
            self._clients.discard(task)
            self._silent.pop(task, None)
            writer.close()

    def _has_room(self) -> bool:
        """For one more, which may want to halt: whoever is only there goes for it."""
        if len(self._clients) <= MOST_CLIENTS:
            return True
        longest = next(iter(self._silent), None)
        if longest is None:
            return False
        self._silent.pop(longest)
        self._clients.discard(longest)
        longest.cancel()
        return True

    async def _request(self, task: asyncio.Task[Any], reader: asyncio.StreamReader) -> bytes:
        self._silent[task] = None
        try:
            return await _line(reader)
        finally:
            self._silent.pop(task, None)

    async def _answer(
        self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Answer | None:
        """``None`` after a viewer's stream: the connection is over."""
        try:
            request = request_of(line)
            match request.get("cmd"):
                case "status":
                    return {"ok": True, "status": self._status(request.get("full") is True)}
                case "watch":
                    return await self._watch(request, reader, writer)
                case "preview":
                    return await self._preview(request)
                case "rotate_key":
                    return await self._take_key(request)
                case "alerts" | "alerts_test" as cmd:
                    return {"ok": True, "alerts": await self._alerts(cmd == "alerts_test")}
            command = command_of(request)
        except RefusedLineError as error:
            return refusal(str(error))
        if not self._offer(command):
            return refusal(BUSY)
        if command.action is Action.STOP:
            self._told_to_stop()
        self._awaited.add(command.id)
        try:
            return await self._outcome(command)
        finally:
            self._awaited.discard(command.id)

    async def _outcome(self, command: Command) -> Answer:
        """Wait until the command has ended, within bounds."""
        deadline = asyncio.get_running_loop().time() + ANSWER_WITHIN_S
        found = None
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(POLL_S)
            found = self._outcome_of(command.id)
            if found is not None and found.status is not CommandStatus.RUNNING:
                break
        if found is None:
            return refusal("no answer from the core")
        return {
            "ok": found.status is CommandStatus.DONE,
            "outcome": found.status.value,
            "text": found.text,
            "id": command.id,
            **({"changes_nothing": True} if found.is_idle else {}),
        }

    async def _preview(self, request: dict[str, Any]) -> Answer:
        found = await self._preview_of(str(request.get("coin") or ""))
        return {"ok": True, "id": str(request.get("id") or ""), "preview": found}

    async def _take_key(self, request: dict[str, Any]) -> Answer:
        try:
            text = await self._rotate(str(request.get("value") or ""), operator_of(request))
        except UsageError as error:
            return refusal(str(error))
        return {"ok": True, "outcome": CommandStatus.DONE.value, "text": text}

    # -- viewers ------------------------------------------------------------------------------------------------

    async def _watch(
        self, request: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Answer | None:
        """From now on snapshots go out, and what comes in is a viewer's. The desk is told when it comes and goes."""
        viewer, by = secrets.token_hex(4), operator_of(request)
        objection = shape_refusal(request) or self._viewers.arrive(viewer, by)
        if objection:
            return refusal(objection)
        why = "left"
        hello = {"ok": True, "watching": viewer, "shape": shape(), "version": VERSION, "pid": os.getpid()}
        writer.write(encoded(hello))
        watching = asyncio.ensure_future(Watching(writer, lambda: self._latest, pace_of(request)).run())
        hearing = asyncio.ensure_future(self._hear(viewer, reader, writer))
        try:
            done, _ = await asyncio.wait({watching, hearing}, return_when=asyncio.FIRST_COMPLETED)
            if watching in done and not watching.exception():
                why = watching.result()
                writer.transport.abort()
        finally:
            self._viewers.leave(viewer, why)
            for task in (watching, hearing):
                task.cancel()
            ends = await asyncio.gather(watching, hearing, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end  # of a viewer that is gone ``_serve`` knows; any other is loud
        return None

    async def _hear(self, viewer: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What a viewer asks for. What becomes of a command it reads in the snapshots."""
        looking = Looking(self._preview, writer)
        try:
            while line := await _line(reader):
                answer = self._heard(viewer, line, looking)
                if answer is not None:
                    writer.write(encoded(answer))
                    await writer.drain()
                await asyncio.sleep(COMMAND_PAUSE_S)
        finally:
            looking.end()

    def _heard(self, viewer: str, line: bytes, looking: Looking) -> Answer | None:
        id_ = ""
        try:
            request = request_of(line)
            id_ = str(request.get("id") or "")[:64]
            if request.get("cmd") == "preview":
                return looking.begin(request, id_)
            return self._take(viewer, command_of(request, (Action.TAKE_CONTROL,)))
        except RefusedLineError as error:
            return refusal(str(error), id_)

    def _take(self, viewer: str, command: Command) -> Answer | None:
        if self._outcome_of(command.id) is not None:
            return None  # it has acted already, and the snapshots tell how
        if not self._offer(self._viewers.admit(viewer, command)):
            return refusal(BUSY, command.id)
        return None

    def _offer(self, command: Command) -> bool:
        return self._inbox.offer(CommandReceived(command), is_urgent=command.action in URGENT)


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next one; empty at the end, as an endless line is one."""
    try:
        return await reader.readline()
    except ValueError:
        return b""


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    """Who is at the other end (Linux: SO_PEERCRED). Elsewhere the socket's mode 0600 has decided already."""
    peer = writer.get_extra_info("socket")
    if not hasattr(socket, "SO_PEERCRED"):
        return os.getuid()
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
