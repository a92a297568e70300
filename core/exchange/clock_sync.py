"""What a refusal tells of our clock or our nonces, and a fresh stamp of the exchange's to go by."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.exchange.answers import whole_refusal
from core.exchange.rest import Rest, RestError
from core.exchange.venue_clock import AGREES_WITHIN_MS, VenueClock, mono_ms
from core.exchange.wire import WireError

ASK_WITHIN_S = 3.0
"""What waits for the stamp is an action: it is sent with the old estimate rather than held for longer."""


class Timing(StrEnum):
    """Why an action was refused before it was looked at."""

    TOO_LOW = "nonce too low"
    TOO_HIGH = "nonce too high"
    DUPLICATE = "duplicate nonce"
    """Which proves nothing: what took the nonce may have been this very action."""
    EXPIRED = "expired"

    @property
    def is_of_nonce(self) -> bool:
        return self is not Timing.EXPIRED

    @property
    def proves_unsent(self) -> bool:
        """Nothing of the action has been done, nor will be."""
        return self is not Timing.DUPLICATE


@dataclass(frozen=True, slots=True)
class Untimely:
    """A refusal of the whole action for its nonce or its expiry. ``bound``: the venue's (``A < bound``), 0 if it names none."""

    timing: Timing
    text: str
    bound: int = 0


_STARTS = (
    (f"Invalid nonce: {Timing.TOO_LOW}", Timing.TOO_LOW),
    (f"Invalid nonce: {Timing.TOO_HIGH}", Timing.TOO_HIGH),
    (f"Invalid nonce: {Timing.DUPLICATE}", Timing.DUPLICATE),
    ("Action already expired", Timing.EXPIRED),
)
_BOUND = re.compile(r"\d{1,18} [<>] (\d{1,18})$")


def untimely(answer: Any) -> Untimely | None:
    """``None`` if the action wasn't refused for its nonce or its expiry."""
    text = whole_refusal(answer)
    if text is None:
        return None
    timing = next((timing for start, timing in _STARTS if text.startswith(start)), None)
    if timing is None:
        return None
    bound = _BOUND.search(text)
    return Untimely(timing, text, int(bound[1]) if bound else 0)


class ClockSync:
    """Sets the clock by one stamp, once for all actions that were refused meanwhile."""

    def __init__(self, rest: Rest, clock: VenueClock) -> None:
        self._rest, self._clock = rest, clock
        self._turn = asyncio.Lock()
        self._asked_mono_ms = 0.0
        self._is_mute = False
        """The last question had no answer."""

    async def after(self, timing: Timing, sent_mono_ms: float) -> float | None:
        """The clock goes by a stamp asked for after the action was sent, in the direction that its refusal tells: a node
        that lags sets nothing back. By how many ms the clock moved; ``None`` if no answer came. Those that were refused
        together wait for one question, answered or not: a cancel's wait doesn't grow with the orders refused before it.
        """
        async with self._turn:
            if self._asked_mono_ms > sent_mono_ms:
                return None if self._is_mute else 0.0
            asked, before = mono_ms(), self._clock.offset_ms
            self._asked_mono_ms, self._is_mute = asked, True
            try:
                async with asyncio.timeout(ASK_WITHIN_S):
                    stamp_ms = await self._rest.ask({"type": "exchangeStatus"}, _stamp_ms)
            except (RestError, WireError, TimeoutError):
                return None
            self._is_mute = False
            received = mono_ms()
            found = stamp_ms - (asked + received) / 2
            is_off = abs(found - self._clock.offset_ms) > (received - asked) / 2 + AGREES_WITHIN_MS
            if is_off and (found < self._clock.offset_ms) is (timing is Timing.TOO_HIGH):
                self._clock.follow(stamp_ms, asked, received)
            return self._clock.offset_ms - before


def _stamp_ms(answer: Any) -> int:
    if isinstance(answer, dict) and type(answer.get("time")) is int:
        return int(answer["time"])
    raise WireError("exchangeStatus without a time")
