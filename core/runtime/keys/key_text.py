"""What a key's file says: a key as it is, or a keystore."""

from __future__ import annotations

from collections.abc import Callable

from core.exchange.signing import BadKeyError, Signer
from core.runtime.keys.keystore import WrongPassphraseError, address_in, is_keystore, unlock
from core.runtime.usage import UsageError

Passphrase = Callable[[str, int], str]
"""The passphrase of the keystore that is named, at the first attempt or a later one: what was told before is not the one.

Raises ``UsageError`` if there is nobody to ask, or nobody to ask again.
"""

ATTEMPTS = 3


def signer_of(key: str, name: str, is_mainnet: bool) -> Signer:
    """Raises ``UsageError``, which names the place and never the key."""
    try:
        return Signer(key.strip(), is_mainnet)
    except BadKeyError as error:
        raise UsageError(f"{name} can't be used: {error}") from None


def key_in(text: str, name: str, passphrase: Passphrase) -> str:
    """The key itself. Raises ``UsageError`` for a keystore that stays locked."""
    if not is_keystore(text):
        return text.strip()
    for attempt in range(1, ATTEMPTS):
        try:
            return unlock(text, passphrase(name, attempt), name)
        except WrongPassphraseError:
            pass  # whoever typed it may have mistyped it
    return unlock(text, passphrase(name, ATTEMPTS), name)


def address_of(text: str, name: str) -> str:
    """Whose key it says it is, lower case; no passphrase is needed. Raises ``UsageError``."""
    return address_in(text, name) if is_keystore(text) else signer_of(text, name, False).address
