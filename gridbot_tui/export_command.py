"""``gridbot export`` and ``import-history``: what tax offices and spreadsheets ask for. No instance need be running."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from core.runtime.exit_code import ExitCode
from core.telemetry.event_log import json_line
from gridbot_tui.flags import JsonFlag, fail
from gridbot_tui.keeping import StateDirOfAny, journal_of
from gridbot_tui.lines import print_line, tell

if TYPE_CHECKING:
    from core.runtime.export.export import Exported

What = Literal["fills", "fees", "funding", "transfers", "gains", "all"]


def register(app: App) -> None:
    """Add the commands to the program."""
    app.command(export)
    app.command(import_history)


def export(
    *,
    output: Annotated[Path, Parameter(help="Directory for the files; it is made.")],
    from_: Annotated[
        str, Parameter(name="--from", help="From this day or time on, UTC: 2026-01-31 or 2026-01-31T14:00.")
    ] = "",
    to: Annotated[
        str, Parameter(help="To this day, all of it; or to this time, which is no longer in it.")
    ] = "",
    year: Annotated[int | None, Parameter(help="Instead of --from and --to: a calendar year, UTC.")] = None,
    what: Annotated[
        list[What] | None, Parameter(negative=(), help="Repeatable. The summary is always written.")
    ] = None,
    overwrite: Annotated[bool, Parameter(negative=(), help="Write over files of an earlier export.")] = False,
    online: Annotated[
        bool,
        Parameter(
            negative=(), help="First fetch what the exchange still shows of the past, as import-history does."
        ),
    ] = False,
    state_dir: StateDirOfAny = None,
    json: JsonFlag = False,
) -> int:
    """Fills, fees, funding, transfers and realised gains as CSV, with a summary that says how they add up."""
    from core.exchange.rest import RestError
    from core.runtime.export.export import WHAT
    from core.runtime.export.export import export as write
    from core.runtime.export.period import period_of

    period = period_of(from_, to, year)
    asked = dict.fromkeys(what or ["all"])
    names = list(WHAT) if "all" in asked else [name for name in WHAT if name in asked]
    state, told = journal_of(state_dir), list[str]()
    if online:
        from core.runtime.history_import import import_history as fetch

        try:
            told = fetch(state).text.splitlines()
        except RestError as error:
            return fail(ExitCode.UNREACHABLE, str(error))
    return _tell(
        write(state, output.expanduser().absolute(), period, names, overwrite=overwrite, online=told), json
    )


def _tell(done: Exported, json: bool) -> int:
    if json:
        print_line(json_line(done.as_dict()))
    else:
        listed = ", ".join(
            f"{name} ({rows:,} rows)" for name, rows in done.files.items() if name.endswith(".csv")
        )
        print_line(f"{done.text}\nwritten to {done.output}: {listed}, summary.txt")
    if done.reconciles:
        return 0
    tell("the sums don't add up; `gridbot verify` says what is wrong with the journal")
    return int(ExitCode.STORAGE)


def import_history(*, state_dir: StateDirOfAny = None, json: JsonFlag = False) -> int:
    """Fetch what the exchange still shows of the account's past, for exports. It moves no position and no profit."""
    from core.exchange.rest import RestError
    from core.runtime.history_import import import_history as fetch

    try:
        done = fetch(journal_of(state_dir))
    except RestError as error:
        return fail(ExitCode.UNREACHABLE, str(error))
    print_line(json_line(done.as_dict()) if json else done.text)
    return 0
