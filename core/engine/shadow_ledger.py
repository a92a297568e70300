"""Shadow Ledger: position, entry and PnL as a fold over journalled fills, and what the exchange says beside it.

Position = anchor + fold. Nothing sets the position: an observation of the exchange's is compared, never copied.
Drift is declared only if the exchange's ``szi`` matches no position that the chain passed through in the last 30 s, on two
reads at least 5 s apart with the fills read in between: fills in flight are not drift.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import reduce

from core.domain.clock import Instant
from core.domain.fills import Fill
from core.engine.fill_guarantor import ChainBreak, chain_breaks, chain_order

CHAIN_MEMORY_MS = 30_000
"""How far back a position of the chain still explains what the exchange shows."""

SECOND_LOOK_MS = 5_000
"""The least time between two reads that together declare drift."""

WINDOW_FILLS = 2_000
"""Fills kept in memory so that a late one is folded at its place: as many as one answer of the exchange holds."""


@dataclass(frozen=True, slots=True)
class Fold:
    """The result of folding fills. ``lots`` signed; ``cost`` is the position's entry notional in micro-USDC, unsigned.

    ``realized`` is the sum of the venue's ``closedPnl`` (gross of fees), ``fees`` positive when paid; both USD.
    """

    lots: int = 0
    cost: int = 0
    realized: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)

    def apply(self, fill: Fill) -> Fold:
        """One fill further. A flip closes all and opens the rest at the fill's price."""
        after = self.lots + fill.signed_lots
        if self.lots * fill.signed_lots >= 0:
            cost = self.cost + fill.price * fill.lots
        elif self.lots * after > 0:
            cost = self.cost - self.cost * fill.lots // abs(self.lots)
        else:
            cost = fill.price * abs(after)
        return Fold(after, cost, self.realized + fill.closed_pnl, self.fees + fill.fee)

    @property
    def entry(self) -> Decimal:
        """Average entry in price units; 0 when flat."""
        return Decimal(self.cost) / abs(self.lots) if self.lots else Decimal(0)

    def unrealized_micro(self, price: Decimal) -> Decimal:
        """Profit in micro-USDC if closed at ``price`` (price units)."""
        sign = (self.lots > 0) - (self.lots < 0)
        return self.lots * price - sign * self.cost


@dataclass(frozen=True, slots=True)
class Drift:
    """Ledger minus exchange, in lots, at the last look. ``declared`` only after the second look."""

    exchange_lots: int | None = None
    observed_ms: int = 0
    lots: int = 0
    pct: float = 0.0
    declared: bool = False
    suspected_mono_ms: int = 0
    """When the first of two disagreeing reads left; 0 if the last read agreed."""
    fills_read: bool = False
    """Whether the fills have been read since that first look: without that, a second one proves nothing."""


