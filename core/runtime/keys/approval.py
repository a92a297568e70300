"""Waiting for an agent's approval, which somebody gives by hand: bounded, and it may be broken off and gone on with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.domain.agent import AgentObserved
from core.exchange.reads import Reads
from core.exchange.rest import Rest, RestError
from core.exchange.venue_clock import VenueClock, mono_ms
from core.exchange.wire import WireError
from core.runtime.agents import NotAnAgentError, Pair, check_agent
from core.runtime.tool_budget import tool_budget

POLL_S = 15.0
"""A look weighs 120 of the 1,200 a minute that an address may ask for, and a bot may run beside it."""
WAITING = "waiting for the approval; ctrl+c keeps the key, and the same command goes on"


async def wait_for_approval(pair: Pair, wait_s: float, say: Callable[[str], None]) -> AgentObserved:
    """Until the signer is an agent of the account, at most ``wait_s``; 0: one look. ``say`` gets what it waits for.

    Raises:
        NotAnAgentError: it isn't, after all that time or for a reason that no waiting ends.
        RestError: the exchange wasn't reached at the last look.
    """
    clock = VenueClock()
    rest = Rest(pair.url, clock, budget=tool_budget(pair.url))
    await rest.open()
    reads, until_ms, told = Reads(rest, clock, pair.account, {}), mono_ms() + 1000 * wait_s, ""
    try:
        while True:
            try:
                return await check_agent(reads, pair, clock.now().venue_ms)
            except NotAnAgentError as error:
                if not error.may_come or mono_ms() >= until_ms:
                    raise
                waits = WAITING
            except (RestError, WireError) as error:
                if mono_ms() >= until_ms:
                    raise RestError(str(error)) from error
                waits = (
                    f"{error}; whether it is approved isn't known, and is asked again until --wait is over"
                )
            if waits != told:
                told = waits
                say(told)
            await asyncio.sleep(max(0.0, min(POLL_S, (until_ms - mono_ms()) / 1000)))
    finally:
        await rest.close()
