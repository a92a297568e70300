"""From intents to signed actions and back: every order gets an outcome, and doubt is called doubt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import pytest
from eth_account import Account
from hyperliquid.utils.signing import sign_l1_action

from core.domain.causes import Cause, Failure
from core.domain.clock import Instant
from core.domain.events import Refused, Resting, Unsettled
from core.exchange.answers import Complain
from core.exchange.nonces import NonceAllocator
from core.exchange.order_router import CANCEL_EXPIRES_MS, CANCELS_PER_ACTION, OrderRouter
from core.exchange.rest import Rest, RestError
from core.exchange.signing import Signer
from core.exchange.venue_clock import VenueClock
from tests.unit.exchange.samples import INSTRUMENTS, KEY, NOW_MS, cloid, order

T = TypeVar("T")
_GONE = "Order was never placed, already canceled, or filled. asset=0"


class FixedClock(VenueClock):
    """A venue clock that stands still."""

    def now(self) -> Instant:
        return Instant(1, NOW_MS, NOW_MS)


@dataclass
class Venue:
    """Takes the place of the HTTP client; answers each action from the list."""

    answers: list[Any] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)

    complaints: list[str] = field(default_factory=list)

    async def act(self, payload: dict[str, Any], items: int, parse: Callable[[Any, Complain], T]) -> T:
        self.sent.append(payload)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return parse(answer, self.complaints.append)


async def _durable(_ceiling: int) -> bool:
    return True


async def _broken(_ceiling: int) -> bool:
    return False


def _router(venue: Venue, disk: Callable[[int], Awaitable[bool]] = _durable) -> OrderRouter:
    nonces = NonceAllocator(0, disk)
    return OrderRouter(cast(Rest, venue), Signer(KEY, False), nonces, FixedClock(), INSTRUMENTS)


def _ok(kind: str, *statuses: Any) -> dict[str, Any]:
    return {"status": "ok", "response": {"type": kind, "data": {"statuses": list(statuses)}}}


async def test_a_batch_is_signed_with_the_earliest_expiry_of_its_orders() -> None:
    venue = Venue([_ok("order", {"resting": {"oid": 7}}, {"error": "no. asset=0"})])
    orders = [order(1, expires_ms=NOW_MS + 900), order(2, expires_ms=NOW_MS + 500)]
    outcome = await _router(venue).place(orders)
    assert outcome.results == ((cloid(1), Resting(7)), (cloid(2), Refused("no. asset=0")))
    (payload,) = venue.sent
    assert payload["expiresAfter"] == NOW_MS + 500
    assert payload["vaultAddress"] is None
    wallet = Account.from_key(KEY)
    expected = sign_l1_action(wallet, payload["action"], None, payload["nonce"], NOW_MS + 500, False)
    assert payload["signature"] == expected


@pytest.mark.parametrize("late_by", [0, 1, 60_000])
async def test_an_intent_that_has_expired_is_not_sent(late_by: int) -> None:
    venue = Venue()
    orders = [order(1), order(2, expires_ms=NOW_MS - late_by)]
    outcome = await _router(venue).place(orders)
    assert venue.sent == []
    assert [type(result) for _, result in outcome.results] == [Refused, Refused]


async def test_a_request_that_never_left_is_refused_and_one_without_an_answer_is_unsettled() -> None:
    venue = Venue([RestError("no route", Cause.UNSENT), RestError("timed out")])
    router = _router(venue)
    refused, unsettled = await router.place([order(1)]), await router.place([order(2)])
    assert refused.results == ((cloid(1), Refused("not sent: no route", Cause.UNSENT)),)
    assert refused.failure == Failure(Cause.UNSENT, "no route")
    assert unsettled.results == ((cloid(2), Unsettled("timed out", Cause.UNANSWERED)),)
    assert unsettled.failure == Failure(Cause.UNANSWERED, "timed out")
    assert len(venue.sent) == 2, "neither is sent again"


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (_ok("order", {"resting": {"oid": 7}}, {"resting": {"oid": 8}}), ""),
        (_ok("order", {"error": "no. asset=0"}, {"error": "no. asset=0"}), ""),
        ({"status": "err", "response": "Too many cumulative requests sent"}, ""),
        ({"status": "err", "response": "what we don't know"}, ""),
        (None, "an answer of another shape"),
        (_ok("cancel", "success", "success"), "an answer of another shape"),
        (_ok("order", {"resting": {"oid": 7}}), "1 statuses for 2 orders"),
        (_ok("order", {"resting": {"oid": 7}}, {"odd": 1}), 'a status that isn\'t known: {"odd":1}'),
    ],
    ids=str,
)
async def test_an_answer_about_orders_that_cannot_be_read_is_complained_of(
    answer: Any, complaint: str
) -> None:
    venue = Venue([answer])
    await _router(venue).place([order(1), order(2)])
    assert venue.complaints == ([complaint] if complaint else [])


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (_ok("cancel", "success", {"error": _GONE}), ""),
        ({"status": "err", "response": "Nonce mismatch"}, ""),
        ({}, "an answer of another shape"),
        (_ok("cancel", "success"), "an answer of another shape"),
        (_ok("cancel", "success", "done"), "unknown status done"),
    ],
    ids=str,
)
async def test_an_answer_about_cancels_that_cannot_be_read_is_complained_of(
    answer: Any, complaint: str
) -> None:
    venue = Venue([answer])
    await _router(venue).cancel([("BTC", cloid(1)), ("BTC", cloid(2))])
    assert venue.complaints == ([complaint] if complaint else [])


async def test_cancels_go_two_hundred_at_a_time_and_each_gets_its_word() -> None:
    venue = Venue(
        [
            _ok("cancel", *["success"] * CANCELS_PER_ACTION),
            RestError("reset"),
            _ok("cancel", {"error": _GONE}),
        ]
    )
    wanted = [("BTC", cloid(n)) for n in range(2 * CANCELS_PER_ACTION + 1)]
    outcome = await _router(venue).cancel(wanted)
    assert [len(payload["action"]["cancels"]) for payload in venue.sent] == [200, 200, 1]
    assert [name for name, _ in outcome.results] == [name for _, name in wanted]
    assert [text for _, text in outcome.results] == [""] * 200 + ["reset"] * 200 + [_GONE]
    assert {payload["expiresAfter"] for payload in venue.sent} == {NOW_MS + CANCEL_EXPIRES_MS}


async def test_nonces_rise_over_placements_and_cancels_alike() -> None:
    venue = Venue([_ok("order", {"resting": {"oid": 7}}), _ok("cancel", "success"), _ok("cancel", "success")])
    router = _router(venue)
    await router.place([order(1)])
    await router.cancel([("BTC", cloid(1))])
    await router.cancel([("ETH", cloid(2))])
    nonces = [payload["nonce"] for payload in venue.sent]
    assert nonces == sorted(set(nonces))
    assert venue.sent[2]["action"]["cancels"] == [{"asset": 1, "cloid": cloid(2)}]


async def test_nothing_to_cancel_sends_nothing() -> None:
    venue = Venue()
    assert (await _router(venue).cancel([])).results == ()
    assert venue.sent == []


async def test_without_a_disk_nothing_is_placed_and_everything_can_be_cancelled() -> None:
    venue = Venue([_ok("cancel", "success")])
    router = _router(venue, _broken)
    outcome = await router.place([order(1)])
    assert outcome.results == (
        (order(1).cloid, Refused("not sent: the journal cannot be written", Cause.STORAGE)),
    )
    assert (await router.cancel([("BTC", order(1).cloid)])).results == ((order(1).cloid, ""),)
