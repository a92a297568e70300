"""Who trades: the account, and the key that signs for it. The key is handed to the signer and kept nowhere else."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.exchange.signing import Signer
from core.runtime.keys.key_text import Passphrase, key_in, signer_of
from core.runtime.keys.sources import (
    VARIABLES,
    KeyQuery,
    Source,
    SourceKind,
    chosen,
    find_sources,
)
from core.runtime.keys.succession import Successor
from core.runtime.private_file import read_private, write_private
from core.runtime.statedir import StateDir, unwritable
from core.runtime.usage import UsageError


@dataclass(frozen=True, slots=True)
class Identity:
    """The account (lower case address) and the signer of its actions. ``source``: where the key came from, for the eye.

    ``successor``: the key that a rotation has begun with, and that signs in place of ``signer`` once it is approved.
    """

    account: str
    signer: Signer = field(repr=False)
    source: str = ""
    warnings: tuple[str, ...] = ()
    successor: Successor | None = None


def nobody_to_ask(name: str, _attempt: int = 1) -> str:
    """A ``Passphrase`` of which there is none."""
    raise UsageError(
        f"{name} needs its passphrase: start in a terminal, or give it with --passphrase-fd, or as the systemd credential "
        "key_passphrase"
    )


def load_identity(
    query: KeyQuery,
    state: StateDir,
    environ: Mapping[str, str],
    passphrase: Passphrase = nobody_to_ask,
) -> Identity:
    """The account and its signer. Raises ``UsageError`` with the fix.

    Paper: a key alone is its own account; without one a key is made and kept 0600 in the state dir. Testnet and mainnet: an
    agent's key and the account's address, never the account's own key.
    """
    source, network = chosen(find_sources(query, environ)), query.network
    if source is None:
        if network != "paper":
            raise UsageError(no_key(query))
        signer = signer_of(_paper_key(state.key), str(state.key), False)
        return Identity(signer.address, signer, str(state.key), _unused(query.account, signer.address))
    if network != "paper" and query.account in ("", source.address):
        who = query.account or "the account"
        raise UsageError(
            f"on {network} GridBot refuses the account's own key: approve an agent wallet (API wallet) for {who}, give its key "
            "(`gridbot keys import`), and write the account as user_address (HL_USER_ADDRESS)"
        )
    signer = source.signer(network == "mainnet", passphrase)
    account, warnings = query.account or signer.address, _warnings(source.kind, network)
    try:
        successor = _successor(query, source, passphrase)
    except UsageError as error:
        unusable = f"the key that `gridbot keys rotate` has begun with can't be used ({error}): the present one signs"
        return Identity(account, signer, source.name, (*warnings, unusable))
    return Identity(account, signer, source.name, warnings, successor)


def _successor(query: KeyQuery, source: Source, passphrase: Passphrase) -> Successor | None:
    """The one that is kept beside a present key in a file of ours. Raises ``UsageError`` if it can't be used."""
    place = query.kept
    if place is None or source.kind not in (SourceKind.KEYSTORE, SourceKind.FILE):
        return None
    text = place.read_next()
    if text is None:
        return None
    name = str(place.next)
    signer = signer_of(key_in(text, name, passphrase), name, query.network == "mainnet")
    return None if signer.address == source.address else Successor(signer, place)


def no_key(query: KeyQuery) -> str:
    if not query.account:
        return (
            f"{query.network} needs an agent wallet and the account that it signs for: `gridbot init --network "
            f"{query.network}` makes both ready; or write user_address (HL_USER_ADDRESS)"
        )
    return (
        f"{query.network} needs an agent wallet, and there is no key for {query.account}: `gridbot init` makes one, `gridbot "
        "keys import` takes one in"
    )


def _warnings(kind: SourceKind, network: str) -> tuple[str, ...]:
    if kind is not SourceKind.ENVIRONMENT or network == "paper":
        return ()
    return (
        "the key comes from the environment, which other programs of this user can read: `gridbot keys import` puts it into a "
        "keystore",
    )


def _unused(account: str, own: str) -> tuple[str, ...]:
    if account in ("", own):
        return ()
    return (f"user_address {account} has no key on paper, so this run trades an account of its own, {own}",)


def account_hint(environ: Mapping[str, str], account: str = "") -> str:
    """The account's address as far as it is told without touching a file, else empty: names the default state dir."""
    if account:
        return account
    for name in VARIABLES:
        if key := environ.get(name):
            return signer_of(key, name, False).address
    return ""


def _paper_key(path: Path) -> str:
    """The state dir's own paper key; made on first use. It guards play money on this machine, nothing else."""
    if not os.path.lexists(path):
        try:
            write_private(path, "0x" + secrets.token_hex(32))
        except OSError as error:
            raise unwritable(path, error) from error
    return read_private(path)
