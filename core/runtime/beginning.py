"""Where the journal begins: what the exchange lists from before that is in the anchors already."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from core.domain.cloid import parse_cloid
from core.domain.fills import Fill, FillSource, ForeignFill, Funding
from core.domain.transfers import Transfer


@dataclass(frozen=True, slots=True)
class Beginning:
    """``anchors_ms``: of each coin that is traded, venue time. ``boots``: every start that the journal knows. ``first_ms``: the
    journal's first anchor, maybe of a coin that is traded no more.
    """

    anchors_ms: Mapping[str, int] = field(default_factory=dict)
    boots: Set[str] = frozenset()
    first_ms: int = 0

    def precedes(self, row: Fill | ForeignFill | Funding | Transfer) -> bool:
        """Whether a row is the journal's business. Foreign fills and transfers are from the first anchor on,
        whichever coins are traded now.

        What the stream tells live is new, and so is what filled an order of this journal's, whatever their stamps say: the
        exchange's clock may have been set back.
        """
        if isinstance(row, ForeignFill | Transfer):
            return row.time_ms >= self.first_ms
        if row.time_ms >= self.anchors_ms.get(row.coin, 0):
            return True
        return isinstance(row, Fill) and (row.source is FillSource.WS or self._is_of_ours(row))

    def _is_of_ours(self, fill: Fill) -> bool:
        parts = parse_cloid(fill.cloid)
        return parts is not None and parts.boot in self.boots
