"""``gridbot alerts list`` and ``test``: where alerts go to, and whether they get there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from core.runtime.exit_code import ExitCode
from core.runtime.statedir import StateDir, running_instances
from core.telemetry.event_log import json_line
from gridbot_tui.flags import JsonFlag, StateDirFlag, fail
from gridbot_tui.lines import print_line
from gridbot_tui.run_flags import Network, RunFlags

if TYPE_CHECKING:
    from core.runtime.settings import Settings
    from core.telemetry.alerting.target import Target

WITHIN_S = 30.0
"""A target that has not taken the message by then hangs."""

NetworkFlag = Annotated[Network, Parameter(name="--network", help="As for a run.")]
ConfigFlag = Annotated[
    Path | None, Parameter(name="--config", help="Default: ./gridbot.toml if it is there.")
]


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
    """Every target, and what is told. Never a URL."""
    settings, targets = _found(network, config, state_dir)
    rows = [{"service": target.service, "place": target.place} for target in targets]
    facts = {
        "alert_enabled": settings.alert_enabled,
        "alert_min_severity": settings.alert_min_severity,
        "daily_report": settings.daily_report,
        "heartbeat_url": bool(settings.heartbeat_url),
    }
    if json:
        print_line(json_line({"targets": rows, **facts}))
        return int(ExitCode.CLEAN)
    for target in targets:
        print_line(target.name)
    if not targets:
        print_line(_none(settings))
    report = "with" if settings.daily_report else "without"
    print_line(f"from severity {settings.alert_min_severity} on, {report} the daily report")
    print_line(f"heartbeat_url {'is set' if settings.heartbeat_url else 'is not set'}")
    return int(ExitCode.CLEAN)


def send_test(
    *,
    network: NetworkFlag = "paper",
    config: ConfigFlag = None,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """Send a message to every target, and one ping to heartbeat_url. Exit code 5 if one of them fails, 2 without any."""
    settings, targets = _found(network, config, state_dir)
    attempts = [(target.name, _to(target, network)) for target in targets]
    if settings.heartbeat_url:
        attempts.append(("heartbeat_url", _ping_of(settings.heartbeat_url)))
    if not attempts:
        return fail(ExitCode.USAGE, _none(settings))
    rows = _all_at_once(attempts)
    for name, reason, took_s in rows:
        if json:
            continue
        print_line(f"{name}: NOT delivered, {reason}" if reason else f"{name}: delivered in {took_s:.1f} s")
    if json:
        print_line(
            json_line({"targets": [{"name": n, "ok": not r, "reason": r or None} for n, r, _ in rows]})
        )
    return int(ExitCode.UNREACHABLE if any(reason for _, reason, _ in rows) else ExitCode.CLEAN)


def _found(
    network: Network, config: Path | None, state_dir: Path | None
) -> tuple[Settings, tuple[Target, ...]]:
    from gridbot_tui.plans import alert_targets, preview_of

    settings, _, state = preview_of(RunFlags(network, False, (), config, "", state_dir))
    running = running_instances()
    if state_dir is None and len(running) == 1:
        state = StateDir(running[0].path)
    return settings.common, alert_targets(settings, state)


def _none(settings: Settings) -> str:
    if not settings.alert_enabled:
        return "alert_enabled is false: alerts go nowhere"
    return (
        "no target is named: write URLs as apprise knows them to alert_urls in the state dir, one a line, mode 0600 "
        "(docs/alerts.md)"
    )


def _to(target: Target, network: str) -> Callable[[], str]:
    from core.telemetry.alerting.delivery import deliver
    from core.telemetry.alerting.message import Message, letter
    from core.view import Severity

    text = "This is a test, sent by `gridbot alerts test`: an alert would have reached you."
    message = Message("test", Severity.INFO, text, time.time_ns() // 1_000_000)
    return lambda: deliver(target, letter(f"GridBot {network.upper()}", [message]))


def _ping_of(url: str) -> Callable[[], str]:
    from core.telemetry.heartbeat_ping import ping

    return lambda: ping(url)


def _all_at_once(attempts: list[tuple[str, Callable[[], str]]]) -> list[tuple[str, str, float]]:
    """(name, why it failed or empty, seconds) of each, in their order. One that hangs is left behind."""
    begun = time.monotonic()
    done: dict[int, tuple[str, float]] = {}

    def attempt(number: int, send: Callable[[], str]) -> None:
        done[number] = send(), time.monotonic() - begun

    threads = [
        threading.Thread(target=attempt, args=(number, send), daemon=True)
        for number, (_, send) in enumerate(attempts)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, begun + WITHIN_S - time.monotonic()))
    hangs = f"no answer within {WITHIN_S:.0f} s", WITHIN_S
    return [(name, *done.get(number, hangs)) for number, (name, _) in enumerate(attempts)]
