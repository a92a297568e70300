"""One signed action on its way: its nonce, its signature, its bytes, and what its answer says. Sent once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from core.domain.causes import Cause
from core.exchange.actions import Action
from core.exchange.answers import Complain
from core.exchange.lanes import Lane
from core.exchange.nonces import NonceAllocator
from core.exchange.rest import Rest, RestError
from core.exchange.signing import Signer
from core.exchange.venue_clock import VenueClock
from core.failpoints import STEPS, failpoint

T = TypeVar("T")


class Sender:
    """Sends for one signer, whose nonces all come from here."""

    def __init__(self, rest: Rest, signer: Signer, nonces: NonceAllocator, clock: VenueClock) -> None:
        self._rest, self._signer, self._nonces, self._clock = rest, signer, nonces, clock

    async def send(
        self,
        lane: Lane,
        action: Action,
        expires_ms: int,
        items: int,
        parse: Callable[[Any, Complain], T],
        needs_disk: bool = False,
    ) -> T:
        """What ``parse`` makes of the answer to an action of so many ``items``, which the exchange takes until ``expires_ms``
        (venue time). ``needs_disk``: not sent while the journal can't be written. Raises ``RestError``.
        """
        prepared = self._signer.prepare(action)
        nonce = await self._nonces.take(self._clock.now().venue_ms)
        if needs_disk and self._nonces.is_without_disk:
            raise RestError("the journal cannot be written", Cause.STORAGE)
        body = prepared.body(nonce, expires_ms)
        step = STEPS.get(prepared.kind)
        if step is not None:
            failpoint(step.signed)
        outcome = await self._rest.act(body, prepared.kind, lane, items, parse)
        if step is not None:
            failpoint(step.answered)
        return outcome
