"""What a plan costs: whole, after one fill, and inside a whole step of the engine; beside the same maths in ``Decimal``.

Nothing here is sent: the venue is a line that says that an order rests.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from core.domain.events import FillsCommitted, PlaceOutcome, Resting, Tick
from core.domain.fills import Fill
from core.domain.grid import GridRow
from core.domain.orders import Order, OrderState, Side, Slot
from core.engine.coin import Coin
from core.engine.features import Features
from core.engine.grid_calculator import Gate, GridDiff, compute_grid_diff
from core.engine.grid_settings import Conditions, GridSettings
from core.engine.levels import wanted_levels
from core.engine.plan_validator import OwnPrices, Quotes, validate_plan
from core.engine.quoting import plan
from core.engine.risk_engine import Exposure, RiskLimits
from core.engine.snapshot import build_snapshot
from core.engine.strategies import STRATEGIES, Ask
from tests.bench.decimal_grid import DecimalBars, DecimalGrid, DecimalOrder
from tests.bench.report import Row, percentile, row
from tests.unit.engine.builders import MID, SOL, Bench, fill, make_engine, order, placed, quote, settings

T = TypeVar("T")

SIZES = (30, 200, 1_000)
"""Levels on either side."""

_FULL_ROUNDS = {30: 200, 200: 60, 1_000: 15}
_FILLS = 400
_SNAPSHOTS = 30
_COINS, _QUOTES = 6, 3_000
_GOAL = 20
_FLAT = 0.67
"""As much may a thousand levels cost more than thirty and still be called flat: half as much again."""


def rows() -> list[Row]:
    gc.collect()
    gc.disable()
    try:
        return [*_plans(), *_steps(), *_coins()]
    finally:
        gc.enable()


# -- the plan alone -----------------------------------------------------------------------------------------------------


def asked(levels: int, **changes: Any) -> GridSettings:
    """Of so many levels a side, 100 USD each, that all may rest."""
    usual = {"widens": True, "spacing_ppb": 500_000, "spacing_max_ppb": 800_000}
    return settings(levels=levels, **{"cap_micro": 2 * levels * 100_000_000, **usual, **changes})


def peer_of(asks: GridSettings, bars: DecimalBars) -> DecimalGrid:
    """The same in ``Decimal``."""
    return DecimalGrid(
        SOL.sz_decimals,
        asks.levels,
        Decimal(asks.spacing_ppb).scaleb(-9),
        Decimal(asks.spacing_max_ppb).scaleb(-9),
        Decimal(asks.round_trip_fee_ppb).scaleb(-9),
        Decimal(asks.size_micro).scaleb(-6),
        Decimal(asks.cap_micro).scaleb(-6),
        bars,
    )


def market(minutes: int = 60) -> tuple[Features, DecimalBars]:
    """The same seeded bars for both."""
    chance, features, bars = random.Random(1), Features(), DecimalBars()
    twice = 2 * MID
    for minute in range(minutes + 1):
        mids = [twice := twice + chance.randint(-1_000, 1_000) for _ in range(6)]
        for n, each in enumerate(mids):
            features.note(each, minute * 60_000 + n * 10_000)
        bars.before = bars.before or Decimal(mids[0])
        if minute < minutes:
            bars.close(Decimal(max(mids)), Decimal(min(mids)), Decimal(mids[-1]))
    return features, bars


def whole_plan(
    asks: GridSettings, features: Features, live: dict[Slot, Order] | None = None
) -> tuple[GridRow, GridDiff]:
    """From what the market has been like, and what rests, to a plan: features, levels, risk filter, diff, validation."""
    live = live or {}
    orders = live.values()
    conditions = Conditions(features.atr_ppb, features.volatility_ppb, features.trend_ppb)
    grid = STRATEGIES[asks.strategy].build(Ask(asks, SOL, 2 * MID, 0, 0, conditions, trails=True))
    quotes, limits = Quotes(MID - 100, MID + 100), RiskLimits(grid.cap_long, grid.cap_short, 2 * grid.lots)
    buys, sells = (sum(o.remaining for o in orders if o.side is side) for side in Side)
    gate = Gate(SOL, Exposure(0, buys, sells), limits, quotes, {}, OwnPrices.of(orders))
    wanted = wanted_levels(grid, SOL, {})
    slots = {level.slot for level in wanted}
    extra = [order for slot, order in live.items() if slot not in slots]
    diff = compute_grid_diff(wanted, live, extra, gate, grid.lots // 4)
    validate_plan(diff.place, gate.own, quotes, SOL)
    return grid, diff


def half_resting(asks: GridSettings, features: Features) -> dict[Slot, Order]:
    """Every second order of the grid rests; of these every tenth is of another size, so that it has to go."""
    _, diff = whole_plan(asks, features)
    return {
        w.slot: order(
            number,
            w.slot.side,
            w.lots if number % 20 else w.lots // 2,
            price=w.price,
            slot=w.slot,
            state=OrderState.OPEN,
        )
        for number, w in enumerate(diff.place)
        if number % 2 == 0
    }


def in_decimals(live: dict[Slot, Order]) -> dict[tuple[str, Decimal], DecimalOrder]:
    found = [
        DecimalOrder(o.side.value, SOL.price_decimal(o.price), SOL.size_decimal(o.lots))
        for o in live.values()
    ]
    return {(o.side, o.price): o for o in found}


def _plans() -> list[Row]:
    result: list[Row] = []
    whole: dict[int, float] = {}
    after: dict[int, float] = {}
    for levels in SIZES:
        ours, theirs = _whole(levels)
        fills, rebuilt = _after_a_fill(levels)
        whole[levels], after[levels] = percentile(ours, 0.5), percentile(fills, 0.5)
        for part, name in ((0.5, "p50"), (0.99, "p99")):
            result += [
                _beside(f"whole plan, {levels} a side, {name}", ours, "Decimal, whole", theirs, part),
                _beside(
                    f"after a fill, {levels} a side, {name}",
                    fills,
                    "Decimal, whole",
                    rebuilt,
                    part,
                    _GOAL if part == 0.5 and levels == 200 else None,
                ),
            ]
    result.append(_growth("whole plan", whole, None))
    result.append(_growth("after a fill", after, _FLAT))
    return result


def _whole(levels: int) -> tuple[list[float], list[float]]:
    asks, (features, bars) = asked(levels), market()
    peer, mid = peer_of(asks, bars), SOL.price_decimal(MID)
    half = SOL.price_decimal(100)
    ours, theirs = list[float](), list[float]()
    live = half_resting(asks, features)
    same = in_decimals(live)
    for _ in range(_FULL_ROUNDS[levels]):
        _, diff = _timed(ours, whole_plan, asks, features, live)
        cancel, place = _timed(theirs, peer.plan, mid, mid - half, mid + half, Decimal(0), {}, same)
        assert (len(diff.cancel), len(diff.place)) == (len(cancel), len(place)), "the same plan"
    return ours, theirs


def _after_a_fill(levels: int) -> tuple[list[float], list[float]]:
    """Ours: the coin's next plan, with the order that follows; theirs: everything anew with the cell that changed."""
    bench = ready(levels)
    grid = bench.coin.grid
    assert grid is not None
    peer, mid, half = peer_of(bench.coin.config.grid, DecimalBars()), SOL.price_decimal(MID), Decimal("0.01")
    size = SOL.size_decimal(grid.lots)
    middle = SOL.price_decimal(grid.center)
    spacing = peer.spacing_at(mid)
    live = {(o.side, o.price): o for o in peer.wanted(middle, spacing, {})}
    first = max((key for key in live if key[0] == "buy"), key=lambda key: key[1])
    left = {key: order for key, order in live.items() if key != first}
    ours, theirs = list[float](), list[float]()
    for number in range(_FILLS):
        _fill_best(bench, Side.SELL if number % 2 else Side.BUY)
        (order,) = placed(_timed(ours, plan, bench.coin, True, bench.now))
        bench.coin.apply_place(order.cloid, Resting(bench.next_oid()), bench.now)
        if number < _FULL_ROUNDS[levels]:
            args = mid, mid - half, mid + half, size, {-1: size}, left, middle
            _, place = _timed(theirs, peer.plan, *args)
            assert [each.side for each in place] == ["sell"], place
    return ours, theirs


