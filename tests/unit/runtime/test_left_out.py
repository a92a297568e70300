"""A start without a coin that was traded before says what is left of it."""

from __future__ import annotations

from pathlib import Path

from core.domain.effects import SavePosition
from core.domain.orders import OrderState, Purpose
from core.journal.reader import JournalReader
from core.runtime.left_out import coins_left_out
from tests.unit.exchange.samples import INSTRUMENTS, order
from tests.unit.journal.desk import batch, opened


async def test_what_is_held_is_told_and_orders_only_where_they_cannot_be_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    orders = [
        order(1, coin="BTC", state=OrderState.OPEN),
        order(2, coin="ETH", state=OrderState.OPEN),
        order(3, coin="xyz:TSLA", state=OrderState.OPEN),
        order(4, coin="xyz:TSLA", state=OrderState.OPEN, purpose=Purpose.STOP, slot=None),
        order(5, coin="xyz:NVDA", state=OrderState.CANCELLED),
    ]
    held = [SavePosition("BTC", 5, 1, 0), SavePosition("ETH", -1190, 1, 0), SavePosition("xyz:NVDA", 0, 2, 0)]
    async with opened(path) as journal:
        await journal.commit(batch(orders=orders, positions=held))
        told = await coins_left_out(JournalReader(path), {"BTC"}, INSTRUMENTS)
    found = [(each.name, each.severity, each.coin, dict(each.fields)) for each in told]
    assert [row[:3] for row in found] == [
        ("position_left", "warn", "ETH"),
        ("orders_left", "crit", "xyz:TSLA"),
    ]
    assert found[0][3]["position"] == INSTRUMENTS["ETH"].size_text(-1190)
    assert found[1][3]["orders"] == 1
