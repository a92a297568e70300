"""The commands that look after a state dir: verify, backup, restore. They need no running instance."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from core.runtime.exit_code import ExitCode
from core.runtime.statedir import StateDir, UsageError, lock_holder, running_instances, state_root
from core.telemetry.event_log import json_line
from gridbot_tui.flags import STATE_DIR, JsonFlag, named
from gridbot_tui.lines import print_line, tell

StateDirOfAny = Annotated[
    Path | None,
    Parameter(
        name="--state-dir",
        help=f"Default: {STATE_DIR}, else the only instance that runs, else the only one that ever ran.",
    ),
]


def register(app: App) -> None:
    """Add the commands to the program."""
    app.command(verify)
    app.command(backup)
    app.command(restore)


def verify(
    *,
    state_dir: StateDirOfAny = None,
    online: Annotated[
        bool, Parameter(negative=(), help="Hold it against the exchange, too: position, fills, open orders.")
    ] = False,
    json: JsonFlag = False,
) -> int:
    """Prove from the journal that every fill is counted exactly once; it may run meanwhile. Exit code 4 if not."""
    from core.runtime.verify import verify_journal

    state = journal_of(state_dir)
    found = verify_journal(state.journal, lock_holder(state) is not None, time.time_ns() // 10**6)
    if online:
        from core.exchange.rest import RestError
        from core.runtime.verify_online import add_online_checks

        try:
            add_online_checks(found, state)
        except RestError as error:
            tell(str(error))
            return int(ExitCode.UNREACHABLE)
    print_line(json_line(found.as_dict()) if json else found.as_text())
    return 0 if found.verified else int(ExitCode.STORAGE)


def backup(
    file: Annotated[
        Path,
        Parameter(
            help="Where to; a file that is there is never overwritten. In a directory: under a name with the time in it."
        ),
    ],
    *,
    keep: Annotated[
        int | None, Parameter(help="In a directory: delete the oldest such backups but for so many.")
    ] = None,
    state_dir: StateDirOfAny = None,
    json: JsonFlag = False,
) -> int:
    """Copy the journal as it is at this moment into one file, while the bot runs or not."""
    from core.engine.certificate import compact_utc
    from core.journal.backup import back_up, back_up_earlier, dated_name, forget_oldest

    state, place = journal_of(state_dir), file.expanduser().absolute()
    is_directory = os.path.isdir(place)
    target = place / dated_name(compact_utc(time.time_ns() // 10**6)) if is_directory else place
    while is_directory and os.path.lexists(target):  # another one of this second
        time.sleep(0.1)
        target = place / dated_name(compact_utc(time.time_ns() // 10**6))
    if keep is not None and (keep < 1 or not is_directory):
        raise UsageError(
            f"--keep {keep} is of the backups in a directory that is there, 1 or more: name one, or leave it out"
        )
    must_be_free(target)
    done = back_up(state.journal, target)
    back_up_earlier(state.earlier, target)
    gone = forget_oldest(target, keep) if keep is not None else []
    found = {"ok": True, "file": str(done.path), "bytes": done.size, "fills": done.fills}
    text = f"backed up {state.journal} to {done.path}: {done.fills:,} fills, {done.size:,} bytes"
    text += f"; deleted {', '.join(path.name for path in gone)}" if gone else ""
    print_line(json_line({**found, "deleted": [str(path) for path in gone]}) if json else text)
    return 0


def restore(
    file: Annotated[Path, Parameter(help="A backup that `gridbot backup` has made.")],
    *,
    state_dir: StateDirOfAny = None,
    json: JsonFlag = False,
) -> int:
    """Put a backup in the journal's place, halted; what was there is kept. Not while the bot runs."""
    from core.runtime.put_back import put_back

    state = named(state_dir) or only_state_dir()
    done = put_back(state, file.expanduser().absolute(), time.time_ns() // 10**6)
    print_line(json_line(done.as_dict()) if json else done.text)
    return 0


def must_be_free(target: Path, how: str = "") -> None:
    """For a new file of this user's; raises ``UsageError`` with what to name instead, and ``how``, as in `` with --output``."""
    if os.path.lexists(target):
        raise UsageError(f"{target} is there already and stays as it is; name a file that isn't{how}")
    if _may(target.parent, os.W_OK | os.X_OK) and target.parent.is_dir():
        return
    if _may(target.parent.parent, os.X_OK) and not target.parent.is_dir():
        raise UsageError(f"there is no directory {target.parent}; make it, or name another file{how}")
    raise UsageError(
        f"{target} can't be made: this user may not write there; name a file{how} in a directory that you may write"
    )


def _may(path: Path, how: int) -> bool:
    return os.access(path, how, effective_ids=os.access in os.supports_effective_ids)


def journal_of(state_dir: Path | None) -> StateDir:
    """The state dir to read; raises ``UsageError`` if there is no journal in it."""
    state = named(state_dir) or only_state_dir()
    if not state.journal.exists():
        raise UsageError(f"there is no journal in {state.path}; name the right directory with --state-dir")
    return state


def only_state_dir(if_none: StateDir | None = None, if_several: StateDir | None = None) -> StateDir:
    """The only instance that runs, else the only state dir under the state root, else the one given for it. Raises
    ``UsageError`` with what to do.
    """
    running = running_instances()
    if len(running) == 1:
        return running[0]
    found = running or [
        StateDir(path.parent) for path in sorted(state_root().glob("*/*/journal.db*")) if _is_one(path)
    ]
    if not found and if_none is not None:
        return if_none
    if not found:
        raise UsageError(
            f"nothing has run here yet: no journal under {state_root()}; name another with --state-dir"
        )
    if len(found) > 1 and if_several is not None:
        return if_several
    if len(found) > 1:
        listed = "\n".join(f"  --state-dir {state.path}" for state in found)
        what = "instances are running" if running else "state dirs are there"
        raise UsageError(f"{len(found)} {what}; name one:\n{listed}")
    return found[0]


def _is_one(path: Path) -> bool:
    return path.name == "journal.db"
