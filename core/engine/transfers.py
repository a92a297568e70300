"""Money that isn't profit: what was paid in and taken out while the journal runs. It moves no high and no day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from core.domain.effects import Effect, notify
from core.domain.events import TransfersCommitted
from core.domain.transfers import Transfer
from core.domain.units import decimal_text

if TYPE_CHECKING:
    from core.engine.engine import Engine


@dataclass(slots=True)
class TransferBook:
    """Of the dex that is traded on: ``net`` is what came less what left, USD; ``count`` how many rows there are in all."""

    dex: str = ""
    net: Decimal = Decimal(0)
    count: int = 0

    @classmethod
    def restore(cls, dex: str, transfers: Iterable[Transfer]) -> TransferBook:
        book = cls(dex)
        for transfer in transfers:
            book.add(transfer)
        return book

    def add(self, transfer: Transfer) -> None:
        self.net += transfer.into(self.dex)
        self.count += 1


def on_transfers(engine: Engine, event: TransfersCommitted) -> list[Effect]:
    """Rows that are in the journal now."""
    out: list[Effect] = []
    for transfer in event.transfers:
        engine.transfers.add(transfer)
        if transfer.understood:
            usd = decimal_text(transfer.into(engine.transfers.dex))
            out.append(notify("transfer", "info", "", kind=transfer.kind, usd=usd, time_ms=transfer.time_ms))
        else:
            told = notify("transfer_not_understood", "warn", "", kind=transfer.kind, time_ms=transfer.time_ms)
            out.append(told)
    return out
