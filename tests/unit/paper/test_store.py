"""The exchange's memory: a second start goes on where the first ended, however that came."""

from __future__ import annotations

import errno
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from eth_account.signers.local import LocalAccount

from core.domain.orders import Side
from core.paper.config import PaperConfig, StoreError
from core.paper.exchange import PaperExchange
from core.paper.market.listing import Rules, Tier, Universe
from core.paper.market.recording import Recording, load_recording
from core.paper.market.replay import Replay
from core.paper.market.step import MarketStep
from core.paper.market.tracks import TickTrack
from core.paper.store import PaperStore, Saved
from core.paper.venue.accounts import MARKET_USER
from core.paper.venue.audit import audit
from core.paper.venue.nonces import NonceRefusedError
from core.paper.venue.orders import TimeInForce, WireOrder
from tests.unit.paper.desk import QuotedMarket
from tests.unit.paper.paper_client import info, new_wallet, order, place
from tests.unit.paper.world import ALICE, BOB, BTC, NOW_MS, limit, lots, price, quote, stop

CLOID = "0x" + "0" * 31 + "7"


@pytest.fixture(scope="module")
def recording() -> Recording:
    whole = load_recording("bundled")
    (track,) = whole.tracks
    assert isinstance(track, TickTrack)
    return replace(whole, tracks=(TickTrack("BTC", track.steps[:3000]),))


def _open(path: Path, recording: Recording) -> tuple[PaperExchange, PaperStore]:
    store = PaperStore(path)
    return PaperExchange(PaperConfig(store_path=path), Replay(recording), store, lambda: NOW_MS), store


def _open_still(path: Path) -> tuple[PaperExchange, PaperStore]:
    store = PaperStore(path)
    return PaperExchange(PaperConfig(store_path=path), QuotedMarket(), store, lambda: NOW_MS), store


def _wire(is_buy: bool, at: int, size: str, cloid: str | None = None, reduce_only: bool = False) -> WireOrder:
    return WireOrder(0, is_buy, BTC.price_text(at), size, reduce_only, TimeInForce.GTC, cloid)


def _trade_a_while(exchange: PaperExchange) -> None:
    venue = exchange.venue
    mark = BTC.round_price_down(venue.mark_of("BTC"))
    venue.place(ALICE, (_wire(True, mark - 20_000, "0.01", CLOID),), NOW_MS)
    venue.place(ALICE, tuple(_wire(True, mark - n * 200, "0.002") for n in range(1, 6)), NOW_MS)
    venue.place(ALICE, tuple(_wire(False, mark + n * 200, "0.002") for n in range(1, 6)), NOW_MS)
    venue.market_order(BOB, "BTC", Side.BUY, lots("0.1"), NOW_MS)
    venue.place(BOB, (_wire(False, mark + 20_000, "0.3", reduce_only=True),), NOW_MS)
    venue.set_leverage(BOB, 0, 7, is_cross=True)
    venue.use_nonce(BOB, NOW_MS, NOW_MS)
    exchange.ask({"type": "userRole", "user": "0x" + "cc" * 20})
    for _ in range(2000):
        exchange.advance()


def _picture(exchange: PaperExchange) -> Any:
    """All that a client can see, and where the market stands."""
    asked = [
        exchange.ask({"type": kind, "user": user})
        for user in (ALICE, BOB, "0x" + "cc" * 20)
        for kind in ("frontendOpenOrders", "userFills", "userRateLimit")
    ]
    asked.append(exchange.ask({"type": "orderStatus", "user": ALICE, "oid": CLOID}))
    return [*asked, exchange.market.place, exchange.venue.ledger.counters, audit(exchange.venue)]


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        PaperStore(tmp_path / "paper.db").close()
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}


def test_a_second_start_goes_on_where_the_first_ended(tmp_path: Path, recording: Recording) -> None:
    first, store = _open(tmp_path / "paper.db", recording)
    _trade_a_while(first)
    first.save_place()
    before = _picture(first)
    bids, mark = first.ask({"type": "allMids"}), first.venue.mark_of("BTC")
    store.close()
    second, store = _open(tmp_path / "paper.db", recording)
    assert _picture(second) == before
    assert second.ask({"type": "allMids"}) == bids
    assert second.venue.mark_of("BTC") == mark
    assert second.venue.see(BOB).leverages["BTC"].value == 7
    with pytest.raises(NonceRefusedError):
        second.venue.use_nonce(BOB, NOW_MS, NOW_MS)
    newer = second.venue.place(ALICE, (_wire(True, mark - 30_000, "0.01"),), NOW_MS)[0].order
    assert newer.oid > max(row.oid for row in first.venue.see(ALICE).terminal_orders.values())
    for _ in range(500):
        second.advance()
    assert audit(second.venue).is_balanced
    store.close()


