"""What is signed: the digest of an L1 action, and of a user-signed one.

An L1 action is msgpacked in its canonical field order and hashed with nonce, vault and expiry; a "phantom agent" of that hash
and a source (``a`` mainnet, ``b`` testnet) is signed as EIP-712 data. A user-signed action is EIP-712 data itself, in the
domain of whatever chain the wallet was on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import msgpack
from eth_hash.auto import keccak

from core.paper.jsonio import Json, JsonObject

FieldType = Literal["string", "uint64", "bool", "address"]
Fields = Sequence[tuple[str, FieldType]]

_L1_CHAIN_ID = 1337
_DOMAIN_TYPE = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_VERSION = keccak(b"1")
_NO_CONTRACT = bytes(32)


@dataclass(frozen=True, slots=True)
class L1Payload:
    """``action`` in canonical field order."""

    action: JsonObject

    def action_hash(self, nonce: int, vault: str | None, expires_ms: int | None) -> bytes:
        """``vault`` in lower case."""
        packed: bytes = msgpack.packb(self.action) + nonce.to_bytes(8, "big")
        packed += b"\0" if vault is None else b"\1" + bytes.fromhex(vault[2:])
        if expires_ms is not None:
            packed += b"\0" + expires_ms.to_bytes(8, "big")
        return keccak(packed)

    def digest(self, nonce: int, vault: str | None, expires_ms: int | None, *, is_mainnet: bool) -> bytes:
        """What the wallet signed for that source, 32 bytes."""
        source = _MAINNET if is_mainnet else _TESTNET
        return keccak(_L1_PREFIX + keccak(_AGENT_TYPE + source + self.action_hash(nonce, vault, expires_ms)))


@dataclass(frozen=True, slots=True)
class UserPayload:
    """``name`` is the type after ``HyperliquidTransaction:``; ``values`` go with ``fields``; ``nonce`` is the signed one."""

    name: str
    fields: Fields
    values: tuple[Json, ...]
    chain_id: int
    nonce: int

    def digest(self) -> bytes:
        """What the wallet signed, 32 bytes."""
        encoded = b"".join(
            _encode(kind, value) for (_, kind), value in zip(self.fields, self.values, strict=True)
        )
        struct = keccak(_type_hash(self.name, tuple(self.fields)) + encoded)
        return keccak(b"\x19\x01" + domain_separator("HyperliquidSignTransaction", self.chain_id) + struct)


@lru_cache(64)
def domain_separator(name: str, chain_id: int) -> bytes:
    """Of EIP-712, version 1, without a contract. ``chain_id`` below 2**256."""
    return keccak(
        _DOMAIN_TYPE + keccak(name.encode()) + _VERSION + chain_id.to_bytes(32, "big") + _NO_CONTRACT
    )


@lru_cache(64)
def _type_hash(name: str, fields: tuple[tuple[str, FieldType], ...]) -> bytes:
    listed = ",".join(f"{kind} {field}" for field, kind in fields)
    return keccak(f"HyperliquidTransaction:{name}({listed})".encode())


def _encode(kind: FieldType, value: Json) -> bytes:
    match kind:
        case "string":
            return keccak(str(value).encode())
        case "address":
            return bytes.fromhex(str(value)[2:]).rjust(32, b"\0")
        case "uint64" | "bool":
            assert isinstance(value, int)
            return value.to_bytes(32, "big")


_L1_PREFIX = b"\x19\x01" + domain_separator("Exchange", _L1_CHAIN_ID)
_AGENT_TYPE = keccak(b"Agent(string source,bytes32 connectionId)")
_MAINNET, _TESTNET = keccak(b"a"), keccak(b"b")
