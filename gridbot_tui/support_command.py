"""``gridbot support-bundle``: what a bug report needs, in one file, without secrets."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from core import VERSION
from core.runtime.exit_code import ExitCode
from core.runtime.statedir import StateDir, lock_holder, state_root
from core.telemetry.event_log import json_line
from gridbot_tui.config_command import ConfigFlag
from gridbot_tui.flags import fail, named
from gridbot_tui.keeping import StateDirOfAny, must_be_free, only_state_dir
from gridbot_tui.lines import print_line, tell

if TYPE_CHECKING:
    from core.telemetry.support_bundle import Packed, Part


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
    config: ConfigFlag = None,
) -> int:
    """Pack versions, checks, settings, status and the end of the log for a bug report; secrets are masked. Read it first."""
    state = named(state_dir) or only_state_dir(if_none=StateDir(state_root() / "paper" / "default"))
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = (output or Path(f"gridbot-support-{stamp}.tar.gz")).expanduser().absolute()
    must_be_free(target, " with --output")
    try:
        done = _packed(state, target, with_journal, config)
    except OSError as error:
        return fail(
            ExitCode.STORAGE,
            f"{target} can't be written ({error.strerror or error}); nothing is left of it. Name a file on another disk with "
            "--output",
        )
    print_line("".join(f"{size:>10,}  {name}\n" for name, size in done.listed) + str(target))
    for name, why in done.missing.items():
        tell(f"{name} {why}")
    tell("read it before you send it: it holds your address, orders and settings")
    return int(ExitCode.CLEAN)


def _packed(state: StateDir, target: Path, with_journal: bool, config: Path | None) -> Packed:
    """Raises ``OSError``."""
    from core.telemetry.support_bundle import log_parts, pack

    parts: dict[str, Part] = {
        "versions.txt": _versions,
        "environment.txt": lambda: "".join(f"{name}\n" for name in sorted(os.environ)),
        "state-dir.txt": lambda: _listed(state.path),
        "doctor.json": lambda: _doctor(state),
        "config.json": lambda: _config(state, config),
        "status.json": lambda: _status(state),
        "journal.json": lambda: _journal(state),
        **log_parts(state.logs),
    }
    if not (with_journal and state.journal.is_file()):
        return pack(target, parts, {})
    with TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as beside:
        files, trouble = _copied(state.journal, Path(beside))
        if trouble:
            parts["journal.txt"] = partial(_damaged, trouble)
        return pack(target, parts, files)


def _copied(journal: Path, place: Path) -> tuple[dict[str, Path], str]:
    """The journal as it is at one moment, or of a damaged one the bytes, and what is wrong with it. Raises ``OSError``."""
    import sqlite3

    from core.journal.backup import copy_database
    from core.journal.errors import StorageError

    whole = place / "whole.db"
    try:
        copy_database(journal, whole)
    except (sqlite3.Error, StorageError) as error:
        trouble = str(error)
    else:
        return {journal.name: whole}, ""
    whole.unlink(missing_ok=True)
    files = {}
    for path in (journal, journal.with_name(f"{journal.name}-wal")):
        if path.is_file():
            files[path.name] = Path(shutil.copyfile(path, place / path.name))
    return files, trouble


def _damaged(trouble: str) -> str:
    raise ValueError(f"the journal is damaged, and packed byte by byte: {trouble}")


def _listed(path: Path) -> str:
    """What is in the state dir, with sizes. Raises ``FileNotFoundError``."""
    if not path.is_dir():
        raise FileNotFoundError(
            f"{path} isn't there; if the bot has another state dir, name it with --state-dir"
        )
    files = sorted(each for each in path.rglob("*") if not each.is_dir())
    return f"{path}\n" + "".join(f"{each.lstat().st_size:>12,}  {each.relative_to(path)}\n" for each in files)


def _versions() -> str:
    packages = sorted({f"{each.metadata['Name']} {each.version}" for each in distributions()})
    head = [f"gridbot {VERSION}", f"Python {sys.version}", platform.platform()]
    return "\n".join([*head, *packages]) + "\n"


def _doctor(state: StateDir) -> str:
    from core.runtime.doctor import examine

    return json_line({"checks": [each.as_dict() for each in examine(state)]}) + "\n"


def _config(state: StateDir, config: Path | None) -> str:
    """The settings as a start of this bot would take them from here; those in effect of one that runs are in its status."""
    from core.journal.backup import owner_of
    from core.runtime.settings import show
    from gridbot_tui.plans import judgement_of

    network = (owner_of(state.journal) or ("",))[0] or "paper"
    read = {"file": str((config or Path("gridbot.toml")).absolute())}
    return json_line(read | show.as_dict(judgement_of(network, (), config))) + "\n"


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
