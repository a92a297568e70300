"""TWAP orders: those that run, what became of them, and the fills of their suborders.

These fills are told here alone: ``userFills`` leaves them out, and ``twapId`` within them is null, as live answers have it.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.paper.answers.arguments import Handler, Request, get_account, get_flag, within
from core.paper.answers.history import MAX_FILLS
from core.paper.answers.rows import Rows
from core.paper.config import AnswerSettings
from core.paper.jsonio import Json, JsonObject
from core.paper.venue.accounts import Account
from core.paper.venue.orders import FillRecord, HistoryRow
from core.paper.venue.twaps import state_row
from core.paper.venue.venue import Venue

_MAX_ROWS = 2000


class Twaps:
    def __init__(self, venue: Venue, rows: Rows, settings: AnswerSettings) -> None:
        self._venue = venue
        self._rows = rows
        self._settings = settings

    def handlers(self) -> dict[str, Handler]:
        return {
            "twapHistory": lambda request, _: self.past(get_account(request, self._venue)),
            "userTwapSliceFills": self._slice_fills,
            "userTwapSliceFillsByTime": self._slice_fills_by_time,
        }

    def running(self, account: Account, dex: str) -> list[Json]:
        """Pairs of id and state, oldest first."""
        listings = self._venue.universe.listings
        return [
            [twap.twap_id, state_row(twap, listings[twap.coin].instrument.sz_decimals)]
            for twap in account.twaps.values()
            if listings[twap.coin].dex == dex
        ]

    def past(self, account: Account) -> list[Json]:
        """A row for the beginning of each and one for its end, newest first."""
        rows = [row for row in account.history if row.is_twap]
        return [history_row(row) for row in rows[: -_MAX_ROWS - 1 : -1]]

    def slices(self, account: Account) -> list[Json]:
        """The newest, newest first."""
        return self.slice_rows(account.slice_fills[: -MAX_FILLS - 1 : -1])

    def slice_rows(self, fills: Iterable[FillRecord], *, aggregate: bool = False) -> list[Json]:
        """In their order; ``aggregate`` merges those of one suborder."""
        together: dict[tuple[int, int], list[FillRecord]] = {}
        for fill in fills:
            together.setdefault((fill.oid, 0 if aggregate else fill.tid), []).append(fill)
        return [
            {"fill": self._rows.merged_fill(parts), "twapId": parts[0].twap_id} for parts in together.values()
        ]

    def _slice_fills(self, request: Request, _: int) -> Json:
        return self.slices(get_account(request, self._venue))

    def _slice_fills_by_time(self, request: Request, _: int) -> Json:
        """Oldest first."""
        account = get_account(request, self._venue)
        fills = within(request, account.slice_fills, lambda fill: fill.time_ms)
        rows = self.slice_rows(fills, aggregate=get_flag(request, "aggregateByTime"))
        return rows[:MAX_FILLS] if self._settings.keeps_oldest_fills else rows[-MAX_FILLS:]


def history_row(row: HistoryRow) -> JsonObject:
    """A row of ``twapHistory``; its time is in seconds."""
    told = {key: row.delta[key] for key in ("state", "status", "twapId")}
    return {"time": row.time_ms // 1000, **told}


def streamed_row(row: HistoryRow) -> JsonObject:
    """As streams tell it: the status has a description, be it empty."""
    told = history_row(row)
    status = told["status"]
    assert isinstance(status, dict)
    return {**told, "status": {"description": "", **status}}
