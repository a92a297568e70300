"""Signatures by the official SDK's own code: what the native path is measured by, and what signs where that can't."""

from __future__ import annotations

from typing import Any

import orjson
from eth_account import Account
from hyperliquid.utils.signing import sign_l1_action

from core.exchange.action_bytes import Encoded


class SdkKey:
    """One key, as a wallet of the SDK."""

    __slots__ = ("_is_mainnet", "_wallet", "address")

    def __init__(self, private_key: str, is_mainnet: bool) -> None:
        """Raises whatever the library does if the key is none."""
        self._wallet = Account.from_key(private_key)
        self._is_mainnet = is_mainnet
        self.address: str = self._wallet.address.lower()

    def __repr__(self) -> str:
        return f"SdkKey({self.address})"

    def prepare(self, action: Encoded) -> PreparedBySdk:
        return PreparedBySdk(self, action)

    def body(self, action: Encoded, nonce: int, expires_ms: int | None, vault: str | None) -> bytes:
        return self.prepare(action).body(nonce, expires_ms, vault)

    def sign(self, action: Any, nonce: int, expires_ms: int | None, vault: str | None) -> dict[str, Any]:
        return dict(sign_l1_action(self._wallet, action, vault, nonce, expires_ms, self._is_mainnet))


class PreparedBySdk:
    """An action as the SDK takes it."""

    __slots__ = ("_action", "_key", "kind")

    def __init__(self, key: SdkKey, action: Encoded) -> None:
        self._key, self._action = key, orjson.loads(action.json)
        self.kind = action.kind

    def sign(self, nonce: int, expires_ms: int | None, vault: str | None = None) -> tuple[str, str, int]:
        signature = self._key.sign(self._action, nonce, expires_ms, vault)
        return signature["r"][2:], signature["s"][2:], signature["v"]

    def body(self, nonce: int, expires_ms: int | None, vault: str | None = None) -> bytes:
        return orjson.dumps(
            {
                "action": self._action,
                "nonce": nonce,
                "signature": self._key.sign(self._action, nonce, expires_ms, vault),
                "vaultAddress": vault,
                "expiresAfter": expires_ms,
            }
        )
