"""Signatures by libsecp256k1 and a native keccak, on bytes that were written ahead.

An L1 action is signed as Hyperliquid's phantom agent: keccak of the action's message-pack, nonce, vault and expiry is the
``connectionId`` of an EIP-712 ``Agent``. Of that, all but the ``connectionId`` is constant, and hashed once.

The import fails where a library is missing; ``check`` where one doesn't do what the SDK does.
"""

from __future__ import annotations

from os import urandom
from struct import Struct

from coincurve._libsecp256k1 import ffi, lib
from sha3 import keccak_256

from core.exchange.action_bytes import Encoded

_SIGN_CONTEXT = 1 | 1 << 9
"""``SECP256K1_CONTEXT_SIGN``: what a context for signing was made with before all could sign."""

_ZERO_32 = bytes(32)
_UNTIL = Struct(">Q2xQ").pack
"""What is hashed behind most actions: the nonce, that there is no vault, and the expiry."""

_NULL = ffi.NULL
_sign = lib.secp256k1_ecdsa_sign_recoverable
_serialize = lib.secp256k1_ecdsa_recoverable_signature_serialize_compact


def _keccak(data: bytes) -> bytes:
    digest: bytes = keccak_256(data).digest()
    return digest


_DOMAIN = _keccak(
    _keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    + _keccak(b"Exchange")
    + _keccak(b"1")
    + (1337).to_bytes(32, "big")
    + _ZERO_32
)
_ENVELOPE = b"\x19\x01" + _DOMAIN
_AGENT_TYPE = _keccak(b"Agent(string source,bytes32 connectionId)")


class LibraryError(Exception):
    """The native libraries are there, and can't be used."""


class NativeKey:
    """One secret key, in memory of the library's own, and what it signs with. For one thread: the result has one place."""

    __slots__ = ("_agent", "_compact", "_context", "_place", "_recovery", "_secret", "_signature", "address")

    def __init__(self, secret: bytes, is_mainnet: bool) -> None:
        """Raises ``ValueError`` if ``secret`` is none of 32 bytes between 1 and the order of the curve."""
        self._context = ffi.gc(lib.secp256k1_context_create(_SIGN_CONTEXT), lib.secp256k1_context_destroy)
        if not lib.secp256k1_context_randomize(self._context, urandom(32)):
            raise LibraryError("libsecp256k1 can't blind its context")
        self._secret = ffi.new("unsigned char[32]", secret)
        if len(secret) != 32 or not lib.secp256k1_ec_seckey_verify(self._context, self._secret):
            raise ValueError("not a secret key of secp256k1")
        self._agent = _AGENT_TYPE + _keccak(b"a" if is_mainnet else b"b")
        self._signature = ffi.new("secp256k1_ecdsa_recoverable_signature *")
        self._compact = bytearray(64)
        self._place = ffi.from_buffer("unsigned char[]", self._compact)
        self._recovery = ffi.new("int *")
        self.address = self._address()

    def __repr__(self) -> str:
        return f"NativeKey({self.address})"

    def _address(self) -> str:
        public, size = ffi.new("secp256k1_pubkey *"), ffi.new("size_t *", 65)
        if not lib.secp256k1_ec_pubkey_create(self._context, public, self._secret):
            raise LibraryError("libsecp256k1 can't tell the public key")
        point = ffi.new("unsigned char[65]")
        uncompressed = 1 << 1
        lib.secp256k1_ec_pubkey_serialize(self._context, point, size, public, uncompressed)
        return "0x" + _keccak(ffi.buffer(point)[1:])[12:].hex()

    def sign(self, connection: bytes) -> tuple[str, str, int]:
        """``r`` and ``s`` in hex as the SDK writes them, without leading zeros, and ``v``, of the agent with that id."""
        agent = keccak_256(self._agent + connection).digest()
        digest = keccak_256(_ENVELOPE + agent).digest()
        if not _sign(self._context, self._signature, digest, self._secret, _NULL, _NULL):
            raise LibraryError("libsecp256k1 didn't sign")
        _serialize(self._context, self._place, self._recovery, self._signature)
        both = self._compact.hex()
        return both[:64].lstrip("0"), both[64:].lstrip("0"), 27 + self._recovery[0]

    def prepare(self, action: Encoded) -> PreparedNatively:
        return PreparedNatively(self, action)

    def body(self, action: Encoded, nonce: int, expires_ms: int | None, vault: str | None) -> bytes:
        """As ``prepare(action).body(...)``, without what is only good for later."""
        connection = keccak_256(action.packed + _tail(nonce, expires_ms, vault)).digest()
        return _body(action.json, self.sign(connection), nonce, expires_ms, vault)


