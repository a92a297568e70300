"""``gridbot events``: the log of a state dir, filtered, for the eye or as the very lines. No instance need be running."""

from __future__ import annotations

import re
import select
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Annotated

from cyclopts import App, Parameter

from core.printable import escaped
from core.runtime.exit_code import ExitCode
from core.runtime.statedir import StateDir, UsageError
from core.telemetry.event_reader import (
    Follower,
    LogFile,
    LoggedEvent,
    Skipped,
    Wanted,
    every,
    newest,
    opened,
    traced,
)
from core.telemetry.event_words import detail_of
from core.view import Severity
from gridbot_tui.flags import named
from gridbot_tui.keeping import StateDirOfAny, only_state_dir
from gridbot_tui.lines import tell
from gridbot_tui.run_flags import parse_duration_s

LOOK_EVERY_MS = 250
ON_A_SCREEN = 200
"""So many a terminal gets of its own accord: a log of a quarter of a gigabyte helps nobody who only looks."""
BEFORE_FOLLOWING = 10
_HEADS = frozenset({"event", "ts_ms", "level", "coin"})
_GLYPHS = {"warn": "▲", "crit": "✖"}


def register(app: App) -> None:
    """Add the command to the program."""
    app.command(events)


def events(
    *,
    name: Annotated[
        list[str] | None,
        Parameter(
            negative=(), help="How its name begins: position_drift finds position_drift_detected. Repeatable."
        ),
    ] = None,
    exact: Annotated[bool, Parameter(negative=(), help="--name is the whole name.")] = False,
    coin: Annotated[str, Parameter(help="Of this coin only.")] = "",
    level: Annotated[Severity, Parameter(help="This and worse: info, warn or crit.")] = Severity.INFO,
    text: Annotated[str, Parameter(help="With this somewhere in the line.")] = "",
    since: Annotated[str, Parameter(help="90s, 5m, 1h or 2d ago; or a time in UTC: 2026-01-31T14:00.")] = "",
    last: Annotated[
        int | None, Parameter(help=f"The newest so many. Default: all; on a terminal {ON_A_SCREEN}.")
    ] = None,
    follow: Annotated[bool, Parameter(negative=(), help="And those to come, until ctrl+c.")] = False,
    count: Annotated[bool, Parameter(negative=(), help="Only how many there are.")] = False,
    trace: Annotated[
        str,
        Parameter(
            help="The way of one order, in order: a trace, a cloid, or its last 16 digits. It stands alone."
        ),
    ] = "",
    state_dir: StateDirOfAny = None,
    json: Annotated[bool, Parameter(name="--json", negative=(), help="The very lines of the log.")] = False,
) -> int:
    """The log: every event, also of runs that have ended. Operators' actions: --name operator."""
    if last is not None and last < 1:
        raise UsageError(f"--last {last} shows nothing; write a number from 1, such as --last 20")
    if count and (follow or last is not None):
        raise UsageError("--count counts what is there; leave out --follow and --last")
    names = tuple(each.removesuffix("*") for each in name or ())
    wanted = Wanted(names, exact, coin, level, text, since_ms(since, time.time_ns() // 10**6))
    log = named(state_dir) or only_state_dir()
    if last is None and not since and not count:
        last = BEFORE_FOLLOWING if follow else ON_A_SCREEN if sys.stdout.isatty() else None
    skipped = Skipped()
    try:
        if trace:
            return _show_trace(log, trace, json, skipped)
        return _show(log, wanted, last, follow, count, json, skipped)
    except KeyboardInterrupt:
        return int(ExitCode.CLEAN)
    except PermissionError as error:
        raise UsageError(
            f"{error.filename} can't be read ({error.strerror}); run this as its owner"
        ) from error
    finally:
        _tell_skipped(skipped)


def since_ms(text: str, now_ms: int) -> int:
    """A time ago, or a time in UTC, in milliseconds; 0 for none. Raises ``UsageError``."""
    if not text:
        return 0
    if text[0].isdecimal() and "-" not in text:
        return now_ms - round(parse_duration_s(text, "--since") * 1000)
    try:
        at = datetime.fromisoformat(text)
        return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--since {text!r} is no time; write 90s, 5m, 1h or 2d, or 2026-01-31T14:00 (UTC)"
        ) from None


def _show(
    state: StateDir, wanted: Wanted, last: int | None, follow: bool, count: bool, json: bool, skipped: Skipped
) -> int:
    with opened(state.logs) as files:
        if not files:
            raise UsageError(f"there is no log in {state.logs}; name the right directory with --state-dir")
        if follow:
            files[0] = files[0].whole()
        _refuse_unknown(files, wanted)
        found = _found(files, wanted, last, skipped)
        if count:
            sys.stdout.write(f"{sum(1 for _ in found)}\n")
            return int(ExitCode.CLEAN)
        shown = _print(found, json)
        follower = Follower.after(state.logs, files, skipped)
    if follow:
        _follow(follower, wanted, json)
    elif not shown and not json:
        tell(f"nothing in {state.logs} is such an event")
    elif shown == ON_A_SCREEN == last and not json:
        tell(f"the newest {ON_A_SCREEN}; --last or --since shows more")
    return int(ExitCode.CLEAN)


def _refuse_unknown(files: list[LogFile], wanted: Wanted) -> None:
    """Raises ``UsageError`` for a name that neither this version has nor any line: an older version's may be in its log."""
    from core.telemetry.catalogue import BY_NAME

    for name in wanted.names:
        if name in BY_NAME or (not wanted.is_exact and any(known.startswith(name) for known in BY_NAME)):
            continue
        if next(iter(every(files, Wanted((name,), wanted.is_exact), Skipped())), None) is None:
            beginnings = () if wanted.is_exact else (known[: len(name)] for known in BY_NAME)
            near = get_close_matches(name, sorted({*BY_NAME, *beginnings}), 1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"no event is named {name}; {meant}docs/events.md has all names")


def _show_trace(state: StateDir, asked: str, json: bool, skipped: Skipped) -> int:
    if not re.fullmatch(r"(0x)?([0-9a-fA-F]{16}){1,2}", asked):
        raise UsageError(f"--trace {asked} is neither a trace (16 hex digits) nor a cloid (0x and 32)")
    with opened(state.logs) as files:
        if not _print(traced(files, asked, skipped), json) and not json:
            tell(f"nothing in {state.logs} is of {asked}; it may be older than the log")
    return int(ExitCode.CLEAN)


def _found(files: list[LogFile], wanted: Wanted, last: int | None, skipped: Skipped) -> Iterable[LoggedEvent]:
    return every(files, wanted, skipped) if last is None else newest(files, wanted, last, skipped)


def _follow(follower: Follower, wanted: Wanted, json: bool) -> None:
    """Until ctrl+c, or until nobody reads any more."""
    reader = select.poll()
    reader.register(
        sys.stdout.fileno(), 0
    )  # 0: tells of errors alone, and so ends the wait when the reader has gone
    while not reader.poll(LOOK_EVERY_MS):
        _print((event for event in follower.poll() if wanted.takes(event)), json)
        while follower.notices:
            tell(follower.notices.pop(0))


def _print(found: Iterable[LoggedEvent], json: bool) -> int:
    """How many there were."""
    shown = 0
    for event in found:
        shown += 1
        if json:
            sys.stdout.buffer.write(escaped(event.raw.decode()).encode() + b"\n")
        else:
            sys.stdout.buffer.write(event_text(event).encode() + b"\n")
    if shown:
        sys.stdout.flush()
    return shown


def event_text(event: LoggedEvent) -> str:
    """``2026-01-31 14:02:55Z ▲ warn BTC    position_drift_detected ledger=0.5 exchange=0.4``, no matter what it holds."""
    from widgets.ink import clean

    row, level = event.row, str(event.row.get("level", "info"))
    fields = {name: value for name, value in row.items() if name not in _HEADS}
    head = f"{_utc(event.time_ms)} {_GLYPHS.get(level, ' ')} {level:<4} {row.get('coin', '')!s:<6}"
    return clean(f"{head} {event.name:<26} {detail_of(event.name, fields)}").rstrip()


def _utc(time_ms: int) -> str:
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{time_ms} ms"


def _tell_skipped(skipped: Skipped) -> None:
    if skipped.lines:
        what = (
            "1 line of the log is no event and was"
            if skipped.lines == 1
            else (f"{skipped.lines} lines of the log are no events and were")
        )
        tell(f"{what} skipped")
