"""The spacing through recorded crashes, bar by bar: what volatility widens, a loss tightens, within the limits of both."""

from __future__ import annotations

import csv
import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.grid import PPB
from core.domain.instrument import Instrument
from core.engine.features import Features, FeatureSettings
from core.engine.grid_calculator import LEAST_TIGHTENING_PPB, compute_spacing, spacing_floor
from core.engine.grid_settings import Conditions
from tests.unit.engine.builders import settings

DATA = Path(__file__).parents[2] / "faults" / "data"
CRASHES = [
    ("binance_spot_ETH_1m_2025-02-03_crash.csv.gz", Instrument("ETH", 1, 4, 25), 60_000),
    ("hl_HYPE_5m_2025-03-26.csv.gz", Instrument("HYPE", 159, 2, 10), 300_000),
]


@pytest.mark.parametrize(("name", "asset", "bar_ms"), CRASHES, ids=["ETH", "HYPE"])
def test_losses_tighten_a_widened_spacing_by_four_tenths_at_most_and_never_under_its_floor(
    name: str, asset: Instrument, bar_ms: int
) -> None:
    features, first, tightened = Features(FeatureSettings(bar_ms=bar_ms)), 0, 0
    widens = settings(spacing_ppb=1_000_000, spacing_max_ppb=50_000_000, widens=True)
    both = settings(spacing_ppb=1_000_000, spacing_max_ppb=50_000_000, widens=True, tightens=True)
    chosen: list[int] = []
    with gzip.open(DATA / name, "rt") as rows:
        for bar in csv.DictReader(rows):
            for number, column in enumerate("olhc"):
                price = asset.price_units(Decimal(bar[column]))
                features.note(2 * price, int(bar["t"]) + number * bar_ms // 4)
            first = first or price
            adverse = max(0, first - price) * PPB // price
            held = Conditions(features.atr_ppb, features.volatility_ppb, features.trend_ppb, adverse)
            wide, tight = (compute_spacing(each, price, asset, held).ppb for each in (widens, both))
            _, floor = spacing_floor(both, price, asset)
            assert floor <= tight <= wide <= 50_000_000
            assert tight >= max(1_000_000, wide * LEAST_TIGHTENING_PPB // PPB)
            tightened += tight < wide
            chosen.append(wide)
    assert tightened > 5, "the fall was a loss"
    assert max(chosen) > 3 * chosen[0], "and a storm"
