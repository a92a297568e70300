"""The commands to a running instance, through its socket: look at it, halt, resume, settle, change its grid."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from core.domain.commands import ALL_COINS, KEEP_ORDERS
from core.printable import printable
from core.runtime.exit_code import ExitCode
from core.telemetry.event_log import json_line
from core.view import CommandStatus
from gridbot_tui.flags import CoinArgument, JsonFlag, StateDirFlag, YesFlag, fail, named
from gridbot_tui.lines import print_line
from gridbot_tui.screen_flags import ScreenFlags
from gridbot_tui.status_text import status_text
from gridbot_tui.who import operator

set_ = App(name="set", help="Change the grid of the running instance, until it is cleared.")
margin = App(name="margin", help="The margin of an isolated position.")


def register(app: App) -> None:
    """Add the commands to the program."""
    for command in COMMANDS:
        app.command(command)


def attach(*, state_dir: StateDirFlag = None, look: ScreenFlags = ScreenFlags()) -> int:  # noqa: B008
    """The screen of an instance that runs already. Leaving it changes nothing in trading."""
    from core.runtime.control_client import find_instance
    from gridbot_tui.attach import attach as show

    return show(find_instance(named(state_dir)), look)


def status(
    *,
    full: Annotated[
        bool, Parameter(negative=(), help="With --json: orders, fills, history and settings, too.")
    ] = False,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """What the running instance does. Exit code 0 while it runs, halted or not."""
    answer = _ask("status", state_dir, full=full)
    found = answer.get("status")
    if not isinstance(found, dict):
        return fail(ExitCode.REFUSED, str(answer.get("text", "no status in the answer")))
    print_line(json_line(found) if json else status_text(found))
    return 0


def _command(action: str, coin: str, state_dir: Path | None, as_json: bool) -> int:
    return _command_ended(_ask(action, state_dir, coin), as_json)


def _command_ended(answer: dict[str, Any], as_json: bool, otherwise: ExitCode = ExitCode.REFUSED) -> int:
    """Print what became of a command; its exit code, which is ``otherwise`` if it didn't come to what was asked for."""
    if as_json:
        print_line(json_line(answer))
    elif answer.get("ok"):
        print_line(str(answer.get("text", "done")))
    if answer.get("ok"):
        return 0
    return int(otherwise) if as_json else fail(otherwise, str(answer.get("text", "refused")))


def halt(coin: CoinArgument = "", *, state_dir: StateDirFlag = None, json: JsonFlag = False) -> int:
    """Cancel our grid orders and quote nothing until `gridbot resume`. The position stays."""
    return _command("halt", coin, state_dir, json)


def resume(coin: CoinArgument = "", *, state_dir: StateDirFlag = None, json: JsonFlag = False) -> int:
    """Lift a halt; refused while the reason for it persists."""
    return _command("resume", coin, state_dir, json)


def stop(
    *,
    keep_orders: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Leave the grid's orders at the exchange: the next start goes on with the same ones. For an upgrade.",
        ),
    ] = False,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """End the running instance in order, as SIGTERM does, and wait for its end: cancel our orders, settle, report."""
    from core.runtime.control_client import find_instance, wait_for_end

    state = find_instance(named(state_dir))
    answer = _ask("stop", state.path, value=KEEP_ORDERS if keep_orders else "")
    if answer.get("outcome") != CommandStatus.REFUSED:
        wait_for_end(state)
    is_unproven = answer.get("outcome") == CommandStatus.FAILED
    return _command_ended(answer, json, ExitCode.UNREACHABLE if is_unproven else ExitCode.REFUSED)


