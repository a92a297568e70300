"""The watchdog: a second process that takes the grid's orders back when the bot's heartbeat stops, and leaves the stop.

It shares the key and the exchange with the bot, and nothing else: no journal, no nonces, no lock. What it cancels is what the
exchange lists of this instance at that moment; a bot that goes on finds its orders cancelled and quotes anew by its own rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from core.domain.agent import AgentObserved
from core.domain.cloid import parse_cloid
from core.domain.effects import Notify, Scalar, Severity, notify
from core.exchange.nonces import WATCHDOG, NonceAllocator
from core.exchange.order_router import OrderRouter
from core.exchange.reads import NoSuchDexError, Reads, read_agreed_instruments
from core.exchange.rest import Rest, RestError
from core.exchange.sender import Sender
from core.exchange.signing import Signer
from core.exchange.venue_clock import VenueClock, mono_ms
from core.exchange.weight_budget import shared_budget
from core.exchange.wire import WireError
from core.runtime.agents import Pair, check_agent
from core.runtime.heartbeat import AnotherVersionError, Beat, read_beat
from core.runtime.keys import Identity
from core.runtime.keys.succession import settle
from core.runtime.statedir import StateDir, UsageError, limits_dir, running_instances
from core.runtime.vigil import Finding, Vigil

LOOK_EVERY_S = 0.5
RETRY_S, RETRY_MAX_S = 2.0, 30.0
PROOF_LOOKS, PROOF_APART_S = 2, 6.0
"""So many looks without an order of ours prove that none rests: what was on its way has expired in between."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The watchdog's own way there."""

    rest: Rest
    reads: Reads
    router: OrderRouter


