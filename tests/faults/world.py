"""A world to break: the paper exchange on a real socket, GridBot's core against it, faults, restarts, and what must hold.

Everything runs in one loop on a market that stands still unless a test moves it. The exchange is the real server with its
fault menu and the core is the real session: what a test breaks is the wire, the disk or the time between them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import secrets
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.domain.cloid import parse_cloid
from core.domain.effects import Notify
from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.engine import schedule
from core.engine.risk_engine import Rule
from core.exchange import weight_budget, weight_window
from core.exchange.signing import Signer
from core.paper.config import PaperConfig
from core.paper.exchange import PaperExchange
from core.paper.market.step import MarketStep, MarketTrade, Quote
from core.paper.venue.accounts import Account
from core.paper.venue.orders import Order
from core.runtime.control.protocol import PROTOCOL
from core.runtime.event_bus import EventBus
from core.runtime.keys import Identity
from core.runtime.plan import RunPlan, RunReport
from core.runtime.session import Session
from core.runtime.settings import load_settings
from core.runtime.statedir import StateDir
from core.view import CoinView, LevelState, LevelView, RunState, Snapshot
from tests.faults.watch import Watch
from tests.faults.wholeness import has_its_order, is_leaned_away
from tests.unit.exchange.samples import KEY
from tests.unit.runtime.stage import STILL, Run, Venue, venue

WITHIN_S = 10.0
WHOLE_WITHIN_S = 15.0
"""After a fault has cleared (I10)."""

GRID = 6
"""Three levels a side."""

SETTINGS: dict[str, Any] = {
    "num_grids": 3,
    "investment_usd": Decimal(1000),
    "recenter_interval_sec": Decimal(0),
}

HURRIED = {
    "ACCOUNT_EVERY_MS": 1_000,
    "FILL_POLL_EVERY_MS": 4_000,
    "OPEN_ORDERS_EVERY_MS": 3_000,
    "FUNDING_EVERY_MS": 1_000,
    "TRANSFERS_EVERY_MS": 1_000,
}
"""The engine's routine reads, some times faster than in earnest, so that no test waits for a slow poll. The rules of evidence
(how far apart two answers must be, when an action has expired) keep their real times.
"""


@contextmanager
def hurried() -> Iterator[None]:
    """``HURRIED`` in force: the one place where the harness changes the program."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in HURRIED.items():
            patch.setattr(schedule, name, value)
        patch.setattr(weight_budget, "PER_MINUTE", 12_000)  # reads so often would use up the earnest one
        patch.setattr(weight_window, "PAUSE_S", 0.2)
        patch.setattr(weight_window, "PAUSE_MOST_S", 2.0)
        yield


class Memory(EventBus):
    """Keeps every event; a Snapshot carries the newest alone."""

    def __init__(self, events: list[Notify]) -> None:
        super().__init__()
        self._events = events

    def publish(self, notice: Notify, time_ms: int) -> None:
        self._events.append(notice)
        super().publish(notice, time_ms)


