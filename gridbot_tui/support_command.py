"""``gridbot support-bundle``: what a bug report needs, in one file, without secrets."""

from __future__ import annotations

import os
import platform
import sys
import time
from importlib.metadata import distributions
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from core import VERSION
from core.runtime.exit_code import ExitCode
from core.runtime.statedir import StateDir, UsageError, lock_holder, state_root
from core.telemetry.event_log import json_line
from gridbot_tui.flags import fail
from gridbot_tui.keeping import StateDirOfAny, named, only_state_dir
from gridbot_tui.lines import print_line


def register(app: App) -> None:
    """Add the command to the program."""
    app.command(support_bundle, name="support-bundle")


def support_bundle(
    *,
    output: Annotated[Path | None, Parameter(help="Default: ./gridbot-support-TIME.tar.gz.")] = None,
    with_journal: Annotated[
        bool, Parameter(negative=(), help="The journal, too: all orders and fills of the account.")
    ] = False,
    state_dir: StateDirOfAny = None,
) -> int:
    """Pack versions, checks, settings, status and the end of the log for a bug report; secrets are masked. Read it first."""
    from core.telemetry.support_bundle import log_parts, pack

    state = named(state_dir) or only_state_dir(if_none=StateDir(state_root() / "paper" / "default"))
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = (output or Path(f"gridbot-support-{stamp}.tar.gz")).expanduser().absolute()
    if target.exists():
        raise UsageError(f"{target} is there already and stays as it is; name a file that isn't")
    parts = {
        "versions.txt": _versions,
        "environment.txt": lambda: "".join(f"{name}\n" for name in sorted(os.environ)),
        "doctor.json": lambda: _doctor(state),
        "config.json": _config,
        "status.json": lambda: _status(state),
        "journal.json": lambda: _journal(state),
        **log_parts(state.logs),
    }
    kept = [state.journal, state.journal.with_name("journal.db-wal")] if with_journal else []
    try:
        listed = pack(target, parts, {path.name: path for path in kept if path.is_file()})
    except OSError as error:
        return fail(
            ExitCode.STORAGE,
            f"{target} can't be written ({error.strerror}); name a file on another disk with --output",
        )
    print_line("".join(f"{size:>10,}  {name}\n" for name, size in listed) + str(target))
    sys.stderr.write("gridbot: read it before you send it: it holds your address, orders and settings\n")
    return int(ExitCode.CLEAN)


def _versions() -> str:
    packages = sorted({f"{each.metadata['Name']} {each.version}" for each in distributions()})
    head = [f"gridbot {VERSION}", f"Python {sys.version}", platform.platform()]
    return "\n".join([*head, *packages]) + "\n"


def _doctor(state: StateDir) -> str:
    from core.runtime.doctor import examine

    return json_line({"checks": [each.as_dict() for each in examine(state)]}) + "\n"


def _config() -> str:
    from core.runtime.settings import show
    from gridbot_tui.plans import judgement_of

    return json_line(show.as_dict(judgement_of("paper", (), None))) + "\n"


def _status(state: StateDir) -> str:
    from core.runtime.control_client import ask

    if lock_holder(state) is None:
        return "no instance runs\n"
    return json_line(ask(state, "status", full=True)) + "\n"


def _journal(state: StateDir) -> str:
    from core.runtime.verify import verify_journal

    if not state.journal.exists():
        return "there is no journal\n"
    found = verify_journal(state.journal, lock_holder(state) is not None, time.time_ns() // 10**6)
    return json_line(found.as_dict()) + "\n"
