"""From intents to signed actions and back: every order gets an outcome, and doubt is called doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import orjson
import pytest
from eth_account import Account
from hyperliquid.utils.signing import order_request_to_order_wire, sign_l1_action
from hyperliquid.utils.types import Cloid

from core.domain.causes import Cause, Failure
from core.domain.clock import Instant
from core.domain.effects import Place
from core.domain.events import Refused, Resting, Tick, Unsettled
from core.domain.orders import Order, OrderState
from core.exchange.action_bytes import ActionWriter
from core.exchange.answers import Complain
from core.exchange.lanes import Lane
from core.exchange.nonces import NonceAllocator
from core.exchange.order_router import CANCEL_EXPIRES_MS, CANCELS_PER_ACTION, OrderRouter
from core.exchange.order_times import OrderTimes
from core.exchange.rest import Rest, RestError
from core.exchange.sender import Sender
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

    async def admit(self, lane: Lane, items: int) -> None:
        """There is weight for all."""

    async def act(
        self,
        body: bytes,
        kind: str,
        lane: Lane,
        items: int,
        parse: Callable[[Any, Complain], T],
        sent: Callable[[], None],
    ) -> T:
        self.sent.append(orjson.loads(body))
        assert self.sent[-1]["action"]["type"] == kind
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        sent()
        return parse(answer, self.complaints.append)


async def _durable(_ceiling: int) -> bool:
    return True


async def _broken(_ceiling: int) -> bool:
    return False


def _router(venue: Venue, disk: Callable[[int], Awaitable[bool]] = _durable) -> OrderRouter:
    nonces = NonceAllocator(0, disk)
    clock = FixedClock()
    return OrderRouter(Sender(cast(Rest, venue), Signer(KEY, False), nonces, clock), clock, INSTRUMENTS)


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


async def test_what_was_staged_is_sent_as_it_would_be_otherwise_and_what_was_not_is_written_then() -> None:
    staged, other, pairs = [order(1), order(2)], [order(2)], _pairs()
    bodies = []
    for stages in (True, False):
        venue = Venue([None] * 4)
        router = _router(venue)
        if stages:
            router.stage([[order(7)], staged], [pairs])
        await router.place(staged)
        await router.modify(pairs)
        await router.place(other)
        router.stage([], [])
        await router.place(staged)
        bodies.append(venue.sent)
    assert bodies[0] == bodies[1]
    assert [len(body["action"].get("orders", [])) for body in bodies[0]] == [2, 0, 1, 2]


async def test_a_staged_batch_is_not_written_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = Venue([None])
    router, orders = _router(venue), [order(1)]
    router.stage([orders], [])
    monkeypatch.setattr(ActionWriter, "orders", None)
    await router.place(orders)
    assert [row["c"] for row in venue.sent[0]["action"]["orders"]] == [cloid(1)]


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


# -- one order in the place of another -----------------------------------------------------------------------------------


def _pairs(count: int = 2) -> list[tuple[Order, Order]]:
    old = [order(n, order_id=70 + n, state=OrderState.CANCELLING) for n in range(count)]
    return [(each, order(10 + n, expires_ms=NOW_MS + 800 + n)) for n, each in enumerate(old)]


async def test_no_cancel_waits_for_the_answer_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exchange that is slow to answer the first two hundred would keep the others resting meanwhile."""
    many = [("BTC", cloid(n)) for n in range(CANCELS_PER_ACTION + 1)]
    foreign = [("BTC", n) for n in range(CANCELS_PER_ACTION + 1)]
    for is_foreign in (False, True):
        venue, answered = Venue(), asyncio.Event()

        async def act(body: bytes, *_: Any, venue: Venue = venue, answered: asyncio.Event = answered) -> Any:
            venue.sent.append(orjson.loads(body))
            await answered.wait()
            raise RestError("timed out")

        monkeypatch.setattr(venue, "act", act)
        router = _router(venue)
        asking = asyncio.create_task(router.cancel_foreign(foreign) if is_foreign else router.cancel(many))
        for _ in range(5):
            await asyncio.sleep(0)
        assert [len(sent["action"]["cancels"]) for sent in venue.sent] == [CANCELS_PER_ACTION, 1]
        answered.set()
        outcome = await asking
        assert len(outcome.results) == CANCELS_PER_ACTION + 1
        assert outcome.failure is not None


