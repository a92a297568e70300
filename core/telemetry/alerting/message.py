"""A message to whoever isn't looking, and how many that wait become one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from core.view import Severity

MOST_CHARS = 1_000
"""Of a text: no service that is meant for more than a line takes less (PagerDuty 1,024, Discord 2,000)."""

ROOM_FOR_ENDS = 150
"""Of that, for how many are left out."""

_SIGNS = {Severity.CRIT: "✖", Severity.WARN: "▲", Severity.INFO: "•"}
RESOLVED = "✓"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell. ``key``: what it is about; a later one of the same key stands for it while it waits.

    ``time_ms`` is UTC; ``times``: of so many alike; ``about``: the place of a target that is
    told of, but not to itself.
    """

    key: str
    severity: Severity
    text: str
    time_ms: int
    is_resolved: bool = False
    times: int = 1
    about: str = ""

    @property
    def line(self) -> str:
        """``✖ 12:03:07Z NO STOP RESTS FOR BTC (12 times)``"""
        sign = RESOLVED if self.is_resolved else _SIGNS[self.severity]
        often = f" ({self.times} times)" if self.times > 1 else ""
        return f"{sign} {_clock(self.time_ms)} {self.text}{often}"


@dataclass(frozen=True, slots=True)
class Letter:
    """What leaves at once for one target."""

    title: str
    body: str
    severity: Severity
    is_resolved: bool
    """Nothing but good news."""

    head: str = ""
    messages: tuple[Message, ...] = ()
    """What it is made of, the gravest first."""

    lost: int = 0


def plainer(message: Message) -> Iterator[Message]:
    """The same for a target that refuses its text: as written, then in letters, digits and full stops, then nothing but
    that there is one. A target that doesn't take the last either takes nothing."""
    yield message
    yield replace(message, text=re.sub(r"[^A-Za-z0-9.,:;+-]+", " ", message.text).strip())
    yield replace(
        message, text=f"One message, {message.severity.value}, was refused here: see gridbot events"
    )


def gravest_first(messages: Collection[Message]) -> list[Message]:
    """Then by age, and what is over at the end."""
    return sorted(messages, key=lambda each: (each.is_resolved, -each.severity.rank, each.time_ms))


def letter(head: str, messages: Collection[Message], lost: int = 0) -> Letter:
    """All that wait, the gravest first, then by age. ``lost``: so many before them could not be kept."""
    listed = gravest_first(messages)
    open_ones = [each for each in listed if not each.is_resolved]
    grave = sum(each.severity is Severity.CRIT for each in open_ones)
    severity = max((each.severity for each in open_ones or listed), key=lambda each: each.rank)
    count = f": {len(listed)} messages, {grave} critical" if len(listed) > 1 else ""
    return Letter(f"{head}{count}", _body(listed, lost), severity, not open_ones, head, tuple(listed), lost)


def _body(listed: list[Message], lost: int) -> str:
    lines, room = list[str](), MOST_CHARS - ROOM_FOR_ENDS
    for number, each in enumerate(listed):
        line = each.line if len(each.line) <= MOST_CHARS // 2 else f"{each.line[: MOST_CHARS // 2]}…"
        room -= len(line) + 1
        if room < 0:
            lines.append(f"… and {len(listed) - number} more: `gridbot events` has them all")
            break
        lines.append(line)
    if lost:
        lines.append(f"{lost} more came while this could not be delivered: `gridbot events` has them")
    return "\n".join(lines)


def _clock(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%H:%M:%S}Z"