def test_the_place_is_never_saved_ahead_of_what_happened_there(tmp_path: Path, recording: Recording) -> None:
    """As after an exception between a trade and its settling."""
    first, store = _open(tmp_path / "paper.db", recording)
    first.venue.market_order(BOB, "BTC", Side.BUY, lots("0.1"), NOW_MS)
    first.save_place()
    store.close()
    second, store = _open(tmp_path / "paper.db", recording)
    assert audit(second.venue).is_balanced
    assert second.venue.see(BOB).lots("BTC") == lots("0.1")
    store.close()


def test_without_a_store_nothing_is_kept(recording: Recording) -> None:
    exchange = PaperExchange(PaperConfig(), Replay(recording))
    _trade_a_while(exchange)
    assert not PaperExchange(PaperConfig(), Replay(recording)).venue.ledger.accounts


def test_two_exchanges_cannot_share_a_file(tmp_path: Path) -> None:
    store = PaperStore(tmp_path / "paper.db")
    with pytest.raises(StoreError, match="stop the exchange that uses it"):
        PaperStore(tmp_path / "paper.db")
    store.close()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "paper.db"
    path.write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(StoreError, match="move the file away"):
        PaperStore(path)


def test_a_store_of_another_market_is_refused(tmp_path: Path, recording: Recording) -> None:
    first, store = _open(tmp_path / "paper.db", recording)
    _trade_a_while(first)
    store.close()
    (track,) = recording.tracks
    assert isinstance(track, TickTrack)
    universe = Universe.of([Rules("ETH", 5, (Tier(0, 40),))])
    other = replace(recording, universe=universe, tracks=(TickTrack("ETH", track.steps),))
    store = PaperStore(tmp_path / "paper.db")
    with pytest.raises(StoreError, match="have traded BTC, which this market doesn't have"):
        PaperExchange(PaperConfig(), Replay(other), store)
    store.close()


def test_a_write_that_fails_changes_nothing_and_stops_the_exchange(
    tmp_path: Path, recording: Recording
) -> None:
    exchange, store = _open(tmp_path / "paper.db", recording)
    _trade_a_while(exchange)
    fills = len(exchange.venue.see(BOB).fills)
    connection = store._connection
    connection.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON fills BEGIN SELECT RAISE(FAIL, 'disk full'); END"
    )
    exchange.venue.market_order(BOB, "BTC", Side.SELL, lots("0.05"), NOW_MS)
    for _ in range(2):
        with pytest.raises(StoreError, match="disk full"):
            exchange.settle()
    store.close()
    again = PaperStore(tmp_path / "paper.db")
    saved = again.load()
    assert saved is not None
    assert len(saved.accounts[BOB].fills) == fills
    _check(saved)
    again.close()


def test_a_write_that_sqlite_has_taken_back_by_itself_is_told_by_its_own_cause(
    tmp_path: Path, recording: Recording
) -> None:
    exchange, store = _open(tmp_path / "paper.db", recording)
    store._connection.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON fills BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END"
    )
    exchange.venue.market_order(BOB, "BTC", Side.SELL, lots("0.05"), NOW_MS)
    with pytest.raises(StoreError, match=r"can't write .*paper.db: disk full. Fix: make room there"):
        exchange.settle()
    assert not store._connection.in_transaction
    store.close()


def test_a_disk_that_is_full_as_it_is_opened_is_told_with_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(StoreError, match=r"paper.db can't be used: .*No space left.* Fix: make room there"):
        PaperStore(tmp_path / "paper.db")


