"""Order Router: from intents to signed actions on the wire, and from answers to outcomes.

Placements go one batch at a time (the engine sends the next when this one is answered); cancels have their own way and never
wait for them. Every action carries ``expiresAfter``, so that an unknown outcome has an end, and is sent once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from core.domain.causes import Cause, Failure
from core.domain.events import CancelOutcome, PlaceOutcome, PlaceResult, Refused, Unsettled
from core.domain.instrument import Instrument
from core.domain.margin import Leverage
from core.domain.orders import Order
from core.exchange.action_bytes import ActionWriter, Encoded
from core.exchange.actions import (
    Action,
    foreign_cancel_action,
    leverage_action,
    margin_action,
    schedule_cancel_action,
)
from core.exchange.answers import (
    Complain,
    cancel_results,
    default_result,
    modify_results,
    place_results,
    replaced_text,
    whole_failure,
)
from core.exchange.lanes import Lane
from core.exchange.order_times import OrderTimes
from core.exchange.rest import RestError
from core.exchange.sender import Sender
from core.exchange.signing import Prepared
from core.exchange.venue_clock import VenueClock

T = TypeVar("T")

Pair = tuple[Order, Order]
"""A resting order, and the one that takes its place."""

CANCELS_PER_ACTION = 200
"""The exchange refuses an action of more items."""

CANCEL_EXPIRES_MS = 5_000


class OrderRouter:
    """What is sent for one account, and what its answers mean."""

    def __init__(
        self,
        sender: Sender,
        clock: VenueClock,
        instruments: dict[str, Instrument],
        listed: Mapping[str, Instrument] | None = None,
        times: OrderTimes | None = None,
    ) -> None:
        """``listed``: coins in which orders may be cancelled as well, though none is placed in them. ``times`` is told when
        orders have left and when they were answered.
        """
        self._times = times or OrderTimes()
        self._sender, self._clock, self._instruments = sender, clock, instruments
        self._listed = {**(listed or {}), **instruments}
        self._writer, self._cancel_writer = ActionWriter(instruments), ActionWriter(self._listed)
        self._staged: list[tuple[Sequence[Any], Prepared]] = []

    def stage(self, batches: Sequence[Sequence[Order]], changes: Sequence[Sequence[Pair]]) -> None:
        """Write and hash what ``place`` and ``modify`` will be asked to send next, while the journal writes it. What was staged
        before is forgotten; what isn't sent as it is, is written anew.
        """
        self._staged = [(orders, self._sender.prepare(self._writer.orders(orders))) for orders in batches]
        self._staged += [(pairs, self._sender.prepare(self._writer.modifies(pairs))) for pairs in changes]

    def _as_staged(self, batch: Sequence[Any]) -> Prepared | None:
        return next((prepared for staged, prepared in self._staged if staged is batch), None)

    async def place(self, orders: Sequence[Order]) -> PlaceOutcome:
        """Send one batch; always an outcome, for every order."""
        return await self._send_orders(
            Lane.REDUCE if all(order.reduce_only for order in orders) else Lane.PLACE,
            orders,
            self._as_staged(orders) or self._writer.orders(orders),
            lambda answer, complain: _outcome(
                answer, place_results(answer, orders, self._instruments, complain)
            ),
        )

    async def modify(self, pairs: Sequence[Pair]) -> PlaceOutcome:
        """Let the second order of each pair take the first one's place, in one action; always an outcome, for every order."""
        outcome = await self._send_orders(
            Lane.MODIFY,
            [new for _, new in pairs],
            self._as_staged(pairs) or self._writer.modifies(pairs),
            lambda answer, complain: _outcome(
                answer, *modify_results(answer, pairs, self._instruments, complain)
            ),
        )
        return outcome if outcome.replaced else nothing_replaced(outcome, pairs)

    async def _send_orders(
        self,
        lane: Lane,
        orders: Sequence[Order],
        action: Encoded | Prepared,
        parse: Callable[[Any, Complain], PlaceOutcome],
    ) -> PlaceOutcome:
        expires_ms = min(order.expires_ms for order in orders)
        if self._clock.now().venue_ms >= expires_ms:
            late = Refused("not sent: it waited longer than its expiry", Cause.LOCAL)
            return PlaceOutcome(tuple((order.cloid, late) for order in orders))
        left = partial(self._times.sent, orders)
        try:
            outcome = await self._sender.send(
                lane, action, expires_ms, len(orders), parse, needs_disk=True, left=left
            )
        except RestError as error:
            self._times.unanswered(orders)
            cause = error.cause
            doubt = Unsettled(str(error), cause) if cause.was_sent else Refused(f"not sent: {error}", cause)
            return PlaceOutcome(tuple((order.cloid, doubt) for order in orders), error.failure)
        self._times.acked(orders)
        return outcome

    async def cancel(self, cloids: Sequence[tuple[str, str]]) -> CancelOutcome:
        """Cancel by (coin, cloid), in as many actions as needed, none of which waits for another's answer; always an outcome,
        for every cloid.
        """
        return _together(await asyncio.gather(*(self._cancel_some(some) for some in _chunks(cloids))))

    async def cancel_foreign(self, orders: Sequence[tuple[str, int]]) -> CancelOutcome:
        """Cancel by (coin, order id) what isn't ours; an outcome for every order, named by ``foreign_name``. One in a coin that
        the exchange doesn't list here is said to be out of reach.
        """
        results = [
            (foreign_name(oid), f"{coin} can't be traded from here")
            for coin, oid in orders
            if coin not in self._listed
        ]
        known = [(coin, oid) for coin, oid in orders if coin in self._listed]
        sent = [
            self._send_cancels(
                foreign_cancel_action(chunk, self._listed), [foreign_name(oid) for _, oid in chunk]
            )
            for chunk in _chunks(known)
        ]
        return _together([CancelOutcome(tuple(results)), *await asyncio.gather(*sent)])

    async def _cancel_some(self, cloids: Sequence[tuple[str, str]]) -> CancelOutcome:
        return await self._send_cancels(self._cancel_writer.cancels(cloids), [cloid for _, cloid in cloids])

    async def _send_cancels(self, action: Action | Encoded, names: Sequence[str]) -> CancelOutcome:
        expires_ms = self._clock.now().venue_ms + CANCEL_EXPIRES_MS
        try:
            return await self._sender.send(
                Lane.CANCEL,
                action,
                expires_ms,
                len(names),
                lambda answer, complain: self._cancelled(answer, names, complain),
            )
        except RestError as error:
            return CancelOutcome(tuple((name, str(error)) for name in names), error.failure)

    def _cancelled(self, answer: Any, cloids: Sequence[str], complain: Complain) -> CancelOutcome:
        unread: list[str] = []
        results = cancel_results(answer, cloids, unread.append)
        for reason in unread:
            complain(reason)
        failure = whole_failure(answer) or (Failure(Cause.GARBLED, unread[0]) if unread else None)
        return CancelOutcome(results, failure)

    async def set_leverage(self, coin: str, leverage: Leverage) -> str:
        """Why it was refused, empty if it was set. May be repeated. Raises ``RestError``."""
        return await self._act(leverage_action(self._instruments[coin], leverage))

    async def move_margin(self, coin: str, micro: int) -> str:
        """Why it was refused, empty if it was done. Sent once. Raises ``RestError``: it may have been done."""
        return await self._act(margin_action(self._instruments[coin], micro))

    async def schedule_cancel(self, until_ms: int) -> str:
        """Why it was refused, empty if it was done. May be repeated. Raises ``RestError``: it may have been done."""
        return await self._act(schedule_cancel_action(until_ms))

    async def _act(self, action: Action) -> str:
        expires_ms = self._clock.now().venue_ms + CANCEL_EXPIRES_MS
        told = await self._sender.send(
            Lane.REDUCE, action, expires_ms, 1, lambda answer, _: default_result(answer)
        )
        if told is None:
            raise RestError("the exchange answered in another shape")
        return told


