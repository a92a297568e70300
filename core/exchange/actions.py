"""The ``/exchange`` actions that we send, with their keys in the order in which they are hashed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.domain.instrument import Instrument
from core.domain.margin import Leverage, MarginMode
from core.domain.orders import Order, Side, Tif

Action = dict[str, Any]
Instruments = Mapping[str, Instrument]


def order_action(orders: Sequence[Order], instruments: Instruments) -> Action:
    return {
        "type": "order",
        "orders": [order_wire(order, instruments[order.coin]) for order in orders],
        "grouping": "na",
    }


def order_wire(order: Order, instrument: Instrument) -> Action:
    return {
        "a": instrument.asset_id,
        "b": order.side is Side.BUY,
        "p": instrument.price_text(order.price),
        "s": instrument.size_text(order.lots),
        "r": order.reduce_only,
        "t": order_kind(instrument, order.tif, order.trigger),
        "c": order.cloid,
    }


def order_kind(instrument: Instrument, tif: Tif, trigger: int) -> Action:
    """A limit order's time in force, or a stop that becomes a market order once the mark is at its trigger."""
    if not trigger:
        return {"limit": {"tif": tif.value}}
    return {"trigger": {"isMarket": True, "triggerPx": instrument.price_text(trigger), "tpsl": "sl"}}


def modify_action(pairs: Sequence[tuple[Order, Order]], instruments: Instruments) -> Action:
    """Of each pair the second order in place of the first, which is named by its order id: an id is never used again."""
    return {
        "type": "batchModify",
        "modifies": [
            {"oid": old.order_id, "order": order_wire(new, instruments[new.coin])} for old, new in pairs
        ],
    }


def leverage_action(instrument: Instrument, leverage: Leverage) -> Action:
    return {
        "type": "updateLeverage",
        "asset": instrument.asset_id,
        "isCross": leverage.mode is MarginMode.CROSS,
        "leverage": leverage.value,
    }


def margin_action(instrument: Instrument, micro: int) -> Action:
    """``micro`` USD into an isolated position."""
    return {"type": "updateIsolatedMargin", "asset": instrument.asset_id, "isBuy": True, "ntli": micro}


def schedule_cancel_action(until_ms: int) -> Action:
    """At this venue time everything of the account is cancelled; 0 takes the time back."""
    return {"type": "scheduleCancel", "time": until_ms} if until_ms else {"type": "scheduleCancel"}


def cancel_action(cloids: Sequence[tuple[str, str]], instruments: Instruments) -> Action:
    """``cloids`` as (coin, cloid)."""
    cancels = [{"asset": instruments[coin].asset_id, "cloid": cloid} for coin, cloid in cloids]
    return {"type": "cancelByCloid", "cancels": cancels}


def foreign_cancel_action(orders: Sequence[tuple[str, int]], instruments: Instruments) -> Action:
    """``orders`` as (coin, order id): what isn't ours need not have a cloid."""
    return {
        "type": "cancel",
        "cancels": [{"a": instruments[coin].asset_id, "o": order_id} for coin, order_id in orders],
    }
