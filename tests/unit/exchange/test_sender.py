"""What is sent once more after a refusal for a nonce or a time, and what never is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import pytest

from core.domain.events import Refused, Resting, Unsettled
from core.exchange import clock_sync
from core.exchange.answers import Complain
from core.exchange.clock_sync import Timing, untimely
from core.exchange.lanes import Lane
from core.exchange.nonces import NonceAllocator
from core.exchange.order_router import CANCEL_EXPIRES_MS, OrderRouter
from core.exchange.rest import Rest, RestError
from core.exchange.sender import CLASH_COUNT, Sender
from core.exchange.signing import Signer
from core.exchange.venue_clock import VenueClock, mono_ms
from tests.unit.exchange.samples import INSTRUMENTS, KEY, cloid, order

T = TypeVar("T")
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
PLACED = {
    "status": "ok",
    "response": {"type": "order", "data": {"statuses": [{"resting": {"oid": 7}}]}},
}
CANCELLED = {"status": "ok", "response": {"type": "cancel", "data": {"statuses": ["success"]}}}


def err(text: str) -> dict[str, Any]:
    return {"status": "err", "response": text}


def low(bound: int) -> dict[str, Any]:
    return err(f"Invalid nonce: nonce too low 5 < {bound}")


@dataclass
class Venue:
    """Takes the place of the HTTP client: answers actions from the list, and questions for the time with its own."""

    answers: list[Any]
    ahead_ms: int = 0
    """Of the estimate that the test begins with."""
    is_mute: bool = False
    sent: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)
    clock: VenueClock = field(default_factory=VenueClock)

    def __post_init__(self) -> None:
        self._start = self.clock.offset_ms

    def now_ms(self) -> int:
        return int(mono_ms() + self._start) + self.ahead_ms

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
        self.sent.append(json.loads(body))
        sent()
        await asyncio.sleep(0)
        return parse(self.answers.pop(0), lambda _: None)

    async def ask(self, request: dict[str, Any], parse: Callable[[Any], T]) -> T:
        self.asked += 1
        assert request == {"type": "exchangeStatus"}
        await asyncio.sleep(0)
        if self.is_mute:
            raise RestError("no answer")
        return parse({"time": self.now_ms(), "specialStatuses": None})

    def tell(self, name: str, severity: str, **fields: Any) -> None:
        self.told.append({"name": name, "severity": severity, **fields})

    def router(self, ceiling: int = 0) -> OrderRouter:
        async def save(_ceiling: int) -> bool:
            return True

        nonces = NonceAllocator(ceiling, save)
        sender = Sender(cast(Rest, self), Signer(KEY, False), nonces, self.clock, self.tell)
        return OrderRouter(sender, self.clock, INSTRUMENTS)

    def fresh(self, number: int = 1, ttl_ms: int = 5_000) -> Any:
        return order(number, expires_ms=self.clock.now().venue_ms + ttl_ms)


async def test_an_order_whose_nonce_was_too_low_goes_once_more_with_its_cloid_above_what_the_venue_names() -> (
    None
):
    venue = Venue([])
    bound = venue.now_ms() + HOUR_MS
    venue.answers = [low(bound), PLACED]
    outcome = await venue.router().place([venue.fresh()])
    assert outcome.results == ((cloid(1), Resting(7)),)
    first, second = venue.sent
    assert first["action"] == second["action"]
    assert first["expiresAfter"] == second["expiresAfter"]
    assert first["nonce"] < bound < second["nonce"]
    assert first["signature"] != second["signature"]
    assert venue.asked == 1
    assert [event["name"] for event in venue.told] == ["nonce_resync"]
    assert venue.told[0]["sent_again"] is True


async def test_a_second_refusal_is_final_and_told() -> None:
    venue = Venue([low(10), low(10)])
    outcome = await venue.router().place([venue.fresh()])
    assert [type(result) for _, result in outcome.results] == [Refused]
    assert len(venue.sent) == 2
    assert [(e["name"], e["severity"]) for e in venue.told] == [
        ("nonce_resync", "warn"),
        ("nonce_refused", "crit"),
    ]


async def test_a_bound_more_than_a_day_ahead_is_not_followed() -> None:
    venue = Venue([])
    venue.answers = [low(venue.now_ms() + 3 * DAY_MS), PLACED]
    await venue.router().place([venue.fresh()])
    assert venue.sent[1]["nonce"] < venue.now_ms() + DAY_MS


async def test_nonces_that_ran_ahead_of_the_venue_come_back() -> None:
    venue = Venue([])
    ahead = venue.now_ms() + DAY_MS - HOUR_MS
    venue.answers = [err(f"Invalid nonce: nonce too high {ahead + 2} > {ahead - HOUR_MS}"), PLACED]
    outcome = await venue.router(ceiling=ahead).place([venue.fresh()])
    assert outcome.results == ((cloid(1), Resting(7)),)
    assert venue.sent[0]["nonce"] > ahead
    assert abs(venue.sent[1]["nonce"] - venue.now_ms()) < HOUR_MS


async def test_a_duplicate_nonce_proves_nothing_of_an_order_so_it_is_never_sent_again() -> None:
    venue = Venue([err("Invalid nonce: duplicate nonce 5")])
    outcome = await venue.router().place([venue.fresh()])
    assert [type(result) for _, result in outcome.results] == [Unsettled]
    assert len(venue.sent) == 1
    assert venue.told[0]["sent_again"] is False


async def test_a_cancel_with_a_duplicate_nonce_is_repeated_with_another() -> None:
    venue = Venue([err("Invalid nonce: duplicate nonce 5"), CANCELLED])
    outcome = await venue.router().cancel([("BTC", cloid(1))])
    assert outcome.results == ((cloid(1), ""),)
    assert venue.sent[0]["nonce"] != venue.sent[1]["nonce"]


async def test_an_order_that_has_expired_meanwhile_is_not_sent_again() -> None:
    venue = Venue([low(10)], ahead_ms=60_000)
    outcome = await venue.router().place([venue.fresh()])
    assert [type(result) for _, result in outcome.results] == [Refused]
    assert len(venue.sent) == 1


async def test_an_action_that_came_too_late_sets_the_clock_and_only_a_cancel_goes_again_with_another_expiry() -> (
    None
):
    venue = Venue([err("Action already expired"), err("Action already expired"), CANCELLED], ahead_ms=90_000)
    router = venue.router()
    outcome = await router.place([venue.fresh()])
    assert [type(result) for _, result in outcome.results] == [Refused]
    assert len(venue.sent) == 1
    assert abs(venue.clock.now().venue_ms - venue.now_ms()) < 1_000
    venue.ahead_ms = 180_000
    assert (await router.cancel([("BTC", cloid(1))])).results == ((cloid(1), ""),)
    first, second = venue.sent[1:]
    assert second["expiresAfter"] - first["expiresAfter"] == pytest.approx(90_000, abs=1_000)
    assert second["expiresAfter"] - venue.now_ms() == pytest.approx(CANCEL_EXPIRES_MS, abs=1_000)
    assert [event["name"] for event in venue.told] == ["clock_resync", "clock_resync"]


async def test_a_cancel_that_expired_is_not_repeated_unless_the_time_is_known() -> None:
    venue = Venue([err("Action already expired")], is_mute=True)
    await venue.router().cancel([("BTC", cloid(1))])
    assert len(venue.sent) == 1


async def test_actions_refused_together_ask_for_the_time_once() -> None:
    venue = Venue([low(10), low(10), low(10), PLACED, PLACED, PLACED])
    router = venue.router()
    await asyncio.gather(*(router.place([venue.fresh(n)]) for n in (1, 2, 3)))
    assert venue.asked == 1
    assert len({sent["nonce"] for sent in venue.sent}) == 6


async def test_actions_refused_together_wait_for_one_question_that_nobody_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each had its own three seconds, one after the other: a cancel waited for those of every order before it."""
    monkeypatch.setattr(clock_sync, "ASK_WITHIN_S", 0.05)
    venue = Venue([low(10)] * 4 + [PLACED] * 3 + [CANCELLED], is_mute=True)
    router = venue.router()
    placing = [asyncio.create_task(router.place([venue.fresh(n)])) for n in (1, 2, 3)]
    cancelled = await router.cancel([("BTC", cloid(9))])
    await asyncio.gather(*placing)
    assert venue.asked == 1
    assert cancelled.results == ((cloid(9), ""),)
    assert len(venue.sent) == 8


