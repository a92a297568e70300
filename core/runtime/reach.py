"""The start's way to the exchange: the coins asked for, and whether the key may trade the account."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace

from core.domain.agent import AgentObserved
from core.domain.commands import Operator, Origin
from core.domain.effects import Notify, notify
from core.domain.events import CommandReceived
from core.domain.instrument import Instrument
from core.exchange.lanes import Lane
from core.exchange.reads import NoSuchDexError, Reads, read_agreed_instruments
from core.exchange.rest import Rest, RestError
from core.exchange.venue_clock import VenueClock
from core.exchange.weight_budget import SAY_FROM_MS
from core.exchange.wire import WireError
from core.failpoints import failpoint
from core.runtime.agents import Pair, check_agent
from core.runtime.keys import Identity
from core.runtime.keys.succession import Settled, Successor, for_the_log, settle
from core.runtime.plan import RunPlan
from core.runtime.statedir import UsageError
from core.view import AlertView, RunState, Severity, Snapshot

REACH_FOR_S = 60.0
"""How long a start tries to reach the exchange."""

RETRY_S = 1.0
SHOW_EVERY_S = 1.0


def dex_of(plan: RunPlan) -> str:
    """The one dex of the coins; empty for the first. The settings refuse coins of several."""
    (dex,) = {coin.rpartition(":")[0] for coin in plan.settings.by_coin}
    return dex


class Reach:
    """``failure``: why the exchange couldn't be reached, as long as it couldn't."""

    def __init__(
        self,
        plan: RunPlan,
        rest: Rest,
        clock: VenueClock,
        stop_asked: asyncio.Event,
        publish: Callable[[Notify], None],
        show: Callable[[Snapshot], None],
    ) -> None:
        """``show``: what a screen reads before there is an engine to tell it anything."""
        self._show = show
        self._plan, self._rest, self._clock = plan, rest, clock
        self._stop_asked, self._publish = stop_asked, publish
        self.failure = ""
        self.listed: dict[str, Instrument] = {}
        """Every coin of the dex, once it has been reached."""
        self.identity = plan.identity
        """Whose key signs, once that has been asked."""
        self.found: list[AgentObserved | CommandReceived] = []
        """What the exchange lists of the signer, if it isn't the account's own key; and that it is another from now on."""

    async def instruments(self) -> dict[str, Instrument] | None:
        """The instruments of the coins asked for; tries for a minute. ``None`` if it was told to stop meanwhile."""
        give_up = self._clock.now().mono_ms + REACH_FOR_S * 1000
        told = False
        while not self._stop_asked.is_set():
            try:
                self.listed = await read_agreed_instruments(self._rest, dex_of(self._plan))
                instruments = self._pick(self.listed)
                await self._check_signer()
                if self.failure:
                    self._show(self._starting())
                return instruments
            except NoSuchDexError as error:
                raise UsageError(str(error)) from error
            except (RestError, WireError) as error:
                if self._clock.now().mono_ms > give_up:
                    self._show(self._starting())
                    raise RestError(
                        f"the exchange was not reachable for {REACH_FOR_S:.0f} s: {error}"
                    ) from error
                self.failure = str(error)
                self._show(self._waiting(give_up))
                if not told:
                    told = True
                    self._tell_unreachable(str(error))
                await asyncio.sleep(RETRY_S)
        return None

    async def show_waits(self) -> None:
        """Until the start is over, or cancelled: whenever it waits for request weight, that and for how long."""
        was_shown = False
        while self._rest.lane is Lane.PROOF:
            now = self._clock.now()
            wait_ms = self._rest.budget.proof_due_ms - now.mono_ms
            is_shown = wait_ms > 0 and (was_shown or wait_ms >= SAY_FROM_MS)
            if is_shown:
                self._show(self._short_of_weight(wait_ms))
            elif was_shown:
                self._show(self._starting())
            was_shown = is_shown
            await asyncio.sleep(SHOW_EVERY_S)

    def _short_of_weight(self, wait_ms: float) -> Snapshot:
        text = f"NOT STARTED YET, WAITING FOR REQUEST WEIGHT: it goes on in {math.ceil(wait_ms / 1000)} s"
        seen = self._rest.budget.standing()
        fix = f"{seen.left} of this host's {seen.limit} a minute are left; orders of an earlier run may rest"
        if seen.paused_ms:
            fix = f"{seen.paused_why}: see what else asks from this host; orders of an earlier run may rest"
        alert = AlertView("weight", Severity.WARN, text, "", self._clock.now().wall_ms, fix)
        return replace(self._starting(), alerts=(alert,))

    async def _check_signer(self) -> None:
        """What the key signs must happen on the account that is watched: refuse a key that isn't an agent of it."""
        plan, account = self._plan, self._plan.identity.account
        reads, now = Reads(self._rest, self._clock, account, {}), self._clock.now()

        async def check(signer: str) -> AgentObserved:
            return await check_agent(
                reads, Pair(signer, account, plan.network, plan.exchange_url), now.venue_ms
            )

        settled = await settle(plan.identity, check)
        self.identity = settled.identity
        if settled.agent is not None:
            self.found = [settled.agent]
        if plan.identity.successor is not None:
            self._tell_of_rotation(plan.identity, plan.identity.successor, settled)

    def _tell_of_rotation(self, before: Identity, successor: Successor, settled: Settled) -> None:
        """It was broken off; ended here if the new agent is approved."""
        present, following = before.signer.address, successor.signer.address
        if settled.waits:
            self._publish(
                notify("rotation_waits", "warn", "", now=present, waits=following, reason=settled.waits)
            )
            return
        failpoint("rotation_settled")
        if trouble := successor.keep():
            self._publish(notify("config_warning", "warn", "", reason=trouble))
        agent = settled.agent.name if settled.agent is not None else ""
        text = f"{following} signs now, in place of {present}"
        self._publish(
            notify("key_rotated", "warn", "", before=present, now=following, agent=agent, by="the start")
        )
        self.found.append(CommandReceived(for_the_log(text, Operator(via="the start"), Origin.RESTART)))

    def _pick(self, found: dict[str, Instrument]) -> dict[str, Instrument]:
        picked = {}
        for coin in self._plan.settings.by_coin:
            if coin not in found:
                offered = ", ".join(list(found)[:12]) + (", …" if len(found) > 12 else "")
                raise UsageError(f"the exchange has no coin {coin!r}; it has {offered}")
            picked[coin] = found[coin]
        return picked

    def _waiting(self, give_up_mono_ms: float) -> Snapshot:
        """That nothing is traded yet, why, and for how long it goes on trying."""
        now = self._clock.now()
        left_s = int(max(give_up_mono_ms - now.mono_ms, 0) // 1000)
        fix = f"tries for {left_s} s more, then the start fails; orders of an earlier run may rest"
        text = f"NOT STARTED, THE EXCHANGE IS NOT REACHED: {self.failure}"
        alert = AlertView("exchange", Severity.CRIT, text, "", now.wall_ms, fix)
        return replace(self._starting(), alerts=(alert,))

    def _starting(self) -> Snapshot:
        now_ms, plan = self._clock.now().wall_ms, self._plan
        return Snapshot(0, now_ms, plan.network, plan.identity.account, RunState.STARTING)

    def _tell_unreachable(self, reason: str) -> None:
        self._publish(notify("exchange_unreachable", "warn", "", reason=reason, trying_for_s=REACH_FOR_S))
