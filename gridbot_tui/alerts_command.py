"""``gridbot alerts list`` and ``test``: where alerts go to, and whether they get there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from core.runtime.exit_code import ExitCode
from core.runtime.statedir import StateDir, UsageError, lock_holder, running_instances
from core.telemetry.event_log import json_line
from gridbot_tui.config_command import ConfigFlag
from gridbot_tui.flags import JsonFlag, StateDirFlag, fail, named
from gridbot_tui.lines import print_line, tell
from gridbot_tui.run_flags import Network, RunFlags

if TYPE_CHECKING:
    from core.runtime.settings import Settings
    from core.telemetry.alerting.target import Target

NetworkFlag = Annotated[Network, Parameter(name="--network", help="As for a run.")]


def register(app: App) -> None:
    """Add the commands to the program."""
    commands = App(
        name="alerts", help="Where alerts go to, and whether they get there.", help_format="plaintext"
    )
    commands.command(list_targets, name="list")
    commands.command(send_test, name="test")
    app.command(commands)


def list_targets(
    *,
    network: NetworkFlag = "paper",
    config: ConfigFlag = None,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """Every target of the running bot, or of a start, and what is told. Never a URL."""
    from core.runtime.alert_trial import told_where

    here = _found(network, config, state_dir)
    told = here.bot if here.bot is not None else told_where(here.settings, here.targets)
    if json:
        print_line(json_line({name: value for name, value in told.items() if name != "marks"}))
    else:
        for target in told["targets"]:
            print_line(f"{target['service']} ({target['place']})")
        if not told["targets"]:
            print_line(_none(told["alert_enabled"], here.state))
        report = "with" if told["daily_report"] else "without"
        print_line(f"from severity {told['alert_min_severity']} on, {report} the daily report")
        print_line(f"heartbeat_url {'is set' if told['heartbeat_url'] else 'is not set'}")
    _warn_of(here)
    return int(ExitCode.CLEAN)


def send_test(
    *,
    network: NetworkFlag = "paper",
    config: ConfigFlag = None,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """Send a message to every target, and one ping to heartbeat_url. Exit code 5 if one of them fails, 2 without any.

    A running bot is asked to send them; what it hasn't read yet is tried from here.
    """
    from core.runtime.alert_trial import LOOK_S, Trial, Tried, attempts_of, told_where

    here = _found(network, config, state_dir, is_trial=True)
    attempts = attempts_of(here.targets, here.heartbeat_url, f"GridBot {network.upper()}")
    trial = Trial(attempts)
    while not trial.has_ended:
        time.sleep(LOOK_S)
    by_bot = [Tried(**row) for row in here.bot["tried"]] if here.bot is not None else []
    rows = [*by_bot, *trial.rows()]
    if not rows:
        told = here.bot if here.bot is not None else told_where(here.settings, ())
        return fail(ExitCode.USAGE, _none(told["alert_enabled"], here.state))
    if json:
        found = [{"name": row.name, "ok": not row.reason, "reason": row.reason or None} for row in rows]
        print_line(json_line({"targets": found}))
    else:
        for row in rows:
            became = f"NOT delivered, {row.reason}" if row.reason else f"delivered in {row.took_s:.1f} s"
            print_line(f"{row.name}: {became}")
    _warn_of(here)
    return int(ExitCode.UNREACHABLE if any(row.reason for row in rows) else ExitCode.CLEAN)


@dataclass(frozen=True, slots=True)
class _Found:
    """``bot``: what the running one tells, if one runs; ``targets`` and ``heartbeat_url``: what is set here and not there."""

    state: StateDir
    settings: Settings
    targets: tuple[Target, ...]
    heartbeat_url: str
    bot: dict[str, Any] | None = None


def _found(network: Network, config: Path | None, state_dir: Path | None, is_trial: bool = False) -> _Found:
    from core.runtime.alert_trial import mark_of
    from core.runtime.control_client import ask
    from gridbot_tui.plans import alert_targets, preview_of

    loaded, _, state = preview_of(RunFlags(network, False, (), config, "", state_dir))
    running = running_instances()
    if named(state_dir) is None and len(running) == 1:
        state = StateDir(running[0].path)
    settings, targets = loaded.common, alert_targets(loaded, state)
    if lock_holder(state) is None:
        return _Found(state, settings, targets, settings.heartbeat_url.get_secret_value())
    answer = ask(state, "alerts_test" if is_trial else "alerts")
    if not answer.get("ok"):
        raise UsageError(
            f"the bot that runs on {state.path} can't tell where its alerts go ({answer.get('text')}); restart it with "
            "this version"
        )
    bot = answer["alerts"]
    new = tuple(target for target in targets if mark_of(target.url) not in bot["marks"])
    url = settings.heartbeat_url.get_secret_value()
    ping = "" if mark_of(url) in bot["marks"] else url
    return _Found(state, settings, new, ping, bot)


def _warn_of(here: _Found) -> None:
    """What is named here and the running bot has not read."""
    if here.bot is None:
        return
    names = [*(target.name for target in here.targets), *(["heartbeat_url"] if here.heartbeat_url else [])]
    if names:
        tell(
            f"the bot that runs (pid {lock_holder(here.state)}) does not send to {', '.join(names)}: it reads where its alerts "
            "go when it starts"
        )


def _none(is_enabled: bool, state: StateDir) -> str:
    if not is_enabled:
        return "alert_enabled is false: alerts go nowhere"
    return (
        f"no target is named: write URLs as apprise knows them to {state.alert_urls}, one a line, mode 0600 "
        "(docs/alerts.md)"
    )
