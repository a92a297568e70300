"""Coins that this state dir traded before and that aren't traded now: what of them is left, for the operator."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.domain.effects import Notify, notify
from core.domain.instrument import Instrument
from core.journal.reader import JournalReader


async def coins_left_out(
    journal: JournalReader, traded: Collection[str], listed: Mapping[str, Instrument]
) -> list[Notify]:
    """``listed``: coins of the dex that is read, in which our orders are found and taken back; those of others may rest on."""
    out = []
    for coin, (orders, lots) in (await journal.beside(traded)).items():
        instrument = listed.get(coin)
        if lots:
            size = instrument.size_text(lots) if instrument else f"{lots} lots"
            reason = "it is held still, and nobody trades it: close it, or trade the coin again"
            out.append(notify("position_left", "warn", coin, position=size, reason=reason))
        if orders and instrument is None:
            reason = f"they may rest still, and can't be seen from here: start once more with --coin {coin}, then stop"
            out.append(notify("orders_left", "crit", coin, orders=orders, reason=reason))
    return out
