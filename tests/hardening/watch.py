"""A running core and the exchange it trades on, side by side: after every step the one is held against the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from core.domain.clock import Instant
from core.domain.commands import Action, Command, Origin
from core.domain.effects import Effect
from core.domain.events import AccountObserved, CommandReceived, Event
from core.domain.orders import Order, OrderState, Side
from core.engine.coin import Coin
from core.engine.engine import Engine
from core.engine.fill_guarantor import FillCounts
from core.paper.market.step import MarketStep, MarketTrade, Quote
from core.paper.venue.orders import Order as Resting
from core.runtime.plan import RunPlan
from core.runtime.settings import load_settings
from tests.unit.exchange.samples import until
from tests.unit.runtime.stage import Run, Venue, plan, running

GRID = 6
"""Three levels a side."""

WITHIN_S = 20.0
"""A bound for tests that hang; whatever happens is waited for, never slept through."""


def plan_for(directory: Path, url: str, **settings: Any) -> RunPlan:
    """Three levels a side of 500 USD in BTC; ``settings`` beside those."""
    flags = {
        "coins": ("BTC",),
        "num_grids": 3,
        "investment_usd": 1000,
        "recenter_interval_sec": 0,
        **settings,
    }
    loaded = load_settings(flags, {}, None, default_file=Path("there is no such file"))
    return replace(plan(directory, url), settings=loaded)


@dataclass
class Watch:
    """``log`` holds every step: what came and what was wanted. ``broken`` holds what must never be, as it was seen."""

    venue: Venue
    cap_lots: int = 10**9
    engine: Engine | None = None
    log: list[tuple[Event, list[Effect]]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    """What our ledger has held, one after the other."""

    # -- the exchange's side ---------------------------------------------------------------------------------------

    @property
    def resting(self) -> list[Resting]:
        """Every order of the account that rests at this moment, whatever the answers say."""
        return list(self.venue.server.exchange.venue.see(self.venue.user).open_orders.values())

    def of(self, side: Side) -> list[Resting]:
        """Nearest to the market first."""
        return sorted((o for o in self.resting if o.side is side), key=lambda o: -o.price * side.sign)

    @property
    def held(self) -> int:
        return self.venue.server.exchange.venue.see(self.venue.user).lots("BTC")

    @property
    def fills(self) -> int:
        return len(self.venue.server.exchange.venue.see(self.venue.user).fills)

    def trade(self, order: Resting, lots: int | None = None) -> None:
        """The market trades with ``order``, the nearest of its side, and with nobody else."""
        size = order.remaining if lots is None else lots
        through = order.price - order.side.sign * 10
        self._apply(trades=(MarketTrade(through, size, order.side.opposite),))

    def move(self, mid: int) -> None:
        """The market shows another price, in price units, and trades with nobody on the way to it."""
        self._apply(quote=Quote(mid - 10, 100_000, mid + 10, 100_000))

    def _apply(self, trades: tuple[MarketTrade, ...] = (), quote: Quote | None = None) -> None:
        self.venue.server.exchange.apply(MarketStep("BTC", trades, None, quote))
        self.look()

    async def faults(self, *rows: dict[str, Any]) -> None:
        """Set these and no others."""
        async with self.venue.http.post(f"{self.venue.url}/paper/faults", json=list(rows)) as answer:
            assert answer.status == 200, await answer.text()

    async def strikes(self) -> list[int]:
        async with self.venue.http.get(f"{self.venue.url}/paper/faults") as answer:
            rows: list[dict[str, Any]] = await answer.json()
        return [row["strikes"] for row in rows]

    async def has_struck(self) -> None:
        """Wait until one of the faults has struck."""
        async with asyncio.timeout(WITHIN_S):
            while not any(await self.strikes()):
                pass

    # -- the core's side -------------------------------------------------------------------------------------------

    @property
    def live(self) -> dict[str, Order]:
        return {order.cloid: order for order in self.coin.orders.live()}

    @property
    def coin(self) -> Coin:
        assert self.engine is not None, "it has stepped"
        return self.engine.coins["BTC"]

    @property
    def counts(self) -> FillCounts:
        return self.coin.counts

    @property
    def center(self) -> int:
        """Of the present grid, in price units; 0 before the first."""
        return self.coin.grid.center if self.coin.grid else 0

    def known(self, cloid: str) -> Order:
        """What our books say of an order, live or ended."""
        return self.coin.orders.by_cloid[cloid]

    def note(self, engine: Engine, event: Event, effects: list[Effect]) -> None:
        self.engine = engine
        self.log.append((event, effects))
        if self.positions[-1:] != [self.coin.ledger.lots]:
            self.positions.append(self.coin.ledger.lots)
        self.look()

    def look(self) -> None:
        """What must hold at every instant: no order that rests is forgotten (C-6), the worst case is under the cap (I4), and
        nothing of ours crosses (I6).
        """
        resting = self.resting
        buys = [o for o in resting if o.side is Side.BUY]
        sells = [o for o in resting if o.side is Side.SELL]
        if self.engine is not None and (lost := {o.cloid for o in resting} - self.live.keys()):
            self.broken.append(f"rests at the exchange and is in no book of ours: {lost}")
        if self.held + sum(o.remaining for o in buys) > self.cap_lots:
            self.broken.append("worst case long past the cap")
        if sum(o.remaining for o in sells) - self.held > self.cap_lots:
            self.broken.append("worst case short past the cap")
        if buys and sells and max(o.price for o in buys) >= min(o.price for o in sells):
            self.broken.append("own orders cross")

    def events(self, kind: type[Any]) -> list[Any]:
        return [event for event, _ in self.log if isinstance(event, kind)]

    def looks(self, start: int = 0) -> list[int]:
        """The positions that the core was shown, from ``start`` in ``log`` on, in lots."""
        seen = [event for event, _ in self.log[start:] if isinstance(event, AccountObserved)]
        return [dict(event.positions).get("BTC", 0) for event in seen]

    def first(self, kind: type[Any], such: Callable[[Any], bool]) -> int:
        """Where in ``log`` the first event of a kind stands that is ``such``."""
        return next(n for n, (event, _) in enumerate(self.log) if isinstance(event, kind) and such(event))

    def sent(self, kind: type[Any], start: int = 0) -> list[int]:
        """Where in ``log`` an effect of a kind was wanted, from ``start`` on."""
        return [
            n
            for n, (_, effects) in enumerate(self.log)
            if n >= start and any(isinstance(effect, kind) for effect in effects)
        ]


@dataclass
class Bout:
    """One run under watch."""

    run: Run
    watch: Watch

    def ask(self, action: Action, id_: str = "", coin: str = "", value: str = "") -> None:
        command = Command(id_ or action.value, action, coin, Origin.CLI, value)
        self.run.session.inbox.force(CommandReceived(command))

    def told(self, id_: str) -> str:
        """``running``, ``done``, ``refused`` or ``failed``; empty before the command arrived."""
        assert self.watch.engine is not None
        outcome = self.watch.engine.desk.outcomes.get(id_)
        return outcome.status if outcome else ""

    async def until(self, condition: Any) -> Any:
        def checked() -> Any:
            assert not self.run.task.done(), self.run.task.result().message
            return condition()

        return await until(checked, WITHIN_S)

    async def whole(self, count: int = GRID) -> None:
        """The core holds ``count`` orders that rest and nothing in doubt, and the exchange the same ones."""
        await self.until(lambda: len(self.watch.resting) == count and self._is_settled())

    async def settled(self) -> None:
        """The core holds orders that rest, however many, and nothing in doubt, and the exchange the same ones."""
        await self.until(lambda: self.watch.resting and self._is_settled())

    def _is_settled(self) -> bool:
        if self.watch.engine is None:
            return False
        live = self.watch.live
        is_open = all(order.state is OrderState.OPEN for order in live.values())
        return is_open and {o.cloid for o in self.watch.resting} == live.keys()

    async def agrees(self) -> None:
        """The ledger holds what the exchange holds, and every fill of it once (I1, I2)."""
        watch = self.watch

        def same() -> bool:
            return watch.coin.ledger.lots == watch.held and watch.counts.total == watch.fills

        await self.until(same)
        assert watch.broken == []


@asynccontextmanager
async def watched(of: RunPlan, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bout]:
    """Run a core under watch; it ends without a word to the exchange, as kill -9 would."""
    real = Engine.step

    def step(engine: Engine, event: Event, now: Instant, acts: bool = True) -> list[Effect]:
        effects = real(engine, event, now, acts)
        watch.note(engine, event, effects)
        return effects

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "step", step)
        async with running(of) as run:
            yield Bout(run, watch)
        watch.engine = None