def flatten(
    coin: Annotated[str, Parameter(help="The coin; may be left out if only one is traded.")] = "",
    *,
    all_: Annotated[bool, Parameter(name="--all", negative=(), help="Every coin, with one receipt.")] = False,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """Halt, cancel every order of the coin, close the position reduce-only, prove it flat. Stays halted."""
    if all_ and coin:
        return fail(ExitCode.USAGE, f"--all means every coin: leave out {coin}, or leave out --all")
    return _command_ended(_ask("flatten", state_dir, coin, ALL_COINS if all_ else ""), json)


def cancel_all(*, yes: YesFlag = False, state_dir: StateDirFlag = None, json: JsonFlag = False) -> int:
    """Halt, then cancel every order of the account, foreign ones on any coin too: shows them, asks, proves the list empty."""
    return _previewed("cancel_all", "", "", "Halt and cancel all of them?", yes, state_dir, json)


def park(
    cloid: Annotated[
        str, Parameter(help="The order's client id, as `gridbot status --json` or the orders screen has it.")
    ],
    *,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """Cancel one order of the grid and leave its level empty until `gridbot unpark`, also after a restart."""
    return _command_ended(_ask("park", state_dir, "", cloid), json)


def unpark(coin: CoinArgument = "", *, state_dir: StateDirFlag = None, json: JsonFlag = False) -> int:
    """Quote every parked level again."""
    return _command("unpark", coin, state_dir, json)


def reset_breaker(*, state_dir: StateDirFlag = None, json: JsonFlag = False) -> int:
    """Close the circuit breakers whose cause has gone; the others stay open and say why."""
    return _command("reset_breaker", "", state_dir, json)


def resync(*, state_dir: StateDirFlag = None, json: JsonFlag = False) -> int:
    """Settle orders, fills and position with the exchange now."""
    return _command("resync", "", state_dir, json)


def poll(*, state_dir: StateDirFlag = None, json: JsonFlag = False) -> int:
    """Read the fills of the last hour again over REST."""
    return _command("poll", "", state_dir, json)


def reconnect(*, state_dir: StateDirFlag = None, json: JsonFlag = False) -> int:
    """Close the market-data connection, open a new one, read the gap back."""
    return _command("reconnect", "", state_dir, json)


def reconcile(
    coin: CoinArgument = "",
    *,
    accept: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Take what no fill explains over as an adjustment in the journal; lifts a halt for drift.",
        ),
    ] = False,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """Hold all fills, orders and the position against the exchange, and say what doesn't add up."""
    return _command("accept" if accept else "reconcile", coin, state_dir, json)


@set_.command(name="spacing")
def set_spacing(
    value: Annotated[
        str, Parameter(help="0.25% or the fraction 0.0025; `default` goes back to the settings.")
    ],
    coin: CoinArgument = "",
    *,
    yes: YesFlag = False,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """Another distance between levels: shows what it would cancel and place, asks, does it. It holds through restarts."""
    return _turned("spacing", value, coin, yes, state_dir, json)


@set_.command(name="levels")
def set_levels(
    value: Annotated[str, Parameter(help="Levels per side; `default` goes back to the settings.")],
    coin: CoinArgument = "",
    *,
    yes: YesFlag = False,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """Another number of levels per side, of the same money: shows what it would cancel and place, asks, does it."""
    return _turned("levels", value, coin, yes, state_dir, json)


def _turned(knob: str, text: str, coin: str, yes: bool, state_dir: Path | None, as_json: bool) -> int:
    """As typed it means here what it means in the dialog of ``E``."""
    from gridbot_tui.grid_values import Knob, value_of

    action = Knob(knob).action.value
    return _previewed(action, coin, value_of(Knob(knob), text), "Change it?", yes, state_dir, as_json)


@margin.command(name="add")
def margin_add(
    coin: Annotated[str, Parameter(help="The coin.")],
    usd: Annotated[str, Parameter(help="How much, in USD.")],
    *,
    yes: YesFlag = False,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """Add margin to an isolated position: shows the new liquidation price, asks, sends it once."""
    from gridbot_tui.numbers import usd_text

    return _previewed(
        "margin_add", coin, usd_text(usd), "Add it?", yes, state_dir, json, preview="margin_preview"
    )


COMMANDS = (
    *(attach, status, stop, halt, resume, flatten, cancel_all, park, unpark, reset_breaker),
    *(resync, poll, reconnect, reconcile, set_, margin),
)


def _previewed(
    action: str,
    coin: str,
    value: str,
    question: str,
    yes: bool,
    state_dir: Path | None,
    as_json: bool,
    preview: str = "",
) -> int:
    """Show what a command would do, ask unless ``yes``, then do it."""
    found = _ask(preview or f"{action}_preview", state_dir, coin, value)
    if not found.get("ok") or found.get("changes_nothing"):
        return _command_ended(found, as_json)
    if not yes:
        if as_json or not sys.stdin.isatty():
            return fail(ExitCode.USAGE, f"{found['text']}; add --yes if that is meant")
        sys.stderr.write(f"{printable(found['text'])}.\n{question} [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            return fail(ExitCode.USAGE, "not confirmed; nothing was sent")
    return _command_ended(_ask(action, state_dir, coin, value), as_json)


def _ask(
    cmd: str, state_dir: Path | None, coin: str = "", value: str = "", full: bool = False
) -> dict[str, Any]:
    from core.runtime.control_client import ask, find_instance

    by = operator(_typed())
    return ask(find_instance(named(state_dir)), cmd, coin, value, by, full)


def _typed() -> str:
    """The command as it was typed: ``gridbot set levels 12``."""
    return shlex.join(["gridbot", *sys.argv[1:]])[:120]