def _chunks(named: Sequence[T]) -> list[Sequence[T]]:
    return [named[start : start + CANCELS_PER_ACTION] for start in range(0, len(named), CANCELS_PER_ACTION)]


def _together(outcomes: Sequence[CancelOutcome]) -> CancelOutcome:
    results = tuple(result for outcome in outcomes for result in outcome.results)
    return CancelOutcome(results, next((o.failure for o in outcomes if o.failure is not None), None))


def foreign_name(order_id: int) -> str:
    """By which the outcome of a cancel names an order that isn't ours."""
    return f"oid:{order_id}"


def _outcome(
    answer: Any,
    results: tuple[tuple[str, PlaceResult], ...],
    replaced: tuple[tuple[str, str], ...] = (),
) -> PlaceOutcome:
    failure = whole_failure(answer)
    doubt = next((result for _, result in results if isinstance(result, Unsettled)), None)
    if failure is None and doubt is not None and doubt.cause is Cause.GARBLED:
        failure = Failure(Cause.GARBLED, doubt.reason)
    return PlaceOutcome(results, failure, replaced)


def nothing_replaced(outcome: PlaceOutcome, pairs: Sequence[tuple[Order, Order]]) -> PlaceOutcome:
    """An outcome of new orders alone, with what it says of those whose place they were to take."""
    told = zip(pairs, outcome.results, strict=True)
    return replace(
        outcome, replaced=tuple((old.cloid, replaced_text(result)) for (old, _), (_, result) in told)
    )
