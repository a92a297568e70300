"""The lines of the control socket: one JSON object each, with the protocol's version. In words: docs/control-socket.md."""

from __future__ import annotations

import re
import secrets
from dataclasses import fields
from typing import Any

import orjson

from core import VERSION
from core.domain.commands import OF_THE_DOOR, Action, Command, Operator, Origin
from core.redaction import redacted
from core.view import CommandStatus, Snapshot, shape_of

PROTOCOL = 1
LINE_MAX = 64 * 1024
"""A request may be so long; a longer one ends its client."""

ANSWER_WITHIN_S = 250.0
"""A command that hasn't ended by then is answered with what is known of it."""

TEXT_MAX = 120
SLOWEST_HZ, FASTEST_HZ, USUAL_HZ = 0.1, 10.0, 2.0

Answer = dict[str, Any]
_COMMANDS = frozenset(action.value for action in Action if action not in OF_THE_DOOR)


class RefusedLineError(Exception):
    """A line that asks for nothing there is; the text says what would do."""


def request_of(line: bytes) -> dict[str, Any]:
    """The object of a line. Raises ``RefusedLineError``."""
    try:
        request = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise RefusedLineError("not a JSON object") from None
    if not isinstance(request, dict):
        raise RefusedLineError("not a JSON object")
    if request.get("v") != PROTOCOL:
        raise RefusedLineError(
            f"this instance speaks version {PROTOCOL} of the control protocol; use its own gridbot"
        )
    return request


def command_of(request: dict[str, Any], of_the_door: tuple[Action, ...] = ()) -> Command:
    """The command that a request asks for; some may be of the door. Raises ``RefusedLineError``."""
    name = request.get("cmd")
    if not isinstance(name, str) or (name not in _COMMANDS and name not in of_the_door):
        raise RefusedLineError(f"{name!r} is not a command")
    return Command(
        id=_text(request.get("id")) or secrets.token_hex(8),
        action=Action(name),
        coin=_text(request.get("coin")),
        origin=_origin_of(request),
        value=_text(request.get("value")),
        by=operator_of(request),
    )


def _origin_of(request: dict[str, Any]) -> Origin:
    """An attached screen, or anything else. Other words are the core's own: a flatten of a session halts nothing."""
    return Origin.SCREEN if request.get("origin") == Origin.SCREEN else Origin.CLI


def operator_of(request: dict[str, Any]) -> Operator:
    """Who asks, as the other end says; that it is this user the kernel has told already."""
    said = request.get("by")
    by = said if isinstance(said, dict) else {}
    return Operator(**{field.name: _text(by.get(field.name)) for field in fields(Operator)})


def pace_of(request: dict[str, Any]) -> float:
    """How many snapshots a second a viewer wants."""
    wanted = request.get("hz")
    return min(max(float(wanted), SLOWEST_HZ), FASTEST_HZ) if isinstance(wanted, int | float) else USUAL_HZ


def shape() -> str:
    """What a viewer's program must agree on to read this one's snapshots."""
    return shape_of(Snapshot)


def shape_refusal(request: dict[str, Any]) -> str:
    """Why a viewer of another version can't look on; empty if it can."""
    if request.get("shape") == shape():
        return ""
    theirs = _text(request.get("version")) or "of another version"
    return (
        f"this instance runs gridbot {VERSION} with other screens than yours ({theirs}): attach with its own gridbot, or "
        "restart the instance with yours; `gridbot status`, `halt` and `flatten` work from here"
    )


def refusal(text: str, id_: str = "") -> Answer:
    answer: Answer = {"ok": False, "outcome": CommandStatus.REFUSED.value, "text": text}
    return {**answer, "id": id_} if id_ else answer


def encoded(answer: object) -> bytes:
    return orjson.dumps(answer, default=str) + b"\n"


def _text(value: object) -> str:
    """Bounded, without control characters, secrets masked: it goes to the journal, logs and screens."""
    return redacted(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", str(value or "")))[:TEXT_MAX]
