"""The vocabulary of the engine's tests: moments, orders, fills, quotes, and a bench that steps an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeVar

from core.domain.clock import Instant
from core.domain.commands import Action, Command, Origin
from core.domain.depth import Depth
from core.domain.effects import Cancel, Effect, Modify, Notify, Place, SaveOrder
from core.domain.events import (
    AccountObserved,
    BackfillDone,
    CommandReceived,
    DepthObserved,
    Event,
    FeedChanged,
    FillsCommitted,
    OpenOrdersObserved,
    OrderUpdate,
    PlaceOutcome,
    PlaceResult,
    Quote,
    RemoteOrder,
    Resting,
    Tick,
)
from core.domain.fills import Fill, FillSource
from core.domain.grid import PPB, GridRow
from core.domain.instrument import Instrument
from core.domain.orders import Order, OrderState, Purpose, Side, Slot, Tif
from core.engine.coin import Coin
from core.engine.coin_config import CoinConfig
from core.engine.engine import Engine
from core.engine.fold import Fold
from core.engine.grid_settings import GridSettings
from core.engine.position_age import PositionAge
from core.engine.procedures import feed_ticket
from core.engine.shadow_ledger import ShadowLedger
from core.engine.strategies import STRATEGIES, Ask

ACCOUNT = "0x" + "a" * 40
INSTANCE, BOOT = "1057a9ce", "b0070001"
OTHER_INSTANCE_CLOID = "0x67726462" + "0badc0de" + "b0070001" + "00000001"

SOL = Instrument("SOL", 5, 2, 20)
"""One lot is 0.01 SOL, one price unit 0.0001 USD."""
MID = 2_000_000
"""200 USD; 10 USD, the least order, are 5 lots of it."""

MONO_0, VENUE_0 = 50_000_000, 1_767_276_000_000
"""2026-01-01 14:00:00 UTC by the venue; this host's clock is 400 ms ahead of it."""

E = TypeVar("E")


def at(ms: int) -> Instant:
    """``ms`` after the start of the test, on all three clocks."""
    return Instant(mono_ms=MONO_0 + ms, wall_ms=VENUE_0 + 400 + ms, venue_ms=VENUE_0 + ms)


def fill(
    side: Side = Side.BUY,
    lots: int = 10,
    start: int = 0,
    ms: int = 0,
    trade_id: int = 1,
    *,
    price: int = MID,
    of: Order | None = None,
    order_id: int = 9_000,
    coin: str = "SOL",
    closed: str = "0",
    fee: str = "0",
    source: FillSource = FillSource.WS,
    crossed: bool = False,
) -> Fill:
    """``lots`` traded when the position was ``start``. Without ``of`` it belongs to no order of ours."""
    return Fill(
        account=ACCOUNT,
        coin=coin,
        time_ms=VENUE_0 + ms,
        trade_id=trade_id,
        order_id=order_id,
        cloid=of.cloid if of else None,
        side=of.side if of else side,
        price=of.price if of else price,
        lots=lots,
        start_lots=start,
        closed_pnl=Decimal(closed),
        fee=Decimal(fee),
        fee_token="USDC",
        crossed=crossed,
        direction="",
        hash="0x" + "0" * 64,
        source=source,
        raw="",
    )


def order(
    number: int = 1,
    side: Side = Side.BUY,
    lots: int = 50,
    *,
    price: int = MID - 10_000,
    state: OrderState = OrderState.SENT,
    slot: Slot | None = None,
    tif: Tif = Tif.ALO,
    reduce_only: bool = False,
    order_id: int | None = None,
    created: Instant | None = None,
) -> Order:
    """An order of ours, sent at the start of the test and valid for five seconds."""
    created_ms = (created or at(0)).venue_ms
    return Order(
        cloid=f"0x67726462{INSTANCE}{BOOT}{number:08x}",
        coin="SOL",
        side=side,
        price=price,
        lots=lots,
        tif=tif,
        reduce_only=reduce_only,
        purpose=Purpose.FLATTEN if reduce_only else Purpose.GRID,
        slot=slot,
        created_ms=created_ms,
        expires_ms=created_ms + 5_000,
        ledger_version=0,
        state=state,
        order_id=order_id,
    )


