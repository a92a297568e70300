"""What was posted to /exchange, read but not judged."""

from __future__ import annotations

from dataclasses import dataclass

from core.paper.jsonio import (
    MalformedRequestError,
    as_object,
    get_address,
    get_int,
    get_optional_int,
    only_keys,
)
from core.paper.requests.actions import Action, decode_action
from core.paper.requests.payloads import L1Payload, UserPayload
from core.paper.requests.signatures import Signature, UnrecoverableError, decode_signature

_FIELDS = frozenset({"action", "nonce", "signature", "vaultAddress", "expiresAfter"})


@dataclass(frozen=True, slots=True)
class Envelope:
    """``signature`` is None where r, s or v can't be of any."""

    action: Action
    payload: L1Payload | UserPayload
    nonce: int
    signature: Signature | None
    vault: str | None
    expires_ms: int | None

    @property
    def has_nonce_mismatch(self) -> bool:
        """Whether the nonce that the action carries is another one."""
        inner = (
            self.payload.nonce if isinstance(self.payload, UserPayload) else self.payload.action.get("nonce")
        )
        return inner is not None and inner != self.nonce


def decode_envelope(body: object) -> Envelope:
    """Raises ``MalformedRequestError``: a field is missing, unknown or mistyped."""
    source = as_object(body)
    only_keys(source, _FIELDS)
    action, payload = decode_action(source.get("action"))
    expires_ms = get_optional_int(source, "expiresAfter")
    if isinstance(payload, UserPayload) and expires_ms is not None:
        raise MalformedRequestError("expiresAfter is for L1 actions")
    try:
        signature = decode_signature(source.get("signature"))
    except UnrecoverableError:
        signature = None
    return Envelope(
        action,
        payload,
        get_int(source, "nonce"),
        signature,
        get_address(source, "vaultAddress") if source.get("vaultAddress") is not None else None,
        expires_ms,
    )
