"""Signatures of L1 actions, and the whole requests around them. Nothing but this object keeps the key.

What it was read from may have left copies in memory, which Python can't wipe; so may an object that is used no more.

The native path signs by libsecp256k1 in some twenty microseconds. Where its libraries are missing, or sign otherwise than the
official SDK, the SDK's own code does it, many times slower; its import takes a third of a second and waits until it is needed.
"""

from __future__ import annotations

from typing import Any, Protocol

from core.exchange.action_bytes import Encoded, encode
from core.exchange.actions import Action
from core.redaction import is_key, remember

_CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""Secret keys of secp256k1 are below it."""


class BadKeyError(ValueError):
    """The key cannot be used; the text never contains it."""


class Prepared(Protocol):
    """An action whose bytes are known: a nonce and an expiry make a request of it."""

    @property
    def kind(self) -> str:
        """The action's type."""

    def sign(self, nonce: int, expires_ms: int | None, vault: str | None = None) -> tuple[str, str, int]:
        """``r`` and ``s`` in hex without ``0x`` and leading zeros, and ``v``, of the phantom agent (Hyperliquid: signing)."""

    def body(self, nonce: int, expires_ms: int | None, vault: str | None = None) -> bytes:
        """The whole body of the ``/exchange`` request, signed."""


class _Key(Protocol):
    """What signs."""

    address: str

    def prepare(self, action: Encoded) -> Prepared: ...

    def body(self, action: Encoded, nonce: int, expires_ms: int | None, vault: str | None) -> bytes: ...


class Signer:
    """Signs L1 actions for one key, in one thread. ``address`` is lower case."""

    __slots__ = ("_key", "address", "slow_because")

    def __init__(self, private_key: str, is_mainnet: bool) -> None:
        """Raises ``BadKeyError`` if it isn't a secp256k1 private key in hex.

        Either way it is masked wherever it turns up: a key by its look, what was mistyped for one because it is remembered.
        """
        remember(private_key)
        # A library would pad a key that lost a digit, and sign as somebody else.
        if not is_key(private_key) or not 0 < int(private_key, 16) < _CURVE_ORDER:
            raise BadKeyError("the key is not 32 bytes of hex (0x and 64 digits)")
        self.slow_because = native_fault()
        """Why the SDK's path is used; empty if it isn't."""
        self._key = (_slow if self.slow_because else _fast)(private_key, is_mainnet)
        self.address: str = self._key.address

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    def prepare(self, action: Action | Encoded | Prepared) -> Prepared:
        """What of a request for ``action`` doesn't depend on its nonce, done ahead of it, unless it has been."""
        if isinstance(action, dict):
            action = encode(action)
        return self._key.prepare(action) if isinstance(action, Encoded) else action

    def body(
        self, action: Action | Encoded, nonce: int, expires_ms: int | None, vault: str | None = None
    ) -> bytes:
        """The whole body of the ``/exchange`` request for ``action``, signed."""
        encoded = action if isinstance(action, Encoded) else encode(action)
        return self._key.body(encoded, nonce, expires_ms, vault)

    def sign(
        self, action: Action, nonce: int, expires_ms: int | None, vault: str | None = None
    ) -> dict[str, Any]:
        """The ``signature`` of a request."""
        r, s, v = self.prepare(action).sign(nonce, expires_ms, vault)
        return {"r": f"0x{r}", "s": f"0x{s}", "v": v}


def native_fault() -> str:
    """Why the native path can't be taken here; empty if it can."""
    try:
        import core.exchange.signing_native as native
    except (ImportError, AttributeError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    try:
        native.check()
    except (native.LibraryError, AttributeError) as error:
        return str(error)
    return ""


def _fast(private_key: str, is_mainnet: bool) -> _Key:
    import core.exchange.signing_native as native

    return native.NativeKey(bytes.fromhex(private_key.removeprefix("0x")), is_mainnet)


def _slow(private_key: str, is_mainnet: bool) -> _Key:
    from core.exchange.signing_sdk import SdkKey

    return SdkKey(private_key, is_mainnet)