def _fill_best(bench: Bench, side: Side) -> None:
    """The best order of a side trades, as the engine takes it in, but for the plan."""
    bench.ms += 10
    order = best(bench.coin, side)
    bench.coin.apply_fills([_fill_of(bench, order)], bench.now)


# -- the whole step ----------------------------------------------------------------------------------------------------


def ready(levels: int, **changes: Any) -> Bench:
    """An engine whose grid rests, all of it."""
    asks = asked(levels, **{"widens": False, **changes})
    bench = Bench(make_engine())
    coin = bench.coin
    coin.config = replace(coin.config, grid=asks)
    batch = placed(bench.start())
    while batch:
        batch = placed(bench.rest(batch))
    assert coin.plan is not None
    assert {order.state for order in bench.live} == {OrderState.OPEN}
    bench.done.clear()
    return bench


def _steps() -> list[Row]:
    took = {levels: _steps_of(ready(levels)) for levels in SIZES}
    result = [
        row(f"step: {what}, {levels} a side, {name}", percentile(times, part), "µs")
        for levels, of_size in took.items()
        for what, times in of_size.items()
        for part, name in ((0.5, "p50"), (0.99, "p99"))
    ]
    for what in took[SIZES[0]]:
        medians = {levels: percentile(took[levels][what], 0.5) for levels in SIZES}
        result.append(_growth(f"step: {what}", medians, _FLAT if what != "snapshot" else None))
    half = ready(200, cap_micro=100 * 100_000_000)
    blocked = len(half.coin.blocked)
    result += [
        row(f"step: {what}, 200 a side, {blocked} past the cap, p50", percentile(times, 0.5), "µs")
        for what, times in _steps_of(half).items()
    ]
    return result


