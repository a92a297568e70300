"""Who signed what: signatures, and the address that a signature and a digest give.

Recovering always gives *some* address: a wrong chain, a wrong source or a garbled signature gives a random one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eth_hash.auto import keccak
from eth_keys.datatypes import Signature as EthSignature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from core.paper.jsonio import as_object, get_int, get_str, is_hex

_V = {0: 27, 1: 28, 27: 27, 28: 28}
_HEX_DIGITS = 64

Recover = Callable[[bytes, "Signature"], str]


class UnrecoverableError(Exception):
    """r, s or v can't be of any signature."""


@dataclass(frozen=True, slots=True)
class Signature:
    r: int
    s: int
    v: int
    """27 or 28."""


def decode_signature(value: object) -> Signature:
    """From ``{"r":"0x…","s":"0x…","v":27}``; leading zeros may be missing, as the SDK strips them.

    Raises:
        MalformedRequestError: not of this shape.
        UnrecoverableError: not hex digits of at most 32 bytes, or no such v.
    """
    source = as_object(value)
    v = get_int(source, "v")
    r, s = get_str(source, "r"), get_str(source, "s")
    if v not in _V:
        raise UnrecoverableError(f"v is {v}")
    return Signature(_hex_int(r), _hex_int(s), _V[v])


def _hex_int(text: str) -> int:
    digits = text[2:] if text[:2] in ("0x", "0X") else ""
    if not is_hex(digits) or len(digits) > _HEX_DIGITS:
        raise UnrecoverableError(text)
    return int(digits, 16)


def recover_slowly(digest: bytes, signature: Signature) -> str:
    """The lower-case address that signed ``digest`` (32 bytes), on any Python.

    Raises:
        UnrecoverableError: no point of the curve.
    """
    try:
        signed = EthSignature(vrs=(signature.v - 27, signature.r, signature.s))
        key = signed.recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError) as error:
        raise UnrecoverableError(str(error)) from error
    return key.to_address()


try:
    from coincurve import PublicKey
except ImportError:
    recover: Recover = recover_slowly
else:

    def recover(digest: bytes, signature: Signature) -> str:
        """As ``recover_slowly``, from the C library itself."""
        packed = b"%b%b%c" % (
            signature.r.to_bytes(32, "big"),
            signature.s.to_bytes(32, "big"),
            signature.v - 27,
        )
        try:
            key = PublicKey.from_signature_and_message(packed, digest, hasher=None)
        except ValueError as error:
            raise UnrecoverableError(str(error)) from error
        return f"0x{keccak(key.format(compressed=False)[1:])[12:].hex()}"
