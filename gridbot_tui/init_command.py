"""``gridbot init``: from nothing to a bot that may start: settings, an agent's key, its approval, the doctor and the preview.

Each step that is done stays done: broken off, the same command goes on where it was.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from core.runtime.exit_code import ExitCode
from core.runtime.usage import UsageError
from gridbot_tui.flags import fail
from gridbot_tui.keys_command import (
    INTERRUPTED,
    AccountFlag,
    PassphraseFdFlag,
    UrlFlag,
    asked,
    kept_text,
)
from gridbot_tui.lines import tell
from gridbot_tui.run_flags import Network, RunFlags, parse_duration_s

if TYPE_CHECKING:
    from gridbot_tui.keys_command import Asked

Answers = dict[str, str]


def _share(of: str, by: Decimal, last: str = "") -> Callable[[Answers], str]:
    """A proposal that follows from another answer."""
    return lambda answers: f"{Decimal(answers[of]) * by * (Decimal(answers[last]) if last else 1):f}"


QUESTIONS: dict[str, tuple[str, str | Callable[[Answers], str]]] = {
    "coin": ("Which coin", "BTC"),
    "investment_usd": ("The money it works with, in USD", "500"),
    "leverage": ("The leverage", "2"),
    "grid_spacing_pct": ("The distance between levels, as a fraction (0.001 is 0.1 %)", "0.001"),
    "num_grids": ("Levels on each side", "10"),
    "max_symbol_notional": ("The largest position, in USD", _share("investment_usd", Decimal(1), "leverage")),
    "stop_loss_low": ("Close everything below this price, or off", "off"),
    "stop_loss_high": ("Close everything above this price, or off", "off"),
    "daily_pnl_stop": ("Halt for the day at this loss, in USD", _share("investment_usd", Decimal("-0.1"))),
}
"""The eight settings of the simple profile (the stop has two ends), each with a proposal."""


def register(app: App) -> None:
    """Add the command to the program."""
    app.command(init)


def init(
    *,
    network: Annotated[Network, Parameter(help="mainnet never gets a testnet's key or state.")],
    account: AccountFlag = "",
    answer: Annotated[
        list[str] | None,
        Parameter(help="Repeatable: coin=BTC, investment_usd=500, …; it isn't asked for then.", negative=()),
    ] = None,
    config: Annotated[Path, Parameter(help="The file to write; one that is there is used as it is.")] = Path(
        "gridbot.toml"
    ),
    wait: Annotated[str, Parameter(help="How long to wait for the agent's approval: 10m, 1h.")] = "10m",
    exchange_url: UrlFlag = "",
    passphrase_fd: PassphraseFdFlag = None,
) -> int:
    """Ask for the settings, make an agent's key, wait for its approval, then run the doctor and the preview."""
    from gridbot_tui.doctor_command import report

    wait_s = parse_duration_s(wait, "--wait")
    needs_agent = network != "paper" or bool(exchange_url and account)
    if not config.exists():
        _write(config, network, account, _given(answer or []), needs_agent)
    else:
        tell(f"{config} is there and is used as it is")
    if needs_agent:
        code = _agent(asked(network, account, config, exchange_url), wait_s, passphrase_fd)
        if code:
            return code
    flags = RunFlags(network, False, (), config, exchange_url, None)
    return report(flags, False) or _preview(flags)


def _preview(flags: RunFlags) -> int:
    from core.exchange.rest import RestError
    from gridbot_tui.plans import preview_of
    from gridbot_tui.preview import show

    settings, url, state = preview_of(flags)
    try:
        code = show(settings, url, state, flags.network, None, False)
    except RestError as error:
        return fail(ExitCode.UNREACHABLE, str(error))
    live = " --live" if flags.network == "mainnet" else ""
    tell(f"ready: `gridbot run --network {flags.network}{live} --config {flags.config}` starts it")
    return code


def _given(answers: list[str]) -> Answers:
    found: Answers = {}
    for each in answers:
        name, has_value, value = each.partition("=")
        if name == "user_address":
            raise UsageError(f"--answer {name} is none; name the account with --account")
        if name not in QUESTIONS or not has_value:
            raise UsageError(
                f"--answer {each!r} is none; write one of {', '.join(QUESTIONS)} and its value, as coin=BTC"
            )
        if problem := _problem(name, value):
            raise UsageError(f"--answer {name}={value} {problem}")
        found[name] = value
    return found


