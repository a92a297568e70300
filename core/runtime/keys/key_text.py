"""What a key's file says: a key as it is, or a keystore."""

from __future__ import annotations

from collections.abc import Callable

from core.exchange.signing import BadKeyError, Signer
from core.runtime.keys.keystore import address_in, is_keystore, unlock
from core.runtime.usage import UsageError

Passphrase = Callable[[str], str]
"""The passphrase of the keystore that is named. Raises ``UsageError`` if there is nobody to ask."""


def signer_of(key: str, name: str, is_mainnet: bool) -> Signer:
    """Raises ``UsageError``, which names the place and never the key."""
    try:
        return Signer(key.strip(), is_mainnet)
    except BadKeyError as error:
        raise UsageError(f"{name} can't be used: {error}") from None


def key_in(text: str, name: str, passphrase: Passphrase) -> str:
    """The key itself. Raises ``UsageError`` for a keystore that stays locked."""
    return unlock(text, passphrase(name), name) if is_keystore(text) else text.strip()


def address_of(text: str, name: str) -> str:
    """Whose key it says it is, lower case; no passphrase is needed. Raises ``UsageError``."""
    return address_in(text, name) if is_keystore(text) else signer_of(text, name, False).address
