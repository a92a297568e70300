"""``gridbot watchdog``: a process of its own that takes the grid's orders back when the bot's heartbeat stops."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from core.runtime.statedir import StateDir, UsageError, watchdog_lock
from gridbot_tui.config_command import ConfigFlag
from gridbot_tui.flags import named
from gridbot_tui.keeping import StateDirOfAny, only_state_dir
from gridbot_tui.lines import print_line
from gridbot_tui.passphrase import passphrase_of
from gridbot_tui.run_flags import Network, parse_duration_s

if TYPE_CHECKING:
    from core.domain.effects import Notify, Scalar, Severity
    from core.runtime.keys import Identity, KeyQuery
    from core.runtime.settings import Settings

AFTER_MIN_S = 10.0
"""A bot beats every 2 s; a busy disk or machine may hold it up for some."""


def register(app: App) -> None:
    """Add the command to the program."""
    app.command(watchdog)


def watchdog(
    *,
    after: Annotated[str, Parameter(help="How long the bot may be silent: 60s, 5m.")] = "60s",
    passphrase_fd: Annotated[
        int | None, Parameter(help="Read the passphrase of the key's keystore from this descriptor.")
    ] = None,
    network: Annotated[
        Network | None,
        Parameter(
            help="As for the run: with it, --exchange-url or --config its state dir is found likewise."
        ),
    ] = None,
    exchange_url: Annotated[str, Parameter(help="As for the run.")] = "",
    state_dir: StateDirOfAny = None,
    config: ConfigFlag = None,
) -> int:
    """Watch a bot from beside it: if it is killed, stopped or hangs, cancel its grid's orders and leave the stop."""
    import asyncio

    after_s = parse_duration_s(after, "--after")
    if after_s < AFTER_MIN_S:
        raise UsageError(f"--after {after} is too short: a busy machine may hold a bot up; at least 10s")
    state = named(state_dir) or _state_of_run(network or "paper", exchange_url, config) or only_state_dir()
    state.prepare()
    with watchdog_lock(state):
        asyncio.run(_watch(state, after_s, passphrase_fd, config))
    return 0


def _state_of_run(network: Network, exchange_url: str, config: Path | None) -> StateDir | None:
    """Where a run with the same options keeps its state; ``None`` if nothing tells: the default of paper is of no use here,
    where the exchange ends with its bot.
    """
    from gridbot_tui.keys_command import asked, state_dir_of

    what = asked(network, "", config, exchange_url)
    return state_dir_of(what) if what.url or what.configured else None


def _query(state: StateDir, network: str, config: Path | None) -> KeyQuery:
    """As the settings here have it; the account of a real network is the bot's own if they don't tell."""
    from core.runtime.heartbeat import read_beat
    from core.runtime.keys import KeyQuery
    from gridbot_tui.plans import judgement_of

    loaded = judgement_of(network, (), config).loaded
    account, file = (loaded.common.user_address, loaded.common.key_file) if loaded else ("", None)
    beat = read_beat(state.heartbeat)
    if not account and beat is not None and beat.network != "paper":
        account = beat.account
    return KeyQuery(network, account, file)


def _settings(state: StateDir, config: Path | None) -> Settings:
    """Those of the bot; with settings that can't be read the defaults, under which alerts go where its state dir says."""
    from core.runtime.settings import Settings
    from core.runtime.watchdog_alerts import last_beat
    from gridbot_tui.plans import judgement_of

    beat = last_beat(state)
    loaded = judgement_of(beat.network if beat is not None else "paper", (), config).loaded
    return loaded.common if loaded is not None else Settings.model_validate({})


class _Log:
    """Its events, to the bot's log and to stdout. Safe from any thread: a target that fails is told of on its own."""

    def __init__(self, state: StateDir) -> None:
        self._logs, self._count, self._lock = state.logs, 0, threading.Lock()

    def write(self, notice: Notify, time_ms: int) -> None:
        from core.runtime.event_bus import EventRecord
        from core.telemetry.event_log import append_event, json_line
        from core.view import Severity

        with self._lock:
            self._count += 1
            severity = Severity(notice.severity)
            row = EventRecord(
                self._count, time_ms, severity, notice.name, notice.coin, notice.fields
            ).as_dict()
            # A full disk or a closed pipe doesn't end it: what it is here for is to cancel.
            with suppress(OSError):
                append_event(self._logs, row)
            with suppress(OSError):
                print_line(json_line(row))

    def tell(self, name: str, severity: Severity, **fields: Scalar) -> None:
        """What is told of the telling itself."""
        from core.domain.effects import notify

        self.write(notify(name, severity, "", **fields), time.time_ns() // 1_000_000)


async def _watch(state: StateDir, after_s: float, passphrase_fd: int | None, config: Path | None) -> None:
    import asyncio

    from core.runtime.keys import find_sources, load_identity
    from core.runtime.watchdog import Watchdog
    from core.runtime.watchdog_alerts import WatchdogAlerts

    log = _Log(state)
    alerts = WatchdogAlerts(state, _settings(state, config), os.environ, log.tell)

    def publish(notice: Notify, time_ms: int) -> None:
        log.write(notice, time_ms)
        alerts.take(notice, time_ms)

    passphrase = passphrase_of(passphrase_fd, os.environ)

    def has_key() -> bool:
        return state.key.exists() or bool(find_sources(_query(state, "paper", config), os.environ))

    def identity_of(network: str) -> Identity:
        query = _query(state, network, config)
        if not (state.key.exists() or find_sources(query, os.environ)):
            raise UsageError(
                "the watchdog needs the bot's key: give it the bot's --config, or the same HL_AGENT_KEY and "
                "HL_USER_ADDRESS"
            )
        return load_identity(query, state, os.environ, passphrase)

    dog = Watchdog(state, int(1000 * after_s), identity_of, publish, has_key)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, dog.stop)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)  # it goes on when its terminal goes
    try:
        await dog.run()
    finally:
        alerts.close()
