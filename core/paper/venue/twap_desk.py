"""How TWAP orders come in, send their suborders, and end."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING

from core.domain.orders import Side
from core.paper.config import OrderSettings
from core.paper.jsonio import JsonObject
from core.paper.market.listing import Listing
from core.paper.venue.accounts import Account
from core.paper.venue.ledger import Ledger
from core.paper.venue.orders import TWAP, HistoryRow, OrderRequest, TimeInForce
from core.paper.venue.refusals import RefusedError
from core.paper.venue.rejections import NO_MATCH
from core.paper.venue.twaps import TURN_EVERY_MS, Twap, TwapStatus, WireTwap, state_row, suborder_lots
from core.paper.venue.validation import HALTED, StaticError, read_lots

if TYPE_CHECKING:
    from core.paper.venue.placing import OrderDesk
    from core.paper.venue.venue import Venue

MISSING_TWAP = "TWAP was never placed, already canceled, or filled."

_LEAST_MINUTES = 5
_LEAST_MICRO = 100_000_000
_MICRO = 1_000_000
_SLIPPAGE_PERCENT = 3


class TwapDesk:
    """Belongs to a venue. Costs next to nothing while no suborder is due."""

    def __init__(self, venue: Venue, desk: OrderDesk, settings: OrderSettings) -> None:
        self._venue = venue
        self._ledger = venue.ledger
        self._desk = desk
        self._settings = settings
        self._due: list[tuple[int, str, int]] = []
        """(time, user, id), a heap. What has ended or moved stays until it comes up."""

    def place(self, account: Account, wire: WireTwap) -> int:
        """Its id. The first suborder goes out with the next tick.

        Raises:
            RefusedError: in Hyperliquid's words.
        """
        listing = self._venue.universe.by_asset(wire.asset)
        assert listing is not None, wire
        side = Side.BUY if wire.is_buy else Side.SELL
        lots = self._admit(account, wire, listing, side)
        ledger = self._ledger
        ledger.counters.twaps += 1
        twap = Twap(
            ledger.counters.twaps,
            account.user,
            listing.coin,
            side,
            lots,
            wire.minutes,
            wire.reduce_only,
            wire.randomize,
            ledger.block_ms,
            ledger.block_ms,
        )
        account.twaps[twap.twap_id] = twap
        ledger.touch(account)
        self._watch(twap)
        _note(ledger, twap, TwapStatus.ACTIVATED)
        return twap.twap_id

    def _admit(self, account: Account, wire: WireTwap, listing: Listing, side: Side) -> int:
        """Its size in lots."""
        if not _LEAST_MINUTES <= wire.minutes <= self._settings.longest_twap_minutes:
            raise RefusedError(f"Invalid TWAP duration: {wire.minutes} min(s)")
        if listing.rules.is_delisted:
            raise RefusedError(HALTED)
        try:
            lots = read_lots(wire.size, listing)
        except StaticError as error:
            raise RefusedError(str(error)) from error
        if lots * self._venue.mark_of(listing.coin) < _LEAST_MICRO:
            raise RefusedError(f"TWAP order value too small. Min is ${_LEAST_MICRO // _MICRO}.")
        if wire.reduce_only and account.lots(listing.coin) * side.sign >= 0:
            raise RefusedError("Reduce-only TWAP order would increase position.")
        if len(account.twaps) >= self._settings.most_twaps:
            raise RefusedError("Exceeded max number of active TWAP orders.")
        return lots

    def cancel(self, account: Account, asset: int, twap_id: int) -> None:
        """Raises ``RefusedError``: it has none of that id for that asset."""
        twap = account.twaps.get(twap_id)
        if twap is None or self._venue.instruments[twap.coin].asset_id != asset:
            raise RefusedError(MISSING_TWAP)
        end_twap(self._ledger, account, twap, TwapStatus.TERMINATED)

    def resume(self, account: Account) -> None:
        """Go on with those of an earlier run."""
        for twap in account.twaps.values():
            self._watch(twap)

    def set_clock_back(self, now_ms: int) -> None:
        """No turn may be further away than one can be."""
        for account in self._ledger.accounts.values():
            for twap in account.twaps.values():
                if twap.due_ms > now_ms + TURN_EVERY_MS:
                    twap.due_ms = now_ms + TURN_EVERY_MS
                    self._watch(twap)

    def tick(self, now_ms: int) -> None:
        while self._due and self._due[0][0] <= now_ms:
            due_ms, user, twap_id = heapq.heappop(self._due)
            account = self._ledger.accounts[user]
            twap = account.twaps.get(twap_id)
            if twap is not None and twap.due_ms == due_ms:
                twap.skip_missed(now_ms)
                self._take_turn(account, twap)

    def _watch(self, twap: Twap) -> None:
        heapq.heappush(self._due, (twap.due_ms, twap.user, twap.twap_id))

    def _take_turn(self, account: Account, twap: Twap) -> None:
        self._ledger.touch(account)
        error = self._send(account, twap)
        twap.pass_turn()
        if error:
            end_twap(self._ledger, account, twap, TwapStatus.ERROR, error)
        elif twap.is_over:
            end_twap(self._ledger, account, twap, TwapStatus.FINISHED)
        else:
            self._watch(twap)

    def _send(self, account: Account, twap: Twap) -> str:
        """Send the suborder of this turn, if there is to be any. What it is refused with, empty if only the market lacked."""
        listing = self._venue.universe.listings[twap.coin]
        limit = self._limit(twap)
        if not limit or self._venue.post_only or not self._ledger.books[twap.coin].is_open:
            return ""
        unit = int(10 ** (listing.instrument.sz_decimals - listing.rules.sz_decimals))
        lots = suborder_lots(twap, limit, unit)
        if not lots:
            return ""
        request = OrderRequest(
            twap.coin,
            twap.side,
            limit,
            lots,
            TimeInForce.IOC,
            reduce_only=twap.reduce_only,
            twap_id=twap.twap_id,
        )
        placed = self._desk.place_one(account, request)
        twap.executed += placed.order.filled
        twap.executed_micro += placed.order.filled_micro
        return "" if placed.error == NO_MATCH else placed.error

    def _limit(self, twap: Twap) -> int:
        """Three percent from the mid price, from the mark where a side is empty; 0 before there is any price."""
        book, instrument = self._ledger.books[twap.coin], self._venue.instruments[twap.coin]
        bid, ask = book.bids.best, book.asks.best
        both = bid + ask if bid is not None and ask is not None else 2 * self._venue.mark_of(twap.coin)
        reach = both * (100 + twap.side.sign * _SLIPPAGE_PERCENT)
        if not reach:
            return 0
        if twap.side is Side.BUY:
            return instrument.round_price_down(reach // 200)
        return instrument.round_price_up(-(-reach // 200))


def end_twap(ledger: Ledger, account: Account, twap: Twap, status: TwapStatus, description: str = "") -> None:
    del account.twaps[twap.twap_id]
    ledger.touch(account)
    _note(ledger, twap, status, description)


def end_twaps(ledger: Ledger, account: Account, is_meant: Callable[[str], bool]) -> None:
    """Terminate those on coins that are meant."""
    for twap in list(account.twaps.values()):
        if is_meant(twap.coin):
            end_twap(ledger, account, twap, TwapStatus.TERMINATED)


def _note(ledger: Ledger, twap: Twap, status: TwapStatus, description: str = "") -> None:
    told: JsonObject = {"status": status.value}
    if description:
        told["description"] = description
    delta: JsonObject = {
        "type": TWAP,
        "twapId": twap.twap_id,
        "state": state_row(twap, ledger.universe.instruments[twap.coin].sz_decimals),
        "status": told,
    }
    ledger.note(HistoryRow(twap.user, ledger.block_ms, ledger.block_hash(), delta))
