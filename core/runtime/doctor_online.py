"""``gridbot doctor``, the exchange's part: what it still takes of this address and account, and of its own switch."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.domain.request_limits import RequestBudget
from core.exchange.reads import Reads
from core.exchange.rest import Rest, RestError
from core.exchange.venue_clock import VenueClock
from core.exchange.weight_window import PER_MINUTE
from core.exchange.wire import WireError
from core.journal.certificate import read_evidence
from core.journal.errors import StorageError
from core.preview_view import PreviewFact
from core.runtime.control_client import ask
from core.runtime.doctor import Finding
from core.runtime.doctor_account import Start
from core.runtime.exit_code import ExitCode
from core.runtime.preview.budget import budget_facts
from core.runtime.preview.gather import facts_before_a_start
from core.runtime.preview.report import make_report
from core.runtime.settings import Loaded
from core.runtime.statedir import StateDir, UsageError, lock_holder
from core.runtime.tool_budget import tool_budget
from core.view import Severity, from_plain

WEIGHT, REQUESTS, SWITCH = "ip weight", "requests", "dead man's switch"

SWITCH_FROM_USD = 1_000_000
"""What an account must have traded before the exchange takes a ``scheduleCancel`` of it."""

_LESS = "Trade, or wait: meanwhile one order passes every ten seconds, and cancels for longer"


@dataclass(frozen=True, slots=True)
class _Known:
    """What can be asked: of whom, where, and the status of the instance that runs on the state dir, if one does."""

    account: str
    url: str
    status: dict[str, Any] | None


def examine_exchange(
    state: StateDir, settings: Loaded | None, now_ms: int, start: Start | None = None
) -> list[Finding]:
    """Nothing of a journal that can't be read, which has a finding of its own. ``settings``: those that a start would have, by
    which it is estimated how long the requests last; ``start``: what it would trade, if there is no journal to tell.
    """
    try:
        known = _known(state) or _before_a_start(start)
    except (UsageError, StorageError) as error:
        return [Finding(REQUESTS, f"not known ({error})")]
    if known is None:
        return []
    if not known.url:
        says = "not known: the embedded exchange runs only while the bot does"
        return [Finding(name, says) for name in (WEIGHT, REQUESTS, SWITCH)]
    try:
        budget = asyncio.run(_budget(known))
    except (RestError, WireError) as error:
        return [_weight(known), _unreached(error)]
    return [_weight(known), _requests(state, known, budget, settings, now_ms), _switch(budget)]


def _known(state: StateDir) -> _Known | None:
    """Raises ``UsageError`` if the instance that runs doesn't answer, and ``StorageError``."""
    if not state.journal.exists():
        return None
    with read_evidence(state.journal) as evidence:
        meta = evidence.meta
    account = meta.get("account", "")
    if not account:
        return None
    status = None
    if lock_holder(state) is not None:
        told = ask(state, "status").get("status")
        status = told if isinstance(told, dict) else None
    url = str(status["exchange_url"]) if status else meta.get("exchange_url", "")
    return _Known(account, url, status)


def _before_a_start(start: Start | None) -> _Known | None:
    return _Known(start.account, start.url, None) if start and start.account and start.url else None


async def _budget(known: _Known) -> RequestBudget:
    clock = VenueClock()
    rest = Rest(known.url, clock, budget=tool_budget(known.url))
    await rest.open()
    try:
        return await Reads(rest, clock, known.account, {}).request_budget()
    finally:
        await rest.close()


def _unreached(error: Exception) -> Finding:
    fix = "Look at the network, and at the exchange's status page; a start tries for a minute"
    return Finding(REQUESTS, f"not known, {error}", fix, ExitCode.UNREACHABLE)


def _weight(known: _Known) -> Finding:
    budget = known.status.get("budget") if known.status else None
    if not isinstance(budget, dict) or not budget.get("ip_limit"):
        says = f"{PER_MINUTE:,.0f} a minute and IP address"
        return Finding(WEIGHT, f"{says}; none of it is used from here" if known.status is None else says)
    says = f"{budget['ip_left']:,} of {budget['ip_limit']:,} a minute are left"
    if budget.get("paused_why"):
        fix = "It ends by itself; if it comes again, run fewer programs on this address"
        return Finding(WEIGHT, f"{says}; it waits: {budget['paused_why']}", fix)
    return Finding(WEIGHT, says)


def _requests(
    state: StateDir, known: _Known, budget: RequestBudget, settings: Loaded | None, now_ms: int
) -> Finding:
    known_left = f"{budget.left:,} are left of {budget.cap:,} ({budget.used:,} used)"
    if not budget.left:
        return Finding(REQUESTS, known_left, _LESS)
    fact = _previewed(state, known, settings, now_ms)
    if fact is None:
        return Finding(REQUESTS, known_left)
    if fact.severity is not Severity.WARN:
        return Finding(REQUESTS, fact.sentence)
    return Finding(REQUESTS, f"thin: {fact.text}", f"{fact.advice[:1].upper()}{fact.advice[1:]}")


def _previewed(state: StateDir, known: _Known, settings: Loaded | None, now_ms: int) -> PreviewFact | None:
    """The preview's word on the budget; ``None`` if there is no preview."""
    if known.status:
        coin = next(iter(known.status.get("coins", {})), "")
        try:
            seen = ask(state, "preview", coin).get("preview")
            facts = [from_plain(PreviewFact, row) for row in seen["facts"]] if isinstance(seen, dict) else []
        except (UsageError, KeyError, ValueError):
            return None
    elif settings is None:
        return None
    else:
        try:
            report = make_report(facts_before_a_start(settings, known.url, known.account, None, now_ms))
        except (UsageError, RestError):
            return None
        facts = list(budget_facts(report))
    return next((fact for fact in facts if fact.topic == "budget"), None)


def _switch(budget: RequestBudget) -> Finding:
    traded = f"{budget.traded_usd:,.0f} of {SWITCH_FROM_USD:,} USDC traded"
    if budget.traded_usd >= Decimal(SWITCH_FROM_USD):
        return Finding(SWITCH, f"{traded}: the exchange would take a scheduled cancel")
    return Finding(
        SWITCH,
        f"{traded}: the exchange takes no scheduled cancel yet; `gridbot watchdog` takes the grid's orders back without it",
    )
