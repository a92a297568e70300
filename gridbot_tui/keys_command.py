"""``gridbot keys``: take a key in, say whose it is, put another in its place while the bot runs. None of them shows a key."""

from __future__ import annotations

import os
import secrets
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from core.failpoints import failpoint
from core.runtime.exit_code import ExitCode
from core.runtime.usage import UsageError
from core.telemetry.event_log import json_line
from gridbot_tui.config_command import ConfigFlag
from gridbot_tui.flags import JsonFlag, fail
from gridbot_tui.lines import print_line, tell
from gridbot_tui.passphrase import ask_hidden, passphrase_of, read_line
from gridbot_tui.run_flags import Network, RunFlags, parse_duration_s

if TYPE_CHECKING:
    from core.exchange.signing import Signer
    from core.runtime.agents import Pair
    from core.runtime.keys.key_text import Passphrase
    from core.runtime.keys.places import KeyPlace
    from core.runtime.keys.sources import KeyQuery
    from core.runtime.statedir import StateDir

NetworkFlag = Annotated[Network, Parameter(name="--network", help="Whose key: no network has another's.")]
AccountFlag = Annotated[
    str, Parameter(name="--account", help="The account's address; default: user_address of the settings.")
]
UrlFlag = Annotated[str, Parameter(name="--exchange-url", help="With --network paper: as for a run.")]
KeyFdFlag = Annotated[
    int | None, Parameter(name="--key-fd", help="Read the key from this descriptor, instead of the terminal.")
]
PassphraseFdFlag = Annotated[
    int | None, Parameter(name="--passphrase-fd", help="Read the keystore's passphrase from this descriptor.")
]
INTERRUPTED = 130


def register(app: App) -> None:
    """Add the commands to the program."""
    commands = App(
        name="keys", help="The agent's key: take it in, show whose it is, rotate it.", help_format="plaintext"
    )
    commands.command(import_, name="import")
    commands.command(show)
    commands.command(rotate)
    app.command(commands)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the flags and settings mean."""

    query: KeyQuery
    url: str
    flags: RunFlags
    configured: Path | None = None
    """The state dir of the settings."""

    @property
    def account(self) -> str:
        if not self.query.account:
            raise UsageError(
                "whose agent is it? name the account with --account, or write user_address in gridbot.toml"
            )
        return self.query.account

    @property
    def place(self) -> KeyPlace:
        assert self.account, "it has said so if there is none"
        place = self.query.kept
        assert place is not None, "an account has one"
        return place

    @property
    def is_mainnet(self) -> bool:
        return self.query.network == "mainnet"

    def pair(self, signer: str) -> Pair:
        from core.runtime.agents import Pair

        return Pair(signer, self.account, self.query.network, self.url)


def asked(
    network: Network, account: str, config: Path | None, url: str = "", state_dir: Path | None = None
) -> Asked:
    """Raises ``UsageError``; settings that lack something for a start are no hindrance."""
    from core.runtime.keys.sources import KeyQuery
    from core.runtime.settings.account import address
    from gridbot_tui.plans import OFFICIAL_URLS, exchange_url, judgement_of

    flags = RunFlags(network, False, (), config, url, state_dir)
    loaded = judgement_of(network, (), config).loaded
    try:
        named = address(account)
    except ValueError as error:
        raise UsageError(f"--account {account!r} {error}") from None
    query = KeyQuery(
        network,
        named or (loaded.common.user_address if loaded else ""),
        loaded.common.key_file if loaded else None,
    )
    where = exchange_url(flags, loaded) if loaded else OFFICIAL_URLS.get(network, url)
    return Asked(query, where, flags, loaded.common.state_dir if loaded else None)


def import_(
    *,
    network: NetworkFlag,
    account: AccountFlag = "",
    plain: Annotated[
        bool, Parameter(negative=(), help="Without a passphrase: a 0600 file that every start can read.")
    ] = False,
    key_fd: KeyFdFlag = None,
    passphrase_fd: PassphraseFdFlag = None,
    config: ConfigFlag = None,
) -> int:
    """Take an agent's private key in: typed without being shown, from a pipe on stdin, or from a descriptor."""
    what = asked(network, account, config)
    key, signer = read_key(key_fd, what.is_mainnet)
    what.place.refuse_own(signer.address)  # before a passphrase is asked for
    path = what.place.keep(kept_text(key, plain, passphrase_fd))
    print_line(f"{signer.address}, an agent's key of {what.account} on {network}, is in {path}")
    return 0


