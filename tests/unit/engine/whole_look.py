"""What is kept up to date bit by bit, held against a look at everything."""

from __future__ import annotations

from core.domain.clock import Instant
from core.domain.orders import Order, Purpose, Side
from core.engine.coin import Coin
from core.engine.fill_guarantor import chain_breaks
from core.engine.grid_calculator import build_filtered_levels, is_fit
from core.engine.levels import wants_of_cell
from core.engine.own_orders import Resting
from core.engine.quoting import gate_of


def check_sums(coin: Coin) -> None:
    """Own orders and the chain of fills."""
    live, own, ledger = list(coin.orders.live()), coin.orders.own, coin.ledger
    for side in Side:
        mine = [order for order in coin.live_grid_orders() if order.side is side]
        assert own.resting(side) == Resting.of(mine)
    assert own.top_buy() == max((o.price for o in coin.live_grid_orders() if o.side is Side.BUY), default=0)
    assert own.low_sell() == min((o.price for o in coin.live_grid_orders() if o.side is Side.SELL), default=0)
    sums = {side: sum(o.remaining for o in live if o.side is side) for side in Side}
    assert (own.buys, own.sells) == (sums[Side.BUY], sums[Side.SELL])
    for purpose in set(Purpose) - {Purpose.GRID}:
        assert coin.orders.live_of(purpose) == [o for o in live if o.purpose is purpose]
    assert set(own.by_price) == {(o.side, o.price) for o in live}
    assert ledger.breaks() == chain_breaks(ledger._window, ledger.base.lots if ledger._window else None)


def check_plan(coin: Coin, now: Instant) -> None:
    """What the cells want, what is missing, what isn't wanted, and what of it may be placed."""
    plan = coin.plan
    if plan is None:
        return
    plan.update(coin.orders)
    wants = {
        level.slot: level
        for cell in plan.cells
        for level in wants_of_cell(plan.grid, plan.instrument, cell, plan.traded.get(cell), plan.scales)
    }
    enough = {s: w for s, w in wants.items() if w.lots >= plan.instrument.min_lots(w.price)}
    assert plan.wants == enough
    assert plan.waiting == {s: w for s, w in wants.items() if s not in enough}
    live = {slot: coin.orders.by_cloid[cloid] for slot, cloid in coin.orders.by_slot.items()}
    assert plan.missing == {s: w for s, w in enough.items() if s not in live}
    assert plan.unwanted == {s: o for s, o in live.items() if not _serves(coin, o, s in enough)}
    gate = gate_of(coin, plan.grid, now)
    found = coin.filtered.look(plan, coin.orders.own.version, gate)
    assert found == build_filtered_levels(plan.in_order(), gate)


def _serves(coin: Coin, order: Order, is_wanted: bool) -> bool:
    plan = coin.plan
    assert plan is not None
    assert order.slot is not None
    return is_wanted and is_fit(order, plan.wants[order.slot], plan.min_change_lots)
