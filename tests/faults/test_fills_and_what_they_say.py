"""Fills that look alike, or odd: twins, colliding ids, times from elsewhere, fees in other tokens (F4, F5, F22, F23)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.orders import Side
from core.paper.config import PaperConfig
from core.runtime.verify import verify_journal
from tests.faults.oddities import one_moment, one_trade_id, rewritten, stamped
from tests.faults.world import World, living

HOUR_MS = 3_600_000
TWO_COINS = PaperConfig(market="synthetic:BTC=reverting,ETH=reverting", speed=1e-6, limits=False)


async def test_f04_fills_that_differ_in_nothing_but_their_trade_id_all_count(world: World) -> None:
    await world.start()
    world.hit(40, 40, 40)
    truth = await world.check()
    assert len(truth["fills"]) == 3
    for name in ("oid", "time", "px", "sz"):
        assert len({row[name] for row in truth["fills"]}) == 1
    assert world.coin().position == Decimal("0.0012")


async def test_f05_a_trade_id_that_comes_again_at_another_time_or_coin_is_another_fill(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, TWO_COINS, coins=("BTC", "ETH")) as world:
        await world.start(resting=None)
        await world.until(world.is_whole, "both grids rest")
        with one_trade_id(world):
            with one_moment(world):
                for coin in ("BTC", "ETH"):
                    world.hit(40, coin=coin)
                    await world.turn()
            world.hit(40, coin="BTC")
            truth = await world.check()
            assert len(truth["fills"]) == 3
            assert len({row["tid"] for row in truth["fills"]}) == 1
            assert len({row["time"] for row in truth["fills"]}) == 2
            assert [c.fills.total for c in world.snapshot.coins] == [2, 1]


@pytest.mark.parametrize("shift_ms", [2 * HOUR_MS, -30 * HOUR_MS], ids=["future", "old"])
async def test_f22_a_fill_with_a_time_from_elsewhere_is_told_of_and_applied_all_the_same(
    world: World, shift_ms: int
) -> None:
    await world.start()
    world.hit(30)
    await world.until(lambda: world.coin().fills.total == 1, "one of now")
    with stamped(world, shift_ms):
        world.hit(40)
    await world.until(lambda: world.told("fill_timestamp_anomaly"), "it is told of")
    await world.until(lambda: world.coin().fills.total == 2, "and applied")
    world.hit(50)
    await world.check("fill_timestamp_anomaly")
    assert world.coin().position == Decimal("0.0012")
    await world.crash()
    await world.start(resting=None)
    await world.until(lambda: world.run.snapshots, "it is back")
    world.hit(60)
    await world.check()
    assert world.coin().position == Decimal("0.0018")
    found = verify_journal(world.plan().state.journal, True, world.venue.now_ms())
    assert found.verified, found.as_text()


async def test_f22_fills_go_on_in_their_order_when_the_exchanges_clock_is_set_back(world: World) -> None:
    await world.start()
    world.hit(30)
    await world.until(lambda: world.coin().fills.total == 1, "one before it")
    with stamped(world, -2_000):
        for lots in (40, 20):
            world.hit(lots)
        world.hit(50, side=Side.BUY)
    await world.until(lambda: world.coin().fills.sells, "all are applied")
    world.hit(60)
    await world.check()
    found = verify_journal(world.plan().state.journal, True, world.venue.now_ms())
    assert found.verified, found.as_text()


async def test_f23_fees_in_other_tokens_are_listed_and_only_usdc_counts_in_the_profit(world: World) -> None:
    await world.start()
    world.hit(100)
    await world.until(lambda: world.coin().fills.total == 1, "a fee in USDC")
    usdc = world.coin().fees_usd
    assert usdc > 0
    with rewritten({"feeToken": "HYPE", "fee": "0.25"}, Side.SELL):
        world.hit(100, side=Side.BUY)
        await world.until(lambda: world.coin().fills.total == 2, "a fee in another token")
        assert world.coin().fees_usd == usdc
        await world.check()
        assert world.rows("SELECT fee, fee_token FROM fills WHERE side = 'sell'") == [("0.25", "HYPE")]
        assert dict(world.coin().other_fees) == {"HYPE": Decimal("0.25")}
        await world.crash()
        await world.start(resting=None)
        await world.until(world.is_whole, "the same after a restart")
        assert world.coin().fees_usd == usdc
        assert dict(world.coin().other_fees) == {"HYPE": Decimal("0.25")}


async def test_f23_a_rebate_is_a_negative_fee_and_a_builders_share_is_in_the_fee(world: World) -> None:
    await world.start()
    with rewritten({"fee": "-0.033", "builderFee": "0.011"}):
        world.hit(100)
        await world.check()
        assert world.coin().fees_usd == Decimal("-0.033")
