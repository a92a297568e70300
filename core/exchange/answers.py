"""What ``/exchange`` answered, read strictly: definite, or unknown. Nothing is assumed.

An answer settles an order only if it says so about that order: a list of the right length with statuses we know, or a
whole-request refusal in words that mean that nothing was placed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from core.domain.causes import Cause, Failure
from core.domain.events import PlaceResult, Refused, Resting, Traded, Unsettled, Waiting
from core.domain.instrument import Instrument
from core.domain.orders import Order
from core.domain.units import InexactNumberError
from core.exchange.refusals import one_cause, whole_cause
from core.exchange.wire import sample

Complain = Callable[[str], None]
"""Told in words what is wrong with an answer."""

NOT_PLACED = (
    "User or API Wallet",
    "L1 error: User or API Wallet",
    "Must deposit before performing actions",
    "Unable to recover signer",
    "Invalid nonce: nonce too",
    "Nonce mismatch",
    "Action already expired",
    "Too many cumulative requests sent",
    "Signed action over weight limit",
    "Vault not registered",
)
"""Whole-request refusals (HTTP 200, ``status: err``) that name a check which comes before any order is looked at."""


def place_results(
    answer: Any,
    orders: Sequence[Order],
    instruments: dict[str, Instrument],
    complain: Complain = lambda _: None,
) -> tuple[tuple[str, PlaceResult], ...]:
    """The result of each order, in the order sent. ``complain`` is told what can't be read in the answer."""
    results = _place_results(answer, orders, instruments)
    doubts = [result.reason for _, result in results if isinstance(result, Unsettled)]
    if doubts and whole_refusal(answer) is None:
        complain(doubts[0])
    return results


def _place_results(
    answer: Any, orders: Sequence[Order], instruments: dict[str, Instrument]
) -> tuple[tuple[str, PlaceResult], ...]:
    refusal = whole_refusal(answer)
    if refusal is not None:
        definite, cause = refusal.startswith(NOT_PLACED), whole_cause(refusal)
        result: PlaceResult = (
            Refused(refusal, cause) if definite else Unsettled(f"the exchange answered: {refusal}", cause)
        )
        return tuple((order.cloid, result) for order in orders)
    statuses = _statuses(answer, "order")
    if statuses is None:
        return tuple(
            (order.cloid, Unsettled("an answer of another shape", Cause.GARBLED)) for order in orders
        )
    whole = _refused(statuses[0]) if len(orders) > 1 and len(statuses) == 1 else None
    if whole is not None and " asset=" not in whole.reason and "modify" not in whole.reason:
        # One invalid order fails the whole batch before any is looked at (Hyperliquid: error responses). Such an error names no
        # asset; one that does, or that tells what became of a change, is about a single order, and the answer lacks the others.
        return tuple((order.cloid, whole) for order in orders)
    if len(statuses) != len(orders):
        return _by_name(statuses, orders, instruments, f"{len(statuses)} statuses for {len(orders)} orders")
    if any(_named(status) not in ("", order.cloid) for order, status in zip(orders, statuses, strict=True)):
        return _by_name(statuses, orders, instruments, "statuses in another order")
    results = tuple(
        (order.cloid, _status(status, order, instruments[order.coin]))
        for order, status in zip(orders, statuses, strict=True)
    )
    doubt = next((result for _, result in results if isinstance(result, Unsettled)), None)
    if (
        doubt is not None
    ):  # whose place that was nobody can say, nor whether those after it stand in their own
        return _by_name(statuses, orders, instruments, doubt.reason)
    return results


def _by_name(
    statuses: Sequence[Any], orders: Sequence[Order], instruments: dict[str, Instrument], trouble: str
) -> tuple[tuple[str, PlaceResult], ...]:
    """Places in the list prove nothing: a status settles the order whose cloid it alone names, and the rest is in doubt."""
    names = Counter(_named(status) for status in statuses)
    by_name = {name: status for status in statuses if names[name := _named(status)] == 1}
    doubt = Unsettled(trouble, Cause.GARBLED)
    return tuple(
        (
            order.cloid,
            _status(by_name[order.cloid], order, instruments[order.coin])
            if order.cloid in by_name
            else doubt,
        )
        for order in orders
    )


def _named(status: Any) -> str:
    """The cloid that a status names; empty if none."""
    match status:
        case {"resting": {"cloid": str(cloid)}} | {"filled": {"cloid": str(cloid)}}:
            return cloid
        case _:
            return ""


def _status(status: Any, order: Order, instrument: Instrument) -> PlaceResult:
    refused = _refused(status)
    if refused is not None:
        return refused
    match status:
        case "waitingForTrigger" if order.trigger:
            return Waiting()
        case {"resting": {"oid": order_id, **rest}} if len(status) == 1 and _is_about(order, order_id, rest):
            return Resting(order_id)
        case {"filled": {"oid": order_id, "totalSz": size, **rest}} if len(status) == 1 and _is_about(
            order, order_id, rest
        ):
            return _traded(order_id, size, order, instrument)
        case _:
            return Unsettled(f"a status that isn't known: {sample(status)}", Cause.GARBLED)


