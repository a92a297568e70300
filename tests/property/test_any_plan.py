"""Every plan, for every asset that a real ``meta`` lists and any price from 0.0000012 to 150,000 USD."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count, pairwise
from pathlib import Path

import hypothesis
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.domain.grid import PPB, Direction, GridRow, Spacing
from core.domain.instrument import Instrument
from core.domain.orders import Order, OrderState, Side, Slot
from core.engine.grid_calculator import Gate, GridDiff, compute_grid_diff, compute_spacing, spacing_floor
from core.engine.grid_settings import Conditions, GridSettings
from core.engine.grid_sizing import GridImpossibleError
from core.engine.levels import Scales, wanted_levels, wants_of_cell
from core.engine.plan_validator import OwnPrices, Quotes, validate_plan
from core.engine.quoting import plan
from core.engine.risk_engine import Exposure, RiskLimits
from core.engine.skew import Skew, SkewSettings
from core.engine.strategies import STRATEGIES, Ask
from tests.bench.decimal_grid import DecimalGrid
from tests.unit.engine.builders import Bench, make_engine, order
from tests.unit.engine.builders import settings as usual

META = Path(__file__).parents[1] / "unit/domain/data/meta_mainnet_2023-07-17.json"
"""Recorded; its README says where."""

ASSETS = [
    Instrument(row["name"], number, row["szDecimals"], row["maxLeverage"])
    for number, row in enumerate(json.loads(META.read_text())["universe"])
]
LOWEST, HIGHEST = Decimal("0.0000012"), 150_000

timeless = hypothesis.settings(deadline=None)


@dataclass(frozen=True)
class Case:
    """A grid as some operator has it, and the market beside it."""

    asset: Instrument
    settings: GridSettings
    grid: GridRow
    quotes: Quotes

    def gate(self, live: list[Order], position: int) -> Gate:
        buys = sum(o.remaining for o in live if o.side is Side.BUY)
        sells = sum(o.remaining for o in live if o.side is Side.SELL)
        limits = RiskLimits(self.grid.cap_long, self.grid.cap_short, 2 * self.grid.lots)
        exposure = Exposure(position, buys, sells)
        return Gate(self.asset, exposure, limits, self.quotes, {}, OwnPrices.of(live))

    def diff(self, live: dict[Slot, Order], traded: dict[int, int]) -> GridDiff:
        wanted = wanted_levels(self.grid, self.asset, traded)
        extra = [o for slot, o in live.items() if slot not in {w.slot for w in wanted}]
        gate = self.gate(list(live.values()), sum(traded.values()))
        least = max(self.asset.min_lots(self.grid.center), self.grid.lots // 4)
        found = compute_grid_diff(wanted, live, extra, gate, least)
        validate_plan(found.place, gate.own, self.quotes, self.asset)
        return found


@st.composite
def prices(draw: st.DrawFn, asset: Instrument) -> int:
    """In price units: anywhere, or among the few units where rounding is coarsest."""
    scale = 10**asset.price_decimals
    least = max(1, int(LOWEST * scale))
    return draw(st.integers(least, HIGHEST * scale) | st.integers(least, 5_000))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    asset = draw(st.sampled_from(ASSETS))
    mid = draw(prices(asset))
    levels = draw(st.integers(1, 30))
    direction = draw(st.sampled_from(Direction))
    lots = asset.min_lots(mid) * draw(st.integers(2, 40))
    settings = usual(
        levels=levels,
        spacing_ppb=draw(st.integers(1, 30_000_000)),
        spacing_max_ppb=30_000_000,
        size_micro=lots * mid,
        cap_micro=lots * mid * draw(st.integers(1, 2 * levels)),
        spacing=draw(st.sampled_from(Spacing)),
        direction=direction,
        jitter_ppb=draw(st.sampled_from([0, PPB // 4])),
    )
    gap = asset.tick(mid) * draw(st.integers(0, 3))
    bid, ask = asset.round_price_down(mid - gap), asset.round_price_up(mid + gap)
    grid = _built(settings, asset, mid)
    assume(grid is not None)
    assert grid is not None
    return Case(asset, settings, replace(grid, entry=0), Quotes(bid or None, ask))


def _built(settings: GridSettings, asset: Instrument, mid: int) -> GridRow | None:
    """``None`` where no grid is possible; then the sentence has the fix in it."""
    try:
        return STRATEGIES["grid"].build(Ask(settings, asset, 2 * mid, 0, trails=True))
    except GridImpossibleError as refused:
        text = str(refused)
    assert "raise HL_" in text or "lower HL_" in text or "raise the maximum" in text, text
    return None


def apply(diff: GridDiff, live: dict[Slot, Order], case: Case, numbers: count[int]) -> None:
    """The exchange does all of it."""
    gone = {o.cloid for o in diff.cancel}
    for slot in [slot for slot, o in live.items() if o.cloid in gone]:
        del live[slot]
    for level in diff.place:
        live[level.slot] = order(
            next(numbers),
            level.slot.side,
            level.lots,
            price=level.price,
            slot=level.slot,
            state=OrderState.OPEN,
        )


@timeless
@given(cases())
def test_every_plan_keeps_the_rules_of_the_exchange_by_the_text_that_is_sent(case: Case) -> None:
    asset, diff = case.asset, case.diff({}, {})
    exact: dict[Side, list[Decimal]] = {side: [] for side in Side}
    sizes: dict[Side, Decimal] = {side: Decimal(0) for side in Side}
    for level in diff.place:
        price, size = Decimal(asset.price_text(level.price)), Decimal(asset.size_text(level.lots))
        assert price == price.to_integral_value() or len(price.normalize().as_tuple().digits) <= 5
        assert _decimals(price) <= 6 - asset.sz_decimals
        assert _decimals(size) <= asset.sz_decimals
        assert price * size >= 10
        exact[level.slot.side].append(price)
        sizes[level.slot.side] += size
    for side, found in exact.items():
        nearest_first = found if side is Side.SELL else [-price for price in found]
        assert all(a < b for a, b in pairwise(nearest_first)), "monotone, and no price twice"
    bids, asks = exact[Side.BUY], exact[Side.SELL]
    assert not bids or not asks or bids[0] < asks[0]
    assert not bids or bids[0] < asset.price_decimal(case.quotes.ask or 0), "passive"
    assert not asks or asks[0] > asset.price_decimal(case.quotes.bid or 0), "passive"
    assert sizes[Side.BUY] <= asset.size_decimal(case.grid.cap_long)
    assert sizes[Side.SELL] <= asset.size_decimal(case.grid.cap_short)
    _reasons(case, diff)


def _reasons(case: Case, diff: GridDiff) -> None:
    wanted = {level.slot for level in wanted_levels(case.grid, case.asset, {})}
    assert {level.slot for level in diff.place} | {b.level.slot for b in diff.blocked} == wanted
    assert all(blocked.reason for blocked in diff.blocked), "each dropped level carries its reason"


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


@timeless
@given(cases(), st.data())
def test_a_diff_that_was_carried_out_leaves_nothing_to_do(case: Case, data: st.DataObject) -> None:
    live: dict[Slot, Order] = {}
    numbers = count(1)
    apply(case.diff(live, {}), live, case, numbers)
    again = case.diff(live, {})
    assert (again.cancel, again.place) == ((), ()), "the second diff is empty"
    assert again == case.diff(live, {}), "to look is to change nothing"
    traded = _some_fills(case, live, data)
    for _ in range(3):
        apply(case.diff(live, traded), live, case, numbers)
    last = case.diff(live, traded)
    assert (last.cancel, last.place) == ((), ())


def _some_fills(case: Case, live: dict[Slot, Order], data: st.DataObject) -> dict[int, int]:
    """Some orders trade, whole or in part: what is left of them stays, what traded is their cells'."""
    traded: dict[int, int] = {}
    struck = data.draw(st.lists(st.sampled_from(sorted(live)), unique=True, max_size=6)) if live else []
    for slot in struck:
        one = live[slot]
        lots = data.draw(st.integers(1, one.lots))
        traded[slot.index] = traded.get(slot.index, 0) + slot.side.sign * lots
        live[slot] = replace(one, filled=lots)
        if lots == one.lots:
            del live[slot]
    return traded