def update(of: Order, status: str, remaining: int | None = None, order_id: int = 700) -> OrderUpdate:
    """A row of orderUpdates about ``of``; ``remaining`` as the venue prints it."""
    left = remaining if remaining is not None else 0 if status == "filled" else of.lots
    return OrderUpdate(of.coin, of.cloid, of.order_id or order_id, status, left, of.lots, VENUE_0)


def settings(**changes: Any) -> GridSettings:
    """Three levels a side of 50 lots (100 USD) every 0.5 %, capped at 300 USD."""
    usual = GridSettings(
        levels=3,
        spacing_ppb=5_000_000,
        spacing_max_ppb=20_000_000,
        round_trip_fee_ppb=300_000,
        size_micro=100_000_000,
        cap_micro=300_000_000,
    )
    return replace(usual, **changes)


def grid_of(
    settings: GridSettings, instrument: Instrument = SOL, center: int = MID, generation: int = 1
) -> GridRow:
    """A new grid around ``center``."""
    grid = STRATEGIES[settings.strategy].build(Ask(settings, instrument, 2 * center, 0, trails=True))
    return replace(grid, generation=generation)


def coin_config(instrument: Instrument = SOL, **changes: Any) -> CoinConfig:
    return CoinConfig(instrument, settings(**changes), 60_000, slippage_ppb=PPB // 100)


def make_engine(*instruments: Instrument, position: int = 0, **changes: Any) -> Engine:
    """An engine whose ledgers hold ``position`` lots and that has seen nothing yet, and bears that no account is shown."""
    engine = Engine(ACCOUNT, INSTANCE, BOOT, {}, position_age=PositionAge(late_ms=0))
    for instrument in instruments or (SOL,):
        ledger = ShadowLedger(instrument.coin, Fold(lots=position, cost=abs(position) * MID))
        config = coin_config(instrument, **changes)
        engine.coins[instrument.coin] = Coin(config, ledger, engine.next_cloid)
    return engine


def quote(mid: int = MID, half: int = 100, coin: str = "SOL") -> Quote:
    return Quote(coin, mid - half, mid + half, VENUE_0)


def account(
    position: int = 0, now: Instant | None = None, ticket: str = "", value: str = "1000"
) -> AccountObserved:
    moment = now or at(0)
    seen = (("SOL", position),) if position else ()
    return AccountObserved(seen, Decimal(value), Decimal(0), moment.venue_ms, moment.mono_ms, ticket)


def depth(mid: int = MID, lots: int = 1_000, coin: str = "SOL", ticket: str = "") -> DepthObserved:
    """A book of one level a side, 100 price units from ``mid``, with so many lots each; 0 is an empty book."""
    sides = (((mid - 100, lots),), ((mid + 100, lots),)) if lots else ((), ())
    return DepthObserved(Depth(coin, *sides), ticket)


def remote(of: Order, remaining: int | None = None) -> RemoteOrder:
    left = of.remaining if remaining is None else remaining
    return RemoteOrder(of.coin, of.cloid, of.order_id or 700, of.side, of.price, left, False)


def of_kind(kind: type[E], effects: Iterable[Effect]) -> list[E]:
    return [effect for effect in effects if isinstance(effect, kind)]


def notices(effects: Iterable[Effect]) -> list[str]:
    """Names of the events told, in order."""
    return [effect.name for effect in of_kind(Notify, effects)]


def placed(effects: Iterable[Effect]) -> list[Order]:
    """All that was sent to rest, in the place of another or beside it."""
    return [o for effect in effects if isinstance(effect, Place | Modify) for o in effect.orders]


def cancelled(effects: Iterable[Effect]) -> list[Order]:
    """All that is to rest no longer, because another takes its place or not."""
    out: list[Order] = []
    for effect in effects:
        if isinstance(effect, Modify):
            out += [old for old, _ in effect.pairs]
        elif isinstance(effect, Cancel):
            out += effect.orders
    return out


@dataclass
class Bench:
    """Steps an engine through time and remembers what it wanted."""

    engine: Engine = field(default_factory=make_engine)
    ms: int = 0
    done: list[Effect] = field(default_factory=list)
    _oid: int = 10_000

    @property
    def now(self) -> Instant:
        return at(self.ms)

    @property
    def coin(self) -> Coin:
        return self.engine.coins["SOL"]

    @property
    def live(self) -> list[Order]:
        return self.coin.live_grid_orders()

    def step(self, *events: Event) -> list[Effect]:
        wanted = self.engine.steps(events, self.now)
        self.done += wanted
        return wanted

    def after(self, ms: int, *events: Event) -> list[Effect]:
        """Let ``ms`` pass, then step a tick and ``events``."""
        self.ms += ms
        return self.step(Tick(self.now.wall_ms, 1.0), *events)

    def ask(self, action: Action, coin: str = "", id_: str = "cmd") -> list[Effect]:
        return self.step(CommandReceived(Command(id_, action, coin, Origin.CLI)))

    def outcome(self, id_: str = "cmd") -> tuple[str, str]:
        told = self.engine.desk.outcomes[id_]
        return told.status, told.text

    def listed(self, *orders: RemoteOrder, ticket: str = "cmd") -> list[Effect]:
        """The exchange lists the account's open orders."""
        return self.step(OpenOrdersObserved(orders, self.now.mono_ms, ticket))

    def shows(self, position: int, ticket: str = "cmd", lots: int = 1_000) -> list[Effect]:
        """The exchange shows its position, and a book that holds so many lots."""
        return self.step(account(position, self.now, ticket), depth(lots=lots, ticket=ticket))

    def connect(self, generation: int = 1) -> list[Effect]:
        """The feed comes up and its gap is read back."""
        up = self.step(FeedChanged(True, generation))
        return up + self.step(BackfillDone(feed_ticket(generation), 0, 0, self.now.venue_ms))

    def start(self, position: int = 0) -> list[Effect]:
        """Everything that must be seen before the first grid, and then the first quote."""
        self.connect()
        self.step(OpenOrdersObserved((), self.now.mono_ms), account(position, self.now))
        return self.step(quote())

    def rest(self, orders: Sequence[Order]) -> list[Effect]:
        """The venue takes ``orders``: all of them rest."""
        return self.answer(orders, lambda _: Resting(self.next_oid()))

    def answer(self, orders: Sequence[Order], result: Callable[[Order], PlaceResult]) -> list[Effect]:
        return self.step(PlaceOutcome(tuple((o.cloid, result(o)) for o in orders)))

    def started(self, position: int = 0) -> Bench:
        """A bench with its first grid resting."""
        self.rest(placed(self.start(position)))
        return self

    def trade(self, of: Order, lots: int | None = None, trade_id: int = 0) -> list[Effect]:
        """``of`` trades at its price."""
        size = of.remaining if lots is None else lots
        one = fill(
            lots=size,
            start=self.coin.ledger.lots,
            ms=self.ms,
            trade_id=trade_id or self.next_oid(),
            of=of,
            order_id=self.coin.orders.by_cloid[of.cloid].order_id or 1,
        )
        return self.step(FillsCommitted((one,)))

    def settle_cancels(self, effects: Iterable[Effect]) -> list[Effect]:
        """The venue confirms every cancel in ``effects``; nothing had traded meanwhile."""
        out: list[Effect] = []
        for o in cancelled(effects):
            out += self.step(update(o, "canceled", self.coin.orders.by_cloid[o.cloid].lots - o.filled))
        return out

    def next_oid(self) -> int:
        self._oid += 1
        return self._oid

    def saved_states(self) -> dict[str, OrderState]:
        """What the journal would hold of each order."""
        return {e.order.cloid: e.order.state for e in of_kind(SaveOrder, self.done)}
