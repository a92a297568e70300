"""``gridbot doctor``, the account's part: is the exchange there, do the clocks agree, whose account is it, may the key sign."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from core.domain.agent import AgentObserved, RoleKind, left_text, warned_of
from core.domain.clock import CLOCK_OFF_MS
from core.domain.margin import AccountMode, account_mode
from core.exchange.reads import Reads
from core.exchange.rest import Rest, RestError
from core.exchange.venue_clock import VenueClock, mono_ms
from core.exchange.wire import WireError
from core.runtime.agents import NotAnAgentError, Pair, check_agent
from core.runtime.doctor import Finding, refused
from core.runtime.exit_code import ExitCode
from core.runtime.tool_budget import tool_budget

EXCHANGE, CLOCK, ACCOUNT, AGENT = "exchange", "clock", "account", "agent"

AGENT_SOON_DAYS = 7


@dataclass(frozen=True, slots=True)
class Start:
    """What a start from here would trade. ``signer`` and ``account``: lower case, empty if there is no key, or none is told."""

    network: str
    url: str
    account: str = ""
    signer: str = ""
    following: str = ""
    """Of the key that a rotation has begun with: a start takes it if it is approved."""


def examine_account(start: Start) -> list[Finding]:
    """Nothing if there is no exchange to ask: the embedded one runs only while the bot does."""
    return asyncio.run(_examine(start)) if start.url else []


async def _examine(start: Start) -> list[Finding]:
    clock = VenueClock()
    rest = Rest(start.url, clock, budget=tool_budget(start.url))
    await rest.open()
    found: list[Finding] = []
    try:
        reads = Reads(rest, clock, start.account, {})
        found += await _exchange(rest, start)
        if start.account:
            found.append(await _account(reads, start))
        if start.account and start.signer:
            found.append(await _agent(reads, start, clock.now().venue_ms))
    except (RestError, WireError) as error:
        fix = "Look at the network, and at the exchange's status page; a start tries for a minute"
        name = EXCHANGE if not found else f"{EXCHANGE} again"
        found.append(Finding(name, str(error), fix, ExitCode.UNREACHABLE))
    finally:
        await rest.close()
    return found


async def _exchange(rest: Rest, start: Start) -> list[Finding]:
    """That it answers, and what its clock says: any account's state has the time in it."""
    before_ms, asked = time.time_ns() / 1e6, mono_ms()
    request = {"type": "clearinghouseState", "user": start.account or "0x" + "0" * 40, "dex": ""}
    venue_ms = await rest.ask(request, _time)
    took_ms = mono_ms() - asked
    here = Finding(EXCHANGE, f"{start.url} answers in {took_ms:.0f} ms")
    return [here, clock_finding(before_ms + took_ms / 2 - venue_ms)]


def _time(answer: Any) -> int:
    found = answer.get("time") if isinstance(answer, dict) else None
    if type(found) is not int:
        raise WireError("clearinghouseState: no time in it")
    return found


def clock_finding(ahead_ms: float) -> Finding:
    """``ahead_ms``: of this machine's clock before the exchange's."""
    off_s = abs(ahead_ms) / 1000
    if off_s * 1000 < CLOCK_OFF_MS:
        return Finding(CLOCK, f"within {off_s:.1f} s of the exchange's")
    word = "ahead of" if ahead_ms > 0 else "behind"
    fix = (
        "Have it set (`timedatectl set-ntp true`, or chrony). Orders go by the exchange's clock all the same, but logs, days "
        "and sessions on this machine go wrong"
    )
    return Finding(CLOCK, f"this machine's is {off_s:,.0f} s {word} the exchange's", fix, ExitCode.USAGE)


async def _account(reads: Reads, start: Start) -> Finding:
    role = await reads.role(start.account)
    if role.kind is not RoleKind.USER:
        whose = f" of {role.master}" if role.master else ""
        fix = "Write the address of an account that has a wallet of its own as user_address (HL_USER_ADDRESS)"
        return Finding(ACCOUNT, f"{start.account} is {_WORDS[role.kind]}{whose}", fix, ExitCode.USAGE)
    said = await reads.abstraction()
    mode = account_mode(said)
    if mode is None:
        fix = "Switch it to the standard or the unified mode on the exchange, or trade from another account"
        says = f"{start.account} is in the mode {said}, whose equity and margin this version can't reckon"
        return Finding(ACCOUNT, says, fix, ExitCode.USAGE)
    money = (
        "all dexs and the spot wallet share one balance"
        if mode is AccountMode.UNIFIED
        else "each dex has its own"
    )
    return Finding(ACCOUNT, f"{start.account}, in the {mode.value} mode: {money}")


_WORDS = {
    RoleKind.AGENT: "an agent's address",
    RoleKind.SUB_ACCOUNT: "a sub-account",
    RoleKind.VAULT: "a vault",
    RoleKind.MISSING: "no account on this network",
    RoleKind.USER: "an account",
}


async def _agent(reads: Reads, start: Start, venue_ms: int) -> Finding:
    if start.signer == start.account:
        return Finding(AGENT, "the account's own key signs, as on paper")

    async def check(signer: str) -> AgentObserved:
        return await check_agent(reads, Pair(signer, start.account, start.network, start.url), venue_ms)

    if start.following:
        with suppress(NotAnAgentError):
            following = agent_finding(await check(start.following), venue_ms)
            says = f"{following.says}; it follows {start.signer}, from the next start on at the latest"
            return replace(following, says=says)
    try:
        found = await check(start.signer)
    except NotAnAgentError as error:
        return refused(AGENT, error, "Write the right one")
    return agent_finding(found, venue_ms)


def agent_finding(found: AgentObserved, venue_ms: int) -> Finding:
    """Of an approved one."""
    left_ms = found.left_ms(venue_ms)
    if not found.is_listed:
        says = f"{found.address} is approved without a name: the exchange doesn't tell when it ends, 90 days after its approval"
        return Finding(AGENT, says)
    if left_ms is None:
        return Finding(AGENT, f"{found.address} ({found.name}) is approved without an end")
    says = f"{found.address} ({found.name}) is approved for another {left_text(left_ms)}"
    if 0 < warned_of(left_ms) <= AGENT_SOON_DAYS:
        return Finding(AGENT, says, "`gridbot keys rotate` puts another in its place while the bot runs")
    return Finding(AGENT, says)
