"""One signed action on its way: its nonce, its signature, its bytes, and what its answer says.

Sent once, and once more only if its nonce or its time was refused in words that prove that nothing of it was done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from core.domain.causes import Cause
from core.domain.effects import Tell
from core.domain.router_events import KeyShared
from core.exchange.action_bytes import Encoded
from core.exchange.actions import Action
from core.exchange.answers import Complain
from core.exchange.clock_sync import ClockSync, Timing, Untimely, untimely
from core.exchange.lanes import Lane
from core.exchange.nonces import NonceAllocator
from core.exchange.rest import Rest, RestError
from core.exchange.signing import Prepared, Signer
from core.exchange.venue_clock import VenueClock, mono_ms
from core.failpoints import STEPS, failpoint

T = TypeVar("T")

CLASH_COUNT, CLASH_WITHIN_MS = 3, 600_000
"""So many refused nonces within this time are no clock that was set: another program signs with this key."""

CLASH = (
    "another program signs with this key: give each its own agent wallet (API wallet), then restart with it"
)


@dataclass(slots=True)
class _Sending:
    """What is sent. ``ttl_ms``: of a cancel, whose expiry may be moved on; ``None`` for what may not outlive the first one."""

    lane: Lane
    prepared: Prepared
    expires_ms: int
    items: int
    needs_disk: bool
    ttl_ms: int | None
    left: Callable[[], None]
    sent_mono_ms: float = 0.0


class Sender:
    """Sends for one signer, whose nonces all come from here."""

    def __init__(
        self,
        rest: Rest,
        signer: Signer,
        nonces: NonceAllocator,
        clock: VenueClock,
        tell: Tell = lambda *_, **__: None,
        clashes: Callable[[KeyShared], None] = lambda _: None,
    ) -> None:
        self._rest, self._signer, self._nonces, self._clock = rest, signer, nonces, clock
        self._sync, self._tell, self._clashes = ClockSync(rest, clock), tell, clashes
        self._refused_mono_ms: deque[float] = deque(maxlen=CLASH_COUNT)

    def sign_with(self, signer: Signer) -> None:
        """Another key from here on. What the one before has signed ahead leaves as it is: its signature holds."""
        self._signer = signer

    def prepare(self, action: Encoded) -> Prepared:
        """Hashed ahead of its sending."""
        return self._signer.prepare(action)

    async def send(
        self,
        lane: Lane,
        action: Action | Encoded | Prepared,
        expires_ms: int,
        items: int,
        parse: Callable[[Any, Complain], T],
        needs_disk: bool = False,
        left: Callable[[], None] = lambda: None,
    ) -> T:
        """What ``parse`` makes of the answer to an action of so many ``items``, which the exchange takes until ``expires_ms``
        (venue time). ``needs_disk``: not sent while the journal can't be written. ``left`` is called as soon as its bytes
        are on their way. Raises ``RestError``.
        """
        prepared = self._signer.prepare(action)
        ttl_ms = expires_ms - self._clock.now().venue_ms if lane is Lane.CANCEL else None
        sending = _Sending(lane, prepared, expires_ms, items, needs_disk, ttl_ms, left)
        outcome, refused = await self._once(sending, parse)
        if refused is None or not await self._may_go_again(sending, refused):
            return outcome
        failpoint("send_again")
        outcome, refused = await self._once(sending, parse)
        if refused is not None:
            self._tell("nonce_refused", "crit", action=prepared.kind, reason=refused.text)
        return outcome

    async def _once(
        self, sending: _Sending, parse: Callable[[Any, Complain], T]
    ) -> tuple[T, Untimely | None]:
        """The outcome, and why it was untimely if it was."""
        prepared = sending.prepared
        await self._rest.admit(sending.lane, sending.items)
        nonce = await self._nonces.take(self._clock.now().venue_ms)
        if sending.needs_disk and self._nonces.is_without_disk:
            raise RestError("the journal cannot be written", Cause.STORAGE)
        body = prepared.body(nonce, sending.expires_ms)
        step = STEPS.get(prepared.kind)
        if step is not None:
            failpoint(step.signed)
        sending.sent_mono_ms = mono_ms()
        outcome = await self._rest.act(
            body,
            prepared.kind,
            sending.lane,
            sending.items,
            lambda answer, complain: (parse(answer, complain), untimely(answer)),
            sending.left,
        )
        if step is not None:
            failpoint(step.answered)
        return outcome

    async def _may_go_again(self, sending: _Sending, refused: Untimely) -> bool:
        """Set the clock and the nonces right after a refusal; whether the same action may be sent once more."""
        moved_ms = None
        if refused.timing is not Timing.DUPLICATE:
            moved_ms = await self._sync.after(refused.timing, sending.sent_mono_ms)
        venue_ms = self._clock.now().venue_ms
        if refused.timing is Timing.TOO_LOW:
            self._nonces.rise_above(refused.bound, venue_ms)
        elif refused.timing is Timing.TOO_HIGH:
            self._nonces.sink_below(refused.bound, venue_ms)
        may_move = sending.ttl_ms is not None
        if sending.ttl_ms is not None:
            sending.expires_ms = venue_ms + sending.ttl_ms
        if refused.timing is Timing.EXPIRED:
            again = may_move and moved_ms is not None  # with another expiry alone
        else:
            again = (refused.timing.proves_unsent or may_move) and venue_ms < sending.expires_ms
        self._tell_of(sending, refused, moved_ms, again)
        return again

    def _tell_of(self, sending: _Sending, refused: Untimely, moved_ms: float | None, again: bool) -> None:
        self._tell(
            "nonce_resync" if refused.timing.is_of_nonce else "clock_resync",
            "warn",
            action=sending.prepared.kind,
            reason=refused.text,
            clock_moved_ms=None if moved_ms is None else round(moved_ms),
            sent_again=again,
        )
        now_ms = mono_ms()
        if not refused.timing.is_of_nonce:
            return
        self._refused_mono_ms.append(now_ms)
        if len(self._refused_mono_ms) == CLASH_COUNT and now_ms - self._refused_mono_ms[0] < CLASH_WITHIN_MS:
            self._refused_mono_ms.clear()
            self._tell("nonce_clash", "crit", reason=f"{CLASH_COUNT} nonces were refused: {CLASH}")
            self._clashes(KeyShared(f"{CLASH_COUNT} nonces were refused"))
