"""The certificate of one coin: its rows folded again, and everything that does not hold named.

Pure: whoever reads the journal gives the entries in order of time, a millisecond at a time, and asks at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from core.domain.effects import SaveCheckpoint
from core.domain.fills import Adjustment, Fill
from core.domain.instrument import Instrument
from core.engine.fill_guarantor import chain_order
from core.engine.fold import Fold

Entry = Fill | Adjustment
"""A link of the chain."""

ROWS_NAMED = 5
"""Offending rows that a check names; it counts them all."""


@dataclass(slots=True)
class Check:
    """One statement about one coin (or the file, ``coin`` empty), and the rows that contradict it.

    ``text`` says with its numbers what was looked at; ``failures`` counts, ``rows`` names the first few.
    """

    name: str
    coin: str
    text: str = ""
    failures: int = 0
    rows: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.failures == 0

    def fail(self, row: str) -> None:
        self.failures += 1
        if len(self.rows) < ROWS_NAMED:
            self.rows.append(row)


def utc_text(time_ms: int) -> str:
    """``2026-01-30T22:29:49.170Z``."""
    return f"{_utc_second(time_ms // 1000)}.{time_ms % 1000:03d}Z"


@lru_cache(maxsize=256)
def _utc_second(second: int) -> str:
    """Those of a table come in order, and most of them more than once."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"