@dataclass(slots=True)
class ShadowLedger:
    """One coin's ledger. ``version`` grows by one with every fill that is applied."""

    coin: str
    base: Fold = field(default_factory=Fold)
    """The fold of everything before the window, the anchor included."""
    version: int = 0
    current: Fold = field(init=False)
    drift: Drift = field(default_factory=Drift)
    day_realized: Decimal = Decimal(0)
    """Realized minus fees since 00:00 UTC of ``day``."""
    day: int = 0
    _window: list[Fill] = field(default_factory=list)
    _seen: deque[tuple[int, int]] = field(default_factory=deque)
    """(mono ms, position) of the last 30 s, by our sum and by what the fills say; oldest first."""

    def __post_init__(self) -> None:
        self.current = self.base

    @classmethod
    def restore(cls, coin: str, anchor: Fold, fills: Sequence[Fill]) -> ShadowLedger:
        """The ledger as the journal's rows make it: a fold, so replaying is a no-op by construction (C-5)."""
        ordered = chain_order(fills, anchor.lots)
        older, window = ordered[:-WINDOW_FILLS], ordered[-WINDOW_FILLS:]
        ledger = cls(coin, base=reduce(Fold.apply, older, anchor))
        ledger._window = window
        ledger.current = reduce(Fold.apply, window, ledger.base)
        ledger.version = len(ordered)
        for fill in ordered:
            ledger._count_day(fill)
        return ledger

    @property
    def lots(self) -> int:
        return self.current.lots

    def apply(self, fills: Sequence[Fill], now: Instant) -> None:
        """Fold new fills in, each at its place in the chain. Every fill moves the position, matched or not."""
        if not fills:
            return
        newest = self._window[-1] if self._window else None
        in_order = chain_order(fills, newest.end_lots if newest else self.base.lots)
        late = newest is not None and in_order[0].time_ms <= newest.time_ms
        for fill in in_order:
            self._remember((self.current.lots, fill.start_lots, fill.end_lots), now)
            self.current = self.current.apply(fill)
            self._count_day(fill)
            self._explain(fill)
        self.version += len(in_order)
        self._window += in_order
        if late:
            self._window = chain_order(self._window, self.base.lots)
            self.current = reduce(Fold.apply, self._window, self.base)
        self._trim()

    def breaks(self) -> list[ChainBreak]:
        """Where the chain of the fills in the window does not hold."""
        return chain_breaks(self._window, self.base.lots if self._window else None)

    def newest_fill(self) -> Fill | None:
        return self._window[-1] if self._window else None

    def observe(
        self, exchange_lots: int, venue_ms: int, asked_mono_ms: int, one_order: int, now: Instant
    ) -> Drift:
        """Compare with the exchange's position. ``one_order`` (lots) keeps the percentage sane near zero.

        A look that a later one has overtaken on its way is none.
        """
        if venue_ms < self.drift.observed_ms:
            return self.drift
        self._forget(asked_mono_ms)
        explained = exchange_lots == self.lots or any(lots == exchange_lots for _, lots in self._seen)
        amount = 0 if explained else self.lots - exchange_lots
        before = self.drift
        suspected = 0 if explained else (before.suspected_mono_ms or asked_mono_ms)
        fills_read = before.fills_read and suspected == before.suspected_mono_ms
        second_look = bool(suspected) and asked_mono_ms - suspected >= SECOND_LOOK_MS and fills_read
        pct = 100.0 * abs(amount) / max(abs(self.lots), abs(exchange_lots), one_order, 1)
        self.drift = Drift(exchange_lots, venue_ms, amount, pct, second_look, suspected, fills_read)
        return self.drift

    def fills_were_read(self) -> None:
        """A read of fills that began after the first disagreeing look has ended."""
        self.drift = replace(self.drift, fills_read=True)

    def day_realized_at(self, now: Instant) -> Decimal:
        return self.day_realized if now.venue_ms // 86_400_000 == self.day else Decimal(0)

    def _count_day(self, fill: Fill) -> None:
        day = fill.time_ms // 86_400_000
        if day > self.day:
            self.day, self.day_realized = day, Decimal(0)
        if day == self.day:
            self.day_realized += fill.closed_pnl - fill.fee

    def _explain(self, fill: Fill) -> None:
        """A look that was ahead of the stream proves nothing once a fill tells that the position was what it showed."""
        if self.drift.exchange_lots in (fill.start_lots, fill.end_lots):
            self.drift = replace(self.drift, lots=0, pct=0.0, suspected_mono_ms=0)

    def _remember(self, positions: Iterable[int], now: Instant) -> None:
        self._seen += [(now.mono_ms, lots) for lots in positions]
        self._forget(now.mono_ms)

    def _forget(self, mono_ms: int) -> None:
        while self._seen and self._seen[0][0] < mono_ms - CHAIN_MEMORY_MS:
            self._seen.popleft()

    def _trim(self) -> None:
        while len(self._window) > WINDOW_FILLS:
            self.base = self.base.apply(self._window.pop(0))
