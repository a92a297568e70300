"""Signatures, by the official SDK's own code. The key lives in this object and nowhere else.

Its import is slow (a third of a second), so it waits until a key is really used.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

import orjson

Action = dict[str, Any]

_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}")


class BadKeyError(ValueError):
    """The key cannot be used; the text never contains it."""


class Prepared(Protocol):
    """An action whose bytes are known: a nonce and an expiry make a request of it."""

    @property
    def kind(self) -> str:
        """The action's type."""

    def body(self, nonce: int, expires_ms: int | None, vault: str | None = None) -> bytes:
        """The whole body of the ``/exchange`` request, signed."""


class Signer:
    """Signs L1 actions for one key. ``address`` is lower case."""

    __slots__ = ("_is_mainnet", "_wallet", "address")

    def __init__(self, private_key: str, is_mainnet: bool) -> None:
        """Raises ``BadKeyError`` if it isn't a secp256k1 private key in hex."""
        from eth_account import Account

        refused = BadKeyError("the key is not 32 bytes of hex (0x and 64 digits)")
        if _KEY.fullmatch(private_key) is None:
            raise refused  # the library would pad a key that lost a digit, and sign as somebody else
        try:
            self._wallet = Account.from_key(private_key)
        except Exception:
            raise refused from None
        self._is_mainnet = is_mainnet
        self.address: str = self._wallet.address.lower()

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    def sign(
        self, action: Action, nonce: int, expires_after_ms: int | None, vault: str | None = None
    ) -> dict[str, Any]:
        """``r``, ``s``, ``v`` of the phantom agent for ``action`` (Hyperliquid: signing)."""
        from hyperliquid.utils.signing import sign_l1_action

        signature = sign_l1_action(self._wallet, action, vault, nonce, expires_after_ms, self._is_mainnet)
        return dict(signature)

    def prepare(self, action: Action) -> Prepared:
        """What of a request for ``action`` doesn't depend on its nonce, done ahead of it."""
        return _PreparedBySdk(self, action)

    def body(self, action: Action, nonce: int, expires_ms: int | None, vault: str | None = None) -> bytes:
        """The whole body of the ``/exchange`` request for ``action``, signed."""
        return self.prepare(action).body(nonce, expires_ms, vault)


class _PreparedBySdk:
    __slots__ = ("_action", "_signer", "kind")

    def __init__(self, signer: Signer, action: Action) -> None:
        self._signer, self._action = signer, action
        self.kind: str = action["type"]

    def body(self, nonce: int, expires_ms: int | None, vault: str | None = None) -> bytes:
        return orjson.dumps(
            {
                "action": self._action,
                "nonce": nonce,
                "signature": self._signer.sign(self._action, nonce, expires_ms, vault),
                "vaultAddress": vault,
                "expiresAfter": expires_ms,
            }
        )
