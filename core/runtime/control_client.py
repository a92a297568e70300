"""The other end of the control socket, for the command line: one request, one answer, no event loop."""

from __future__ import annotations

import json
import secrets
import shlex
import socket
import sys
import time
from dataclasses import asdict
from typing import Any

from core.domain.commands import Operator, Origin
from core.runtime.control.protocol import ANSWER_WITHIN_S, PROTOCOL
from core.runtime.core_port import NOBODY
from core.runtime.statedir import StateDir, UsageError, lock_holder, other_owner, running_instances

ENDS_WITHIN_S = 30.0
"""After its answer an instance has only to close its journal and its log."""


def find_instance(state_dir: StateDir | None) -> StateDir:
    """The running instance to talk to: the one named, or the only one. Raises ``UsageError`` with what to do."""
    if state_dir is not None:
        if lock_holder(state_dir) is None:
            _refuse_another_users(state_dir)
            raise UsageError(
                f"no gridbot runs on {state_dir.path}; start one with `gridbot run --state-dir {state_dir.path}`"
            )
        return state_dir
    running = running_instances()
    if not running:
        raise UsageError(
            "no gridbot of this user is running; start one with `gridbot`, or name its --state-dir"
        )
    if len(running) > 1:
        listed = "\n".join(f"  --state-dir {state.path}" for state in running)
        raise UsageError(f"{len(running)} instances are running; name one:\n{listed}")
    return running[0]


def wait_for_end(state: StateDir) -> None:
    """Until an instance that was told to stop is gone. Raises ``UsageError`` if it stays."""
    pid, deadline = lock_holder(state), time.monotonic() + ENDS_WITHIN_S
    while pid is not None and lock_holder(state) == pid:
        if time.monotonic() > deadline:
            raise UsageError(
                f"pid {pid} has stopped trading and does not end; `kill {pid}`, and look at `gridbot events --last 20`"
            )
        time.sleep(0.05)


def ask(
    state: StateDir,
    cmd: str,
    coin: str = "",
    value: str = "",
    by: Operator = NOBODY,
    full: bool = False,
) -> dict[str, Any]:
    """Send one request and wait for its answer. Raises ``UsageError`` if the instance doesn't answer."""
    request = {
        "v": PROTOCOL,
        "cmd": cmd,
        "coin": coin,
        "origin": Origin.CLI.value,
        "id": secrets.token_hex(8),
        "value": value,
        "by": asdict(by),
        **({"full": True} if full else {}),
    }
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_WITHIN_S + 5)
            connection.connect(str(state.socket))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as lines:
                answer = json.loads(lines.readline() or b"null")
    except (OSError, ValueError) as error:
        _refuse_another_users(state)
        raise UsageError(
            f"the instance of {state.path} (pid {lock_holder(state)}) does not answer on {state.socket} ({error}); "
            "it may be starting: try again in a few seconds"
        ) from None
    if not isinstance(answer, dict):
        _refuse_another_users(state)
        raise UsageError(f"the instance of {state.path} ended before it answered")
    return answer


def _refuse_another_users(state: StateDir) -> None:
    """An instance answers its own user alone, and not even root: said so, that is no secret and has a fix."""
    if owner := other_owner(state):
        raise UsageError(
            f"{state.path} belongs to the user {owner}, and a gridbot answers nobody but its own user; do it as that one: "
            f"`{shlex.join(['sudo', '-u', owner, 'gridbot', *sys.argv[1:]])}`"
        )