def _coins() -> list[Row]:
    """A quote that changes nothing, of one coin alone and of one of six, in turn, whose grids all rest."""
    engines = {number: _ready_coins(number) for number in (1, _COINS)}
    took: dict[int, list[float]] = {number: [] for number in engines}
    for turn in range(_QUOTES):
        for number, bench in engines.items():
            bench.ms += 10
            name = list(bench.engine.coins)[turn % number]
            event = quote(half=100 + turn // number % 2, coin=name)
            effects = _timed(took[number], bench.engine.step, event, bench.now)
            assert effects == []
    alone, among = (percentile(times, 0.5) for times in took.values())
    name = f"step: a quote that changes nothing, of one of {_COINS} coins, p50"
    return [row(name, among, "µs", "of one coin alone", alone, 0.5, less_is_better=True)]


def _ready_coins(number: int) -> Bench:
    """An engine of so many coins, each with its grid of 30 levels a side at rest."""
    traded = (SOL, *(replace(SOL, coin=f"SOL{n}") for n in range(1, number)))
    bench = Bench(make_engine(*traded))
    for coin in bench.engine.coins.values():
        coin.config = replace(coin.config, grid=asked(SIZES[0], widens=False))
    batch = placed([*bench.start(), *bench.step(*(quote(coin=each.coin) for each in traded[1:]))])
    while batch:
        batch = placed(bench.rest(batch))
    assert all(len(coin.live_grid_orders()) == 2 * SIZES[0] for coin in bench.engine.coins.values())
    bench.step(*(quote(coin=each.coin) for each in traded))
    return bench


def _steps_of(bench: Bench) -> dict[str, list[float]]:
    """A fill, the answer to the order that follows, a quote and a tick, many times over; and Snapshots."""
    engine = bench.engine
    took: dict[str, list[float]] = {
        name: [] for name in ("a fill", "an answer", "a quote", "a tick", "snapshot")
    }
    for number in range(_FILLS):
        bench.ms += 10
        one = _fill_of(bench, best(bench.coin, Side.SELL if number % 2 else Side.BUY))
        effects = _timed(took["a fill"], engine.step, FillsCommitted((one,)), bench.now)
        answer = PlaceOutcome(tuple((o.cloid, Resting(bench.next_oid())) for o in placed(effects)))
        _timed(took["an answer"], engine.step, answer, bench.now)
        _timed(took["a quote"], engine.step, quote(half=100 + number % 2), bench.now)
        _timed(took["a tick"], engine.step, Tick(bench.now.wall_ms, 1.0), bench.now)
    for _ in range(_SNAPSHOTS):
        _timed(took["snapshot"], build_snapshot, engine, "paper", bench.now)
    return took


def best(coin: Coin, side: Side) -> Order:
    """The live order of the grid that the market reaches first."""
    own = coin.orders.own
    price = own.top_buy() if side is Side.BUY else own.low_sell()
    (cloid,) = own.by_price[side, price]
    return coin.orders.by_cloid[cloid]


def _fill_of(bench: Bench, order: Order) -> Fill:
    start, trade_id, order_id = bench.coin.ledger.lots, bench.next_oid(), order.order_id or 1
    return fill(
        lots=order.remaining, start=start, ms=bench.ms, trade_id=trade_id, of=order, order_id=order_id
    )


def _beside(
    name: str, ours: list[float], baseline: str, theirs: list[float], part: float, goal: float | None = None
) -> Row:
    there = percentile(theirs, part)
    return row(name, percentile(ours, part), "µs", baseline, there, goal, less_is_better=True)


def _growth(what: str, medians: dict[int, float], goal: float | None) -> Row:
    """The most levels beside the fewest."""
    most, fewest = max(medians), min(medians)
    name, there = f"{what}, {most:,} a side, p50", medians[fewest]
    return row(name, medians[most], "µs", f"{fewest} a side", there, goal, less_is_better=True)


def _timed(took: list[float], work: Callable[..., T], *args: Any) -> T:
    """What it gives; what it took, in microseconds, goes into ``took``."""
    started = time.perf_counter()
    result = work(*args)
    took.append((time.perf_counter() - started) * 1e6)
    return result
