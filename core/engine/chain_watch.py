"""The chain of fills: a break names a missing fill, told once, and read back at once (C-3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Backfill, Effect, notify
from core.engine.fill_guarantor import ChainBreak
from core.engine.tickets import CHAIN

if TYPE_CHECKING:
    from core.engine.coin import Coin


def read_gaps(gaps: Sequence[ChainBreak]) -> Backfill:
    """Look for missing fills between those that they are missing between, and no further: it is done again and again."""
    since_ms, until_ms = min(gap.after_ms for gap in gaps), max(gap.before_ms for gap in gaps)
    return Backfill(max(0, since_ms - 1_000), CHAIN, until_ms)


def check_chain(coin: Coin, now: Instant) -> list[Effect]:
    breaks = coin.ledger.breaks()
    if not breaks:
        if coin.chain_broken_mono_ms:
            coin.chain_broken_mono_ms = 0
            return [notify("fill_chain_whole", "info", coin.name)]
        return []
    if coin.chain_broken_mono_ms:
        return []
    coin.chain_broken_mono_ms = now.mono_ms
    first = breaks[0]
    return [
        notify(
            "fill_sequence_gap",
            "warn",
            coin.name,
            missing_lots=first.missing_lots,
            after_ms=first.after_ms,
        ),
        read_gaps(breaks),
    ]