def _write(config: Path, network: str, account: str, given: Answers, needs_agent: bool) -> None:
    """Ask what isn't given, and write the file if all of it passes. Raises ``UsageError``; nothing is written then."""
    from core.runtime.private_file import write_private
    from core.runtime.settings import judge

    lines = ['profile = "simple"']
    if needs_agent:
        address = account or _ask("user_address", "The account's address, never an agent's", "")
        lines.append(f'user_address = "{address.strip().lower()}"')
    answers: Answers = {}
    for name, (question, proposal) in QUESTIONS.items():
        proposed = proposal if isinstance(proposal, str) else proposal(answers)
        answers[name] = given.get(name) or _ask(name, question, proposed)
        lines.append(f"{name} = {_toml(answers[name])}")
    draft = config.with_name(f"{config.name}.draft")
    try:
        write_private(draft, "\n".join(lines) + "\n")
        found = judge({}, {}, draft, network=network)
        if found.problems:
            raise UsageError(
                found.problems[0].text.replace(draft.name, config.name) + "; nothing was written"
            )
        os.replace(draft, config)
    except OSError as error:
        raise UsageError(
            f"{config} can't be written ({error.strerror}); name another with --config"
        ) from None
    finally:
        draft.unlink(missing_ok=True)
    tell(f"{config} is written; no secret is in it")


def _ask(name: str, question: str, proposal: str) -> str:
    """An answer that passes: typed at a terminal, where a wrong one is asked for again; else the next line of stdin."""
    while True:
        shown = f" [{proposal}]" if proposal else ""
        sys.stderr.write(f"{question} ({name}){shown}: ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not sys.stdin.isatty():
            sys.stderr.write("\n")  # nobody's enter ended the line
        if not line:
            raise UsageError(
                f"no answer for {name}: give it with --answer or on stdin, one answer a line, empty for the proposal"
            )
        value = line.strip() or proposal
        problem = _problem(name, value)
        if not problem:
            return value
        if not sys.stdin.isatty():
            raise UsageError(f"{name} {value} {problem}; nothing was written")
        sys.stderr.write(f"  {value} {problem}\n")


def _problem(name: str, value: str) -> str:
    """What the settings' own rules say of one value; empty if it passes."""
    from pydantic import ValidationError

    from core.runtime.settings import Settings

    if not value:
        return "is needed"
    try:
        Settings.model_validate({name: value})
    except ValidationError as error:
        return str(error.errors()[0]["msg"]).removeprefix("Value error, ").lower()
    return ""


def _toml(value: str) -> str:
    try:
        return f"{Decimal(value):f}"
    except ArithmeticError:
        return '"' + value.replace("\\", "").replace('"', "") + '"'


def _agent(what: Asked, wait_s: float, passphrase_fd: int | None) -> int:
    """Make the key unless there is one, and wait until it is approved; the exit code, 0 if it is."""
    import asyncio

    from core.exchange.rest import RestError
    from core.runtime.agents import approval_page
    from core.runtime.keys import find_sources
    from core.runtime.keys.approval import wait_for_approval
    from core.runtime.keys.key_text import signer_of
    from core.runtime.keys.sources import chosen

    source = chosen(find_sources(what.query, os.environ))
    if source is None:
        key = "0x" + secrets.token_hex(32)
        plain = passphrase_fd is None and not sys.stdin.isatty()
        path = what.place.keep(kept_text(key, plain, passphrase_fd))
        address = signer_of(key, "the new key", what.is_mainnet).address
        tell(f"an agent's key was made and is in {path}; it can trade, and can't withdraw")
    else:
        address = source.address
    page = approval_page(what.query.network, what.url)
    tell(f"approve the agent {address} for {what.account}, under a name: {page}")
    try:
        asyncio.run(wait_for_approval(what.pair(address), wait_s, tell))
    except KeyboardInterrupt:
        tell("broken off; the settings and the key stay, and the same command goes on")
        return INTERRUPTED
    except RestError as error:
        return fail(ExitCode.UNREACHABLE, f"{error}. The settings and the key stay; the same command goes on")
    except UsageError as error:
        raise UsageError(f"{error}. The settings and the key stay; the same command goes on") from None
    return 0