async def test_a_change_names_the_old_order_by_its_id_and_is_signed_as_the_sdk_signs_it() -> None:
    venue = Venue([_ok("order", {"resting": {"oid": 90}}, {"resting": {"oid": 91, "cloid": cloid(11)}})])
    outcome = await _router(venue).modify(_pairs())
    assert outcome.results == ((cloid(10), Resting(90)), (cloid(11), Resting(91)))
    assert outcome.replaced == ((cloid(0), ""), (cloid(1), ""))
    (payload,) = venue.sent
    assert [(row["oid"], row["order"]["c"]) for row in payload["action"]["modifies"]] == [
        (70, cloid(10)),
        (71, cloid(11)),
    ]
    assert payload["expiresAfter"] == NOW_MS + 800
    wallet = Account.from_key(KEY)
    theirs = {
        "type": "batchModify",
        "modifies": [
            {
                "oid": old.order_id,
                "order": order_request_to_order_wire(
                    {
                        "coin": "BTC",
                        "is_buy": True,
                        "sz": float(INSTRUMENTS["BTC"].size_text(new.lots)),
                        "limit_px": float(INSTRUMENTS["BTC"].price_text(new.price)),
                        "order_type": {"limit": {"tif": "Alo"}},
                        "reduce_only": False,
                        "cloid": Cloid.from_str(new.cloid),
                    },
                    INSTRUMENTS["BTC"].asset_id,
                ),
            }
            for old, new in _pairs()
        ],
    }
    assert list(payload["action"]) == list(theirs)
    assert payload["action"] == theirs
    assert payload["signature"] == sign_l1_action(wallet, theirs, None, payload["nonce"], NOW_MS + 800, False)


_CANNOT = "Cannot modify canceled or filled order"
_CROSSED = (
    "Error placing new order during modify: Post only order would have immediately matched, bbo was 1@2."
)


@pytest.mark.parametrize(
    ("answer", "kinds", "replaced"),
    [
        (_ok("order", {"error": _CANNOT}, {"resting": {"oid": 91}}), (Refused, Resting), (_CANNOT, "")),
        (
            _ok("order", {"error": _CROSSED}, {"error": _CANNOT + "."}),
            (Refused, Refused),
            (_CROSSED, _CANNOT + "."),
        ),
        (_ok("order", {"resting": {"oid": 91}}), (Unsettled, Unsettled), None),
        (_ok("order", {"error": _CANNOT}), (Unsettled, Unsettled), None),
        (_ok("order", {"error": _CROSSED}), (Unsettled, Unsettled), None),
        (_ok("order", {"error": "Order has invalid size."}), (Refused, Refused), None),
        (_ok("order", {"resting": {"oid": 70}}, {"resting": {"oid": 91}}), (Unsettled, Resting), None),
        (
            _ok("order", {"resting": {"oid": 90, "cloid": cloid(11)}}, "modified"),
            (Unsettled, Resting),
            None,
        ),
        ({"status": "ok", "response": {"type": "default"}}, (Unsettled, Unsettled), None),
        (
            {"status": "err", "response": "Too many cumulative requests sent (9 > 8)"},
            (Refused, Refused),
            None,
        ),
        ({"status": "err", "response": "what we don't know"}, (Unsettled, Unsettled), None),
        (RestError("timed out"), (Unsettled, Unsettled), None),
        (RestError("no route", Cause.UNSENT), (Refused, Refused), None),
    ],
    ids=str,
)
async def test_of_a_change_nothing_is_assumed(
    answer: Any, kinds: tuple[type, ...], replaced: tuple[str, str] | None
) -> None:
    outcome = await _router(Venue([answer])).modify(_pairs())
    assert tuple(type(result) for _, result in outcome.results) == kinds
    assert [name for name, _ in outcome.replaced] == [cloid(0), cloid(1)]
    told = tuple(text for _, text in outcome.replaced)
    assert (
        told == replaced
        if replaced
        else all(bool(t) is (k is not Resting) for t, k in zip(told, kinds, strict=True))
    )


async def test_the_causes_of_refused_changes_are_a_race_and_a_moving_market() -> None:
    venue = Venue([_ok("order", {"error": _CANNOT}, {"error": _CROSSED})])
    outcome = await _router(venue).modify(_pairs())
    assert [r.cause for _, r in outcome.results if isinstance(r, Refused)] == [Cause.GONE, Cause.POST_ONLY]
    assert outcome.failure is None


async def test_a_change_that_has_expired_is_not_sent() -> None:
    venue = Venue()
    outcome = await _router(venue).modify([(order(0, order_id=70), order(10, expires_ms=NOW_MS))])
    assert venue.sent == []
    assert [type(result) for _, result in outcome.results] == [Refused]
    assert outcome.replaced[0][1], "the old one's end is still to be learned"


async def test_when_orders_left_and_when_they_were_answered_is_told_and_what_had_no_answer_was_not() -> None:
    times = OrderTimes()
    venue = Venue([_ok("order", {"resting": {"oid": 7}}), RestError("timed out")])
    clock = FixedClock()
    sender = Sender(cast(Rest, venue), Signer(KEY, False), NonceAllocator(0, _durable), clock)
    router = OrderRouter(sender, clock, INSTRUMENTS, times=times)
    for number in (1, 2):
        times.decided([Place((order(number),))], Tick(0, 0.0))
        await router.place([order(number)])
    answered, lost = times.view().orders
    assert 0 < answered.sent_us <= answered.acked_us
    assert (lost.sent_us, lost.acked_us) == (0, 0)
