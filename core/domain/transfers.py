"""Money that moved without a trade: deposits, withdrawals, transfers between accounts, dexs and the spot wallet."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

SPOT = "spot"
"""The place of the spot wallet; any other place is a dex, the first one empty."""


class TransferKey(NamedTuple):
    """What makes a row the same row: its time and hash; where the hash is zero (rows of the system) all of its content."""

    account: str
    time_ms: int
    hash: str
    discriminator: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """A row of ``userNonFundingLedgerUpdates``.

    ``moves``: each place of this account whose money it moved, with the amount in USD, negative if money left, fees included. A
    row that is not ``understood`` may have moved money too.
    """

    account: str
    time_ms: int
    hash: str
    kind: str
    moves: tuple[tuple[str, Decimal], ...]
    raw: str
    understood: bool = True

    @property
    def key(self) -> TransferKey:
        is_zero = not self.hash.removeprefix("0x").strip("0")
        return TransferKey(self.account, self.time_ms, self.hash, self.raw if is_zero else "")

    def into(self, place: str) -> Decimal:
        """What it brought to a place, USD, negative if it took."""
        return sum((usd for where, usd in self.moves if where == place), Decimal(0))
