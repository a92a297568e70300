"""Fills that the journal holds aside from its ledger: of a coin, from when it wasn't traded here."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from core.domain.fills import Adjustment, Fill, FillSource, ForeignFill
from core.domain.instrument import Instrument
from core.exchange.wire import WireError, decode_fill
from core.journal.batch import Anchor
from core.journal.certificate import Evidence


def read_aside(
    rows: Iterable[ForeignFill], instrument: Instrument
) -> tuple[list[tuple[Fill, ForeignFill]], list[ForeignFill]]:
    """Rows of one coin as its fills, each with its row, and those that can't be read as such."""
    fills, unreadable = [], []
    for row in rows:
        try:
            told = orjson.loads(row.raw)
            fill = decode_fill(told, row.account, FillSource.REST, {instrument.coin: instrument})
        except (WireError, ValueError):
            fill = None
        if fill is None:
            unreadable.append(row)
        else:
            fills.append((fill, row))
    return fills, unreadable


def belong_after_ms(anchor: Anchor, adjustments: Iterable[Adjustment]) -> int:
    """After which time a fill that is held aside is missing in the ledger: an accepted adjustment was the exchange's word of
    the position, and stands for all that was missing before it.
    """
    return max([anchor.time_ms - 1, *(each.time_ms for each in adjustments)])


def fills_aside(evidence: Evidence, instrument: Instrument, anchor: Anchor) -> list[Fill]:
    """Of a coin of the journal, those that the ledger doesn't count yet."""
    after_ms = belong_after_ms(anchor, evidence.adjustments(instrument.coin))
    rows = [row for row in evidence.foreign_fills(after_ms) if row.coin == instrument.coin]
    return [fill for fill, _ in read_aside(rows, instrument)[0]]