def _refused(status: Any) -> Refused | None:
    match status:
        case {"error": str(reason)} if len(status) == 1:
            return Refused(reason, one_cause(reason))
        case _:
            return None


def _is_about(order: Order, order_id: Any, rest: dict[Any, Any]) -> bool:
    """Whether the status names a plausible order id, and this order's cloid if it names one."""
    return type(order_id) is int and order_id >= 0 and rest.get("cloid", order.cloid) == order.cloid


def _traded(order_id: int, size: Any, order: Order, instrument: Instrument) -> PlaceResult:
    try:
        lots = instrument.parse_size(size)
    except InexactNumberError as error:
        return Unsettled(str(error), Cause.GARBLED)
    if not 0 < lots <= order.lots:
        return Unsettled(f"filled {size} of an order of {instrument.size_text(order.lots)}", Cause.GARBLED)
    return Traded(order_id, lots)


def modify_results(
    answer: Any,
    pairs: Sequence[tuple[Order, Order]],
    instruments: dict[str, Instrument],
    complain: Complain = lambda _: None,
) -> tuple[tuple[tuple[str, PlaceResult], ...], tuple[tuple[str, str], ...]]:
    """Of each pair what became of the second order, as ``place_results``, and of the first, as ``cancel_results``: gone if the
    second came into its place. Whether one whose successor was refused still rests, the answer doesn't prove.
    """
    results = place_results(answer, [new for _, new in pairs], instruments, complain)
    results = tuple(
        (cloid, _not_its_predecessor(result, old))
        for (old, _), (cloid, result) in zip(pairs, results, strict=True)
    )
    told = zip(pairs, results, strict=True)
    return results, tuple((old.cloid, replaced_text(result)) for (old, _), (_, result) in told)


def _not_its_predecessor(result: PlaceResult, old: Order) -> PlaceResult:
    """A change makes a new order: an answer that names the old one's id is about something else."""
    if isinstance(result, Resting | Traded) and result.order_id == old.order_id:
        return Unsettled(f"order {old.order_id} in place of itself", Cause.GARBLED)
    return result


def replaced_text(result: PlaceResult) -> str:
    """What the result of an order says of the one whose place it was to take: empty if that one is gone."""
    return result.reason or "refused" if isinstance(result, Refused | Unsettled) else ""


def cancel_results(
    answer: Any, cloids: Sequence[str], complain: Complain = lambda _: None
) -> tuple[tuple[str, str], ...]:
    """Per cloid ``""`` for success, else why it isn't known to be cancelled. ``complain`` as in ``place_results``."""
    refusal = whole_refusal(answer)
    if refusal is not None:
        return tuple((cloid, refusal) for cloid in cloids)
    statuses = _statuses(answer, "cancel")
    if statuses is None or len(statuses) != len(cloids):
        complain("an answer of another shape")
        return tuple((cloid, "an answer of another shape") for cloid in cloids)
    unknown = [status for status in statuses if status != "success" and _refused(status) is None]
    if unknown:
        complain(_error_text(unknown[0]))
    return tuple(
        (cloid, "" if status == "success" else _error_text(status))
        for cloid, status in zip(cloids, statuses, strict=True)
    )


def default_result(answer: Any) -> str | None:
    """``""`` for the plain success of an action that answers nothing else, else the refusal; ``None`` if it is neither."""
    refusal = whole_refusal(answer)
    if refusal is not None:
        return refusal
    match answer:
        case {"status": "ok", "response": {"type": "default"}}:
            return ""
        case _:
            return None


def whole_refusal(answer: Any) -> str | None:
    """The words of a whole-request refusal, ``None`` if it isn't one."""
    if isinstance(answer, dict) and answer.get("status") == "err":
        response = answer.get("response")
        return response if isinstance(response, str) and response else f"refused: {sample(response)}"
    return None


def whole_failure(answer: Any) -> Failure | None:
    """Why an action was not answered item by item; ``None`` if it was, or if it was refused for what is in it."""
    refusal = whole_refusal(answer)
    if refusal is None:
        return None
    cause = whole_cause(refusal)
    is_about_an_item = cause.is_answer and cause is not Cause.REFUSED
    return None if is_about_an_item else Failure(cause, refusal)


def _statuses(answer: Any, kind: str) -> list[Any] | None:
    match answer:
        case {"status": "ok", "response": {"type": str(found), "data": {"statuses": list(statuses)}}} if (
            found == kind
        ):
            return statuses
        case _:
            return None


def _error_text(status: Any) -> str:
    """Never empty: an empty text means success."""
    refused = _refused(status)
    return refused.reason if refused is not None and refused.reason else f"unknown status {sample(status)}"
