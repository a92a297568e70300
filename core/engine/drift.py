"""Drift: the ledger held against the exchange's word, at a watermark, and never on one look alone.

It is declared only if the exchange's ``szi`` matches no position that the chain passed through in the last 30 s, on two reads
at least 5 s apart with the fills read in between: fills in flight are not drift.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

CHAIN_MEMORY_MS = 30_000
"""How far back a position of the chain still explains what the exchange shows."""

SET_BACK_AFTER_MS = 120_000
"""When no look has been newer than the newest for so long, the exchange's clock was set back."""

SECOND_LOOK_MS = 5_000
"""The least time between two reads that together declare drift."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Ledger minus exchange, in lots, at the last look. ``declared`` only after the second look.

    ``base`` is what a percentage is of: max(|ledger|, |exchange|, one order), in lots.
    """

    exchange_lots: int | None = None
    observed_ms: int = 0
    lots: int = 0
    base: int = 1
    declared: bool = False
    suspected_mono_ms: int = 0
    """When the first of two disagreeing reads left; 0 if the last read agreed."""
    fills_read: bool = False
    """Whether the fills have been read since that first look: without that, a second one proves nothing."""
    agreed_ms: int = 0
    """Venue time of the last look that agreed; 0 if none has."""

    @property
    def pct(self) -> Decimal:
        return Decimal(100 * abs(self.lots)) / self.base

    @property
    def differs_at_ms(self) -> int:
        """Venue time of the last look, if it disagreed; 0 if it didn't."""
        return self.observed_ms if self.suspected_mono_ms or self.declared else 0

    def is_above(self, pct: int) -> bool:
        """Exact: no rounding decides about a halt."""
        return 100 * abs(self.lots) > pct * self.base


@dataclass(slots=True)
class DriftWatch:
    """Looks at the exchange's position, and what the chain has passed through lately."""

    now: Drift = field(default_factory=Drift)
    _seen: deque[tuple[int, int]] = field(default_factory=deque)
    """(mono ms, position) of the last 30 s, by our sum and by what the fills say; oldest first."""
    _taken_mono_ms: int = 0
    """When the newest look that counted was asked for."""

    def observe(
        self, ledger_lots: int, exchange_lots: int, venue_ms: int, asked_mono_ms: int, one_order: int
    ) -> Drift:
        """Take one look. ``one_order`` (lots) keeps the percentage sane near zero.

        A look that a later one has overtaken on its way is none: the exchange's nodes don't go at the same pace.
        """
        before = self.now
        if venue_ms < before.observed_ms and asked_mono_ms - self._taken_mono_ms < SET_BACK_AFTER_MS:
            return before
        self._taken_mono_ms = asked_mono_ms
        self._forget(asked_mono_ms)
        explained = exchange_lots == ledger_lots or any(lots == exchange_lots for _, lots in self._seen)
        suspected = 0 if explained else (before.suspected_mono_ms or asked_mono_ms)
        fills_read = before.fills_read and suspected == before.suspected_mono_ms
        second_look = bool(suspected) and asked_mono_ms - suspected >= SECOND_LOOK_MS and fills_read
        self.now = Drift(
            exchange_lots=exchange_lots,
            observed_ms=venue_ms,
            lots=0 if explained else ledger_lots - exchange_lots,
            base=max(abs(ledger_lots), abs(exchange_lots), one_order, 1),
            declared=second_look,
            suspected_mono_ms=suspected,
            fills_read=fills_read,
            agreed_ms=venue_ms if explained else before.agreed_ms,
        )
        return self.now

    def fills_were_read(self) -> None:
        """A read of fills that began after the first disagreeing look has ended."""
        self.now = replace(self.now, fills_read=True)

    def explain(self, positions: tuple[int, ...]) -> None:
        """A look that was ahead of the stream proves nothing once a fill tells that the position was what it showed."""
        if self.now.exchange_lots in positions:
            self.now = replace(self.now, lots=0, suspected_mono_ms=0)

    def accept(self) -> None:
        """What the exchange showed has become the ledger's, by an adjustment."""
        self.now = replace(self.now, lots=0, suspected_mono_ms=0, declared=False, fills_read=False)

    def passed(self, positions: Iterable[int], mono_ms: int) -> None:
        """Positions that the chain passed through now."""
        self._seen += [(mono_ms, lots) for lots in positions]
        self._forget(mono_ms)

    def _forget(self, mono_ms: int) -> None:
        while self._seen and self._seen[0][0] < mono_ms - CHAIN_MEMORY_MS:
            self._seen.popleft()
