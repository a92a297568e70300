"""Where the signing key comes from. It is handed to the signer and kept nowhere else; no text here ever contains it."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from core.exchange.signing import BadKeyError, Signer
from core.runtime.statedir import StateDir, UsageError, unwritable


@dataclass(frozen=True, slots=True)
class Identity:
    """Who trades: the account (lower case address) and the signer of its actions."""

    account: str
    signer: Signer = field(repr=False)


def load_identity(network: str, state: StateDir, environ: dict[str, str]) -> Identity:
    """The account and its signer for ``network``. Raises ``UsageError`` with the fix.

    Paper: ``HL_AGENT_KEY`` alone is its own account; without one a key is made and kept 0600 in the state dir. Testnet and
    mainnet: an agent's key and the account's address, never the account's own key.
    """
    key = environ.get("HL_AGENT_KEY") or environ.get("HL_PRIVATE_KEY")
    user = _user_address(environ)
    source = "HL_AGENT_KEY"
    if not key:
        if network != "paper":
            raise UsageError(
                f"{network} needs an agent wallet: set HL_AGENT_KEY to its private key and HL_USER_ADDRESS to the address "
                "of the account"
            )
        key, source = _paper_key(state.key), str(state.key)
    try:
        signer = Signer(key.strip(), is_mainnet=network == "mainnet")
    except BadKeyError as error:
        raise UsageError(f"{source} can't be used: {error}") from None
    account = user or signer.address
    if network != "paper" and account == signer.address:
        raise UsageError(
            f"on {network} GridBot refuses the account's own key: approve an agent wallet (API wallet) for {account}, set "
            "HL_AGENT_KEY to the agent's key and HL_USER_ADDRESS to the account"
        )
    return Identity(account, signer)


def account_hint(environ: dict[str, str]) -> str:
    """The account's address if the environment tells it without touching a file, else empty: names the default state dir."""
    user = _user_address(environ)
    if user:
        return user
    key = environ.get("HL_AGENT_KEY") or environ.get("HL_PRIVATE_KEY")
    if not key:
        return ""
    try:
        return Signer(key.strip(), is_mainnet=False).address
    except BadKeyError as error:
        raise UsageError(f"HL_AGENT_KEY can't be used: {error}") from None


def _user_address(environ: dict[str, str]) -> str:
    """Lower case; empty if it isn't set. Checked before it names a directory."""
    user = environ.get("HL_USER_ADDRESS", "").strip().lower()
    if user and not _is_address(user):
        raise UsageError("HL_USER_ADDRESS is not an address (0x and 40 hex digits)")
    return user


def _is_address(text: str) -> bool:
    return len(text) == 42 and text.startswith("0x") and all(c in "0123456789abcdef" for c in text[2:])


def _make_paper_key(path: Path) -> None:
    """Whole or not at all."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write("0x" + secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)


def _paper_key(path: Path) -> str:
    """The state dir's own paper key; made on first use. It guards play money on this machine, nothing else."""
    if not path.exists():
        try:
            _make_paper_key(path)
        except OSError as error:
            raise unwritable(path, error) from error
    info = path.stat()
    if info.st_uid != os.getuid() or stat.S_IMODE(info.st_mode) & 0o077:
        raise UsageError(f"{path} may be read by others; fix: chmod 600 {path}")
    return path.read_text(errors="replace")