class Watchdog:
    """Of one state dir. Runs in one event loop until ``stop``."""

    def __init__(
        self,
        state: StateDir,
        after_ms: int,
        identity_of: Callable[[str], Identity],
        publish: Callable[[Notify, int], None],
        has_key: Callable[[], bool] = lambda: True,
    ) -> None:
        """``identity_of``: who signs on a network; ``publish`` gets every event and its time (UTC ms)."""
        self._state, self._identity_of, self._publish, self._has_key = state, identity_of, publish, has_key
        self._clock = VenueClock()
        self._vigil = Vigil(after_ms)
        self._stop = asyncio.Event()

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        """Raises ``UsageError`` if the bot is one that it can't watch; the log has that, too: nobody may look at its stderr."""
        try:
            await self._watch()
        except UsageError as error:
            self._tell("watchdog_refused", "crit", reason=f"nothing is guarded: {error}")
            raise
        except Exception as error:
            self._tell(
                "watchdog_failed", "crit", reason=f"nothing is guarded: {type(error).__name__}: {error}"
            )
            raise

    async def _watch(self) -> None:
        after_s = self._vigil.after_ms / 1000
        self._tell("watchdog_started", "info", state_dir=str(self._state.path), after_s=after_s)
        if (beat := self._read()) is None:
            self._tell("watchdog_waits", "warn", reason=self._why_it_waits())
        else:
            self._check(beat)
        while not self._stop.is_set():
            beat = self._read()
            await self._heed(self._vigil.look(beat, int(mono_ms())))
            await self._pause(LOOK_EVERY_S)
        self._tell("watchdog_stopped", "info")

    def _read(self) -> Beat | None:
        """What can't be understood can't be judged: to cancel the grid of a bot that lives would be as wrong as to stand by."""
        try:
            return read_beat(self._state.heartbeat)
        except AnotherVersionError as error:
            raise UsageError(
                f"{error}: start the watchdog of the same version as its bot; until then look after the bot yourself"
            ) from error

    def _why_it_waits(self) -> str:
        """A mistyped state dir, or a shell without the key, looks like a watchdog that was started first."""
        path = self._state.path
        why = f"no bot has run on {path} yet: until one does, nothing is guarded"
        if others := [str(other.path) for other in running_instances() if other.path != path]:
            why += f"; a bot runs on {', '.join(others)}: is that what --state-dir should say?"
        if not self._has_key():
            why += "; no key is found from here, without which it can guard none on testnet or mainnet"
        return why

    def _check(self, beat: Beat) -> Identity:
        if not beat.url:
            raise UsageError(
                f"{self._state.path} trades on the embedded paper exchange, which ends with its bot: there is nothing to watch"
            )
        identity = self._identity_of(beat.network)
        if identity.account != beat.account:
            raise UsageError(
                f"the bot of {self._state.path} trades {beat.account}, but the key here is for {identity.account}; give "
                "the watchdog the bot's own key and user_address"
            )
        return identity

    async def _heed(self, finding: Finding) -> None:
        beat = self._vigil.last
        if beat is None:
            return
        match finding:
            case Finding.FIRST:
                self._check(beat)
                self._tell("watchdog_armed", "info", pid=beat.pid, orders=beat.orders)
            case Finding.RETURNED:
                self._tell("watchdog_bot_returned", "info", pid=beat.pid)
            case Finding.AT_REST:
                why = "stopped in order" if beat.is_ended else "halted, nothing of it rests"
                self._tell("watchdog_at_rest", "info", reason=f"the bot is {why}")
            case Finding.KEPT:
                within_min = round(self._vigil.patience_ms / 60_000)
                reason = f"the bot has stopped and kept its orders: without a start within {within_min} min they are cancelled"
                self._tell("watchdog_orders_kept", "warn", orders=beat.orders, reason=reason)
            case Finding.LOST:
                silent_s = round(self._vigil.patience_ms / 1000)
                how = "its orders were kept for a start" if beat.is_kept else "it has not stopped in order"
                reason = f"no sign of pid {beat.pid} for {silent_s} s, and {how}"
                self._tell("watchdog_bot_lost", "crit", reason=reason, orders=beat.orders)
                await self._take_back(beat, is_first=True)
            case Finding.AGAIN:
                await self._take_back(beat, is_first=False)
            case Finding.NOTHING:
                pass

    # -- taking back --------------------------------------------------------------------------------------------

    async def _take_back(self, beat: Beat, is_first: bool) -> None:
        """Cancel until the exchange lists none, or the bot goes on."""
        failed, wait_s = "", RETRY_S
        while not self._is_over(beat):
            try:
                cancelled = await self._with_exchange(beat)
            except (
                RestError,
                WireError,
                NoSuchDexError,
                TimeoutError,
                UsageError,
            ) as error:  # also a key that is away
                if str(error) != failed:
                    self._tell("watchdog_cannot_reach", "crit", reason=str(error))
                failed = str(error)
                await self._pause(wait_s)
                wait_s = min(2 * wait_s, RETRY_MAX_S)
                continue
            if cancelled is not None and (is_first or cancelled):
                reason = "no order of the grid rests at the exchange; stops are left alone"
                self._tell("watchdog_orders_cancelled", "crit", cancelled=cancelled, reason=reason)
            return

    def _is_over(self, beat: Beat) -> bool:
        """The bot has gone on, or this process is to end."""
        try:
            now = read_beat(self._state.heartbeat)
        except AnotherVersionError:
            return True  # it was written since
        return self._stop.is_set() or (now is not None and now.mark != beat.mark)

    async def _with_exchange(self, beat: Beat) -> int | None:
        """How many orders were cancelled; ``None`` if it was given up because the bot goes on."""
        rest = Rest(beat.url, self._clock, budget=shared_budget(limits_dir(), beat.url, mono_ms, leaves=0))
        await rest.open()
        try:
            instruments = await read_agreed_instruments(rest, beat.dex)
            # None is traded here: of an order its coin and its name are enough to cancel it. Its numbers aren't read, for they
            # are the bot's to make sense of, in the steps that the coin had when its journal began (O12).
            reads = Reads(rest, self._clock, beat.account, {}, beat.dex)
            reads.elsewhere = frozenset(instruments)
            signer = await self._signer(reads, beat)
            nonces = NonceAllocator(0, _no_disk, WATCHDOG)
            sender = Sender(rest, signer, nonces, self._clock, self._tell)
            router = OrderRouter(sender, self._clock, instruments)
            return await self._cancel_all(beat, Exchange(rest, reads, router))
        finally:
            await rest.close()

    async def _signer(self, reads: Reads, beat: Beat) -> Signer:
        """As a start of the bot would have it; the present key's standing isn't asked for, its cancels tell it."""
        identity = self._check(beat)
        if identity.successor is None:
            return identity.signer

        async def check(signer: str) -> AgentObserved:
            pair = Pair(signer, beat.account, beat.network, beat.url)
            return await check_agent(reads, pair, self._clock.now().venue_ms)

        return (await settle(identity, check)).identity.signer

    async def _cancel_all(self, beat: Beat, exchange: Exchange) -> int | None:
        gone: set[str] = set()
        empty, wait_s, failed = 0, RETRY_S, ""
        while not self._is_over(beat):
            seen = await exchange.reads.open_orders()
            ours = [(coin, cloid) for coin, cloid in seen.elsewhere if _is_of(cloid, beat.instance)]
            if not ours:
                empty += 1
                if empty == PROOF_LOOKS:
                    return len(gone)
                await self._pause(PROOF_APART_S)
                continue
            empty = 0
            if self._is_over(beat):
                break
            outcome = await exchange.router.cancel(ours)
            gone |= {cloid for cloid, error in outcome.results if not error}
            if errors := [error for _, error in outcome.results if error]:
                if errors[0] != failed:
                    self._tell("watchdog_cancel_failed", "crit", orders=len(errors), reason=errors[0])
                failed = errors[0]
                await self._pause(wait_s)
                wait_s = min(2 * wait_s, RETRY_MAX_S)
        self._tell("watchdog_stands_back", "info", cancelled=len(gone), reason="the bot goes on")
        return None

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass

    def _tell(self, name: str, severity: Severity, **fields: Scalar) -> None:
        self._publish(notify(name, severity, "", **fields), self._clock.now().wall_ms)


def _is_of(cloid: str, instance: str) -> bool:
    parts = parse_cloid(cloid)
    return parts is not None and parts.instance == instance


async def _no_disk(_ceiling: int) -> bool:
    """Its nonces are the time: it never runs ahead of it, and shares none with the bot."""
    return True
