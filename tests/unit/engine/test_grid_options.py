"""Long and short, endless, following, waiting, leaving: what each option does between an engine and a little venue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from core.domain.commands import Action, Command, Origin
from core.domain.effects import Notify, SaveOrder
from core.domain.events import CommandReceived
from core.domain.grid import PPB, Direction
from core.domain.orders import OrderState, Purpose, Side, Tif
from core.engine.coin import Coin
from core.engine.grid_plan import GridPlan
from core.engine.grid_settings import Conditions, RangeExit, Trailing
from core.engine.range_exit import loss_per_pct
from core.engine.regridding import ask_of
from core.engine.skew import Skew, SkewSettings
from core.engine.stop_loss import StopLoss
from core.engine.strategies import STRATEGIES, Ask
from tests.unit.engine.builders import (
    MID,
    SOL,
    Bench,
    at,
    coin_config,
    grid_of,
    make_engine,
    notices,
    of_kind,
    placed,
    quote,
    settings,
)
from tests.unit.engine.venue import Venue

BUY, SELL = Side.BUY, Side.SELL


@dataclass
class Desk:
    bench: Bench
    venue: Venue

    @classmethod
    def of(cls, position: int = 0, config: dict[str, Any] | None = None, **changes: Any) -> Desk:
        bench = Bench(make_engine(position=position, **{"cap_micro": 10**9, **changes}))
        of_coin = coin_config(**{"cap_micro": 10**9, **changes})
        bench.coin.config = replace(of_coin, recenter_interval_ms=0, **(config or {}))
        return cls(bench, Venue(bench, position=position))

    def start(self, ms: int = 1_500) -> Desk:
        self.venue.take(self.bench.start(self.venue.position))
        self.venue.settle(ms)
        return self

    def move(self, mid: int, ms: int = 2_500) -> None:
        self.venue.move(mid)
        self.venue.settle(ms)

    def prices(self, side: Side) -> list[int]:
        return sorted(b.order.price for b in self.venue.resting(side))

    def sent(self, tif: Tif) -> list[Any]:
        return [o for o in placed(self.bench.done) if o.tif is tif]

    @property
    def coin(self) -> Coin:
        return self.bench.coin


# -- long and short -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("direction", "side"), [(Direction.LONG, BUY), (Direction.SHORT, SELL)])
def test_a_directed_grid_first_takes_what_it_will_earn_with(direction: Direction, side: Side) -> None:
    desk = Desk.of(direction=direction).start()
    entry = desk.sent(Tif.IOC)
    assert [(o.side, o.lots, o.purpose) for o in entry] == [(side, 50, Purpose.GRID)] * 3
    assert desk.venue.position == 150 * side.sign
    assert all((o.price - MID) * side.sign <= MID // 100 + 200 for o in entry), "one percent past the best"
    assert len(desk.prices(BUY)) == len(desk.prices(SELL)) == 3


@pytest.mark.parametrize(("direction", "sign"), [(Direction.LONG, 1), (Direction.SHORT, -1)])
def test_what_is_held_already_counts_nearest_cells_first(direction: Direction, sign: int) -> None:
    desk = Desk.of(position=120 * sign, direction=direction).start()
    assert [o.lots for o in desk.sent(Tif.IOC)] == [50]
    assert desk.venue.position == 170 * sign


def test_with_jitter_the_cells_that_begin_full_hold_no_more_than_is_there() -> None:
    for held in range(0, 200, 7):
        for generation in range(1, 20):
            grid = grid_of(settings(direction=Direction.LONG, jitter_ppb=PPB // 2), generation=generation)
            ask = Ask(
                settings(direction=Direction.LONG, jitter_ppb=PPB // 2, size_micro=10**8),
                SOL,
                2 * MID,
                0,
                held,
                trails=True,
                before=replace(grid, generation=generation),
            )
            built = STRATEGIES["grid"].build(ask)
            assert sum(built.start_lots(cell) for cell in range(built.above)) <= held


def test_a_long_grid_is_never_short_however_the_price_goes() -> None:
    desk = Desk.of(direction=Direction.LONG).start()
    for mid in (2_020_000, 2_045_000, 2_100_000, 2_090_000, 2_010_000, 1_950_000, 1_900_000, 2_000_000):
        desk.move(mid)
        assert desk.venue.position >= 0
        assert sum(b.remaining for b in desk.venue.resting(SELL)) <= desk.venue.position


def test_what_the_market_does_not_give_at_once_waits_for_its_line() -> None:
    desk = Desk.of(direction=Direction.LONG)
    desk.venue.take(desk.bench.start())
    first, *_ = desk.sent(Tif.IOC)
    desk.bench.coin.plan.add_traded(first.slot.index, 20)  # type: ignore[union-attr]
    desk.venue.requests.clear()
    desk.bench.after(100, quote())
    wanted = {w.slot.side: w for w in desk.coin.wanted if w.slot.index == first.slot.index}
    assert (wanted[BUY].lots, wanted[BUY].takes) == (30, False)
    assert wanted[SELL].lots == 20


def test_an_entry_that_found_nobody_is_tried_again_until_it_is_there() -> None:
    desk = Desk.of(direction=Direction.LONG)
    desk.venue.is_deaf = True
    desk.start(4_000)
    assert desk.venue.position == 0
    desk.venue.is_deaf = False
    desk.venue.settle(8_000)
    assert desk.venue.position == 150


def test_a_restart_in_the_middle_of_the_entry_buys_the_rest_and_no_more() -> None:
    desk = Desk.of(direction=Direction.LONG)
    desk.venue.take(desk.bench.start())
    grid = desk.coin.grid
    assert grid is not None
    after = Desk.of(position=50, direction=Direction.LONG)
    after.coin.start_grid(grid, {2: 50})
    after.start()
    assert [o.slot.index for o in after.sent(Tif.IOC) if o.slot] == [0, 1]
    assert after.venue.position == 150


def test_when_it_follows_the_price_its_inventory_counts() -> None:
    desk = Desk.of(direction=Direction.LONG).start()
    desk.move(1_950_000, 4_000)
    assert desk.coin.grid is not None
    assert desk.coin.grid.generation == 2
    assert desk.coin.grid.entry == 0
    assert desk.venue.position == 300, "what it bought on the way down, and nothing at the market"
    assert len(desk.sent(Tif.IOC)) == 3


# -- endless ------------------------------------------------------------------------------------------------------------


def test_the_window_of_an_endless_grid_follows_and_its_cells_keep_what_they_hold() -> None:
    desk = Desk.of(strategy="endless").start()
    desk.move(1_945_000)
    plan = desk.coin.plan
    assert plan is not None
    assert plan.grid.generation == 1
    assert plan.around in (-6, -5)
    held = desk.venue.position
    assert held == sum(plan.traded.values()) > 0
    desk.move(2_100_000, 4_000)
    assert plan.around == 10
    desk.move(2_000_000, 4_000)
    assert desk.coin.grid == plan.grid
    assert desk.venue.position == sum(plan.traded.values())


def test_a_price_halfway_between_two_lines_moves_no_orders() -> None:
    desk = Desk.of(strategy="endless").start()
    desk.move(2_005_100)
    sent = len(placed(desk.bench.done))
    for n in range(20):
        desk.move(2_005_000 + 400 * (n % 2) - 200, 500)
    assert len(placed(desk.bench.done)) == sent


@pytest.mark.parametrize("mid", [2_004_000, 2_005_500, 2_006_500, 2_014_900])
def test_an_endless_grid_is_planned_the_same_after_a_restart(mid: int) -> None:
    desk = Desk.of(strategy="endless").start()
    desk.move(2_003_000)
    desk.move(mid, 4_000)
    before = desk.coin.plan
    assert before is not None
    again = GridPlan(before.grid, SOL, dict(before.traded))
    again.follow(2 * mid, desk.coin.orders)
    again.update(desk.coin.orders)
    assert (again.around, again.wants, again.unwanted) == (before.around, before.wants, before.unwanted)


# -- when it follows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trailing", "up", "down"),
    [
        (Trailing(), True, True),
        (Trailing(up=False), False, True),
        (Trailing(down=False), True, False),
        (Trailing(high=2_040_000), False, True),
        (Trailing(low=1_960_000), True, False),
        (Trailing(low=1_900_000, high=2_100_000), True, True),
    ],
)
def test_it_follows_where_it_may(trailing: Trailing, up: bool, down: bool) -> None:
    for mid, follows in ((2_050_000, up), (1_950_000, down)):
        desk = Desk.of(trailing=trailing).start()
        desk.move(mid)
        assert desk.coin.grid is not None
        assert (desk.coin.grid.generation == 2) is follows
        assert ("out_of_range" in notices(desk.bench.done)) is not follows


def test_with_a_reach_it_follows_before_the_price_has_left_it_and_stays_within_it() -> None:
    for reach, mid, follows in (
        (8_000_000, 2_015_000, False),
        (7_000_000, 2_015_000, True),
        (0, 2_015_000, False),
    ):
        desk = Desk.of(trailing=Trailing(reach_ppb=reach)).start()
        desk.move(mid)
        assert desk.coin.grid is not None
        assert (desk.coin.grid.generation == 2) is follows, reach


def test_the_first_grid_waits_for_its_trigger_and_not_again_after_a_restart() -> None:
    desk = Desk.of(config={"trigger_below": 1_990_000, "trigger_above": 2_030_000}).start()
    assert (desk.coin.grid, placed(desk.bench.done)) == (None, [])
    assert (
        desk.coin.idle_reason == "waiting for the trigger price: 199 or less or 203 or more, the mid is 200"
    )
    desk.move(1_990_000)
    grid = desk.coin.grid
    assert grid is not None
    assert len(desk.venue.resting()) == 6
    after = Desk.of(config={"trigger_below": 1_990_000, "trigger_above": 2_030_000})
    after.coin.start_grid(grid)
    after.start()
    assert len(after.venue.resting()) > 0


def test_a_trigger_is_met_at_its_very_price_from_either_side() -> None:
    for config, mid in (({"trigger_below": MID}, MID), ({"trigger_above": MID}, MID)):
        desk = Desk.of(config=config)
        desk.venue.mid = mid
        assert desk.start().coin.grid is not None


# -- sizes --------------------------------------------------------------------------------------------------------------


def test_a_profit_enlarges_the_next_grid_if_it_is_reinvested_and_a_loss_does_not_shrink_it() -> None:
    def lots(profit_micro: int, **changes: Any) -> int:
        asked = settings(leverage_ppb=2 * PPB, **changes)
        return (
            STRATEGIES["grid"].build(Ask(asked, SOL, 2 * MID, 0, trails=True, profit_micro=profit_micro)).lots
        )

    assert lots(60_000_000) == 50
    assert lots(60_000_000, reinvests=True) == 60, "60 USD at twofold leverage over six levels"
    assert lots(-60_000_000, reinvests=True) == 50


# -- what the market does -----------------------------------------------------------------------------------------------


def spacing(adverse: int = 0, atr: int = 0, vol: int = 0, **changes: Any) -> int:
    asked = settings(spacing_ppb=2_000_000, **changes)
    ask = Ask(asked, SOL, 2 * MID, 0, trails=True, conditions=Conditions(atr, vol, 0, adverse))
    return STRATEGIES["grid"].spacing(ask).ppb


def test_volatility_widens_by_half_the_range_and_two_and_a_half_deviations() -> None:
    assert spacing(atr=2_000_000, vol=400_000) == 2_000_000
    assert spacing(atr=2_000_000, vol=400_000, widens=True) == 4_000_000
    assert spacing(atr=10**9, widens=True) == 20_000_000, "never above the cap"


@pytest.mark.parametrize("adverse", [0, 10_000_000, 50_000_000, 10**9])
def test_tightening_takes_back_no_more_than_four_tenths_and_never_what_was_asked_for(adverse: int) -> None:
    wide = spacing(atr=8_000_000, widens=True)
    tight = spacing(adverse, atr=8_000_000, widens=True, tightens=True)
    assert wide * 6 // 10 <= tight <= wide
    assert spacing(adverse, atr=200_000, widens=True, tightens=True) >= 2_000_000
    assert spacing(adverse, tightens=True) == 2_000_000


@pytest.mark.parametrize(
    ("position", "mid", "adverse"),
    [
        (100, MID * 98 // 100, True),
        (100, MID * 102 // 100, False),
        (-100, MID * 102 // 100, True),
        (-100, MID * 98 // 100, False),
        (0, MID * 98 // 100, False),
    ],
)
def test_a_price_that_has_moved_against_what_is_held_is_adverse_and_one_with_it_is_not(
    position: int, mid: int, adverse: bool
) -> None:
    desk = Desk.of(position, config={"on_exit": RangeExit.HOLD}, widens=True, tightens=True).start()
    assert desk.coin.grid is not None
    found = ask_of(desk.coin, desk.coin.settings, 2 * mid, desk.bench.now).conditions.adverse_ppb
    assert found == (abs(desk.coin.grid.center - mid) * PPB // mid if adverse else 0)


def test_a_tightened_grid_is_not_widened_again_as_soon_as_the_price_stands_still() -> None:
    asked = settings(spacing_ppb=2_000_000, widens=True, tightens=True)
    grid = STRATEGIES["grid"]
    against = Conditions(atr_ppb=8_000_000, adverse_ppb=50_000_000)
    built = grid.build(Ask(asked, SOL, 2 * MID, 0, 100, against, trails=True))
    for adverse in (0, 50_000_000):
        conditions = replace(against, adverse_ppb=adverse)
        assert (
            grid.outgrown(built, Ask(asked, SOL, 2 * MID, 0, 100, conditions, before=built, trails=True))
            == ""
        )
    wilder = Conditions(atr_ppb=16_000_000)
    assert "the spacing is to be" in grid.outgrown(
        built, Ask(asked, SOL, 2 * MID, 0, 100, wilder, before=built, trails=True)
    )


def test_a_spacing_that_becomes_impossible_is_told_and_halts_nothing() -> None:
    desk = Desk.of(widens=True).start()
    desk.coin.config = replace(
        desk.coin.config, grid=replace(desk.coin.config.grid, round_trip_fee_ppb=30_000_000)
    )
    desk.move(MID + 1_000)
    assert desk.coin.halted == ""
    assert notices(desk.bench.done).count("grid_impossible") == 1


@pytest.mark.parametrize("trend", [-(10**9), -3_000_000, 0, 1_000_000, 10**9])
@pytest.mark.parametrize("most", [1_000_000, 4_000_000, 10**9])
def test_a_trend_shifts_the_whole_grid_by_half_a_spacing_at_most(trend: int, most: int) -> None:
    asked = settings(bias_max_ppb=most)
    grid = STRATEGIES["grid"].build(
        Ask(asked, SOL, 2 * MID, 0, trails=True, conditions=Conditions(trend_ppb=trend))
    )
    shift = grid.center - MID
    expected = max(-min(most, 2_500_000), min(most, 2_500_000, trend)) * MID // PPB
    assert abs(shift - expected) <= 1, "as far as the trend, no farther than the setting or half a spacing"
    assert grid.line(-1) < MID < grid.line(1)


# -- leaving ------------------------------------------------------------------------------------------------------------


def test_hold_waits_says_what_it_costs_and_says_when_it_is_over() -> None:
    desk = Desk.of(config={"on_exit": RangeExit.HOLD}).start()
    desk.move(1_950_000)
    assert desk.coin.leaving.where == "below"
    assert desk.coin.grid is not None
    assert desk.coin.grid.generation == 1
    assert desk.venue.position == 150
    (told,) = [e for e in of_kind(Notify, desk.bench.done) if e.name == "out_of_range"]
    fields = dict(told.fields)
    assert (fields["side"], fields["policy"], fields["edge"]) == ("below", "hold", "197")
    assert loss_per_pct(desk.coin) == Decimal("2.925"), "1.5 SOL at 195"
    desk.move(1_965_000)
    assert desk.coin.leaving.where == "below", "back beyond the last line only"
    desk.move(1_975_000)
    assert desk.coin.leaving.where == ""
    assert notices(desk.bench.done).count("back_in_range") == 1


def test_reduce_closes_bit_by_bit_while_it_is_outside() -> None:
    desk = Desk.of(config={"on_exit": RangeExit.REDUCE}).start()
    desk.move(1_950_000, 12_000)
    parts = [o for o in placed(desk.bench.done) if o.purpose is Purpose.REDUCE]
    assert [o.lots for o in parts][:2] == [37, 28]
    assert all(o.reduce_only for o in parts)
    assert not desk.venue.resting(BUY), "nothing is added meanwhile"
    desk.venue.settle(120_000)
    assert desk.venue.position == 0


def test_flatten_closes_and_halts_and_a_resume_begins_anew_around_the_price() -> None:
    desk = Desk.of(config={"on_exit": RangeExit.FLATTEN}).start()
    desk.move(1_950_000, 20_000)
    assert desk.coin.halted.startswith("range_exit: the mid 195 is below the grid's last line 197")
    assert desk.venue.position == 0
    assert not desk.venue.resting()
    desk.venue.take(desk.bench.ask(Action.RESUME))
    desk.venue.settle(5_000)
    assert desk.coin.halted == ""
    assert len(desk.venue.resting()) == 6


def test_a_take_profit_closes_and_halts_like_a_stop() -> None:
    desk = Desk.of(config={"take_high": 2_030_000}).start()
    desk.coin.stop_loss = StopLoss(take_high=2_030_000)
    desk.move(2_029_000)
    assert desk.coin.halted == ""
    desk.move(2_035_000, 20_000)
    assert desk.coin.halted.startswith("take_profit: the mid 203.5 is above 203 (HL_TAKE_PROFIT_HIGH)")
    assert desk.venue.position == 0
    desk.bench.ask(Action.RESUME, id_="again")
    assert desk.bench.outcome("again")[0] == "refused"


# -- orders that a new grid keeps -----------------------------------------------------------------------------------------


def moved_on(desk: Desk, mid: int = 2_011_000) -> set[str]:
    """A new grid two lines up; the cloids that rested before."""
    before = {b.order.cloid for b in desk.venue.resting()}
    desk.coin.wants_new_grid = True
    desk.move(mid, 4_000)
    assert desk.coin.grid is not None
    assert desk.coin.grid.generation == 2
    return before


def test_orders_at_the_prices_of_the_new_grid_stay_with_their_cloid_and_the_journal_knows_their_cell() -> (
    None
):
    desk = Desk.of().start()
    before = moved_on(desk, 2_009_000)
    kept = before & {b.order.cloid for b in desk.venue.resting()}
    assert len(kept) >= 4
    rows = {e.order.cloid: e.order for e in of_kind(SaveOrder, desk.bench.done)}
    for cloid in kept:
        slot = rows[cloid].slot
        assert slot is not None
        assert slot.generation == 2
        assert desk.coin.orders.by_slot[slot] == cloid
    kept_sell = next(b for b in desk.venue.resting(SELL) if b.order.cloid in kept)
    desk.venue.trade(kept_sell, kept_sell.remaining)
    desk.venue.settle(1_000)
    assert sum(desk.coin.plan.traded.values()) == -50  # type: ignore[union-attr]


@pytest.mark.parametrize("state", [OrderState.SENT, OrderState.UNKNOWN, OrderState.CANCELLING])
def test_an_order_in_doubt_is_never_given_another_cell(state: OrderState) -> None:
    desk = Desk.of().start()
    one = next(o for o in desk.bench.live if o.side is BUY)
    desk.coin.orders._store(replace(one, state=state))
    slot = one.slot
    plan = GridPlan(grid_of(settings(), generation=2), SOL)
    plan.update(desk.coin.orders)
    plan.adopt(desk.coin.orders)
    assert desk.coin.orders.by_cloid[one.cloid].slot == slot
    assert sum(o.slot is not None and o.slot.generation == 2 for o in desk.coin.orders.live()) == 5


def test_an_order_that_has_traded_stays_with_the_cell_that_it_traded_for() -> None:
    desk = Desk.of().start()
    one = desk.venue.resting(BUY)[0]
    desk.venue.trade(one, 10)
    desk.venue.settle(500)
    slot = desk.coin.orders.by_cloid[one.order.cloid].slot
    plan = GridPlan(grid_of(settings(), generation=2), SOL)
    plan.update(desk.coin.orders)
    plan.adopt(desk.coin.orders)
    assert desk.coin.orders.by_cloid[one.order.cloid].slot == slot


def test_after_a_kill_between_the_new_grid_and_its_orders_a_restart_keeps_them_too() -> None:
    first, after = Desk.of().start(), Desk.of()
    after.coin.start_grid(grid_of(settings(cap_micro=10**9), generation=2))
    for one in list(first.bench.live):
        after.coin.orders.restore(one, after.bench.now)
    after.venue.booked = first.venue.booked
    after.start(4_000)
    assert {b.order.cloid for b in after.venue.resting()} == {o.cloid for o in first.bench.live}
    assert placed(after.bench.done) == []
    assert {o.slot.generation for o in after.bench.live if o.slot} == {2}


def test_a_grid_that_was_asked_for_has_every_order_in_its_own_size() -> None:
    desk = Desk.of(levels=10, cap_micro=10**10).start()
    for value, count, lots in (("12", 24, 41), ("default", 20, 50)):
        desk.venue.tell(CommandReceived(Command(value, Action.SET_LEVELS, "SOL", Origin.CLI, value)))
        desk.venue.settle(5_000)
        assert [b.remaining for b in desk.venue.resting()] == [lots] * count


@pytest.mark.parametrize(("is_asked_for", "kept"), [(True, 0), (False, 6)])
def test_a_grid_that_moves_of_itself_keeps_an_order_of_nearly_its_size(is_asked_for: bool, kept: int) -> None:
    desk = Desk.of().start()
    grid = grid_of(settings(size_micro=110_000_000, cap_micro=10**10), generation=2)
    plan = GridPlan(grid, SOL, is_asked_for=is_asked_for)
    plan.update(desk.coin.orders)
    assert plan.adopt(desk.coin.orders) == kept


def test_a_restart_with_other_settings_asks_for_its_grid_and_one_with_the_same_goes_on() -> None:
    first = Desk.of().start()
    for size, is_asked_for in ((110_000_000, True), (100_000_000, False)):
        after = Desk.of(size_micro=size)
        after.coin.start_grid(first.coin.grid)  # type: ignore[arg-type]
        after.start()
        assert after.coin.plan is not None
        assert after.coin.plan.is_asked_for is is_asked_for


@pytest.mark.parametrize(("ticks", "kept"), [(0, 0), (3, 0), (4, 3), (6, 6), (1_000, 6)])
def test_within_the_threshold_an_old_order_serves_a_level_beside_it(ticks: int, kept: int) -> None:
    desk = Desk.of().start()
    grid = grid_of(settings(reprice_ticks=ticks), center=MID + 500, generation=2)
    plan = GridPlan(grid, SOL)
    plan.update(desk.coin.orders)
    assert plan.adopt(desk.coin.orders) == kept
    plan.update(desk.coin.orders)
    assert len(plan.unwanted) == 6 - kept


def test_no_threshold_lets_two_levels_share_an_order_or_reach_beyond_a_third_of_a_cell() -> None:
    desk = Desk.of().start()
    for offset in range(0, 10_000, 500):
        grid = grid_of(settings(reprice_ticks=1_000), center=MID + offset, generation=2)
        plan = GridPlan(grid, SOL)
        plan.update(desk.coin.orders)
        assert all(level.reach <= 3_400 for level in plan.wants.values())
        buys = [w.price + w.reach for w in plan.wants.values() if w.slot.side is BUY]
        sells = [w.price - w.reach for w in plan.wants.values() if w.slot.side is SELL]
        assert max(buys) < min(sells)


@pytest.mark.parametrize("direction", [Direction.LONG, Direction.SHORT])
def test_a_part_that_is_closed_leaves_what_rests_no_way_past_the_cap(direction: Direction) -> None:
    """I4: what is sold by a rule and what rests to be sold are never more together than is held."""
    sign = 1 if direction is Direction.LONG else -1
    skew = SkewSettings(hard_ppb=300_000_000)
    desk = Desk.of(150 * sign, {"skew": skew}, direction=direction, cap_micro=300_000_000)
    desk.bench.coin.skew = Skew(skew)
    desk.venue.take(desk.bench.start(150 * sign))
    for _ in range(200):
        while desk.venue.requests:
            desk.venue.serve()
        while desk.venue.inbox:
            desk.venue.deliver()
        effects = desk.bench.after(200, quote())
        exposure = desk.bench.coin.exposure
        worst = exposure.worst_short if sign > 0 else exposure.worst_long
        assert worst <= 0, "past a cap of nothing on the other side"
        desk.venue.take(effects)
    parts = [o for o in placed(desk.bench.done) if o.purpose is Purpose.REDUCE]
    assert parts, "parts are closed"
    assert abs(desk.bench.coin.ledger.lots) * 10 < 3 * 300


# -- stop and take ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mid", "reason"),
    [
        (1_899_999, "take_profit: the mid 189.9999 is below 190 (HL_TAKE_PROFIT_LOW)"),
        (1_900_000, ""),
        (2_100_000, ""),
        (2_100_001, "take_profit: the mid 210.0001 is above 210 (HL_TAKE_PROFIT_HIGH)"),
    ],
)
def test_a_profit_is_taken_past_either_of_its_prices_once_the_price_has_held(mid: int, reason: str) -> None:
    limits = StopLoss(take_low=1_900_000, take_high=2_100_000)
    assert limits.passed(2 * mid, SOL, at(0)) == ""
    assert limits.passed(2 * mid, SOL, at(999)) == ""
    assert limits.passed(2 * mid, SOL, at(1_000)) == reason