def show(
    *,
    network: NetworkFlag,
    account: AccountFlag = "",
    exchange_url: UrlFlag = "",
    config: ConfigFlag = None,
    json: JsonFlag = False,
) -> int:
    """Whose key a start would use, where it comes from, and how long its approval lasts. Never the key."""
    import asyncio

    from core.domain.agent import left_text
    from core.exchange.rest import RestError
    from core.runtime.agents import NotAnAgentError
    from core.runtime.keys import find_sources
    from core.runtime.keys.approval import wait_for_approval
    from core.runtime.keys.identity import no_key
    from core.runtime.keys.sources import chosen

    what = asked(network, account, config, exchange_url)
    source = chosen(find_sources(what.query, os.environ))
    if source is None:
        raise UsageError(no_key(what.query))
    told: dict[str, Any] = {"network": network, "account": what.query.account, "address": source.address}
    told |= {
        "source": source.name,
        "kind": source.kind.value,
        "following": what.query.kept.next_address if what.query.kept is not None else "",
        "agent": None,
        "valid_until": None,
        "trouble": "",
    }
    code, standing = ExitCode.CLEAN, "not asked: no exchange is named"
    try:
        if what.url:
            found = asyncio.run(wait_for_approval(what.pair(source.address), 0, lambda _: None))
            told |= {"agent": found.name, "valid_until": found.valid_until_ms}
            left_ms = found.left_ms(time.time_ns() // 10**6)
            lasts = "its end isn't told" if left_ms is None else f"for another {left_text(left_ms)}"
            standing = f"approved{f' as {found.name}' if found.name else ''}, {lasts}"
    except NotAnAgentError as error:
        code, standing, told["trouble"] = ExitCode.USAGE, str(error), str(error)
    except RestError as error:
        code, standing, told["trouble"] = ExitCode.UNREACHABLE, str(error), str(error)
    text = f"{source.address}, from {source.name} ({source.kind.value}), for {what.query.account} on {network}: {standing}"
    if told["following"]:
        text += f"; a rotation to {told['following']} has begun, which the same `gridbot keys rotate` or the next start ends"
    print_line(json_line(told) if json else text)
    return int(code)


def rotate(
    *,
    network: NetworkFlag,
    account: AccountFlag = "",
    wait: Annotated[str, Parameter(help="How long to wait for the approval: 10m, 1h.")] = "10m",
    key_fd: KeyFdFlag = None,
    passphrase_fd: PassphraseFdFlag = None,
    exchange_url: UrlFlag = "",
    state_dir: Annotated[Path | None, Parameter(help="As for a run.")] = None,
    config: ConfigFlag = None,
) -> int:
    """Put a second agent in the place of the present one, also while the bot runs: its orders keep resting."""
    import asyncio

    from core.exchange.rest import RestError
    from core.runtime.agents import approval_page
    from core.runtime.keys.approval import wait_for_approval

    wait_s = parse_duration_s(wait, "--wait")
    what = asked(network, account, config, exchange_url, state_dir)
    if not what.url:
        raise UsageError("the embedded paper exchange has no agents: name the exchange with --exchange-url")
    passphrase = passphrase_of(passphrase_fd, os.environ)
    present = _refuse_unless_ours(what)
    key, signer = _next_key(what, key_fd, passphrase, present)
    page = approval_page(network, what.url)
    tell(
        f"the new agent is {signer.address}; approve it for {what.account} under a name that isn't taken: {page}"
    )
    try:
        asyncio.run(wait_for_approval(what.pair(signer.address), wait_s, tell))
    except KeyboardInterrupt:
        tell(
            f"broken off; {what.place.next} keeps the new key, and the same command goes on. The present one signs as before"
        )
        return INTERRUPTED
    except UsageError as error:
        raise UsageError(
            f"{error}. The present key stays, {what.place.next} keeps the new one: the same command goes on"
        ) from None
    except RestError as error:
        return fail(ExitCode.UNREACHABLE, f"{error}. The present key stays; the same command goes on")
    failpoint("rotation_approved")
    text = _swapped(what, key, signer)
    failpoint("rotation_done")
    path = what.place.promote(signer.address)
    failpoint("rotation_kept")
    print_line(f"{text}; {path} has it. Revoke the agent before it when you like: {page}")
    return 0


def read_key(fd: int | None, is_mainnet: bool) -> tuple[str, Signer]:
    """A key from a descriptor, from what is piped in, or typed without being shown. Raises ``UsageError``."""
    from core.runtime.keys.key_text import signer_of
    from core.runtime.process_memory import forbid_reading

    forbid_reading()
    if fd is not None:
        key = read_line(fd, "--key-fd")
    elif not sys.stdin.isatty():
        key = sys.stdin.readline()
    else:
        key = ask_hidden("The agent's private key (nothing is shown): ", "the key")
    try:
        return key.strip(), signer_of(key, "the key", is_mainnet)
    except UsageError as error:
        raise UsageError(
            f"{error}; give the agent's private key, 64 hex digits: typed at a terminal, by --key-fd, or as a line on stdin"
        ) from None


def kept_text(key: str, plain: bool, passphrase_fd: int | None) -> str:
    """As it is to be written: in a keystore, unless it is wanted plain. Raises ``UsageError``."""
    from core.runtime.keys.keystore import lock

    if plain:
        return key
    if passphrase_fd is not None:
        return lock(key, read_line(passphrase_fd, "--passphrase-fd"))
    if not sys.stdin.isatty():
        raise UsageError(
            "a keystore needs a passphrase: give it with --passphrase-fd; or add --plain for a 0600 file without one"
        )
    first = ask_hidden("A passphrase for the keystore: ", "the keystore")
    if ask_hidden("The same once more: ", "the keystore") != first:
        raise UsageError("the two passphrases differ; nothing was kept, try again")
    return lock(key, first)


def _refuse_unless_ours(what: Asked) -> str:
    """Only a key in a file of ours can be followed by another, and only if it is nowhere else. Its address."""
    from core.runtime.keys import find_sources
    from core.runtime.keys.identity import no_key
    from core.runtime.keys.sources import chosen

    sources = find_sources(what.query, os.environ)
    source = chosen(sources)
    if source is None:
        raise UsageError(no_key(what.query))
    present = str(what.place.present)
    if elsewhere := [source.name for source in sources if source.name != present]:
        raise UsageError(
            f"the key comes from {' and '.join(elsewhere)}, which no command can change: put another agent's key there, then "
            "stop with `gridbot stop --keep-orders` and start again; or take the key away there and `gridbot keys import` it"
        )
    return source.address


def _next_key(what: Asked, fd: int | None, passphrase: Passphrase, before: str) -> tuple[str, Signer]:
    """The key that is to follow: one that was begun with, one that is given, or a new one. In a keystore if the present is."""
    from core.runtime.keys.key_text import key_in, signer_of
    from core.runtime.keys.keystore import is_keystore, lock
    from core.runtime.private_file import read_private

    place, present = what.place, what.place.present
    assert present is not None, "its source is a file"
    text, begun = read_private(present), place.read_next()
    word = ""
    if is_keystore(text):
        key_in(text, str(present), passphrase)
        word = passphrase(str(present), 1)
    if begun is not None and fd is None:
        key = key_in(begun, str(place.next), passphrase)
        return key, signer_of(key, str(place.next), what.is_mainnet)
    key = read_line(fd, "--key-fd").strip() if fd is not None else "0x" + secrets.token_hex(32)
    signer = signer_of(key, "the new key", what.is_mainnet)
    place.refuse_own(signer.address)
    if signer.address == before:
        raise UsageError(
            f"{before} is the present key already, so nothing was rotated: don't revoke it. Give another agent's key, or leave "
            "--key-fd out for a new one"
        )
    if (other := place.next_address) not in ("", signer.address):
        raise UsageError(
            f"a rotation to {other} has begun, which a running bot may sign with already: end it by the same command without "
            f"--key-fd; or, if nothing signs with it, delete {place.next}"
        )
    place.keep_next(lock(key, word) if word else key)
    failpoint("rotation_begun")
    return key, signer


def _swapped(what: Asked, key: str, signer: Signer) -> str:
    """Hand the key to the instance that runs, if one does. Raises ``UsageError`` if it keeps the present one."""
    from core.runtime.control_client import ask
    from core.runtime.keys.handover import handed_over
    from core.runtime.statedir import lock_holder
    from gridbot_tui.who import operator

    state = state_dir_of(what)
    if lock_holder(state) is None:
        return f"nothing runs on {state.path}: the next start signs with {signer.address}"
    with handed_over(key, state.path) as path:
        try:
            told = ask(state, "rotate_key", value=str(path), by=operator("gridbot keys rotate"))
        except UsageError as error:
            raise UsageError(
                f"{error}: whether it signs with {signer.address} isn't known. {what.place.next} keeps that key, and the same "
                "command goes on, as does the next start"
            ) from None
    if not told.get("ok"):
        raise UsageError(f"the running instance keeps its key: {told.get('text', 'no answer')}")
    return str(told["text"])


def state_dir_of(what: Asked) -> StateDir:
    """Where a run with these flags keeps its state."""
    from gridbot_tui.plans import state_of

    return state_of(what.flags, what.url, what.query.account, what.configured)