@dataclass
class World:
    """One exchange, one state dir, and the sessions that run on it one after the other."""

    exchange: Venue
    directory: Path
    settings: dict[str, Any]
    coins: tuple[str, ...] = ("BTC",)
    by_coin: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Settings of one coin alone, as ``[coins.NAME]`` has them."""
    events: list[Notify] = field(default_factory=list)
    """Of all sessions, oldest first."""
    swallowed: list[str] = field(default_factory=list)
    """What the loop was told of: exceptions that nobody awaited."""
    watch: Watch = field(init=False)
    run: Run = field(init=False)
    _nonce: int = 0
    _by_hand: int = 0

    def __post_init__(self) -> None:
        self.watch = Watch(self.venue, self.exchange.user, self._journal)
        self.venue.listen(self.watch.look)

    # -- the core -----------------------------------------------------------------------------------------------

    def plan(self) -> RunPlan:
        state = StateDir(self.directory / "state")
        state.prepare()
        signer = Signer(KEY, False)
        loaded = load_settings(
            {"coins": self.coins, **self.settings}, {}, None, default_file=Path("there is no such file")
        )
        own = {
            coin: settings.model_copy(update=self.by_coin.get(coin, {}))
            for coin, settings in loaded.by_coin.items()
        }
        loaded = replace(loaded, by_coin=own)
        return RunPlan("paper", self.exchange.url, loaded, state, Identity(signer.address, signer))

    async def start(self, resting: int | None = GRID) -> None:
        """Begin a session on the state dir, and wait for so many resting orders of ours."""
        bus = Memory(self.events)
        snapshots: list[Snapshot] = []
        self.run = Run(Session(plan := self.plan(), plan.exchange_url, bus, snapshots.append), bus)
        self.run.snapshots = snapshots
        self.run.task = asyncio.create_task(self.run.session.run(), name="session")
        if resting is not None:
            await self.until(lambda: len(self.ours()) == resting and self.is_whole(), "the grid rests")

    async def crash(self) -> None:
        """End without a word to the exchange, as kill -9 would."""
        await self.run.crash()

    async def stop(self) -> RunReport:
        self.run.session.request_stop("test")
        return await asyncio.wait_for(self.run.task, 40)

    @property
    def snapshot(self) -> Snapshot:
        return self.run.snapshots[-1]

    def coin(self, name: str = "BTC") -> CoinView:
        return next(coin for coin in self.snapshot.coins if coin.coin == name)

    def told(self, name: str, coin: str = "") -> list[dict[str, Any]]:
        """The fields of every event of that name."""
        found = [e for e in self.events if e.name == name and coin in ("", e.coin)]
        return [{"severity": e.severity, "coin": e.coin, **dict(e.fields)} for e in found]

    async def until(
        self, condition: Callable[[], Any], what: str, within_s: float = WITHIN_S, every_s: float = 0.02
    ) -> Any:
        """What ``condition`` returned, once it is true; what was waited for and where things stand, if it never is."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not (found := condition()):
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"not within {within_s:.0f} s: {what}\n{self.standing()}")
            await asyncio.sleep(every_s)
        return found

    async def control(
        self, cmd: str, coin: str = "", value: str = "", within_s: float = WHOLE_WITHIN_S
    ) -> dict[str, Any]:
        """A command over the control socket, as the command line sends it; what became of it."""
        reader, writer = await asyncio.open_unix_connection(self.plan().state.socket)
        request = {
            "v": PROTOCOL,
            "cmd": cmd,
            "coin": coin,
            "origin": "cli",
            "id": secrets.token_hex(8),
            "value": value,
        }
        writer.write(json.dumps(request).encode() + b"\n")
        async with asyncio.timeout(within_s):
            answer: dict[str, Any] = json.loads(await reader.readline())
        writer.close()
        return answer

    async def turn(self) -> None:
        """Let the core look at what has arrived: two Snapshots further."""
        seen = len(self.run.snapshots)
        await self.until(lambda: len(self.run.snapshots) >= seen + 2, "the core goes on")

    def standing(self) -> str:
        """Where things stand, for a test that fails."""
        held = [f"{self.lots(coin)} lots of {coin}, {len(self.ours(coin))} orders" for coin in self.coins]
        lines = [f"session: {self.run.task}", f"exchange: {'; '.join(held)}"]
        if self.run.snapshots:
            lines += [
                f"{c.coin}: {c.state} halt={c.halt_reason!r} idle={c.idle_reason!r} position={c.position} "
                f"fills={c.fills} levels={[_said(lv) for lv in c.grid.levels]}"
                for c in self.snapshot.coins
            ]
        told = [f"{e.name} {e.coin} {dict(e.fields)}"[:300] for e in self.events if e.name != "fill"]
        return "\n".join([*lines, *told[-25:], f"and {len(self.told('fill'))} fills"])

    # -- the exchange -------------------------------------------------------------------------------------------

    @property
    def venue(self) -> PaperExchange:
        return self.exchange.server.exchange

    @property
    def account(self) -> Account:
        return self.venue.venue.see(self.exchange.user)

    def instrument(self, coin: str = "BTC") -> Instrument:
        return self.venue.venue.instruments[coin]

    def lots(self, coin: str = "BTC") -> int:
        """The position as the matching engine has it."""
        return self.account.lots(coin)

    def resting(self, coin: str = "BTC") -> list[Order]:
        """Every open order of the account, whoever placed it."""
        return [o for o in self.account.open_orders.values() if o.coin == coin and o.is_open]

    def ours(self, coin: str = "BTC") -> list[Order]:
        """Those that carry GridBot's tag, but for the stops that protect the position."""
        ours = [order for order in self.resting(coin) if parse_cloid(order.cloid) is not None]
        return [order for order in ours if order.trigger is None]

    def stops(self, coin: str = "BTC") -> list[Order]:
        """Of ours: trigger orders that wait for the mark."""
        ours = [order for order in self.resting(coin) if parse_cloid(order.cloid) is not None]
        return [order for order in ours if order.trigger is not None]

    def fill_count(self) -> int:
        return len(self.account.fills)

    def hit(self, *lots: int, side: Side = Side.SELL, coin: str = "BTC") -> None:
        """Others sell into our bids (or buy our asks) in prints of so many lots, best price first, all in one block."""
        prices = [o.price for o in self.ours(coin) if o.side is side.opposite]
        price = min(prices) - 1 if side is Side.SELL else max(prices) + 1
        trades = tuple(MarketTrade(price, each, side) for each in lots)
        self.venue.apply(MarketStep(coin, trades, None, None))

    def mid(self, coin: str = "BTC") -> int:
        """In price units, rounded down."""
        book = self.venue.venue.ledger.books[coin]
        assert book.bids.best is not None, "the book has both sides"
        assert book.asks.best is not None, "the book has both sides"
        return (book.bids.best + book.asks.best) // 2

    def move(self, pct: float, coin: str = "BTC", size: str = "1000", *, is_marked: bool = True) -> None:
        """The market stands so much higher (or lower) from now on, mark and oracle with it; what lies between trades. Without
        ``is_marked`` the mark stays behind, so that no trigger fires.
        """
        instrument = self.instrument(coin)
        center = self.mid(coin) + round(self.mid(coin) * pct / 100)
        bid, ask = instrument.round_price_down(center - 1), instrument.round_price_up(center + 1)
        lots = instrument.parse_size(size)
        mark = center if is_marked else self.mid(coin)
        self.venue.apply(MarketStep(coin, (), None, Quote(bid, lots, ask, lots), mark, mark))

    def buy_and_sell(self, count: int, coin: str = "BTC", per_ms: int = 50) -> None:
        """So many manual trades of the account, without a wire: bought and sold in turn. The exchange's clock is taken ahead
        by a millisecond for every ``per_ms`` of them, since a read that pages by time can't pass a page full of one time.
        """
        venue, now_ms = self.venue.venue, self.venue.now_ms()
        lots = 2 * self.instrument(coin).min_lots(self.mid(coin))
        for number in range(count):
            side = Side.SELL if self._by_hand % 2 else Side.BUY
            self._by_hand += 1
            placed = venue.market_order(self.exchange.user, coin, side, lots, now_ms + number // per_ms)
            assert not placed.error, placed.error
        self.venue.settle()

    async def trade(self, side: Side, size: str, coin: str = "BTC") -> None:
        """A market order of the account that GridBot didn't make."""
        body = {"user": self.exchange.user, "coin": coin, "side": side.wire, "size": size}
        async with self.exchange.http.post(f"{self.exchange.url}/paper/trade", json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def act(self, action: dict[str, Any]) -> Any:
        """A signed action of the account that GridBot didn't make: the operator in a browser, or another program."""
        self._nonce = max(self._nonce + 1, self.venue.now_ms() - 5_000)
        signer = Signer(KEY, False)
        body = {
            "action": action,
            "nonce": self._nonce,
            "signature": signer.sign(action, self._nonce, None),
            "vaultAddress": None,
        }
        async with self.exchange.http.post(f"{self.exchange.url}/exchange", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def place_by_hand(
        self, side: Side, price: int, lots: int, coin: str = "BTC", tif: str = "Gtc", cloid: str | None = None
    ) -> int:
        """A resting order of the account that isn't GridBot's; its oid. The watch sees to it that nobody cancels it."""
        instrument = self.instrument(coin)
        row: dict[str, Any] = {
            "a": instrument.asset_id,
            "b": side is Side.BUY,
            "p": instrument.price_text(price),
            "s": instrument.size_text(lots),
            "r": False,
            "t": {"limit": {"tif": tif}},
        }
        if cloid is not None:
            row["c"] = cloid
        answer = await self.act({"type": "order", "orders": [row], "grouping": "na"})
        (status,) = answer["response"]["data"]["statuses"]
        oid: int = status["resting"]["oid"]
        if parse_cloid(cloid) is None:
            self.watch.foreign.add(oid)
        return oid

    # -- faults -------------------------------------------------------------------------------------------------

    async def faults(self, *rows: dict[str, Any]) -> None:
        """Set these and no others."""
        async with self.exchange.http.post(f"{self.exchange.url}/paper/faults", json=list(rows)) as answer:
            assert answer.status == 200, await answer.text()

    async def strikes(self) -> list[int]:
        """How often each of them has struck, in their order."""
        async with self.exchange.http.get(f"{self.exchange.url}/paper/faults") as answer:
            assert answer.status == 200, await answer.text()
            return [row["strikes"] for row in await answer.json()]

    async def struck(self, within_s: float = WITHIN_S, times: int = 1) -> None:
        """Until every fault that is set has struck so often."""
        deadline = asyncio.get_running_loop().time() + within_s
        while min(found := await self.strikes(), default=times) < times:
            assert asyncio.get_running_loop().time() < deadline, f"strikes: {found}\n{self.standing()}"
            await asyncio.sleep(0.01)

    # -- the journal --------------------------------------------------------------------------------------------

    @property
    def _journal(self) -> Path:
        return StateDir(self.directory / "state").journal

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What the journal holds, committed."""
        db = sqlite3.connect(f"{self._journal.as_uri()}?mode=ro", uri=True)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def journal_fills(self) -> Counter[tuple[str, int, int, str, str]]:
        """(coin, time, tid, size, side) of every row."""
        found = self.rows("SELECT coin, time_ms, trade_id, lots, side FROM fills")
        return Counter(
            (coin, time_ms, tid, self.instrument(coin).size_text(lots), Side(side).wire)
            for coin, time_ms, tid, lots, side in found
        )

    # -- what must hold -----------------------------------------------------------------------------------------

    def is_whole(self) -> bool:
        """What the newest Snapshot shows is what rests on the exchange, and nothing that could rest is missing."""
        if not self.run.snapshots or not self.snapshot.feed.ready:
            return False
        return all(self._coin_is_whole(coin) for coin in self.snapshot.coins)

    def _coin_is_whole(self, coin: CoinView) -> bool:
        instrument = self.instrument(coin.coin)
        if coin.state is not RunState.RUNNING or coin.idle_reason or not coin.grid.levels:
            return False
        if coin.position != instrument.size_decimal(self.lots(coin.coin)):
            return False
        if not self._has_all_orders(coin):
            return False
        shown = Counter(
            (lv.side, lv.price, lv.remaining) for lv in coin.grid.levels if lv.state is LevelState.OPEN
        )
        return shown == Counter(
            (o.side.value, instrument.price_decimal(o.price), instrument.size_decimal(o.remaining))
            for o in self.ours(coin.coin)
        )

    def _has_all_orders(self, coin: CoinView) -> bool:
        without = [level for level in coin.grid.levels if not has_its_order(level, coin)]
        if {level.rule for level in without} - {Rule.SKEW} or not without:
            return not without
        sql = "SELECT lots FROM grids WHERE coin = ? AND generation = ?"
        rows = self.rows(sql, coin.coin, coin.grid.generation)
        settings = {**self.settings, **self.by_coin.get(coin.coin, {})}
        size = self.instrument(coin.coin).size_decimal(rows[0][0]) if rows else Decimal(0)
        return size > 0 and all(is_leaned_away(level, coin, settings, size) for level in without)

    def is_halted(self, reason: str) -> bool:
        """Halted for a reason that begins so, with nothing of the grid resting, and durably (I9)."""
        if not self.run.snapshots:
            return False
        view = next((c for c in self.snapshot.coins if c.halt_reason.startswith(reason)), None)
        if view is None or self.ours(view.coin):
            return False
        latched = {row[0] for row in self.rows("SELECT reason FROM halts WHERE lifted_ms IS NULL")}
        return view.halt_reason in latched

    async def check(
        self, *events: str, halted: str = "", idle: str = "", drifts: bool = False
    ) -> dict[str, Any]:
        """With every fault cleared: the invariants. ``events`` are names that must have been told (I8).

        ``halted``, ``idle``: how the reason begins, if it must be halted now, or say why it doesn't quote. ``drifts``:
        fills that explain the position can't be known any more, so they are held against the exchange's as far as they go.
        Returns the truth.
        """
        await self.faults()
        assert not self.run.task.done(), f"the session has ended: {self.run.task}"
        if halted:
            await self.until(lambda: self.is_halted(halted), f"halted: {halted}", WHOLE_WITHIN_S)
        elif idle:
            await self.until(
                lambda: any(c.idle_reason.startswith(idle) for c in self.snapshot.coins), f"idle: {idle}"
            )
        else:
            await self.until(self.is_whole, "the grid is whole again (I10)", WHOLE_WITHIN_S)
        truth = await self.exchange.truth()
        if not drifts:
            await self.until(lambda: self._agrees(truth), "the fills are the exchange's (I1, I2)")
        self._check_fills(truth, drifts)
        self._check_orders(truth)
        missing = set(events) - {event.name for event in self.events}
        assert not missing, f"not told (I8): {missing}\n{self.standing()}"
        self._check_loop()
        assert not self.watch.breaches, "\n".join(self.watch.breaches[:5])
        return truth

    def _agrees(self, truth: dict[str, Any]) -> bool:
        return all(
            c.fills.total == sum(row["coin"] == c.coin for row in truth["fills"]) for c in self.snapshot.coins
        )

    def _check_fills(self, truth: dict[str, Any], drifts: bool) -> None:
        told = Counter(
            (row["coin"], row["time"], row["tid"], _canonical(row["sz"]), row["side"])
            for row in truth["fills"]
            if row["coin"] in self.coins
        )
        known = self.journal_fills()
        assert not known - told, f"fills that never happened (I2): {known - told}"
        if drifts:
            return
        assert not told - known, f"fills that are missing (I2): {told - known}"
        for coin in self.snapshot.coins:
            assert coin.position == Decimal(truth["positions"].get(coin.coin, "0")), f"{coin.coin} (I1)"
            assert coin.drift.amount == 0, f"{coin.coin} (I1)"

    def _check_orders(self, truth: dict[str, Any]) -> None:
        """Whatever the exchange has ever seen of ours has its row; what rests is known to rest (I3, I5)."""
        known = {row[0] for row in self.rows("SELECT cloid FROM orders")}
        assert not self.watch.cloids - known, f"without a row (I3): {self.watch.cloids - known}"
        live = {row["cloid"] for row in truth["orders"] if parse_cloid(row["cloid"]) is not None}
        rows = self.rows("SELECT cloid FROM orders WHERE state IN ('open', 'cancelling', 'unknown', 'sent')")
        assert not live - {row[0] for row in rows}, "rests on the exchange, ended in the journal (I5)"
        still = {row["oid"] for row in truth["orders"]}
        assert self.watch.foreign <= still, f"foreign orders are gone (I5): {self.watch.foreign - still}"

    def _check_loop(self) -> None:
        gc.collect()
        assert not self.swallowed, f"exceptions that nobody awaited (I8): {self.swallowed}"
        failed = self.told("core_task_failed")
        assert not failed, failed


def _said(level: LevelView) -> tuple[str, ...]:
    why = (level.rule, level.blocked_by, level.frees) if level.rule else ()
    return (str(level.price), level.side, level.state.value, str(level.remaining), *why)


def _canonical(text: str) -> str:
    """``0.00100`` as the domain writes it."""
    found = format(Decimal(text).normalize(), "f")
    return "0" if not Decimal(text) else found


@asynccontextmanager
async def living(
    directory: Path, config: PaperConfig = STILL, coins: tuple[str, ...] = ("BTC",), **settings: Any
) -> AsyncIterator[World]:
    """A world whose session has not been started yet. What is still running at the end is ended without a goodbye. A setting of
    ``None`` is not written.
    """
    written = {name: value for name, value in {**SETTINGS, **settings}.items() if value is not None}
    loop = asyncio.get_running_loop()
    gc.freeze()  # the collection at the end looks at what this world has left, not at all the tests before it
    with hurried():
        async with venue(config) as exchange:
            world = World(exchange, directory, written, coins)
            loop.set_exception_handler(
                lambda _, context: world.swallowed.append(
                    f"{context['message']}: {context.get('exception')!r}"
                )
            )
            try:
                yield world
            finally:
                if hasattr(world, "run"):
                    await world.crash()
                world.watch.close()
                loop.set_exception_handler(None)
