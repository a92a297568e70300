"""What has happened to an account: fills, funding, transfers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from core.paper.answers.arguments import MAX_ROWS, Handler, Request, get_account, get_flag, within
from core.paper.answers.rows import Rows
from core.paper.config import AnswerSettings
from core.paper.jsonio import Json
from core.paper.venue.accounts import Account
from core.paper.venue.orders import FillRecord, HistoryRow
from core.paper.venue.venue import Venue

MAX_FILLS = 2000
_REACHABLE_FILLS = 10_000

_Row = TypeVar("_Row")


class History:
    def __init__(self, venue: Venue, rows: Rows, settings: AnswerSettings) -> None:
        self._venue = venue
        self._rows = rows
        self._settings = settings

    def handlers(self) -> dict[str, Handler]:
        return {
            "userFills": self._user_fills,
            "userFillsByTime": self._user_fills_by_time,
            "userFunding": self._funding,
            "userNonFundingLedgerUpdates": self._ledger_updates,
        }

    def fills(self, account: Account, count: int, *, aggregate: bool = False) -> list[Json]:
        """The newest ``count`` rows, newest first."""
        reach = _REACHABLE_FILLS if aggregate else count
        rows = self.fill_rows(account.fills[-reach:], aggregate=aggregate)
        return rows[: -count - 1 : -1]

    def fill_rows(self, fills: Iterable[FillRecord], *, aggregate: bool) -> list[Json]:
        """In their order; ``aggregate`` merges what one order traded at one time."""
        if not aggregate:
            return [self._rows.fill(fill) for fill in fills]
        together: dict[tuple[int, int, bool], list[FillRecord]] = {}
        for fill in fills:
            together.setdefault((fill.oid, fill.time_ms, fill.crossed), []).append(fill)
        return [self._rows.merged_fill(parts) for parts in together.values()]

    def _user_fills(self, request: Request, _: int) -> Json:
        account = get_account(request, self._venue)
        return self.fills(account, MAX_FILLS, aggregate=get_flag(request, "aggregateByTime"))

    def _user_fills_by_time(self, request: Request, _: int) -> Json:
        """Oldest first, among the 10,000 newest. Which 2000 are kept of more isn't known of Hyperliquid: a setting."""
        account = get_account(request, self._venue)
        aggregate, is_reversed = get_flag(request, "aggregateByTime"), get_flag(request, "reversed")
        fills = within(request, account.fills[-_REACHABLE_FILLS:], lambda fill: fill.time_ms)
        if not aggregate:
            return self.fill_rows(self._kept(fills)[:: -1 if is_reversed else 1], aggregate=False)
        kept = self._kept(self.fill_rows(fills, aggregate=True))
        return kept[::-1] if is_reversed else kept

    def _kept(self, rows: list[_Row]) -> list[_Row]:
        """As many as one answer may have."""
        return rows[:MAX_FILLS] if self._settings.keeps_oldest_fills else rows[-MAX_FILLS:]

    def funding_rows(self, account: Account) -> list[HistoryRow]:
        return [row for row in account.history if row.is_funding]

    def ledger_rows(self, account: Account) -> list[HistoryRow]:
        return [row for row in account.history if row.is_ledger]

    def _funding(self, request: Request, _: int) -> Json:
        return self._page(request, self.funding_rows(get_account(request, self._venue)))

    def _ledger_updates(self, request: Request, _: int) -> Json:
        return self._page(request, self.ledger_rows(get_account(request, self._venue)))

    def _page(self, request: Request, rows: list[HistoryRow]) -> Json:
        """Oldest first; of more than 500 the oldest, so that paging by the last time reaches all."""
        found = within(request, rows, lambda row: row.time_ms, must_start=False)
        return [self._rows.history(row) for row in found[:MAX_ROWS]]
