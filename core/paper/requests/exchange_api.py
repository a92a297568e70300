"""POST /exchange: from a signed envelope to an answer.

The order of checks is Hyperliquid's: shape (HTTP 422), signer, expiry, nonce, then the whole batch, then order by order. A
refused nonce stays unused; any later refusal uses it up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from core.paper.jsonio import (
    Json,
    JsonObject,
    as_object,
    get_address,
    get_int,
    get_optional_int,
    only_keys,
)
from core.paper.requests.actions import (
    Action,
    CancelAction,
    LeverageAction,
    ModifyAction,
    NoopAction,
    PlaceAction,
    ScheduleCancelAction,
    decode_action,
)
from core.paper.requests.signatures import UnrecoverableError, choose_signer, decode_signature, recover_signer
from core.paper.venue.nonces import NonceRefusedError
from core.paper.venue.orders import Order
from core.paper.venue.validation import StaticError
from core.paper.venue.venue import Placed, Venue
from core.paper.wiretext import decimal_wire, micro_wire, units_wire

_ENVELOPE = frozenset({"action", "nonce", "signature", "vaultAddress", "expiresAfter"})
_MAX_ITEMS = 200
_SCHEDULE_VOLUME_MICRO = 1_000_000_000_000
_OK_DEFAULT: JsonObject = {"status": "ok", "response": {"type": "default"}}


class RefusedError(Exception):
    """The request as a whole is refused; the text goes into ``{"status":"err"}``."""


class ExchangeApi:
    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.is_expired: Callable[[str], bool] | None = None
        """Whether a signer is to be refused as if its approval had run out; None: no one is."""

    def handle(self, body: object, now_ms: int) -> Json:
        """Raises ``MalformedRequestError``; every other refusal is an answer."""
        envelope = as_object(body)
        only_keys(envelope, _ENVELOPE)
        action, canonical = decode_action(envelope.get("action"))
        nonce = get_int(envelope, "nonce")
        vault = get_address(envelope, "vaultAddress") if envelope.get("vaultAddress") is not None else None
        expires_ms = get_optional_int(envelope, "expiresAfter")
        try:
            user = self._signer(envelope.get("signature"), canonical, nonce, vault, expires_ms)
            if self.is_expired is not None and self.is_expired(user):
                raise RefusedError(f"User or API Wallet {user} does not exist.")
            if vault is not None:
                raise RefusedError(f"Vault not registered: {vault}")
            if expires_ms is not None and expires_ms < now_ms:
                raise RefusedError("Action already expired")
            self._venue.use_nonce(user, nonce, now_ms)
            weight = _weight(action)
            self._venue.count_requests(user, weight)
            if weight > _MAX_ITEMS:
                raise RefusedError(f"Signed action over weight limit of {_MAX_ITEMS}.")
            return self._act(user, action, now_ms)
        except UnrecoverableError:
            return {"status": "err", "response": "Unable to recover signer."}
        except (RefusedError, NonceRefusedError) as refused:
            return {"status": "err", "response": str(refused)}

    def _signer(
        self, signature: object, canonical: JsonObject, nonce: int, vault: str | None, expires_ms: int | None
    ) -> str:
        signed = decode_signature(signature)

        def recover(is_mainnet: bool) -> str:
            return recover_signer(
                canonical, signed, nonce, vault=vault, expires_ms=expires_ms, is_mainnet=is_mainnet
            )

        return choose_signer(recover, self._venue.knows)

    def _act(self, user: str, action: Action, now_ms: int) -> Json:
        match action:
            case PlaceAction():
                return self._place(user, action, now_ms)
            case CancelAction():
                errors = self._venue.cancel(user, action.cancels, now_ms)
                return _statuses(
                    "cancel",
                    [
                        {"error": f"{error} asset={asset}"} if error else "success"
                        for (asset, _), error in zip(action.cancels, errors, strict=True)
                    ],
                )
            case ModifyAction():
                return self._modify(user, action, now_ms)
            case LeverageAction():
                error = self._venue.set_leverage(user, action.asset, action.leverage, action.is_cross)
                return {"status": "err", "response": error} if error else _OK_DEFAULT
            case ScheduleCancelAction():
                return self._schedule_cancel(user)
            case NoopAction():
                return _OK_DEFAULT
            case _:
                assert_never(action)

    def _place(self, user: str, action: PlaceAction, now_ms: int) -> Json:
        if action.grouping != "na":
            return _statuses(
                "order", [{"error": f"Grouping {action.grouping} is not available on this paper exchange."}]
            )
        try:
            placed = self._venue.place(user, action.orders, now_ms)
        except StaticError as error:
            return _statuses("order", [{"error": str(error)}])
        return _statuses("order", [self._status(result) for result in placed])

    def _modify(self, user: str, action: ModifyAction, now_ms: int) -> Json:
        try:
            results = self._venue.modify(user, action.modifies, action.always_place, now_ms)
        except StaticError as error:
            if not action.is_batch:
                return {"status": "err", "response": str(error)}
            return _statuses("order", [{"error": str(error)}])
        if not action.is_batch:
            error_text = results[0].error
            return {"status": "err", "response": error_text} if error_text else _OK_DEFAULT
        statuses: list[Json] = []
        for result in results:
            if result.placed is None or result.error:
                statuses.append({"error": f"{result.error} asset={result.asset}"})
            else:
                statuses.append(self._status(result.placed))
        return _statuses("order", statuses)

    def _status(self, placed: Placed) -> Json:
        order = placed.order
        if placed.error:
            return {"error": f"{placed.error} asset={self._venue.instruments[order.coin].asset_id}"}
        if order.filled:
            return {"filled": self._filled(order)}
        return {"resting": _with_cloid({"oid": order.oid}, order)}

    def _filled(self, order: Order) -> JsonObject:
        instrument = self._venue.instruments[order.coin]
        average = self._venue.average_price(order)
        return _with_cloid(
            {
                "totalSz": units_wire(order.filled, instrument.sz_decimals),
                "avgPx": decimal_wire(average, instrument.price_decimals + 1, rounded=True),
                "oid": order.oid,
            },
            order,
        )

    def _schedule_cancel(self, user: str) -> Json:
        """The dead man's switch is for accounts that have traded a million, which paper accounts never count as."""
        traded = min(self._venue.see(user).volume, _SCHEDULE_VOLUME_MICRO - 10_000) // 10_000 * 10_000
        return {
            "status": "err",
            "response": "Cannot set scheduled cancel time until enough volume traded. "
            f"Required: $1000000. Traded: ${micro_wire(traded)}.",
        }


def _statuses(kind: str, statuses: list[Json]) -> JsonObject:
    return {"status": "ok", "response": {"type": kind, "data": {"statuses": statuses}}}


def _with_cloid(row: JsonObject, order: Order) -> JsonObject:
    if order.cloid is not None:
        row["cloid"] = order.cloid
    return row


def _weight(action: Action) -> int:
    match action:
        case PlaceAction():
            return max(1, len(action.orders))
        case CancelAction():
            return max(1, len(action.cancels))
        case ModifyAction():
            return max(1, len(action.modifies))
        case _:
            return 1
