"""A key under a passphrase: Ethereum's keystore JSON (version 3, scrypt), which other wallets read, too."""

from __future__ import annotations

import json

from core.runtime.usage import UsageError

WORK = 2**18
"""Scrypt's cost: half a second and 256 MiB for each guess."""

SHORTEST_PASSPHRASE = 8


class WrongPassphraseError(UsageError):
    """``name`` is what a sentence calls the keystore."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} can't be opened: the passphrase is not the one; try again, or import the key anew"
        )


def lock(key: str, passphrase: str) -> str:
    """The keystore's text. Raises ``UsageError`` for a passphrase that is none."""
    from eth_account import Account

    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise UsageError(f"a passphrase has at least {SHORTEST_PASSPHRASE} characters; take a longer one")
    secret = bytes.fromhex(key.strip().removeprefix("0x"))
    return json.dumps(Account.encrypt(secret, passphrase, kdf="scrypt", iterations=WORK))


def unlock(text: str, passphrase: str, name: str) -> str:
    """The key in it. ``name`` is what a sentence calls the keystore. Raises ``UsageError``."""
    from eth_account import Account

    try:
        key = "0x" + bytes(Account.decrypt(json.loads(text), passphrase)).hex()
    except ValueError as error:
        if "MAC mismatch" in str(error):
            raise WrongPassphraseError(name) from None
        raise UsageError(f"{name} can't be opened: it is damaged; import the key anew") from None
    except (KeyError, TypeError, NotImplementedError):
        raise UsageError(f"{name} is no keystore of this kind; import the key anew") from None
    return key


def is_keystore(text: str) -> bool:
    return text.lstrip().startswith("{")


def address_in(text: str, name: str) -> str:
    """The address that a keystore says it is of, in lower case; no passphrase is needed. Raises ``UsageError``."""
    try:
        address = str(json.loads(text)["address"]).lower().removeprefix("0x")
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{name} is no keystore: it names no address; import the key anew") from None
    return f"0x{address}"
