"""``gridbot doctor``: every precondition of a start, with its fix, and the exit code that a start would end with."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from core.runtime.exit_code import ExitCode
from core.runtime.statedir import StateDir, UsageError, state_root
from core.telemetry.event_log import json_line
from gridbot_tui.config_command import CoinFlag, ConfigFlag, NetworkFlag
from gridbot_tui.flags import JsonFlag, named
from gridbot_tui.keeping import StateDirOfAny, only_state_dir
from gridbot_tui.lines import print_line
from gridbot_tui.run_flags import RunFlags

if TYPE_CHECKING:
    from core.runtime.doctor import Finding
    from core.runtime.doctor_account import Start
    from core.runtime.keys import KeyQuery
    from core.runtime.settings import Judgement, Loaded

LEAST_COLUMNS, LEAST_ROWS = 60, 20


def register(app: App) -> None:
    """Add the command to the program."""
    app.command(doctor)


def doctor(
    *,
    network: NetworkFlag = "paper",
    coin: CoinFlag = None,
    config: ConfigFlag = None,
    exchange_url: Annotated[
        str, Parameter(help="As for a run: an exchange in place of the embedded one.")
    ] = "",
    rebuild_from_exchange: Annotated[
        bool,
        Parameter(
            negative=(),
            help="For a damaged journal: set it aside and begin a new one from the exchange's position, halted.",
        ),
    ] = False,
    state_dir: StateDirOfAny = None,
    json: JsonFlag = False,
) -> int:
    """Every precondition of a start, with its fix."""
    from core.runtime.rebuild import rebuild

    if rebuild_from_exchange:
        done = rebuild(named(state_dir) or only_state_dir(), time.time_ns() // 10**6)
        print_line(json_line(done.as_dict()) if json else done.text)
        return 0
    return report(RunFlags(network, False, tuple(coin or ()), config, exchange_url, state_dir), json)


def report(flags: RunFlags, as_json: bool) -> int:
    """Print what was found; the exit code of the first that keeps a start from going on."""
    state, findings = examined(flags)
    if as_json:
        plain: dict[str, Any] = {"ok": all(f.ok for f in findings), "state_dir": str(state.path)}
        print_line(json_line({**plain, "checks": [f.as_dict() for f in findings]}))
    else:
        print_line("\n".join(f.text for f in findings))
    first = next((f.exit_code for f in findings if f.exit_code), ExitCode.CLEAN)
    return int(first)


def examined(flags: RunFlags) -> tuple[StateDir, list[Finding]]:
    """What a start with these flags would need."""
    from core.runtime.doctor import examine
    from core.runtime.doctor_account import examine_account
    from core.runtime.doctor_online import examine_exchange
    from core.runtime.doctor_watch import examine_watch
    from gridbot_tui.plans import judgement_of

    judged = judgement_of(flags.network, flags.coins, flags.config)
    settings = judged.loaded if not judged.problems else None
    findings = [_config(judged, flags)]
    state = _state(flags, settings)
    of_state = examine(state)
    key, start = _key(flags, judged, state)
    findings += [*of_state, key]
    if settings is not None:
        findings += examine_watch(settings.common, state)
    asked = examine_account(start) if start is not None else []
    if all(f.ok for f in of_state) and not any(f.exit_code for f in asked):
        asked += examine_exchange(state, settings, time.time_ns() // 10**6, start)
    return state, [*findings, *asked, terminal()]


def _config(judged: Judgement, flags: RunFlags) -> Finding:
    from core.runtime.doctor import Finding

    if judged.problems:
        more = f" (and {len(judged.problems) - 1} more)" if judged.problems[1:] else ""
        words = ["gridbot", "config", "check", "--network", judged.network]
        words += ["--config", str(flags.config)] if flags.config else []
        fix = f"`{shlex.join(words)}` lists all that is wrong"
        says = judged.problems[0].text + more
        return Finding("config", says, fix, ExitCode.USAGE)
    file = judged.layers.file
    where = (
        f"{file.path} and the environment" if file.top or file.coins else "the environment and the defaults"
    )
    return Finding("config", f"{where} pass for {judged.network}")


def _state(flags: RunFlags, settings: Loaded | None) -> StateDir:
    """Of the only instance there is; else the directory that a start would have."""
    from gridbot_tui.plans import preview_of

    if (path := named(flags.state_dir)) is not None:
        return path
    start = (
        preview_of(flags)[2] if settings is not None else StateDir(state_root() / flags.network / "default")
    )
    if flags.network != "paper" or flags.exchange_url or (settings is not None and settings.common.state_dir):
        return start
    return only_state_dir(if_none=start, if_several=start)


def _key(flags: RunFlags, judged: Judgement, state: StateDir) -> tuple[Finding, Start | None]:
    """Where the key comes from, and what is to be asked of the exchange. No keystore is opened: its address is on it."""
    from core.exchange.signing import Signer
    from core.runtime.doctor import Finding, refused
    from core.runtime.doctor_account import Start
    from core.runtime.keys import find_sources
    from core.runtime.keys.identity import no_key
    from core.runtime.keys.sources import chosen
    from core.runtime.private_file import read_private
    from gridbot_tui.plans import exchange_url, key_query

    query = key_query(flags.network, judged.loaded) if judged.loaded else _bare_query(flags.network)
    try:
        url = exchange_url(flags, judged.loaded) if judged.loaded else flags.exchange_url
        source = chosen(find_sources(query, os.environ))
        following = query.kept.next_address if source is not None and query.kept is not None else ""
        if source is None and flags.network == "paper":
            if not state.key.exists():
                return Finding("key", "paper needs none: the first start makes one"), Start("paper", url)
            own = Signer(read_private(state.key).strip(), is_mainnet=False).address
            return Finding("key", f"{state.key}, of {own}"), Start("paper", url, own, own)
        if source is None:
            raise UsageError(no_key(query))
    except (UsageError, ValueError) as error:
        return refused("key", error, "Give another"), None
    says = f"from {source.name} ({source.kind.value}), of {source.address}"
    says += f"; a rotation to {following} has begun" if following else ""
    account = query.account or (source.address if flags.network == "paper" else "")
    return Finding("key", says), Start(flags.network, url, account, source.address, following)


def _bare_query(network: str) -> KeyQuery:
    from core.runtime.keys import KeyQuery

    return KeyQuery(network)


def terminal() -> Finding:
    """Whether a screen can be drawn here, and how well. It stops no start: one without a screen runs headless."""
    from core.runtime.doctor import Finding
    from gridbot_tui.terminal import missing_terminal

    if missing := missing_terminal():
        if "TERM" in missing:
            return Finding("terminal", missing, "Set TERM to what the terminal is")
        return Finding("terminal", "none here: a start would run headless, as with --no-ui")
    columns, rows = shutil.get_terminal_size()
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
    says = f"{columns} by {rows}, {_colours()}, {encoding}"
    if columns < LEAST_COLUMNS or rows < LEAST_ROWS:
        fix = f"Make it {LEAST_COLUMNS} by {LEAST_ROWS} or larger: what is beyond isn't shown"
        return Finding("terminal", says, fix)
    if encoding not in ("utf-8", "utf8"):
        return Finding(
            "terminal", says, "Set LANG=C.UTF-8, or start with --ascii: its signs can't be drawn otherwise"
        )
    return Finding("terminal", says)


def _colours() -> str:
    if os.environ.get("NO_COLOR"):
        return "no colours (NO_COLOR)"
    if os.environ.get("COLORTERM", "") in ("truecolor", "24bit"):
        return "all colours"
    return "256 colours" if "256" in os.environ.get("TERM", "") else "few colours"