volatility = st.integers(0, 50_000_000)


@timeless
@given(st.sampled_from(ASSETS), st.data(), volatility, volatility, volatility, volatility, volatility)
def test_the_spacing_never_shrinks_as_the_market_gets_wilder_and_stays_between_floor_and_cap(
    asset: Instrument, data: st.DataObject, atr: int, sigma: int, more_atr: int, more_sigma: int, adverse: int
) -> None:
    price = data.draw(prices(asset))
    settings = usual(spacing_ppb=1_000_000, widens=True, tightens=data.draw(st.booleans()))
    _, floor = spacing_floor(settings, price, asset)
    assume(floor <= settings.spacing_max_ppb)
    calm = Conditions(atr, sigma, adverse_ppb=adverse)
    wild = Conditions(atr + more_atr, sigma + more_sigma, adverse_ppb=adverse)
    adverse_more = replace(calm, adverse_ppb=adverse + more_atr)
    chosen = [compute_spacing(settings, price, asset, each).ppb for each in (calm, wild, adverse_more)]
    assert chosen[0] <= chosen[1], "it answers volatility in one direction"
    assert chosen[2] <= chosen[0], "and tightening in the other"
    assert all(floor <= ppb <= settings.spacing_max_ppb for ppb in chosen)
    assert all(ppb >= settings.spacing_ppb for ppb in chosen), (
        "tightening takes back what was widened, no more"
    )


