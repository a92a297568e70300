"""Each option of the grid by itself, over the wire, on the bundled recording at speed: whether its books are right."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.paper.config import EMBEDDED_SPEED, PaperConfig
from core.view import LevelState
from tests.faults.world import living

USUAL: Mapping[str, Any] = {"num_grids": 5, "investment_usd": Decimal(1000), "recenter_interval_sec": None}

FOLLOWS: Mapping[str, Any] = {"recenter_interval_sec": Decimal(1)}

BARS: Mapping[str, Any] = {"bar_sec": Decimal(1)}
"""Bars of a second are of a market minute at this speed."""

TREND: Mapping[str, Any] = {
    **BARS,
    "trend_fast_ema": 3,
    "trend_slow_ema": 9,
    "trend_bias_max_pct": Decimal("0.004"),
}

RANGE: Mapping[str, Any] = {"default_strategy": "range", "range_low": 109_400, "range_high": 110_100}
NARROW: Mapping[str, Any] = {
    "default_strategy": "range",
    "range_low": 109_600,
    "range_high": 109_900,
    "num_grids": 2,
}

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "default": FOLLOWS,
    "geometric": {**FOLLOWS, "grid_spacing_kind": "geometric"},
    "range": RANGE,
    "range, geometric": {**RANGE, "grid_spacing_kind": "geometric"},
    "range that trails": {**NARROW, **FOLLOWS, "on_range_exit": "trail"},
    "endless": {"default_strategy": "endless"},
    "long": {**FOLLOWS, "grid_direction": "long"},
    "short": {**FOLLOWS, "grid_direction": "short"},
    "endless, long": {"default_strategy": "endless", "grid_direction": "long"},
    "trailing up alone": {**FOLLOWS, "trailing_down": False, "trailing_pct": Decimal("0.001")},
    "trailing with limits": {**FOLLOWS, "trailing_low": 109_000, "trailing_high": 110_500},
    "trigger": {**FOLLOWS, "trigger_below": 109_700, "trigger_above": 109_800},
    "take profit": {**FOLLOWS, "take_profit_low": 50_000, "take_profit_high": 200_000},
    "reinvest": {**FOLLOWS, "reinvest": True},
    "jitter": {**FOLLOWS, "random_size_jitter": Decimal("0.2")},
    "volatility spacing": {
        **FOLLOWS,
        **BARS,
        "atr_length": 5,
        "volatility_spacing": True,
        "grid_spacing_max_pct": Decimal(
            "0.001"
        ),  # a busy machine sees fewer quotes in a bar: wider, past what trades
        "loss_drift_tightening": True,
    },
    "trend bias": {**FOLLOWS, **TREND},
    "volatility circuit": {**FOLLOWS, **BARS, "vol_circuit_sigma": Decimal(4)},
    "soft skew": {**FOLLOWS, "skew_soft": Decimal("0.1")},
    "one-sided": {**FOLLOWS, "max_skew_ratio": Decimal("0.2")},
    "hard skew": {**FOLLOWS, "skew_hard": Decimal("0.2")},
    "out of range: hold": {**NARROW, "on_range_exit": "hold"},
    "out of range: reduce": {**NARROW, "on_range_exit": "reduce"},
    "out of range: flatten": {**NARROW, "on_range_exit": "flatten"},
    "reprice threshold": {**FOLLOWS, "reprice_tick_threshold": 10, "trailing_pct": Decimal("0.001")},
    "least edge and width": {
        **FOLLOWS,
        "min_edge_pct": Decimal("0.0003"),
        "grid_min_width_pct": Decimal("0.008"),
    },
}
"""Settings beside ``USUAL``, by what they are called in the table."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``drift`` in the coin, and ``audit`` the exchange's residual of positions and of money: all must be 0."""

    option: str
    fills: int
    grids: int
    position: Decimal
    total_usd: Decimal
    drift: Decimal
    audit: str
    halted: str
    breaches: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        return not self.drift and self.audit == "0 0" and not self.breaches


FIRST_FILL_S = 60.0
"""A machine that is busy with other tests is slow to begin; one that isn't needs a second."""


async def run_option(option: str, directory: Path, seconds: float, speed: float = EMBEDDED_SPEED) -> Outcome:
    """One run. ``breaches`` are rules that were broken at the exchange while it went on, or in the end."""
    directory.mkdir(exist_ok=True)  # noqa: ASYNC240 - at the start of a run
    config = PaperConfig(speed=speed, limits=False)
    async with living(directory, config, **{**USUAL, **OPTIONS[option]}) as world:
        await world.start(resting=None)
        await world.until(lambda: world.run.snapshots and world.snapshot.feed.ready, "it is ready", 30)
        await asyncio.sleep(seconds)
        if not option.startswith("out of range"):  # a market that has left it may stay away
            with suppress(AssertionError):  # nor is it a fault of the option when none comes to its lines
                await world.until(lambda: world.coin().fills.total > 0, "it has traded", FIRST_FILL_S)
        await world.stop()
        truth = await world.exchange.truth()
        async with world.exchange.http.get(f"{world.exchange.url}/paper/audit") as answer:
            audit = await answer.json()
        coin = world.coin()
        breaches = [*world.watch.breaches, *world.swallowed]
        breaches += [str(e) for e in world.told("risk_halt") if "internal error" in str(e)]
        breaches += [f"left on the exchange: {row}" for row in truth["orders"]]
        shown = Counter(level.state for level in coin.grid.levels)
        breaches += [f"{shown[LevelState.ORPHAN]} orphans"] if shown[LevelState.ORPHAN] else []
        if coin.fills.total != len(truth["fills"]):
            breaches.append(f"{coin.fills.total} fills known, {len(truth['fills'])} traded")
        return Outcome(
            option,
            coin.fills.total,
            coin.grid.generation,
            coin.position,
            coin.pnl.total_usd,
            coin.position - Decimal(truth["positions"].get("BTC", "0")),
            f"{audit['position_residual']} {audit['money_residual']}",
            coin.halt_reason,
            tuple(breaches),
        )