def _check(saved: Saved) -> None:
    """Every fill, order, position and cash row belongs to the same committed state."""
    parties = [*saved.accounts.values(), saved.market]
    residual = sum(a.money - a.deposits for a in parties)
    assert residual + saved.counters.fees + saved.counters.rounding == 0
    for account in saved.accounts.values():
        end, cash, by_order = 0, account.deposits, dict[int, int]()
        for fill in account.fills:
            assert fill.start_lots == end
            end += fill.side.sign * fill.lots
            cash -= fill.side.sign * fill.lots * fill.price + fill.fee
            by_order[fill.oid] = by_order.get(fill.oid, 0) + fill.lots
        cash -= sum(position.funding for position in account.positions.values())
        assert (account.lots("BTC"), sum(account.cash.values())) == (end, cash)
        orders = {**account.open_orders, **account.terminal_orders}
        assert {oid: o.filled for oid, o in orders.items() if o.filled} == by_order
        assert all(oid < saved.counters.next_oid for oid in orders)
    assert saved.market.user == MARKET_USER
    assert saved.market.lots("BTC") == -sum(a.lots("BTC") for a in saved.accounts.values())


_SERVE = """
import asyncio, sys
from pathlib import Path
from core.paper.config import PaperConfig
from core.paper.standalone import Console, serve
config = PaperConfig(store_path=Path(sys.argv[1]), speed=600)
asyncio.run(serve(config, Console(lambda line: print(line, flush=True)), asyncio.Event()))
"""


def test_killed_in_the_middle_of_trading_the_books_balance_and_nothing_answered_is_lost(
    tmp_path: Path,
) -> None:
    path = tmp_path / "paper.db"
    wallet, chance = new_wallet(), random.Random(5)
    answered: set[int] = set()
    fills = 0
    for _ in range(3):
        command = [sys.executable, "-c", _SERVE, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            url = process.stdout.readline().split()[3]
            killer = threading.Timer(chance.uniform(0.4, 0.7), process.send_signal, [signal.SIGKILL])
            killer.start()
            answered |= _trade_until_killed(url, wallet)
            killer.join()
        store = PaperStore(path)
        saved = store.load()
        store.close()
        assert saved is not None
        _check(saved)
        account = saved.accounts[wallet.address.lower()]
        assert answered <= {*account.open_orders, *account.terminal_orders}
        assert len(account.fills) > fills
        fills = len(account.fills)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _trade_until_killed(url: str, wallet: LocalAccount) -> set[int]:
    """Place orders around the market until nobody answers; the ids of those that were answered."""
    answered: set[int] = set()
    body = {"coin": "BTC", "side": "B", "size": "0.001", "user": wallet.address}
    try:
        while True:
            mid = int(float(info(url, type="allMids")["BTC"]))
            orders = [order(n % 2 == 0, str(mid + (n - 3) * 4), "0.001") for n in range(6)]
            statuses = place(url, wallet, *orders)
            answered.update(next(iter(s.values()))["oid"] for s in statuses if "error" not in s)
            requests.post(f"{url}/paper/trade", json=body, timeout=5)
            body["side"] = "A" if body["side"] == "B" else "B"
    except requests.RequestException:
        return answered


def test_a_fired_trigger_stands_where_it_stood_before_a_restart(tmp_path: Path) -> None:
    """In the list of open orders by its age; among what reduces the position as the last to come to the book."""
    path = tmp_path / "paper.db"
    first, store = _open_still(path)
    venue = first.venue
    venue.place(ALICE, (limit(Side.BUY, 100_010, "0.1"),), NOW_MS)
    venue.place(ALICE, (stop(Side.SELL, 99_900, "0.02", 101_000),), NOW_MS)
    venue.place(ALICE, (limit(Side.SELL, 101_010, "0.02", reduce_only=True),), NOW_MS)
    first.apply(MarketStep("BTC", (), None, quote(99_895, "1", 99_905, "1"), price(99_900), price(99_900)))
    stop_order, target = venue.see(ALICE).open_orders.values()
    assert stop_order.rests
    assert stop_order.oid < target.oid
    before = first.ask({"type": "frontendOpenOrders", "user": ALICE})
    store.close()
    second, store = _open_still(path)
    assert second.ask({"type": "frontendOpenOrders", "user": ALICE}) == before
    second.venue.place(ALICE, (limit(Side.SELL, 99_000, "0.07", TimeInForce.IOC),), NOW_MS)
    assert list(second.venue.see(ALICE).open_orders) == [stop_order.oid], "the last to come stays"
    store.close()