async def test_refusals_one_after_the_other_are_another_program_with_this_key() -> None:
    venue = Venue([answer for _ in range(CLASH_COUNT) for answer in (low(10), PLACED)])
    router = venue.router()
    for number in range(CLASH_COUNT):
        await router.place([venue.fresh(number + 1)])
    (clash,) = [event for event in venue.told if event["name"] == "nonce_clash"]
    assert clash["severity"] == "crit"
    assert "own agent wallet" in clash["reason"]


async def test_a_node_that_lags_does_not_set_the_clock_back_after_a_nonce_was_too_low() -> None:
    venue = Venue([low(10), PLACED], ahead_ms=-30_000)
    await venue.router().place([venue.fresh()])
    assert venue.clock.now().venue_ms - venue.now_ms() == pytest.approx(30_000, abs=1_000)


@pytest.mark.parametrize(
    ("text", "timing", "bound"),
    [
        ("Invalid nonce: nonce too low 1776584283874 < 1776584799101", Timing.TOO_LOW, 1776584799101),
        ("Invalid nonce: nonce too high 9 > 8", Timing.TOO_HIGH, 8),
        ("Invalid nonce: duplicate nonce 1764221206959", Timing.DUPLICATE, 0),
        ("Action already expired", Timing.EXPIRED, 0),
        ("Invalid nonce: nonce too low", Timing.TOO_LOW, 0),
    ],
)
def test_refusals_for_time_are_told_apart(text: str, timing: Timing, bound: int) -> None:
    found = untimely(err(text))
    assert found is not None
    assert (found.timing, found.bound) == (timing, bound)


@pytest.mark.parametrize("answer", [PLACED, None, [], err("Invalid nonce"), err("Insufficient margin")])
def test_other_answers_are_not_untimely(answer: Any) -> None:
    assert untimely(answer) is None
