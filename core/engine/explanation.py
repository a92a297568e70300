"""What could explain a drift, from what is known; a hint for the operator, never a correction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.domain.fills import Fill, FillKind
from core.domain.instrument import MIN_NOTIONAL_MICRO, Instrument
from core.engine.drift import Drift
from core.engine.fill_guarantor import ChainBreak


def _clock(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%H:%M:%S")


@dataclass(slots=True)
class Evidence:
    """What has come in since the ledger and the exchange last agreed."""

    fills: Counter[str] = field(default_factory=Counter)
    """Of fills read while they disagreed: how many external, liquidation, adl, settlement, ours."""
    updates: tuple[tuple[str, int], ...] = ()
    """What moved on the account without a fill."""
    short_orders: int = 0
    short_lots: int = 0
    """Orders of ours that the exchange calls filled, and how much of them no fill has been read for."""
    read_since_ms: int = 0
    """From where (venue time) the fills were read when that was last proven to bring nothing; 0: all there are."""
    read_ms: int = 0
    """When that read had ended, before a node that didn't lag still showed the difference; 0: none has yet."""

    def add(self, fills: Iterable[tuple[Fill, bool]]) -> None:
        """Fills that the exchange's position had in it when it last differed, and whether each is external."""
        for fill, is_external in fills:
            of_trade = "external" if is_external else "ours"
            self.fills[of_trade if fill.kind is FillKind.TRADE else fill.kind.value] += 1

    def found(self) -> str:
        """What explained it in the end."""
        counted = [f"{count} {what}" for what, count in sorted(self.fills.items())]
        return f"fills found: {', '.join(counted)}" if counted else "the exchange's view caught up"


def open_question(
    drift: Drift,
    breaks: Iterable[ChainBreak],
    instrument: Instrument,
    price: int,
    foreign_orders: int,
    evidence: Evidence,
) -> str:
    """Why the drift may be there, most telling first; ``price`` in price units, 0 if unknown."""
    hints = [
        f"fills of {instrument.size_text(b.missing_lots)} are missing "
        + (f"between {_clock(b.after_ms)} and " if b.after_ms else "before ")
        + f"{_clock(b.before_ms)} UTC"
        for b in breaks
    ]
    if evidence.short_orders:
        short = instrument.size_text(evidence.short_lots)
        hints.append(
            f"{evidence.short_orders} of our orders are said to be filled, {short} of it without a fill read"
        )
    hints += [f"{count} × {kind}" for kind, count in evidence.updates]
    for kind in (FillKind.LIQUIDATION.value, FillKind.ADL.value, FillKind.SETTLEMENT.value):
        if evidence.fills[kind]:
            hints.append(f"{evidence.fills[kind]} fills of {kind}")
    if foreign_orders:
        hints.append(f"{foreign_orders} orders that aren't GridBot's")
    if price and abs(drift.lots) * price < MIN_NOTIONAL_MICRO:
        hints.append("dust, below the least order")
    return "; ".join(hints) or _nothing_found(evidence)


def _nothing_found(evidence: Evidence) -> str:
    if not evidence.read_ms:
        return "not known yet: the fills since both sides agreed are being read"
    which = f"those since {_clock(evidence.read_since_ms)}" if evidence.read_since_ms else "all of them"
    return (
        f"no fill, order or transfer explains it; {which} were read at {_clock(evidence.read_ms)} UTC, and are again by "
        "itself"
    )
