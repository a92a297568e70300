"""A market that closes, over the wire: what rests, what is held, what a restart does; and a quiet coin that is no dead feed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.domain.orders import Side
from core.domain.sessions import CALENDARS, Session
from core.engine import unwinding
from core.paper.config import PaperConfig
from tests.faults.pace import WATCHFUL, pace
from tests.faults.world import GRID, World, living

TWO = PaperConfig("synthetic:BTC=reverting,ETH=trending", speed=1e-6, limits=False)
CLOSES: dict[str, Any] = {"session_calendar": "us_equities", "session_margin_min": 0}


@dataclass
class Bell:
    """A calendar whose bell the test rings: nobody knows beforehand."""

    is_open: bool = True
    since_ms: int = 0

    def __call__(self, ms: int) -> Session:
        return Session(self.is_open, self.since_ms, ms + 50, "regular hours" if self.is_open else "overnight")

    def ring(self, world: World) -> None:
        self.is_open, self.since_ms = not self.is_open, world.venue.now_ms()


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bell]:
    found = Bell()
    monkeypatch.setitem(CALENDARS, "us_equities", found)
    with pace({unwinding: {"EVERY_MS": 50}}):
        yield found


async def rests_closed(world: World) -> None:
    await world.until(
        lambda: (
            world.coin().idle_reason.startswith("session closed") and not world.lots() and not world.ours()
        ),
        "flat, and nothing rests",
        30,
    )


@pytest.mark.parametrize("policy", ["reduce", "flatten"])
async def test_a_position_is_gone_while_its_market_is_closed_and_the_grid_back_when_it_opens(
    tmp_path: Path, bell: Bell, policy: str
) -> None:
    async with living(tmp_path, **CLOSES, closed_session=policy) as world:
        await world.start()
        world.hit(100_000, side=Side.SELL)
        await world.until(lambda: world.coin().position > 0, "it holds something")
        bell.ring(world)
        await rests_closed(world)
        assert world.coin().halt_reason == ""
        filled = world.fill_count()

        await world.crash()
        await world.start(resting=None)
        await world.until(lambda: world.run.snapshots, "it is up again")
        await rests_closed(world)
        await world.turn()
        assert world.fill_count() == filled, "a restart while closed does nothing"
        assert not world.ours()
        assert world.coin().session.startswith("closed (overnight) until")

        bell.ring(world)
        world.move(0.5)
        await world.check("session_closed", "session_opened", "grid_recentered")
        assert len(world.ours()) == GRID
        assert world.rows("SELECT * FROM halts") == []


async def test_a_kept_grid_rests_through_a_restart_and_follows_only_after_the_open(
    tmp_path: Path, bell: Bell
) -> None:
    async with living(tmp_path, **CLOSES, closed_session="keep") as world:
        await world.start()
        sells = {order.cloid for order in world.ours() if order.side is Side.SELL}
        bell.ring(world)
        await world.until(lambda: world.told("session_closed"), "it closes")
        world.move(-2.0)
        await world.until(lambda: world.coin().position > 0, "the lower half trades")
        await world.turn()
        assert world.coin().grid.generation == 1
        assert sells <= {order.cloid for order in world.ours()}, "the upper half rests on"
        await world.crash()
        await world.start(resting=None)
        await world.until(lambda: world.run.snapshots and world.snapshot.feed.ready, "it is up again")
        await world.turn()
        assert world.coin().grid.generation == 1
        bell.ring(world)
        world.move(0.01)
        await world.until(lambda: world.told("grid_recentered"), "it follows")
        await world.check("session_opened")


async def test_a_widened_grid_is_known_after_a_restart_and_back_at_the_open(
    tmp_path: Path, bell: Bell
) -> None:
    async with living(tmp_path, **CLOSES, closed_session="widen") as world:
        await world.start()
        usual = world.coin().grid
        bell.ring(world)
        await world.until(lambda: world.coin().grid.generation == 2 and world.is_whole(), "it is wide")
        assert world.coin().grid.center == usual.center
        assert world.coin().grid.spacing_pct == pytest.approx(3 * usual.spacing_pct)
        await world.crash()
        await world.start()
        assert world.coin().grid.generation == 2
        bell.ring(world)
        world.move(0.01)
        await world.until(lambda: world.coin().grid.generation == 3, "it is narrow again")
        await world.check("session_opened")
        assert world.coin().grid.spacing_pct == pytest.approx(usual.spacing_pct)


async def test_a_coin_that_stands_still_while_another_moves_is_no_stale_feed(tmp_path: Path) -> None:
    with pace(WATCHFUL):
        async with living(tmp_path, TWO, coins=("BTC", "ETH")) as world:
            await world.start(resting=None)
            await world.until(world.is_whole, "both rest")
            quiet_ms = world.coin("ETH").market_ms
            for number in range(60):
                world.move(-0.002 if number % 2 else 0.002)
                await world.turn()
            assert world.coin("ETH").market_ms == quiet_ms, "nothing came of it"
            assert world.coin("BTC").market_ms > quiet_ms
            assert world.snapshot.feed.reconnects == 0
            assert not world.told("ws_channel_stale")
            assert world.coin("ETH").idle_reason == ""
            await world.check()
