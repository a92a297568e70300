"""``gridbot config show`` and ``check``: what the settings are and where each came from, and all that is wrong with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from core.redaction import redacted, redacted_row
from core.runtime.exit_code import ExitCode
from core.telemetry.event_log import json_line
from gridbot_tui.flags import JsonFlag
from gridbot_tui.lines import print_line, tell
from gridbot_tui.run_flags import Network, RunFlags

if TYPE_CHECKING:
    from core.runtime.settings import Judgement

NetworkFlag = Annotated[
    Network, Parameter(name="--network", help="The network to judge for: real money must have more written.")
]
CoinFlag = Annotated[list[str] | None, Parameter(name="--coin", help="As for a run.", negative=())]
ConfigFlag = Annotated[
    Path | None, Parameter(name="--config", help="Default: ./gridbot.toml if it is there.")
]


def register(app: App) -> None:
    """Add the commands to the program."""
    commands = App(
        name="config", help="What the settings are, and what is wrong with them.", help_format="plaintext"
    )
    commands.command(show)
    commands.command(check)
    app.command(commands)


def show(
    *,
    network: NetworkFlag = "paper",
    coin: CoinFlag = None,
    config: ConfigFlag = None,
    json: JsonFlag = False,
) -> int:
    """Every setting in effect, for each coin, with where it came from. Never a key."""
    from core.runtime.settings import show as shown
    from gridbot_tui.plans import judgement_of

    found = judgement_of(network, tuple(coin or ()), config)
    if json:
        print_line(json_line(redacted_row(shown.as_dict(found))))
    elif found.loaded is not None:
        print_line(redacted(shown.as_text(found)))
    if not found.problems:
        return int(ExitCode.CLEAN)
    if not json:
        first = found.problems[0].text
        more = f" (and {len(found.problems) - 1} more)" if found.problems[1:] else ""
        tell(f"{first}{more}; `gridbot config check --network {network}` lists all that is wrong")
    return int(ExitCode.USAGE)


def check(
    *,
    network: NetworkFlag = "paper",
    coin: CoinFlag = None,
    config: ConfigFlag = None,
    json: JsonFlag = False,
) -> int:
    """All that is wrong with the settings, the key and the targets of alerts, at once. Exit code 2 if anything is, else 0."""
    from core.runtime.settings.problem import Origin, Problem, Source
    from gridbot_tui.plans import judgement_of, refused_beside

    found = judgement_of(network, tuple(coin or ()), config)
    flags = RunFlags(network, False, tuple(coin or ()), config, "", None)
    beside = [Problem(Origin(Source.DEFAULT, ""), "", text, "") for text in refused_beside(found, flags)]
    found = replace(found, problems=(*found.problems, *beside))
    print_line(json_line(redacted_row(_as_dict(found))) if json else redacted(_as_text(found)))
    return int(ExitCode.USAGE if found.problems else ExitCode.CLEAN)


def _as_dict(found: Judgement) -> dict[str, object]:
    from core.runtime.settings import show as shown

    return {"ok": not found.problems, **{k: v for k, v in shown.as_dict(found).items() if k != "coins"}}


def _as_text(found: Judgement) -> str:
    lines = [problem.text for problem in found.problems]
    lines += [f"warning: {each}" for each in (found.loaded.warnings if found.loaded else ())]
    count = len(found.problems)
    said = (
        "nothing is wrong" if not count else "1 thing is wrong" if count == 1 else f"{count} things are wrong"
    )
    return "\n".join([*lines, f"{said}; judged for {found.network}"])
