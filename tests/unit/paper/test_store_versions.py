"""A memory that an earlier version wrote is carried over, whole."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.paper.config import PaperConfig, StoreError
from core.paper.exchange import PaperExchange
from core.paper.market.load import load_market
from core.paper.store import PaperStore
from core.paper.venue.audit import audit
from core.paper.venue.nonces import NonceRefusedError
from tests.unit.paper.world import ALICE, BOB, NOW_MS, lots

DUMP = Path(__file__).parent / "data" / "store_version_1.sql"
"""What the exchange of version 0.1.0 had written after some orders, trades, a leverage and a nonce."""


def _store(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DUMP.read_text())


def test_version_1_is_migrated_whole(tmp_path: Path) -> None:
    path = tmp_path / "paper.db"
    _store(path)
    for _ in range(2):
        store = PaperStore(path)
        exchange = PaperExchange(PaperConfig(), load_market("replay:bundled"), store, lambda: NOW_MS)
        alice, bob = exchange.venue.see(ALICE), exchange.venue.see(BOB)
        assert (alice.lots("BTC"), bob.lots("BTC")) == (-lots("0.002"), lots("0.1"))
        assert (alice.cash[""], alice.deposits, alice.volume) == (10_219_517_069, 10_000_000_000, 219_550_000)
        assert [fill.lots for fill in bob.fills] == [10_000]
        assert [order.remaining for order in alice.open_orders.values()] == [lots("0.01"), lots("0.002")]
        assert bob.leverages["BTC"].value == 7
        assert alice.find_order("0x" + "0" * 31 + "7") is not None
        assert exchange.market.place == "300 forward"
        assert audit(exchange.venue).is_balanced
        with pytest.raises(NonceRefusedError):
            exchange.venue.use_nonce(BOB, NOW_MS, NOW_MS)
        store.close()


def test_a_version_from_the_future_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "paper.db"
    _store(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(StoreError, match="it is of version 99"):
        PaperStore(path)


def test_an_isolated_position_of_version_1_gets_the_margin_of_its_entry(tmp_path: Path) -> None:
    """Version 0.1.0 kept no margin of its own for it, without which it would be liquidated at once."""
    path = tmp_path / "paper.db"
    _store(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE leverages SET is_cross = 0")
        connection.commit()
    store = PaperStore(path)
    exchange = PaperExchange(PaperConfig(), load_market("replay:bundled"), store, lambda: NOW_MS)
    exchange.tick()
    position = exchange.venue.see(BOB).positions["BTC"]
    assert (position.lots, position.margin) == (10_000, 10_975_600_000 // 7)
    store.close()
