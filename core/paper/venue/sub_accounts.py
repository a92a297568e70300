"""Sub-accounts: accounts of their own in every way, but signed for by their master."""

from __future__ import annotations

import hashlib

from core.paper.venue.accounts import Account
from core.paper.venue.budget import traded_text
from core.paper.venue.refusals import RefusedError

_LONGEST_NAME = 16
_MICRO = 1_000_000


def check_creation(master: Account, name: str, needed_usd: int) -> None:
    """Hyperliquid's words for a bad name, and for a sub-account that wants one, are not known.

    Raises:
        RefusedError: too little traded so far (``needed_usd``), a bad name, or a sub-account can't have one.
    """
    if master.master:
        raise RefusedError(f"Sub-account {master.user} cannot create sub-accounts.")
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise RefusedError(f"Sub-account name must be between 1 and {_LONGEST_NAME} characters long")
    if master.volume < needed_usd * _MICRO:
        raise RefusedError(
            "Cannot create sub-accounts until enough volume traded. "
            f"Required: ${needed_usd}. Traded: ${traded_text(master)}."
        )


def new_address(master: Account, number: int) -> str:
    """The same for the same master and number, so that a replayed run gives the same addresses."""
    digest = hashlib.sha256(f"{master.user}:{number}".encode())
    return f"0x{digest.hexdigest()[:40]}"


def check_vault(master: Account, vault: Account | None, address: str) -> Account:
    """As ``check_owner``, in the words for a ``vaultAddress``."""
    if vault is None or not vault.master:
        raise RefusedError(f"Vault not registered: {address}")
    return check_owner(master, vault, address)


def check_owner(master: Account, sub_account: Account | None, address: str) -> Account:
    """Raises ``RefusedError`` unless ``address`` is a sub-account of ``master``."""
    if sub_account is None or sub_account.master != master.user:
        raise RefusedError(f"Sub-account {address} is not registered to {master.user}")
    return sub_account
