"""Who signed an L1 action.

An L1 action is msgpacked in its canonical field order and hashed with nonce, vault and expiry; a "phantom agent" of that
hash and a source (``a`` mainnet, ``b`` testnet) is signed as EIP-712 data. Recovering always gives *some* address: a wrong
source, or a garbled signature, gives a random one. The SDK signs with ``b`` for every URL but mainnet's, others may use ``a``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eth_account import Account as EthAccount
from eth_account.messages import encode_typed_data
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError
from hyperliquid.utils.signing import action_hash, construct_phantom_agent, l1_payload

from core.paper.jsonio import Json, as_object, get_int, get_str, is_hex

_V = {0: 27, 1: 28, 27: 27, 28: 28}
_HEX_DIGITS = 64


class UnrecoverableError(Exception):
    """r, s or v can't be of any signature."""


@dataclass(frozen=True, slots=True)
class Signature:
    r: int
    s: int
    v: int


def decode_signature(value: object) -> Signature:
    """From ``{"r":"0x…","s":"0x…","v":27}``; leading zeros may be missing, as the SDK strips them.

    Raises:
        MalformedRequestError: not of this shape.
        UnrecoverableError: not hex digits of at most 32 bytes, or no such v.
    """
    source = as_object(value)
    v = get_int(source, "v")
    if v not in _V:
        raise UnrecoverableError(f"v is {v}")
    return Signature(_hex_int(get_str(source, "r")), _hex_int(get_str(source, "s")), _V[v])


def _hex_int(text: str) -> int:
    digits = text[2:] if text[:2] in ("0x", "0X") else ""
    if not is_hex(digits) or len(digits) > _HEX_DIGITS:
        raise UnrecoverableError(text)
    return int(digits, 16)


def recover_signer(
    action: Mapping[str, Json],
    signature: Signature,
    nonce: int,
    *,
    vault: str | None,
    expires_ms: int | None,
    is_mainnet: bool,
) -> str:
    """The lower-case address that signed ``action`` (in canonical field order) for that source.

    Raises:
        UnrecoverableError: no point of the curve.
    """
    agent = construct_phantom_agent(action_hash(action, vault, nonce, expires_ms), is_mainnet)
    message = encode_typed_data(full_message=l1_payload(agent))
    try:
        address = EthAccount.recover_message(message, vrs=(signature.v, signature.r, signature.s))
    except (BadSignature, ValidationError, ValueError, OverflowError) as error:
        raise UnrecoverableError(str(error)) from error
    return str(address).lower()


def choose_signer(recover: Callable[[bool], str], is_known: Callable[[str], bool]) -> str:
    """The account that an action is for.

    Source ``b`` if it recovers an account that exists, else ``a`` if that does, else ``b``'s, a newcomer. A client that signs
    as on mainnet therefore has to be seen once (any /info or subscription with its address) before it trades. As a garbled
    signature is just another newcomer, it ends up in an account of its own and touches nobody else's.
    """
    testnet = recover(False)
    if is_known(testnet):
        return testnet
    mainnet = recover(True)
    return mainnet if is_known(mainnet) else testnet
