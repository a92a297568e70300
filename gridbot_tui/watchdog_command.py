"""``gridbot watchdog``: a process of its own that takes the grid's orders back when the bot's heartbeat stops."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from core.runtime.statedir import StateDir, UsageError, watchdog_lock
from gridbot_tui.keeping import StateDirOfAny, named, only_state_dir
from gridbot_tui.lines import print_line
from gridbot_tui.run_flags import parse_duration_s

if TYPE_CHECKING:
    from core.domain.effects import Notify
    from core.runtime.keys import Identity

AFTER_MIN_S = 10.0
"""A bot beats every 2 s; a busy disk or machine may hold it up for some."""


def register(app: App) -> None:
    """Add the command to the program."""
    app.command(watchdog)


def watchdog(
    *,
    after: Annotated[str, Parameter(help="How long the bot may be silent: 60s, 5m.")] = "60s",
    state_dir: StateDirOfAny = None,
) -> int:
    """Watch a bot from beside it: if it is killed, stopped or hangs, cancel its grid's orders and leave the stop."""
    import asyncio

    after_s = parse_duration_s(after, "--after")
    if after_s < AFTER_MIN_S:
        raise UsageError(f"--after {after} is too short: a busy machine may hold a bot up; at least 10s")
    state = named(state_dir) or only_state_dir()
    state.prepare()
    with watchdog_lock(state):
        asyncio.run(_watch(state, after_s))
    return 0


async def _watch(state: StateDir, after_s: float) -> None:
    import asyncio

    from core.runtime.event_bus import EventRecord
    from core.runtime.keys import load_identity
    from core.runtime.watchdog import Watchdog
    from core.telemetry.event_log import append_event, json_line
    from core.view import Severity

    count = 0

    def publish(notice: Notify, time_ms: int) -> None:
        nonlocal count
        count += 1
        severity = Severity(notice.severity)
        row = EventRecord(count, time_ms, severity, notice.name, notice.coin, notice.fields).as_dict()
        # A full disk or a closed pipe doesn't end it: what it is here for is to cancel.
        with suppress(OSError):
            append_event(state.logs, row)
        with suppress(OSError):
            print_line(json_line(row))

    def has_key() -> bool:
        return bool(os.environ.get("HL_AGENT_KEY") or os.environ.get("HL_PRIVATE_KEY")) or state.key.exists()

    def identity_of(network: str) -> Identity:
        environ = dict(os.environ)
        if not has_key():
            raise UsageError(
                "the watchdog needs the bot's key: set HL_AGENT_KEY (and HL_USER_ADDRESS) as for the bot"
            )
        return load_identity(network, state, environ)

    dog = Watchdog(state, int(1000 * after_s), identity_of, publish, has_key)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, dog.stop)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)  # it goes on when its terminal goes
    await dog.run()
