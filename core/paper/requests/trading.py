"""The actions of orders: what the venue does with them, told as Hyperliquid tells it."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from core.paper.jsonio import Json, JsonObject
from core.paper.requests.actions import (
    CancelAction,
    LeverageAction,
    ModifyAction,
    PlaceAction,
    ScheduleCancelAction,
)
from core.paper.venue.accounts import Account
from core.paper.venue.orders import Order
from core.paper.venue.placing import Placed
from core.paper.venue.validation import StaticError
from core.paper.venue.venue import Venue
from core.paper.wiretext import decimal_wire, units_wire

OK_DEFAULT: JsonObject = {"status": "ok", "response": {"type": "default"}}

TradingAction: TypeAlias = PlaceAction | CancelAction | ModifyAction | LeverageAction | ScheduleCancelAction


class Trading:
    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def act(self, account: Account, action: TradingAction, now_ms: int) -> Json:
        user = account.user
        match action:
            case PlaceAction():
                if not _has_approved(account, action.builder):
                    return _statuses("order", [{"error": "Builder fee has not been approved."}])
                return self._place(user, action, now_ms)
            case CancelAction():
                return self._cancel(user, action, now_ms)
            case ModifyAction():
                return self._modify(user, action, now_ms)
            case LeverageAction():
                self._venue.set_leverage(user, action.asset, action.leverage, action.is_cross)
                return OK_DEFAULT
            case ScheduleCancelAction():
                self._venue.schedule_cancel(account, action.time_ms, now_ms)
                return OK_DEFAULT
            case _:
                assert_never(action)

    def _cancel(self, user: str, action: CancelAction, now_ms: int) -> Json:
        errors = self._venue.cancel(user, action.cancels, now_ms, is_fast=action.is_fast)
        return _statuses(
            "cancel",
            [
                {"error": f"{error} asset={asset}"} if error else "success"
                for (asset, _), error in zip(action.cancels, errors, strict=True)
            ],
        )

    def _place(self, user: str, action: PlaceAction, now_ms: int) -> Json:
        if action.grouping is None:
            return _statuses("order", [{"error": "Insufficient delegatable balance for priority order"}])
        try:
            placed = self._venue.place(user, action.orders, now_ms, action.grouping, action.builder)
        except StaticError as error:
            return _statuses("order", [{"error": str(error)}])
        return _statuses("order", [self._status(result) for result in placed])

    def _modify(self, user: str, action: ModifyAction, now_ms: int) -> Json:
        try:
            results = self._venue.modify(user, action.modifies, action.always_place, now_ms)
        except StaticError as error:
            if not action.is_batch:
                return refusal(str(error))
            return _statuses("order", [{"error": str(error)}])
        if not action.is_batch:
            error_text = results[0].error
            return refusal(error_text) if error_text else OK_DEFAULT
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
        if order.trigger is not None:
            return "waitingForFill" if order.trigger.waits_for else "waitingForTrigger"
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


def refusal(text: str) -> JsonObject:
    return {"status": "err", "response": text}


def _has_approved(account: Account, builder: tuple[str, int] | None) -> bool:
    return builder is None or builder[1] <= account.builder_fees.get(builder[0], -1)


def _statuses(kind: str, statuses: list[Json]) -> JsonObject:
    return {"status": "ok", "response": {"type": kind, "data": {"statuses": statuses}}}


def _with_cloid(row: JsonObject, order: Order) -> JsonObject:
    if order.cloid is not None:
        row["cloid"] = order.cloid
    return row