def compact_utc(time_ms: int) -> str:
    """``20260130T222949Z``, for the name of a file."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y%m%dT%H%M%SZ}"


def fill_name(fill: Fill) -> str:
    return f"fill {fill.trade_id} of order {fill.order_id} at {utc_text(fill.time_ms)}"


def _name(entry: Entry) -> str:
    return (
        fill_name(entry) if isinstance(entry, Fill) else f"adjustment {entry.id} at {utc_text(entry.time_ms)}"
    )


@dataclass(slots=True)
class Comparison:
    """The venue's profits beside ours, micro-USDC, where ours don't hang on an entry that we were told.

    From the first flat point on. A venue that shares the entry out exactly, and rounds, differs after ``k`` reductions since
    a flat point by at most ``k`` in what is left of the entry, which the reduction to zero gives back: ``residual`` stays
    within 1 for each closing fill and 1 for each since the last flat point, a single fill within ``2 k``. Hyperliquid takes
    the average entry cut to a whole price unit (fills recorded on the mainnet); what that adds to a profit is whole lots
    times whole price units, kept apart in ``cut``.
    """

    is_on: bool
    closing: int = 0
    since_flat: int = 0
    residual: Decimal = Decimal(0)
    cut: int = 0

    @property
    def bound(self) -> int:
        return self.closing + self.since_flat

    def take(self, fill: Fill, ours: int, before: Fold, after: Fold) -> Decimal | None:
        """One fill, and our profit of it; the difference if it is more than rounding can make it."""
        wrong = None
        if self.is_on:
            is_closing = before.lots * fill.signed_lots < 0
            self.closing += is_closing
            self.since_flat += is_closing
            difference = told = fill.closed_pnl.scaleb(6) - ours
            if is_closing and abs(told) > 2 * self.since_flat:
                cut = self._cut(fill, before) - ours
                difference = told - cut
                if abs(difference) <= 1:
                    self.cut += cut
                else:
                    wrong = difference = told
            elif not is_closing and told:
                wrong = told
            self.residual += difference
        if after.lots == 0 or before.lots * after.lots < 0:
            self.is_on, self.since_flat = True, 0
        return wrong

    def _cut(self, fill: Fill, before: Fold) -> int:
        """The profit with the whole entry price that is nearest to what was told, among those that the entry can be cut to."""
        sign = 1 if before.lots > 0 else -1
        held = abs(before.lots)
        closed = min(held, fill.lots)
        told = fill.price - round(sign * fill.closed_pnl.scaleb(6) / closed)
        entry = min(
            max(told, (before.cost - self.since_flat) // held), (before.cost + self.since_flat) // held
        )
        return sign * (fill.price - entry) * closed


class CoinProof:
    """Folds one coin's entries; ``chain``, ``pnl`` and ``fold`` hold what was found."""

    def __init__(
        self, instrument: Instrument, start: Fold, start_ms: int, checkpoint: SaveCheckpoint | None
    ) -> None:
        coin = instrument.coin
        self.chain, self.pnl, self.checkpoint = (
            Check("chain", coin),
            Check("pnl", coin),
            Check("checkpoint", coin),
        )
        self.checkpoint.text = "not stored yet"
        self.fold, self._start, self._start_ms = start, start, start_ms
        self.end_lots = start.lots
        """Where the chain ends by what the fills themselves say."""
        self.fills = self.adjustments = 0
        self.last_price = 0
        """Of the last fill, price units; 0 before the first."""
        self.instrument, self._saved = instrument, checkpoint
        self._is_past_cut = False
        self._notional = self._realized = self._adjusted_cost = 0
        self.compared = Comparison(is_on=start.lots == 0)
        self._last_ms = start_ms

    @property
    def realized(self) -> int:
        """Our profit by average cost, gross of fees, micro-USDC."""
        return self._realized

    @property
    def start(self) -> Fold:
        return self._start

    @property
    def notional(self) -> int:
        """Signed sum of what was bought less what was sold, micro-USDC, fills alone."""
        return self._notional

    @property
    def adjusted_cost(self) -> int:
        """By how much adjustments have changed the signed entry cost, micro-USDC."""
        return self._adjusted_cost

    def take(self, same_ms: Sequence[Entry], at_ms: int) -> None:
        """All entries of one millisecond, not before those before; ``at_ms`` is where they stand, whatever their stamp says."""
        if not self._is_past_cut and self._saved is not None and at_ms >= self._saved.cut_ms:
            self._compare_checkpoint()
        for entry in same_ms if len(same_ms) == 1 else chain_order(same_ms, self.end_lots):
            self._link(entry, at_ms)
            if isinstance(entry, Adjustment):
                self._adjust(entry)
            else:
                self._trade(entry)
        self._last_ms = at_ms

    def finish(self) -> None:
        """After the last entry."""
        if self._saved is not None and not self._is_past_cut:
            self._compare_checkpoint()
        moved = _signed_cost(self.fold) - _signed_cost(self._start) - self._adjusted_cost
        residual = -self._notional - (self._realized - moved)
        if residual:
            self.pnl.fail(f"cash flow and profit differ by {_usd(residual)} USDC")
        compared = self.compared
        if abs(compared.residual) > compared.bound:
            self.pnl.fail(
                f"the exchange's profits differ from ours by {_usd(compared.residual)} USDC over {compared.closing:,} closing "
                f"fills, more than the {_usd(compared.bound)} that rounding allows"
            )
        self.pnl.text = (
            f"cash {_usd(-self._notional)} = realized {_usd(self._realized)} - entry cost {_usd(moved)}, residual "
            f"{_usd(residual)} USDC; the exchange's profits of {compared.closing:,} closing fills: residual "
            f"{_usd(compared.residual)}, bound {_usd(compared.bound)}"
        ) + (f", {_usd(compared.cut)} more as it cuts entries to whole price units" if compared.cut else "")
        linked = f"{self.fills:,} fills" + (
            f" and {self.adjustments:,} adjustments" if self.adjustments else ""
        )
        self.chain.text = f"{linked} from {self._size(self._start.lots)} to {self._size(self.end_lots)}"

    def _link(self, entry: Entry, at_ms: int) -> None:
        if at_ms < self._start_ms:
            self.chain.fail(f"{_name(entry)} is before the anchor at {utc_text(self._start_ms)}")
        if entry.start_lots != self.end_lots:
            self.chain.fail(
                f"gap between {utc_text(self._last_ms)} and {utc_text(entry.time_ms)}: the position was "
                f"{self._size(self.end_lots)}, yet {_name(entry)} starts from {self._size(entry.start_lots)}; "
                f"{self._size(entry.start_lots - self.end_lots)} is missing"
            )
        self.end_lots = entry.end_lots

    def _trade(self, fill: Fill) -> None:
        self.fills += 1
        self.last_price = fill.price
        before, self.fold = self.fold, self.fold.apply(fill)
        self._notional += fill.price * fill.signed_lots
        ours = _profit(before, fill)
        self._realized += ours
        wrong = self.compared.take(fill, ours, before, self.fold)
        if wrong is not None:
            self.pnl.fail(
                f"{fill_name(fill)}: the exchange's profit {fill.closed_pnl} USDC differs from ours by {_usd(wrong)}"
            )

    def _adjust(self, adjustment: Adjustment) -> None:
        self.adjustments += 1
        before, self.fold = self.fold, self.fold.apply(adjustment)
        self._adjusted_cost += _signed_cost(self.fold) - _signed_cost(before)
        self.compared.is_on, self.compared.since_flat = self.fold.lots == 0, 0

    def _compare_checkpoint(self) -> None:
        assert self._saved is not None
        self._is_past_cut = True
        saved, fold = self._saved, self.fold
        stored = Fold(saved.lots, saved.cost, saved.realized, saved.fees)
        self.checkpoint.text = f"the fold before {utc_text(saved.cut_ms)} is {self._fold_text(fold)}"
        if stored != fold:
            self.checkpoint.fail(f"stored is {self._fold_text(stored)}")

    def _fold_text(self, fold: Fold) -> str:
        return (
            f"{self._size(fold.lots)} for {_usd(fold.cost)} USDC, realized {fold.realized.normalize():f}, fees "
            f"{fold.fees.normalize():f}"
        )

    def _size(self, lots: int) -> str:
        return self.instrument.size_text(lots)


def _signed_cost(fold: Fold) -> int:
    return fold.cost if fold.lots >= 0 else -fold.cost


def _profit(before: Fold, fill: Fill) -> int:
    """Average-cost profit of the part that a fill closes, micro-USDC: a partial close takes the share that the fold takes."""
    if before.lots * fill.signed_lots >= 0:
        return 0
    held = abs(before.lots)
    closed = min(held, fill.lots)
    share = before.cost if closed == held else before.cost * closed // held
    proceeds = closed * fill.price - share
    return proceeds if before.lots > 0 else -proceeds


def _usd(micro: int | Decimal) -> str:
    return f"{Decimal(micro).scaleb(-6):f}"
