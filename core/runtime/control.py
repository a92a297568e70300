"""The control socket: how other processes of the same user reach a running core.

One JSON object a line each way. ``{"v": 1, "cmd": "status"}`` is answered with the status, and
``{"v": 1, "cmd": "halt", "coin": "", "id": "…"}`` with what became of the command once it has ended. The same id acts once.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import struct
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson

from core.domain.commands import OF_THE_DOOR, Action, Command, Operator
from core.domain.events import CommandReceived
from core.engine.operator_desk import Outcome
from core.runtime.inbox import Inbox
from core.runtime.statedir import UsageError

PROTOCOL = 1
LINE_MAX = 64 * 1024
ANSWER_WITHIN_S = 250.0
POLL_S = 0.05

_COMMANDS = frozenset(action.value for action in Action if action not in OF_THE_DOOR)

Status = Callable[[], dict[str, Any]]
OutcomeOf = Callable[[str], Outcome | None]


class ControlServer:
    """Serves inside the core's loop. The socket is for this user alone."""

    def __init__(self, path: Path, inbox: Inbox, status: Status, outcome_of: OutcomeOf) -> None:
        self._path, self._inbox, self._status, self._outcome_of = path, inbox, status, outcome_of
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

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
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LINE_MAX)
        finally:
            os.umask(before)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
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
            while line := await reader.readline():
                writer.write(orjson.dumps(await self._answer(line), default=str) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.CancelledError):
            pass  # the client went away, sent an endless line, or we are stopping: its end alone
        finally:
            self._clients.discard(task)
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = orjson.loads(line)
        except orjson.JSONDecodeError:
            return _refusal("not a JSON object")
        if not isinstance(request, dict):
            return _refusal("not a JSON object")
        if request.get("v") != PROTOCOL:
            return _refusal(
                f"this instance speaks version {PROTOCOL} of the control protocol; use its own gridbot"
            )
        if request.get("cmd") == "status":
            return {"ok": True, "status": self._status()}
        if not isinstance(request.get("cmd"), str) or request["cmd"] not in _COMMANDS:
            return _refusal(f"{request.get('cmd')!r} is not a command")
        command = Command(
            id=str(request.get("id") or secrets.token_hex(8)),
            action=Action(request["cmd"]),
            coin=str(request.get("coin") or ""),
            origin=str(request.get("origin") or "cli")[:120],
            value=str(request.get("value") or "")[:120],
            by=_operator(request.get("by")),
        )
        if not self._inbox.offer(CommandReceived(command)):
            return _refusal("the core is busy: its inbox is full; try again")
        return await self._outcome(command)

    async def _outcome(self, command: Command) -> dict[str, Any]:
        """Wait until the command has ended, within bounds."""
        deadline = asyncio.get_running_loop().time() + ANSWER_WITHIN_S
        found = None
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(POLL_S)
            found = self._outcome_of(command.id)
            if found is not None and found.status != "running":
                break
        if found is None:
            return _refusal("no answer from the core")
        return {"ok": found.status == "done", "outcome": found.status, "text": found.text, "id": command.id}


def _operator(said: object) -> Operator:
    """Who asks, as the other end says; the kernel has told already that it is this user."""
    by = said if isinstance(said, dict) else {}
    return Operator(**{field.name: str(by.get(field.name) or "")[:120] for field in fields(Operator)})


def _refusal(text: str) -> dict[str, Any]:
    return {"ok": False, "outcome": "refused", "text": text}


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    """Who is at the other end (Linux: SO_PEERCRED). Elsewhere the socket's mode 0600 has decided already."""
    peer = writer.get_extra_info("socket")
    if not hasattr(socket, "SO_PEERCRED"):
        return os.getuid()
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
