"""A coin that is traded again after a time in which it wasn't: what came meanwhile is the ledger's, and funding has a hole."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.fills import Fill
from core.domain.instrument import Instrument
from core.journal.reader import JournalReader, Restored
from core.runtime.aside import belong_after_ms, read_aside
from core.runtime.restore import LAST_COINS


async def fills_to_take_back(
    reader: JournalReader, account: str, restored: Restored, instruments: Mapping[str, Instrument]
) -> list[Fill]:
    """Fills of these coins that the journal holds aside. The exchange's list may be past them, and nobody reads that again:
    all fills up to the cursor were read while another coin was traded.
    """
    found: list[Fill] = []
    for coin, rows in (await reader.foreign_fills(account, restored.coins)).items():
        anchor = restored.coins[coin].anchor
        if rows and anchor is not None:
            after_ms = belong_after_ms(anchor, restored.coins[coin].adjustments)
            fills, _ = read_aside(rows, instruments[coin])
            found += [fill for fill, _ in fills if fill.time_ms > after_ms]
    return found


def funding_marks(restored: Restored) -> dict[str, str]:
    """Of coins that the last run didn't trade: their funding is missing from the newest payment that is known on."""
    last = restored.meta.get(LAST_COINS, "").split(",")
    if last == [""]:
        return {}
    return {
        _mark_of(coin): str(_newest_ms(restored, coin))
        for coin, rows in restored.coins.items()
        if rows.anchor is not None and coin not in last
    }


def funding_known_ms(restored: Restored) -> int:
    """Up to where all funding of these coins has been read (venue time): where the next read goes on.

    A mark is passed once a payment after it is known, as payments are kept in their order.
    """
    newest = {coin: _newest_ms(restored, coin) for coin in restored.coins}
    paid = [payment.time_ms for rows in restored.coins.values() for payment in rows.funding]
    holes = [ms for coin, ms in newest.items() if int(restored.meta.get(_mark_of(coin), "-1")) >= ms]
    return min([max(paid, default=min(newest.values())), *holes])


def _newest_ms(restored: Restored, coin: str) -> int:
    rows = restored.coins[coin]
    begins_ms = rows.anchor.time_ms if rows.anchor is not None else 0
    return max((payment.time_ms for payment in rows.funding), default=begins_ms)


def _mark_of(coin: str) -> str:
    return f"funding_known_ms:{coin}"
