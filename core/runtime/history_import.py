"""``gridbot import-history``: what the exchange still shows of the account's past, kept beside the journal."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from core.domain.fills import REACHABLE_FILLS, ForeignFill
from core.engine.certificate import utc_text
from core.exchange.reads import Reads
from core.exchange.rest import RestError
from core.exchange.wire import WireError
from core.journal.certificate import read_evidence
from core.journal.earlier import Shown, keep_earlier, read_earlier
from core.runtime.statedir import StateDir
from core.runtime.usage import UsageError
from core.runtime.verify_online import connected, exchange_url

OVERLAP_MS = 2 * 3_600_000
"""Funding and transfers are read on from so long before the newest that is kept: a node's index may lag."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What the exchange showed, how much of it was new, and from when its oldest fill is (ms; 0: it showed none)."""

    added: int
    fills: int
    funding: int
    transfers: int
    oldest_ms: int
    unreadable: int

    @property
    def text(self) -> str:
        lines = [
            f"the exchange showed {self.fills:,} fills, {self.funding:,} funding payments and {self.transfers:,} transfers; "
            f"{self.added:,} rows are new"
        ]
        if self.fills:
            lines.append(f"The exchange shows no fill before {utc_text(self.oldest_ms)}.")
        if self.fills >= REACHABLE_FILLS:
            lines.append(f"It shows no more than the newest {REACHABLE_FILLS:,}: older ones may have been.")
        if self.unreadable:
            lines.append(f"{self.unreadable:,} rows can't be read and are left out.")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": True,
            "added": self.added,
            "fills": self.fills,
            "funding": self.funding,
            "transfers": self.transfers,
            "oldest_fill_ms": self.oldest_ms,
            "unreadable": self.unreadable,
        }


def import_history(state: StateDir) -> Imported:
    """Read all that can be reached and keep what is new. The ledger never sees it.

    Raises:
        RestError: the exchange can't be reached, or its answer can't be understood.
        UsageError: the journal is of no account yet.
        StorageError: the rows can't be kept.
    """
    with read_evidence(state.journal) as evidence:
        account = evidence.account
    if not account:
        raise UsageError("the journal belongs to no account yet: start the bot once, then import its history")
    kept = read_earlier(state.earlier, account)
    since = [max((row.time_ms for row in rows), default=0) for rows in (kept.funding, kept.transfers)]
    try:
        shown, unreadable = asyncio.run(_read(state, account, *since))
    except WireError as error:
        raise RestError(f"the exchange's answer could not be understood ({error})") from error
    added = keep_earlier(state.earlier, account, shown)
    oldest = min((fill.time_ms for fill in shown.fills), default=0)
    return Imported(added, len(shown.fills), len(shown.funding), len(shown.transfers), oldest, unreadable)


async def _read(state: StateDir, account: str, funding_ms: int, transfers_ms: int) -> tuple[Shown, int]:
    asked_ms = time.time_ns() // 10**6
    async with connected(state, exchange_url(state)) as (rest, clock):
        reads = Reads(rest, clock, account, {})  # with no coin of ours every fill is kept as it came
        fills, unreadable = list[ForeignFill](), 0
        async for page in reads.fills_since(0):
            fills += page.foreign
            unreadable += len(page.quarantined)
        funding = await reads.all_funding_since(funding_ms - OVERLAP_MS)
        transfers = [t async for page in reads.transfers_since(transfers_ms - OVERLAP_MS) for t in page]
    return Shown(asked_ms, fills, funding, transfers), unreadable
