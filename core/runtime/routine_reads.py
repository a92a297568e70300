"""Reads that the engine asks for by the clock, and that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from core.domain.causes import Cause
from core.domain.effects import (
    AskAgent,
    AskBook,
    AskFunding,
    AskFundingRates,
    AskLedgerUpdates,
    AskListings,
    AskRequestBudget,
    AskTransfers,
    Effect,
)
from core.domain.events import FundingArrived, RequestFailed, TransfersArrived
from core.domain.request_limits import RequestBudgetObserved
from core.exchange.reads import Reads
from core.exchange.rest import RestError
from core.exchange.wire import WireError
from core.runtime.inbox import Inbox

FUNDING_OVERLAP_MS = 2 * 3_600_000
"""A read of funding begins this long before the newest payment: it is paid each hour, and a repeat costs nothing."""

TRANSFERS_OVERLAP_MS = 600_000
"""A read of transfers begins this long before the newest one: a node's index may lag, and a repeat costs nothing."""

Question = tuple[str, Callable[[], Coroutine[Any, Any, None]]]
"""Its name, by which one of a kind is asked at a time, and the read."""


class RoutineReads:
    """Each answer comes back through the inbox. Times as ``EffectRunner``'s."""

    def __init__(
        self, inbox: Inbox, reads: Reads, funding_ms: int, anchor_ms: int, transfers_ms: int
    ) -> None:
        self._inbox, self._reads = inbox, reads
        self._funding_ms, self._anchor_ms, self._transfers_ms = funding_ms, anchor_ms, transfers_ms

    def of(self, effect: Effect) -> Question:
        """The question that an effect asks."""
        match effect:
            case AskFunding():
                return "funding", self._ask_funding
            case AskFundingRates():
                return "funding rates", self._ask_funding_rates
            case AskTransfers():
                return "transfers", self._ask_transfers
            case AskRequestBudget():
                return "request budget", self._ask_request_budget
            case AskAgent(address):
                return "agent", lambda: self._ask_agent(address)
            case AskListings():
                return "listings", self._ask_listings
            case AskBook(coin):
                return f"book {coin}", lambda: self._ask_book(coin)
            case AskLedgerUpdates(since_ms):
                return "ledger updates", lambda: self._ask_ledger_updates(since_ms)
            case _:
                raise AssertionError(f"not an effect for the runner: {effect}")

    def _failed(self, what: str, error: RestError | WireError) -> None:
        self._inbox.force(RequestFailed(what, str(error), "", *cause_of(error)))

    async def _ask_funding(self) -> None:
        newest = self._funding_ms
        try:
            async for payments in self._reads.funding_since(
                max(self._anchor_ms, self._funding_ms - FUNDING_OVERLAP_MS)
            ):
                if payments:
                    newest = max(newest, *(payment.time_ms for payment in payments))
                    await self._inbox.put(FundingArrived(payments))
        except (RestError, WireError) as error:
            self._failed("funding", error)
        else:
            self._funding_ms = newest

    async def _ask_funding_rates(self) -> None:
        try:
            self._inbox.force(await self._reads.funding_rates())
        except (RestError, WireError) as error:
            self._failed("funding rates", error)

    async def _ask_transfers(self) -> None:
        newest = self._transfers_ms
        since_ms = max(self._anchor_ms, self._transfers_ms - TRANSFERS_OVERLAP_MS)
        try:
            async for transfers in self._reads.transfers_since(since_ms):
                newest = max(newest, *(transfer.time_ms for transfer in transfers))
                await self._inbox.put(TransfersArrived(transfers))
        except (RestError, WireError) as error:
            self._failed("transfers", error)
        else:
            self._transfers_ms = newest

    async def _ask_request_budget(self) -> None:
        try:
            self._inbox.force(RequestBudgetObserved(await self._reads.request_budget()))
        except (RestError, WireError) as error:
            self._failed("request budget", error)

    async def _ask_agent(self, address: str) -> None:
        try:
            self._inbox.force(await self._reads.agent(address))
        except (RestError, WireError) as error:
            self._failed("agent", error)

    async def _ask_book(self, coin: str) -> None:
        try:
            self._inbox.force(await self._reads.book(coin))
        except (RestError, WireError) as error:
            self._failed(f"book of {coin}", error)

    async def _ask_listings(self) -> None:
        try:
            self._inbox.force(await self._reads.listings())
        except (RestError, WireError) as error:
            self._failed("listings", error)

    async def _ask_ledger_updates(self, since_ms: int) -> None:
        try:
            self._inbox.force(await self._reads.ledger_updates_since(since_ms))
        except (RestError, WireError) as error:
            self._failed("ledger updates", error)


def cause_of(error: RestError | WireError) -> tuple[Cause, int]:
    """Of a read that failed, and how long the exchange asks to be left alone."""
    return (error.cause, error.retry_after_ms) if isinstance(error, RestError) else (Cause.GARBLED, 0)
