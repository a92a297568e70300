"""Shadow Ledger: position, entry and PnL as a fold over journalled rows, and what the exchange says beside it.

Position = anchor + fold over fills and accepted adjustments. Nothing sets the position: an observation of the exchange's is
compared (``drift``), never copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from itertools import accumulate, pairwise

from core.domain.clock import DAY_MS, Instant
from core.domain.effects import SaveCheckpoint
from core.domain.fills import Adjustment, Fill
from core.engine.drift import Drift, DriftWatch
from core.engine.fill_guarantor import ChainBreak, Places, chain_breaks, chain_order
from core.engine.fold import QUOTE_TOKEN, Fold
from core.engine.funding import FundingBook

WINDOW_ENTRIES = 2_000
"""Entries kept in memory so that a late fill is folded at its place: as many as one answer of the exchange holds."""

TRIM_BY = 500
"""How many more may gather before the oldest are folded away and a checkpoint is made."""


@dataclass(slots=True)
class ShadowLedger:
    """One coin's ledger. ``version`` grows by one with every fill and adjustment."""

    coin: str
    base: Fold = field(default_factory=Fold)
    """The fold of everything before ``cut_ms``, the anchor included."""
    version: int = 0
    current: Fold = field(init=False)
    cut_ms: int = 0
    """What happened before this venue time is in ``base``; 0: nothing but the anchor is."""
    watch: DriftWatch = field(default_factory=DriftWatch)
    funding: FundingBook = field(default_factory=FundingBook)
    other_fees: dict[str, Decimal] = field(default_factory=dict)
    """Fees in other tokens than USDC, in that token: no PnL in USD has them."""
    day_realized: Decimal = Decimal(0)
    """Realized minus fees since 00:00 UTC of ``day``."""
    day_lots: int = 0
    """Bought less sold since then."""
    day: int = 0
    adjustments: int = 0
    """How many there ever were."""
    fills: int = 0
    cash: int = 0
    """Proceeds of all sells less the cost of all buys, micro-USDC; an adjustment counts as a trade at its price."""
    needless_at_start: list[Adjustment] = field(default_factory=list)
    """Adjustments whose fills a kill let no one hear of: to be revoked."""
    _window: list[Fill | Adjustment] = field(default_factory=list)
    _places: Places = field(default_factory=Places)
    _breaks: list[ChainBreak] | None = field(default_factory=list)
    """Those of the window, kept as it grows; ``None`` until it is looked at again after any other change."""
    _newest_ms: int = 0
    """The newest stamp in the window, wherever it stands."""
    _checkpoint_due: bool = False
    _base_is_in_order: bool = True
    """False after a fill from before the window: its place in ``base`` is lost until the next start folds all anew."""

    def __post_init__(self) -> None:
        self.current = self.base

    def restore(self, entries: Sequence[Fill | Adjustment]) -> None:
        """Fold the journal's rows that aren't in ``base``, as they arrived: replaying is a no-op by construction (C-5)."""
        self._places = Places(self.cut_ms, self.base.lots)
        self._places.take_all(entries)
        self._window = self._ordered(entries)
        self._refold()
        self.needless_at_start = self._drop_needless()
        for entry in self._window:
            if isinstance(entry, Fill):
                self._count_day(entry)
        self._trim()

    @property
    def lots(self) -> int:
        return self.current.lots

    @property
    def chain_end(self) -> int:
        """The position by what the newest entry says, whatever is missing before it."""
        return self._window[-1].end_lots if self._window else self.base.lots

    @property
    def arrived_lots(self) -> int:
        """Where the chain ended with the newest that arrived: what comes next should go on from there."""
        return self._places.end_lots

    @property
    def drift(self) -> Drift:
        return self.watch.now

    # -- what happened ------------------------------------------------------------------------------------------

    def apply(self, fills: Sequence[Fill], now: Instant) -> list[Adjustment]:
        """Fold new fills in, as they arrived, each at its place in the chain. Every fill moves the position, matched or not.

        Returns the adjustments that these fills have made needless; they count no more.
        """
        if not fills:
            return []
        for fill in fills:
            self._count(fill)
            self._places.take(fill)
        old = [fill for fill in fills if fill.time_ms < self.cut_ms and fill.key not in self._places.after]
        self._fold_old(old, now)
        recent = [fill for fill in fills if fill.time_ms >= self.cut_ms or fill.key in self._places.after]
        newest = self._window[-1] if self._window else None
        gaps = len(self.breaks())
        in_order = chain_order(recent, newest.end_lots if newest else self.base.lots, self._places)
        late = newest is not None and any(fill.time_ms <= self._newest_ms for fill in recent)
        for fill in in_order:
            self.watch.passed((self.current.lots, fill.start_lots, fill.end_lots), now.mono_ms)
            self.current = self.current.apply(fill)
            self.watch.explain((fill.start_lots, fill.end_lots))
        if self._breaks is not None:
            self._breaks += (
                chain_breaks([newest, *in_order]) if newest else chain_breaks(in_order, self.base.lots)
            )
        self._window += in_order
        self._newest_ms = max((self._newest_ms, *(fill.time_ms for fill in recent)))
        if late or (self._places.after and len(self.breaks()) > gaps):
            self._window = self._ordered(self._window)
            self._refold()
        needless = self._drop_needless()
        self._trim()
        return needless

    def adjust(self, adjustments: Sequence[Adjustment], now: Instant) -> None:
        """Take accepted adjustments into the chain."""
        self.watch.passed([self.current.lots], now.mono_ms)
        self._window = self._ordered([*self._window, *adjustments])
        self._places.go_on_from(self._window[-1])
        self._refold()
        self.version += len(adjustments)
        self.adjustments += len(adjustments)
        self.cash += sum(each.cash_micro for each in adjustments)
        self.watch.passed([self.current.lots], now.mono_ms)
        self.watch.accept()

    def propose(
        self, exchange_lots: int, price: int, id_: str, by: str, explanation: str, now: Instant
    ) -> list[Adjustment]:
        """What would make the chain whole and end at ``exchange_lots``: one adjustment for each break, one for what remains."""
        links = [(b.before_ms, b.expected, b.found) for b in self.breaks()]
        newest, end = self._window[-1] if self._window else None, self.chain_end
        if end != exchange_lots:
            links.append((max(now.venue_ms, newest.time_ms if newest else 0), end, exchange_lots))
        return [
            Adjustment(f"{id_}:{n}", self.coin, at, start, end, price, now.venue_ms, by, explanation)
            for n, (at, start, end) in enumerate(links)
        ]

    def breaks(self) -> list[ChainBreak]:
        """Where the chain of the entries in the window does not hold."""
        if self._breaks is None:
            self._breaks = chain_breaks(self._window, self.base.lots if self._window else None)
        return list(self._breaks)

    def newest_fill(self) -> Fill | None:
        return next((entry for entry in reversed(self._window) if isinstance(entry, Fill)), None)

    # -- what the exchange shows ----------------------------------------------------------------------------------

    def observe(self, exchange_lots: int, venue_ms: int, asked_mono_ms: int, one_order: int) -> Drift:
        """Hold the exchange's position against the ledger's; see ``DriftWatch``."""
        return self.watch.observe(self.lots, exchange_lots, venue_ms, asked_mono_ms, one_order)

    # -- money ----------------------------------------------------------------------------------------------------

    @property
    def net_usd(self) -> Decimal:
        """Realized minus fees plus funding, over the journal's life."""
        return self.current.realized - self.current.fees + self.funding.total

    def day_realized_at(self, now: Instant) -> Decimal:
        """Realized minus fees plus funding since 00:00 UTC, USD."""
        realized = self.day_realized if now.venue_ms // DAY_MS == self.day else Decimal(0)
        return realized + self.funding.today(now)

    def lots_at_midnight(self, now: Instant) -> int:
        """What was held at 00:00 UTC, by the fills."""
        return self.current.lots - (self.day_lots if now.venue_ms // DAY_MS == self.day else 0)

    def take_checkpoint(self) -> SaveCheckpoint | None:
        """The fold up to the window, once after it has moved on; none that a fold from the beginning would not equal."""
        due, self._checkpoint_due = self._checkpoint_due, False
        if not due or not self._base_is_in_order:
            return None
        base = self.base
        return SaveCheckpoint(self.coin, self.cut_ms, base.lots, base.cost, base.realized, base.fees)

    def _count(self, fill: Fill) -> None:
        self.version += 1
        self.fills += 1
        self.cash += fill.cash_micro
        self._count_day(fill)
        if fill.fee_token != QUOTE_TOKEN and fill.fee:
            self.other_fees[fill.fee_token] = self.other_fees.get(fill.fee_token, Decimal(0)) + fill.fee

    def _count_day(self, fill: Fill) -> None:
        day = fill.time_ms // DAY_MS
        if day > self.day:
            self.day, self.day_realized, self.day_lots = day, Decimal(0), 0
        if day == self.day:
            fee = fill.fee if fill.fee_token == QUOTE_TOKEN else Decimal(0)
            self.day_realized += fill.closed_pnl - fee
            self.day_lots += fill.signed_lots

    # -- the window -------------------------------------------------------------------------------------------------

    def _fold_old(self, fills: Sequence[Fill], now: Instant) -> None:
        """Fills from before the window: their place is gone, but not what they moved."""
        if fills:
            self.watch.passed([self.current.lots], now.mono_ms)
            self.base = reduce(Fold.apply, chain_order(fills), self.base)
            self._base_is_in_order = False
            self._window = self._ordered(self._window)  # what begins there begins elsewhere now
            self._refold()

    def _ordered(self, entries: Sequence[Fill | Adjustment]) -> list[Fill | Adjustment]:
        return chain_order(entries, self.base.lots, self._places)

    def _refold(self) -> None:
        """After the window, or what is before it, has become another."""
        self._breaks = None
        self._newest_ms = max((entry.time_ms for entry in self._window), default=self.cut_ms)
        self.current = reduce(Fold.apply, self._window, self.base)

    def _drop_needless(self) -> list[Adjustment]:
        """Adjustments without which the chain is whole, and with which it isn't: their fills have come."""
        if not self.breaks():
            return []
        needless = [entry for entry in self._window if isinstance(entry, Adjustment)]
        return [adjustment for adjustment in needless if self._dropped(adjustment)]

    def _dropped(self, adjustment: Adjustment) -> bool:
        """Only if the chain is whole then, and isn't with it: anywhere else nothing proves that what it stands for has come."""
        if not self.breaks():
            return False
        others: list[Fill | Adjustment] = [entry for entry in self._window if entry is not adjustment]
        without = self._ordered(others)
        if chain_breaks(without, self.base.lots):
            return False
        self._window = without
        self.cash -= adjustment.cash_micro
        self.version += 1
        self._refold()
        return True

    def _trim(self) -> None:
        """Fold the oldest away, whole milliseconds at a time, and never past a gap: what is missing belongs there.

        All that is folded is stamped before all that stays, or a start from the checkpoint would miss some.
        """
        if len(self._window) <= WINDOW_ENTRIES + TRIM_BY:
            return
        cut = min(len(self._window) - WINDOW_ENTRIES, self._before_gap())
        kept_from = list(accumulate((entry.time_ms for entry in reversed(self._window)), min))[::-1]
        newest = list(accumulate((entry.time_ms for entry in self._window), max))
        while cut > 0 and kept_from[cut] <= newest[cut - 1]:
            cut -= 1
        if cut <= 0:
            return
        self.base = reduce(Fold.apply, self._window[:cut], self.base)
        self.cut_ms = kept_from[cut]
        for entry in self._window[:cut]:
            self._places.after.pop(entry.key, None)
        self._window, self._breaks = self._window[cut:], None
        self._checkpoint_due = True

    def _before_gap(self) -> int:
        """Index of the last entry before the first gap; -1 if the gap is between the anchor and the first entry."""
        if not self.cut_ms and self._window[0].start_lots != self.base.lots:
            return -1
        gaps = (n for n, (a, b) in enumerate(pairwise(self._window)) if a.end_lots != b.start_lots)
        return next(gaps, len(self._window) - 1)
