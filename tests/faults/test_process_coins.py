"""One coin's engine raises (P18): that coin halts and its orders go, the other goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.engine import acting
from core.engine.coin import Coin
from core.paper.config import PaperConfig
from core.runtime.statedir import StateDir
from core.telemetry.crash_report import reports
from tests.faults.world import GRID, living


@pytest.mark.parametrize("where", [(Coin, "apply_fills"), (acting, "idleness"), (acting, "protect")])
async def test_p18_a_coin_whose_engine_raises_halts_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: tuple[object, str]
) -> None:
    config = PaperConfig(market="synthetic:BTC=reverting,ETH=reverting", speed=1e-6, limits=False)
    async with living(tmp_path, config, ("BTC", "ETH")) as world:
        await world.start(resting=GRID)
        await world.until(lambda: len(world.ours("ETH")) == GRID, "both grids rest")
        real = getattr(*where)

        def raises(*args: Any, **named: Any) -> Any:
            if any(isinstance(each, Coin) and each.name == "BTC" for each in args):
                raise ValueError("a bug")
            return real(*args, **named)

        monkeypatch.setattr(*where, raises)
        world.hit(world.ours()[0].remaining)
        await world.until(lambda: world.coin("BTC").halt_reason, "BTC halts")
        await world.until(lambda: not world.ours("BTC"), "its orders are cancelled on the exchange")
        assert world.coin("BTC").halt_reason == "internal error: ValueError: a bug"
        assert world.is_halted("internal error"), "durably (I9)"
        (told,) = world.told("risk_halt")
        assert (told["coin"], told["severity"]) == ("BTC", "crit")
        assert [event["coin"] for event in world.told("coin_failed")] == ["BTC"]
        await world.until(lambda: reports(StateDir(tmp_path / "state").logs), "its report is written (I8)")

        before = world.coin("ETH").fills.total
        world.hit(world.ours("ETH")[0].remaining, coin="ETH")
        await world.until(lambda: world.coin("ETH").fills.total > before, "ETH goes on")
        await world.until(lambda: world._coin_is_whole(world.coin("ETH")), "and its grid is whole", 15)
        assert not world.coin("ETH").halt_reason
        assert not world.watch.breaches
        assert not world.swallowed
        monkeypatch.undo()
        await world.crash()
        await world.start(resting=None)
        await world.until(lambda: world.run.snapshots and world.coin("BTC").halt_reason, "still halted")
        await world.until(lambda: world.coin("BTC").position == position(world), "its position is true")


def position(world: Any) -> Any:
    return world.instrument("BTC").size_decimal(world.lots("BTC"))