ratios = st.integers(0, 3 * PPB)


@timeless
@given(
    st.integers(1, 10**6),
    st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=8),
    ratios,
    ratios,
    ratios,
)
def test_the_skew_of_a_short_is_the_mirror_of_a_longs(
    target: int, path: list[int], soft: int, one_sided: int, hard: int
) -> None:
    long, short = (Skew(SkewSettings(soft, one_sided, hard)) for _ in range(2))
    for lots in path:
        of_long, of_short = long.look(lots, target), short.look(-lots, target)
        if lots:
            assert (of_long.buy_ppb, of_long.sell_ppb) == (of_short.sell_ppb, of_short.buy_ppb)
        assert (long.is_one_sided, long.is_hard) == (short.is_one_sided, short.is_hard)
        assert long.excess(lots, target) == short.excess(-lots, target)


@timeless
@given(
    st.integers(1, 1_000),
    st.integers(0, 20),
    st.integers(-1_000, 1_000),
    st.integers(0, 2 * PPB),
    st.integers(0, PPB),
)
def test_a_leaning_grid_wants_of_a_cell_below_what_its_mirror_wants_of_one_above(
    lots: int, cell: int, traded: int, adding: int, reducing: int
) -> None:
    asset = ASSETS[2]
    grid = GridRow(asset.coin, 1, 10**9, 10_000_000, 30, 30, lots, 0, 0, 0)
    above = wants_of_cell(grid, asset, cell, traded, Scales(adding, reducing))
    below = wants_of_cell(grid, asset, -1 - cell, -traded, Scales(reducing, adding))
    assert {w.slot.side: w.lots for w in above} == {w.slot.side.opposite: w.lots for w in below}


@timeless
@given(st.integers(1, 40), st.integers(500_000, 4_000_000), st.integers(20, 400), st.integers(1, 80))
def test_a_bot_in_decimals_finds_the_same_orders(
    levels: int, spacing: int, usd: int, cap_levels: int
) -> None:
    asset, mid = Instrument("SOL", 5, 2, 20), 2_093_700
    settings = usual(
        levels=levels, spacing_ppb=spacing, size_micro=usd * 10**6, cap_micro=cap_levels * usd * 10**6
    )
    grid = STRATEGIES["grid"].build(Ask(settings, asset, 2 * mid, 0, trails=True))
    case = Case(asset, settings, grid, Quotes(mid - 100, mid + 100))
    peer = DecimalGrid(
        2,
        levels,
        Decimal(spacing).scaleb(-9),
        Decimal("0.02"),
        Decimal("0.0003"),
        Decimal(usd),
        Decimal(cap_levels * usd),
    )
    bid, ask = asset.price_decimal(mid - 100), asset.price_decimal(mid + 100)
    quiet = Decimal(spacing).scaleb(-9)
    middle = peer.center_at(asset.price_decimal(mid))
    theirs = {(o.side, o.price, o.size) for o in peer.plan_at(middle, quiet, bid, ask, Decimal(0), {}, {})[1]}
    ours = {
        (w.slot.side.value, asset.price_decimal(w.price), asset.size_decimal(w.lots))
        for w in case.diff({}, {}).place
    }
    assert ours == theirs


@pytest.mark.parametrize("half_is_missing", [True, False])
def test_a_plan_that_is_computed_uses_nothing_up(half_is_missing: bool) -> None:
    bench = Bench(make_engine()).started()
    coin = bench.coin
    if half_is_missing:
        bench.coin.placing.add("an answer is waited for")
        best = max((o for o in bench.live if o.side is Side.BUY), key=lambda o: o.price)
        bench.trade(best)
    before = _state(bench)
    for _ in range(3):
        assert plan(coin, False, bench.now) == []
    assert _state(bench) == before
    bench.coin.placing.clear()
    effects = plan(coin, True, bench.now)
    assert bool(effects) is half_is_missing


def _state(bench: Bench) -> tuple[object, ...]:
    engine, coin = bench.engine, bench.coin
    return (
        engine._counter,
        engine.orders_sent,
        engine.cancels_sent,
        dict(coin.orders.by_cloid),
        dict(coin.orders.doubts),
        dict(coin.deferrals.by_slot),
        coin.blocked,
        coin.exposure,
        coin.ledger.version,
        coin.unwinding.next_mono_ms,
        coin.velocity.orders.used(bench.now),
        coin.velocity.lots.used(bench.now),
    )
