"""The command line. Other programs rely on its words, its one-line JSON and its exit codes."""

from __future__ import annotations

import os
import shlex
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError

from core import VERSION
from core.redaction import remember_environment
from core.runtime.exit_code import ExitCode
from core.runtime.statedir import lock_holder, running_instances
from gridbot_tui import (
    alerts_command,
    config_command,
    doctor_command,
    events_command,
    exchange_command,
    export_command,
    init_command,
    instance_commands,
    keeping,
    keys_command,
    support_command,
    watchdog_command,
)
from gridbot_tui.arguments import KEY_SEEN, has_key
from gridbot_tui.failures import code_of, tell_crash
from gridbot_tui.flags import JsonFlag, fail, named
from gridbot_tui.run_flags import Network, RunFlags, parse_duration_s
from gridbot_tui.screen_flags import ScreenFlags

app = App(
    name="gridbot",
    help="A grid trading bot for Hyperliquid perpetuals. Without arguments: the screen of the running instance; without one, "
    "a new one on the embedded paper exchange.",
    version=VERSION,
    version_flags=["--version"],
    help_flags=["--help", "-h"],
    help_format="plaintext",
    exit_on_error=False,
    print_error=False,
    result_action="return_value",
)

exchange_command.register(app)
instance_commands.register(app)
keys_command.register(app)
init_command.register(app)
keeping.register(app)
export_command.register(app)
events_command.register(app)
config_command.register(app)
doctor_command.register(app)
watchdog_command.register(app)
support_command.register(app)
alerts_command.register(app)


def run_cli(arguments: list[str]) -> int:
    """Run one command line; its exit code. Every expected error is a sentence on stderr."""
    if has_key(arguments):
        return fail(ExitCode.USAGE, KEY_SEEN)
    remember_environment(os.environ)
    if arguments and not arguments[0].startswith("-") and arguments[0] not in set(app):
        return fail(ExitCode.USAGE, _no_command(arguments[0]))
    try:
        result = app(arguments) if arguments else bare()
    except UnusedCliTokensError as error:
        unknown = " ".join(error.unused_tokens or ())
        command = _command_of(error)
        if command == "gridbot":
            return fail(ExitCode.USAGE, _no_command(unknown))
        return fail(
            ExitCode.USAGE, f"`{command}` can't use {unknown}; `{command} --help` lists what it takes"
        )
    except CycloptsError as error:
        said = str(error).rstrip(".")
        return fail(ExitCode.USAGE, f"{said}; `{_command_of(error)} --help` lists its flags")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.CLEAN
    except Exception as error:
        code = code_of(error)
        if code is None:
            return fail(ExitCode.INTERNAL, tell_crash("the command", error))
        return fail(code, str(error))
    return int(result) if isinstance(result, int) else 0


def bare() -> int:
    """``gridbot`` alone: to the instance that runs, if there is just one; paper trading, if there is none."""
    here = named(None)
    running = running_instances() if here is None else [here] if lock_holder(here) is not None else []
    if not running:
        return int(run())
    if len(running) > 1:
        listed = "\n".join(f"  gridbot attach --state-dir {shlex.quote(str(each.path))}" for each in running)
        return fail(
            ExitCode.USAGE,
            f"{len(running)} instances run here; look at one of them:\n{listed}\n`gridbot run` starts another",
        )
    from gridbot_tui.attach import attach

    return attach(running[0])


def _no_command(word: str) -> str:
    first = word.split(" ")[0]
    if first in set(app):
        return f"flags go after the command: `gridbot {first}`, then its flags; `gridbot {first} --help` lists them"
    near = get_close_matches(first, sorted(app), 1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{word} is not a command; {meant}`gridbot --help` lists them"


def _command_of(error: CycloptsError) -> str:
    """As it was typed: the program, and its command if there was one."""
    return " ".join(["gridbot", *(error.command_chain or ())])


@app.default
def run(
    *,
    no_ui: Annotated[bool, Parameter(negative=(), help="Headless: JSON lines on stdout.")] = False,
    network: Annotated[Network, Parameter(help="mainnet also needs --live.")] = "paper",
    live: Annotated[bool, Parameter(negative=(), help="Yes, mainnet, real money.")] = False,
    coin: Annotated[list[str] | None, Parameter(help="Repeatable; HIP-3 as dex:NAME.", negative=())] = None,
    config: Annotated[Path | None, Parameter(help="Default: ./gridbot.toml if it is there.")] = None,
    exchange_url: Annotated[
        str, Parameter(help="A Hyperliquid-compatible paper exchange instead of the embedded one.")
    ] = "",
    state_dir: Annotated[Path | None, Parameter(help="Default: per user, network and account.")] = None,
    for_: Annotated[
        str | None,
        Parameter(
            name="--for",
            help="Stop by itself after 90s, 5m or 1h of trading; an exchange that isn't reached is tried for a minute first.",
        ),
    ] = None,
    summary: Annotated[Literal["json", ""], Parameter(help="One object on one line of stdout at exit.")] = "",
    preview: Annotated[
        str,
        Parameter(
            help="mainnet: the fingerprint of the preview you have seen, if it isn't in the state dir."
        ),
    ] = "",
    adopt: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Keep the leverage and margin mode of positions that have others than configured; of one coin: adopt = true "
            "in its [coins.NAME].",
        ),
    ] = False,
    passphrase_fd: Annotated[
        int | None, Parameter(help="Read the passphrase of the key's keystore from this descriptor.")
    ] = None,
    screen: ScreenFlags = ScreenFlags(),  # noqa: B008  (frozen)
) -> int:
    """Trade. The terminal UI, or headless with --no-ui."""
    from gridbot_tui.run import run as run_bot

    flags = RunFlags(
        network, live, tuple(coin or ()), config, exchange_url, state_dir, preview, adopt, passphrase_fd
    )
    for_s = parse_duration_s(for_) if for_ is not None else None
    return run_bot(flags, no_ui, for_s, summary == "json", screen)


app.command(run, name="run")


@app.command
def preview(
    *,
    network: Annotated[Network, Parameter(help="Whose prices; nothing is sent.")] = "paper",
    coin: Annotated[list[str] | None, Parameter(help="Repeatable; HIP-3 as dex:NAME.", negative=())] = None,
    config: Annotated[Path | None, Parameter(help="Default: ./gridbot.toml if it is there.")] = None,
    exchange_url: Annotated[str, Parameter(help="As for a run.")] = "",
    price: Annotated[str | None, Parameter(help="Around this price instead of the present one.")] = None,
    state_dir: Annotated[
        Path | None, Parameter(help="As for a run; it keeps the preview's fingerprint.")
    ] = None,
    json: JsonFlag = False,
) -> int:
    """The grid of these settings at the present price: levels, fees, and what either edge may cost. Starts nothing."""
    from core.exchange.rest import RestError
    from gridbot_tui.numbers import price_of
    from gridbot_tui.plans import preview_of
    from gridbot_tui.preview import show

    flags = RunFlags(network, False, tuple(coin or ()), config, exchange_url, state_dir)
    settings, url, state = preview_of(flags)
    try:
        return show(settings, url, state, network, price_of(price), json)
    except RestError as error:
        return fail(ExitCode.UNREACHABLE, str(error))
