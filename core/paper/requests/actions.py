"""Decoding the actions of POST /exchange, and writing them anew in canonical field order for the hash.

Hyperliquid hashes what it understood, not the bytes sent: key order, padding of decimals and the case of a cloid don't matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from core.domain.units import InexactNumberError, decimal_text, parse_decimal
from core.paper.jsonio import (
    Json,
    JsonObject,
    MalformedRequestError,
    as_list,
    as_object,
    get_address,
    get_bool,
    get_cloid,
    get_int,
    get_oid,
    get_optional_int,
    get_str,
    only_keys,
)
from core.paper.requests.account_actions import AccountAction
from core.paper.requests.account_decoders import ACCOUNT_DECODERS
from core.paper.requests.payloads import L1Payload, UserPayload
from core.paper.venue.orders import Grouping, TimeInForce, WireOrder, WireTrigger


@dataclass(frozen=True, slots=True)
class PlaceAction:
    """``grouping`` None: by priority, which only a stake pays for. ``builder`` gets a fee, in tenths of a basis point."""

    orders: tuple[WireOrder, ...]
    grouping: Grouping | None
    builder: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class CancelAction:
    """(asset, oid or cloid) of each. ``is_fast`` spares trigger orders."""

    cancels: tuple[tuple[int, int | str], ...]
    is_fast: bool


@dataclass(frozen=True, slots=True)
class ModifyAction:
    """``always_place``: the new order goes out even if the old one is gone. ``is_batch``: how the answer is shaped."""

    modifies: tuple[tuple[int | str, WireOrder], ...]
    always_place: bool
    is_batch: bool


@dataclass(frozen=True, slots=True)
class LeverageAction:
    asset: int
    is_cross: bool
    leverage: int


@dataclass(frozen=True, slots=True)
class ScheduleCancelAction:
    time_ms: int | None


@dataclass(frozen=True, slots=True)
class NoopAction:
    pass


Action: TypeAlias = (
    PlaceAction
    | CancelAction
    | ModifyAction
    | LeverageAction
    | ScheduleCancelAction
    | NoopAction
    | AccountAction
)
Decoded: TypeAlias = tuple[Action, JsonObject]


def decode_action(value: object) -> tuple[Action, L1Payload | UserPayload]:
    """The action, and what was signed for it.

    Raises:
        MalformedRequestError: no such action, a missing, unknown or mistyped field.
    """
    source = as_object(value)
    kind = get_str(source, "type")
    account_decoder = ACCOUNT_DECODERS.get(kind)
    if account_decoder is not None:
        return account_decoder(source)
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise MalformedRequestError(f"unknown action {kind!r}")
    action, canonical = decoder(source)
    return action, L1Payload(canonical)


def _place(source: dict[str, object]) -> Decoded:
    only_keys(source, frozenset({"type", "orders", "grouping", "builder"}))
    decoded = [_order(item) for item in as_list(source.get("orders"))]
    canonical: JsonObject = {"type": "order", "orders": [wire for _, wire in decoded]}
    grouping = _grouping(source.get("grouping"))
    if grouping is None:
        canonical["grouping"] = {"p": get_int(as_object(source["grouping"]), "p")}
    else:
        canonical["grouping"] = grouping.value
    builder: tuple[str, int] | None = None
    if source.get("builder") is not None:
        wire = as_object(source["builder"])
        builder = get_address(wire, "b"), get_int(wire, "f")
        canonical["builder"] = {"b": builder[0], "f": builder[1]}
    return PlaceAction(tuple(order for order, _ in decoded), grouping, builder), canonical


def _grouping(value: object) -> Grouping | None:
    if isinstance(value, dict):
        return None
    if not isinstance(value, str) or value not in list(Grouping):
        raise MalformedRequestError(f"no grouping {value!r}")
    return Grouping(value)


def _order(value: object) -> tuple[WireOrder, JsonObject]:
    source = as_object(value)
    kind = as_object(source.get("t"))
    tif: TimeInForce | None = None
    trigger: WireTrigger | None = None
    kind_wire: JsonObject
    if kind.keys() == {"limit"}:
        tif = _tif(as_object(kind["limit"]))
        kind_wire = {"limit": {"tif": tif.value}}
    elif kind.keys() == {"trigger"}:
        trigger, wire_trigger = _trigger(as_object(kind["trigger"]))
        kind_wire = {"trigger": wire_trigger}
    else:
        raise MalformedRequestError("t must be limit or trigger")
    cloid = get_cloid(source, "c") if source.get("c") is not None else None
    order = WireOrder(
        asset=get_int(source, "a"),
        is_buy=get_bool(source, "b"),
        price=_decimal(source, "p"),
        size=_decimal(source, "s"),
        reduce_only=get_bool(source, "r"),
        tif=tif,
        cloid=cloid,
        trigger=trigger,
    )
    wire: JsonObject = {
        "a": order.asset,
        "b": order.is_buy,
        "p": order.price,
        "s": order.size,
        "r": order.reduce_only,
        "t": kind_wire,
    }
    if cloid is not None:
        wire["c"] = cloid
    return order, wire


def _tif(source: dict[str, object]) -> TimeInForce:
    text = get_str(source, "tif")
    try:
        tif = TimeInForce(text)
    except ValueError as error:
        raise MalformedRequestError(f"no tif {text!r}") from error
    if tif is TimeInForce.LIQUIDATION_MARKET:
        raise MalformedRequestError(f"no tif {text!r}")
    return tif


def _trigger(source: dict[str, object]) -> tuple[WireTrigger, JsonObject]:
    tpsl = get_str(source, "tpsl")
    if tpsl not in ("tp", "sl"):
        raise MalformedRequestError(f"no tpsl {tpsl!r}")
    trigger = WireTrigger(_decimal(source, "triggerPx"), get_bool(source, "isMarket"), tpsl == "tp")
    return trigger, {"isMarket": trigger.is_market, "triggerPx": trigger.price, "tpsl": tpsl}


def _decimal(source: dict[str, object], key: str) -> str:
    try:
        return decimal_text(parse_decimal(get_str(source, key)))
    except InexactNumberError as error:
        raise MalformedRequestError(str(error)) from error


def _cancel(source: dict[str, object]) -> Decoded:
    only_keys(source, frozenset({"type", "cancels", "f"}))
    cancels: list[tuple[int, int | str]] = []
    wires: list[Json] = []
    for item in map(as_object, as_list(source.get("cancels"))):
        asset, oid = get_int(item, "a"), get_int(item, "o")
        cancels.append((asset, oid))
        wires.append({"a": asset, "o": oid})
    return CancelAction(tuple(cancels), "f" in source), _with_fast(
        {"type": "cancel", "cancels": wires}, source
    )


def _cancel_by_cloid(source: dict[str, object]) -> Decoded:
    only_keys(source, frozenset({"type", "cancels", "f"}))
    cancels: list[tuple[int, int | str]] = []
    wires: list[Json] = []
    for item in map(as_object, as_list(source.get("cancels"))):
        asset, cloid = get_int(item, "asset"), get_cloid(item, "cloid")
        cancels.append((asset, cloid))
        wires.append({"asset": asset, "cloid": cloid})
    return CancelAction(tuple(cancels), "f" in source), _with_fast(
        {"type": "cancelByCloid", "cancels": wires}, source
    )


def _with_fast(canonical: JsonObject, source: dict[str, object]) -> JsonObject:
    """``f`` (a fast cancel) may only be sent when true."""
    if "f" in source:
        if source["f"] is not True:
            raise MalformedRequestError("f must be left out when false")
        canonical["f"] = True
    return canonical


def _modify(source: dict[str, object]) -> Decoded:
    only_keys(source, frozenset({"type", "oid", "order", "a"}))
    oid = get_oid(source, "oid")
    order, wire = _order(source.get("order"))
    always, canonical = _with_always({"type": "modify", "oid": oid, "order": wire}, source)
    return ModifyAction(((oid, order),), always, is_batch=False), canonical


def _batch_modify(source: dict[str, object]) -> Decoded:
    only_keys(source, frozenset({"type", "modifies", "a"}))
    modifies: list[tuple[int | str, WireOrder]] = []
    wires: list[Json] = []
    for item in map(as_object, as_list(source.get("modifies"))):
        oid = get_oid(item, "oid")
        order, wire = _order(item.get("order"))
        modifies.append((oid, order))
        wires.append({"oid": oid, "order": wire})
    always, canonical = _with_always({"type": "batchModify", "modifies": wires}, source)
    return ModifyAction(tuple(modifies), always, is_batch=True), canonical


def _with_always(canonical: JsonObject, source: dict[str, object]) -> tuple[bool, JsonObject]:
    if source.get("a") is None:
        return False, canonical
    if get_bool(source, "a"):
        canonical["a"] = True
    return bool(source["a"]), canonical


def _leverage(source: dict[str, object]) -> Decoded:
    only_keys(source, frozenset({"type", "asset", "isCross", "leverage"}))
    action = LeverageAction(
        get_int(source, "asset"), get_bool(source, "isCross"), get_int(source, "leverage")
    )
    canonical: JsonObject = {
        "type": "updateLeverage",
        "asset": action.asset,
        "isCross": action.is_cross,
        "leverage": action.leverage,
    }
    return action, canonical


def _schedule_cancel(source: dict[str, object]) -> Decoded:
    only_keys(source, frozenset({"type", "time"}))
    time_ms = get_optional_int(source, "time")
    canonical: JsonObject = {"type": "scheduleCancel"}
    if time_ms is not None:
        canonical["time"] = time_ms
    return ScheduleCancelAction(time_ms), canonical


def _noop(source: dict[str, object]) -> Decoded:
    only_keys(source, frozenset({"type"}))
    return NoopAction(), {"type": "noop"}


_DECODERS: dict[str, Callable[[dict[str, object]], Decoded]] = {
    "order": _place,
    "cancel": _cancel,
    "cancelByCloid": _cancel_by_cloid,
    "modify": _modify,
    "batchModify": _batch_modify,
    "updateLeverage": _leverage,
    "scheduleCancel": _schedule_cancel,
    "noop": _noop,
}
