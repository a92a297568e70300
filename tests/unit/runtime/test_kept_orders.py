"""A new grid's row and the new slots of the orders that it keeps are one commit: a kill leaves both or neither (ADR 7)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.domain.effects import Effect, SaveGrid, SaveOrder
from core.domain.events import OpenOrdersObserved
from core.domain.fills import Fill
from core.domain.orders import Order, OrderState, Side
from core.journal.batch import Batch
from tests.unit.engine.builders import (
    MID,
    Bench,
    account,
    cancelled,
    coin_config,
    fill,
    of_kind,
    placed,
    quote,
    remote,
)
from tests.unit.journal.desk import opened
from tests.unit.runtime.lives import Lives

AWAY = MID + 42_000
"""Past the last line by more than a spacing."""


@pytest.mark.parametrize("is_committed", [False, True])
async def test_a_kill_beside_a_kept_orders_new_slot_leaves_it_in_the_slot_of_the_grid_that_there_is(
    tmp_path: Path, is_committed: bool
) -> None:
    path = tmp_path / "journal.db"
    async with opened(path) as journal:
        lives = Lives(journal, path, replace(coin_config(), recenter_interval_ms=0))
        bench = await lives.begin()
        wanted = bench.start()
        await lives.keep([*wanted, *bench.rest(placed(wanted))])
        for sell in sorted((o for o in bench.live if o.side is Side.SELL), key=lambda o: o.price):
            bench.ms += 500
            bench.step(quote(sell.price))
            wanted = bench.step(await lives.commit(_trade(bench, sell)))
            await lives.keep([*wanted, *bench.rest(placed(wanted))])
        rested = [o for o in bench.live if o.state is OrderState.OPEN]
        held = bench.coin.ledger.lots
        step = _recentered(bench)
        moved = {s.order.cloid for s in of_kind(SaveOrder, step) if _generation(s.order) == 2}
        moved &= {o.cloid for o in rested}
        assert moved, "some rest at prices of the new grid"
        batch = Batch(bench.now.venue_ms)
        for effect in step:
            batch.take(effect)
        assert batch.grids
        assert moved <= {o.cloid for o in batch.orders}, "one batch is one transaction"
        if is_committed:
            await journal.commit(batch)
        after = await lives.begin()
        assert after.coin.grid is not None
        assert after.coin.grid.generation == (2 if is_committed else 1)
        assert {o.cloid for o in after.live if _generation(o) == 2 and o.state is OrderState.OPEN} == (
            moved if is_committed else set()
        )
        after.connect()
        after.step(
            OpenOrdersObserved(tuple(map(remote, rested)), after.now.mono_ms), account(held, after.now)
        )
        out = [e for _ in range(3) for e in after.after(1_000, quote(AWAY))]
        assert after.coin.grid.generation == 2
        assert not {o.cloid for o in cancelled(out)} & moved, "they keep their place in the queue"
        taken = {(o.side, o.price) for o in rested if o.cloid in moved}
        assert not {(o.side, o.price) for o in placed(out)} & taken


def _generation(order: Order) -> int:
    return order.slot.generation if order.slot else 0


def _trade(bench: Bench, order: Order) -> Fill:
    return fill(
        lots=order.lots,
        start=bench.coin.ledger.lots,
        ms=bench.ms,
        trade_id=bench.next_oid(),
        of=order,
        order_id=bench.coin.orders.by_cloid[order.cloid].order_id or 1,
    )


def _recentered(bench: Bench) -> list[Effect]:
    """The step that builds the second grid."""
    for _ in range(10):
        step = bench.after(1_000, quote(AWAY))
        if of_kind(SaveGrid, step):
            return step
    raise AssertionError("the grid did not follow")
