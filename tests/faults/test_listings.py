"""The exchange changes a coin under our feet: other steps, or no trading at all (O12, T19)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from core.domain.orders import Side
from core.paper.config import PaperConfig
from core.paper.venue.orders import Order
from core.runtime.verify import verify_journal
from core.runtime.verify_online import compare_online
from core.view import CoinView, RunState
from tests.faults.pace import BRISK, pace
from tests.faults.world import GRID, WHOLE_WITHIN_S, World, living

BTC, ETH = "BTC", "ETH"


@pytest.fixture(autouse=True)
def brisk() -> Iterator[None]:
    with pace(BRISK):
        yield


@pytest_asyncio.fixture
async def two(tmp_path: Path) -> AsyncIterator[World]:
    """A world of two coins."""
    config = PaperConfig(market="synthetic:BTC=reverting,ETH=reverting", speed=1e-6, limits=False)
    async with living(tmp_path, config, (BTC, ETH)) as world:
        yield world


async def both_rest(world: World) -> None:
    await world.start(resting=None)
    await world.until(lambda: len(world.ours(BTC)) == len(world.ours(ETH)) == GRID, "both grids rest")
    await world.until(world.is_whole, "and are known to")


def best(world: World, side: Side, coin: str = BTC) -> Order:
    return max((o for o in world.ours(coin) if o.side is side), key=lambda o: o.price * side.sign)


def coarser(decimals: int) -> dict[str, Any]:
    return {"kind": "meta_change", "coin": BTC, "sz_decimals": decimals}


# -- other steps (O12) ---------------------------------------------------------------------------------------------


async def test_o12_when_a_coin_trades_in_coarser_steps_its_orders_do_and_the_other_coin_goes_on(
    two: World,
) -> None:
    await both_rest(two)
    two.hit(best(two, Side.BUY).remaining)
    await two.until(lambda: two.told("fill") and two.is_whole(), "bought")
    await two.faults(coarser(4))
    two.hit(best(two, Side.SELL).remaining, side=Side.BUY)
    (told,) = await two.until(lambda: two.told("instrument_changed"), "it is told of")
    assert (told["before"], told["now"], told["version"]) == (5, 4, 2)
    await two.until(
        lambda: len(two.ours()) >= GRID - 1 and all(o.remaining % 10 == 0 for o in two.ours()),
        "every order is of whole steps",
        WHOLE_WITHIN_S,
    )
    assert two.coin(BTC).state is RunState.RUNNING
    assert not two.told("circuit_break"), "a refusal for a size is no outage"
    assert two.coin(BTC).position == two.instrument().size_decimal(two.lots())
    assert len(two.ours(ETH)) == GRID
    await two.until(
        lambda: two.coin(BTC).fills.total == two.fill_count(), "fills count in the lots of before"
    )


async def test_o12_after_a_restart_lots_are_what_they_were(two: World) -> None:
    await both_rest(two)
    two.hit(best(two, Side.BUY).remaining // 10 * 10)
    await two.until(lambda: two.told("fill") and two.is_whole(), "something is held")
    held = two.lots()
    await two.faults(coarser(4))
    await two.crash()
    await two.start(resting=None)
    await two.until(
        lambda: (
            two.run.snapshots
            and two.snapshot.feed.ready
            and two.coin(BTC).position == two.instrument().size_decimal(held)
        ),
        "the position is the exchange's, to the lot",
    )
    await two.until(lambda: two.coin(BTC).state is RunState.RUNNING, "it goes on")
    await two.until(
        lambda: two.ours() and all(o.remaining % 10 == 0 for o in two.ours()),
        "in whole steps",
        WHOLE_WITHIN_S,
    )
    assert not two.told("position_drift")
    state = two.plan().state
    certificate = verify_journal(state.journal, is_running=True, now_ms=two.snapshot.time_ms)
    await compare_online(certificate, state)
    assert [check.rows for check in certificate.checks if not check.ok] == []


async def test_o12_a_position_that_is_no_whole_number_of_the_new_steps_halts_its_coin_and_says_what_to_do(
    two: World,
) -> None:
    await both_rest(two)
    await two.trade(Side.BUY, "0.00013")
    await two.until(lambda: two.coin(BTC).position == Decimal("0.00013"), "held")
    await two.faults(coarser(4))
    two.hit(best(two, Side.BUY).remaining)
    view: CoinView = await two.until(
        lambda: next((c for c in two.snapshot.coins if c.halt_reason.startswith("size_decimals")), None),
        "it halts",
        WHOLE_WITHIN_S,
    )
    assert view.coin == BTC
    assert "in steps of 0.0001 now; close the rest at the exchange, then resume" in view.halt_reason
    await two.until(lambda: not two.ours(BTC), "nothing of ours rests in it")
    assert two.coin(ETH).state is RunState.RUNNING
    assert len(two.ours(ETH)) == GRID
    assert two.coin(BTC).position == two.instrument().size_decimal(two.lots()), (
        "and its lots are counted still"
    )


# -- no trading at all (T19) ---------------------------------------------------------------------------------------


async def test_t19_a_coin_that_is_delisted_halts_and_the_others_go_on(two: World) -> None:
    await both_rest(two)
    two.hit(best(two, Side.BUY).remaining)
    await two.until(lambda: two.told("fill") and two.is_whole(), "something is held of it")
    await two.faults({"kind": "delist", "coin": BTC})
    await two.until(lambda: two.is_halted("delisted"), "it halts", WHOLE_WITHIN_S)
    assert len(two.told("coin_delisted")) == 1
    assert two.coin(BTC).state is RunState.HALTED
    await two.until(lambda: two.coin(BTC).position == 0, "what was held is settled, and that is a fill")
    generation = two.snapshot.feed.generation
    two.hit(best(two, Side.BUY, ETH).remaining, coin=ETH)
    await two.until(lambda: two.coin(ETH).fills.total == 1 and len(two.ours(ETH)) == GRID, "the other trades")
    seen = two.snapshot.time_ms
    await two.until(lambda: two.snapshot.time_ms > seen + 8_000, "eight seconds pass", 20)
    assert two.coin(ETH).state is RunState.RUNNING
    assert not two.coin(ETH).idle_reason
    assert two.snapshot.feed.generation == generation, "its quiet book is no reason to connect again"
    assert len([t for t in two.told("order_rejected") if t["coin"] == BTC]) <= GRID, "no storm of refusals"
    assert not two.told("circuit_break")


async def test_t19_the_halt_outlives_a_kill(two: World) -> None:
    await both_rest(two)
    await two.faults({"kind": "delist", "coin": BTC})
    await two.until(lambda: two.is_halted("delisted"), "it halts", WHOLE_WITHIN_S)
    await two.crash()
    ((reason,),) = two.rows("SELECT reason FROM halts WHERE lifted_ms IS NULL")
    assert reason.startswith("delisted: the exchange doesn't trade BTC any more")
    assert "take it out of the coins" in reason