class PreparedNatively:
    """An action that is hashed already as far as its nonce."""

    __slots__ = ("_hashed", "_json", "_key", "kind")

    def __init__(self, key: NativeKey, action: Encoded) -> None:
        self._key, self._hashed, self._json, self.kind = (
            key,
            keccak_256(action.packed),
            action.json,
            action.kind,
        )

    def sign(self, nonce: int, expires_ms: int | None, vault: str | None = None) -> tuple[str, str, int]:
        """As ``NativeKey.sign``."""
        hashed = self._hashed.copy()
        hashed.update(_tail(nonce, expires_ms, vault))
        return self._key.sign(hashed.digest())

    def body(self, nonce: int, expires_ms: int | None, vault: str | None = None) -> bytes:
        return _body(self._json, self.sign(nonce, expires_ms, vault), nonce, expires_ms, vault)


def _body(
    action: str, signature: tuple[str, str, int], nonce: int, expires_ms: int | None, vault: str | None
) -> bytes:
    r, s, v = signature
    owner = "null" if vault is None else f'"{vault}"'
    until = "null" if expires_ms is None else expires_ms
    return (
        f'{{"action":{action},"nonce":{nonce},"signature":{{"r":"0x{r}","s":"0x{s}","v":{v}}},'
        f'"vaultAddress":{owner},"expiresAfter":{until}}}'
    ).encode()


def _tail(nonce: int, expires_ms: int | None, vault: str | None) -> bytes:
    """What is hashed behind the action: the nonce, a vault or the lack of one, and an expiry if there is one."""
    if vault is None:
        return nonce.to_bytes(8, "big") + b"\0" if expires_ms is None else _UNTIL(nonce, expires_ms)
    until = b"" if expires_ms is None else b"\0" + expires_ms.to_bytes(8, "big")
    return nonce.to_bytes(8, "big") + b"\1" + bytes.fromhex(vault.removeprefix("0x")) + until


_CHECK_SECRET = bytes.fromhex("0123456789012345678901234567890123456789012345678901234567890123")
_CHECK_ADDRESS = "0x14791697260e4c9a71f18484c9f997b308e59325"
_CHECK_ACTION = Encoded("dummy", b"\x82\xa4type\xa5dummy\xa3num\xcf" + (10**11).to_bytes(8, "big"), "{}")
_CHECK_SIGNATURE = (
    "53749d5b30552aeb2fca34b530185976545bb22d0b3ce6f62e31be961a59298",
    "755c40ba9bf05223521753995abb2f73ab3229be8ec921f350cb447e384d8ed8",
    27,
)
"""A vector of the SDK's own tests, whose key is in public; its ``r`` has a leading zero."""


def check() -> None:
    """Sign what the SDK's authors have signed. Raises ``LibraryError`` if anything differs."""
    key = NativeKey(_CHECK_SECRET, is_mainnet=True)
    signature = key.prepare(_CHECK_ACTION).sign(0, None)
    if key.address != _CHECK_ADDRESS or signature != _CHECK_SIGNATURE:
        raise LibraryError("they don't sign as the SDK does")
