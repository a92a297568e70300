"""What must be written by the operator, and is nobody's default: a table, one line for each thing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.runtime.settings.model import Settings
from core.runtime.settings.options import STRATEGY_NAMES, may_have_effect

REAL = ("testnet", "mainnet")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that must be written: every name of one of the ``ways``. Names that aren't settings are passed over."""

    what: str
    ways: tuple[tuple[str, ...], ...]
    networks: tuple[str, ...] = REAL
    is_simple: bool = True
    """One of the eight of ``profile = "simple"``, which wants them on every network."""

    def usable_ways(self, strategy: str = "") -> tuple[tuple[str, ...], ...]:
        """Those that can have an effect with a strategy (empty: with any)."""
        return tuple(way for way in self.ways if all(_is_usable(name, strategy) for name in way))

    def missing(self, written: Collection[str], strategy: str = "") -> tuple[str, ...]:
        """What is left to write in the way that has most; empty if one is complete, or none can be gone."""
        ways = self.usable_ways(strategy)
        lacking = [tuple(name for name in way if name not in written) for way in ways]
        begun = [
            lacks for lacks, way in zip(lacking, ways, strict=True) if len(lacks) < len(way) or not lacks
        ]
        return min(begun or lacking[:1], key=len, default=())


def _is_usable(name: str, strategy: str) -> bool:
    return name in Settings.model_fields and (not strategy or may_have_effect(name, strategy))


REQUIREMENTS = (
    Requirement("which coin", (("coin",), ("coins",)), networks=()),
    Requirement("the money it works with", (("investment_usd",),)),
    Requirement("the leverage", (("leverage",),)),
    Requirement("the spacing or the range", (("grid_spacing_pct",), ("range_low", "range_high"))),
    Requirement("the number of levels", (("num_grids",),), networks=()),
    Requirement("the maximum position", (("max_symbol_notional",), ("max_position_abs",))),
    Requirement("the stop", (("stop_loss_low", "stop_loss_high"), ("stop",))),
    Requirement("the daily loss", (("daily_pnl_stop",),)),
    Requirement("the margin mode", (("margin_mode",),), networks=("mainnet",), is_simple=False),
    Requirement("what to do out of range", (("on_range_exit",),), networks=("mainnet",), is_simple=False),
)

NO_STOP = '"off"'
"""Passes for every coin, and isn't what is recommended: a price of one coin would be no stop at all for another."""

EXAMPLES: Mapping[str, str] = {
    "coin": '"BTC"',
    "coins": '["BTC"]',
    "investment_usd": "500",
    "leverage": "2",
    "grid_spacing_pct": "0.001",
    "range_low": "90000",
    "range_high": "120000",
    "num_grids": "10",
    "max_symbol_notional": "1000",
    "max_position_abs": "0.01",
    "stop_loss_low": NO_STOP,
    "stop_loss_high": NO_STOP,
    "metrics_port": "9464",
    "stop": '"none"',
    "daily_pnl_stop": "-50",
    "margin_mode": '"isolated"',
    "on_range_exit": '"hold"',
}
"""Values that would pass together, as TOML."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One setting that isn't written and must be."""

    name: str
    what: str
    why: str
    """``on mainnet`` or ``by profile simple``."""
    or_else: str
    """Other settings that would do as well, empty if there are none."""


def missing(written: Mapping[str, Any], network: str, profile: str) -> Iterator[Missing]:
    """What of the written settings of one coin lacks for a network and a profile (empty: none)."""
    said = written.get("default_strategy")
    strategy = str(said or STRATEGY_NAMES[0])
    for each in REQUIREMENTS:
        is_simple = profile == "simple" and each.is_simple
        if network in each.networks or is_simple:
            why = f"on {network}" if network in each.networks else f"by profile {profile}"
            for name in each.missing(written, strategy):
                others = [" and ".join(way) for way in each.usable_ways(strategy) if name not in way]
                yield Missing(name, each.what, why, " or ".join(others))
