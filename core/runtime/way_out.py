"""What every action goes through: signer, nonces, sender and router; and how another key takes the signer's place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from core.domain.commands import Operator
from core.domain.effects import Tell
from core.domain.events import CommandReceived
from core.domain.instrument import Instrument
from core.domain.router_events import RouterEvent
from core.exchange.answers import whole_refusal
from core.exchange.lanes import Lane
from core.exchange.nonces import NonceAllocator
from core.exchange.order_router import OrderRouter
from core.exchange.order_times import OrderTimes
from core.exchange.reads import Reads
from core.exchange.rest import Rest, RestError
from core.exchange.sender import Sender
from core.exchange.signing import Signer
from core.exchange.venue_clock import VenueClock
from core.exchange.wire import WireError, sample
from core.failpoints import failpoint
from core.runtime.agents import Pair, check_agent
from core.runtime.keys.handover import take_over
from core.runtime.keys.key_text import signer_of
from core.runtime.keys.succession import for_the_log
from core.runtime.plan import RunPlan
from core.runtime.usage import UsageError

PROOF_EXPIRES_MS = 5_000

SaveCeiling = Callable[[str, int], Awaitable[bool]]
"""Writes a signer's nonce ceiling; whether it is on disk."""


class WayOut:
    """Of one session. ``nonces`` stay the same object, whoever signs."""

    def __init__(
        self,
        plan: RunPlan,
        rest: Rest,
        clock: VenueClock,
        ceilings: Mapping[str, int],
        save: SaveCeiling,
        tell: Tell,
        force: Callable[[RouterEvent | CommandReceived], None],
    ) -> None:
        """``ceilings``: of every signer that the journal knows, by address."""
        self._plan, self._rest, self._clock = plan, rest, clock
        self._ceilings, self._save, self._tell, self._force = dict(ceilings), save, tell, force
        signer = plan.identity.signer
        self._address = signer.address
        self._turn = asyncio.Lock()
        self.nonces = NonceAllocator(ceilings.get(signer.address, 0), partial(save, signer.address))
        self._sender = Sender(rest, signer, self.nonces, clock, tell, force)

    def router(
        self, instruments: dict[str, Instrument], listed: Mapping[str, Instrument], times: OrderTimes
    ) -> OrderRouter:
        self._rest.warm()
        return OrderRouter(self._sender, self._clock, instruments, listed, times)

    async def rotate(self, path: str, by: Operator) -> str:
        """Sign with the key that is handed over at ``path`` from here on; what was done, in a sentence.

        The present key signs until the new one has: its account's agent it must be, and an action that changes nothing must
        have been taken of it. Raises ``UsageError`` if it isn't used, and why; everything is as before then.
        """
        async with self._turn:
            return await self._rotate(path, by)

    async def _rotate(self, path: str, by: Operator) -> str:
        account, network = self._plan.identity.account, self._plan.network
        if self._address == account:
            raise UsageError("the account's own key signs here, as on paper: there is no agent to change")
        signer = signer_of(take_over(Path(path)), "the new key", network == "mainnet")
        if signer.address == self._address:
            return f"{signer.address} signs already"
        pair = Pair(signer.address, account, network, self._plan.exchange_url)
        try:
            reads = Reads(self._rest, self._clock, account, {})
            found = await check_agent(reads, pair, self._clock.now().venue_ms)
            proof = await self._prove(signer)
        except (RestError, WireError) as error:
            raise UsageError(
                f"the new key can't be tried now ({error}); the present one stays: try again"
            ) from error
        failpoint("rotation_proven")
        before, self._address = self._address, signer.address
        self.nonces.begin_anew(proof.last, 0, partial(self._save, signer.address))
        self._sender.sign_with(signer)
        failpoint("rotation_signs")
        self._force(found)
        self._tell("key_rotated", "warn", before=before, now=signer.address, agent=found.name, by=by.label)
        text = f"{signer.address} signs now, in place of {before}"
        self._force(CommandReceived(for_the_log(text, by)))
        return text

    async def _prove(self, signer: Signer) -> NonceAllocator:
        """Have a ``noop`` of the new key's taken; its nonces. Raises ``UsageError`` and ``RestError``."""
        address = signer.address
        nonces = NonceAllocator(self._ceilings.get(address, 0), partial(self._save, address))
        sender = Sender(self._rest, signer, nonces, self._clock, self._tell, self._force)
        expires_ms = self._clock.now().venue_ms + PROOF_EXPIRES_MS

        def refusal_of(answer: Any, _: object) -> str:
            is_taken = isinstance(answer, dict) and answer.get("status") == "ok"
            return (
                "" if is_taken else whole_refusal(answer) or f"an answer that isn't known: {sample(answer)}"
            )

        refusal = await sender.send(Lane.PLACE, {"type": "noop"}, expires_ms, 1, refusal_of, needs_disk=True)
        await nonces.end()
        if refusal:
            raise UsageError(f"the exchange takes nothing of {address} ({refusal}); the present key stays")
        return nonces
