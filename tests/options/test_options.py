"""Every option of the grid runs over the wire with books that are right; ``make options`` does it for a minute each."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.domain.grid import Direction
from core.runtime.settings import Settings
from tests.options.campaign import OPTIONS, USUAL, run_option


@pytest.mark.parametrize("option", OPTIONS)
async def test_each_option_trades_with_no_drift_and_a_clean_audit(option: str, tmp_path: Path) -> None:
    found = await run_option(option, tmp_path, seconds=1.5, speed=600)
    assert found.breaches == ()
    assert found.fills > 0 or option.startswith("out of range"), (
        "its range may be left before anything trades"
    )
    assert found.drift == 0
    assert found.audit == "0 0"
    if option.startswith(("long", "endless, long")):
        assert found.position >= 0, Direction.LONG
    if option == "short":
        assert found.position <= 0


def test_every_setting_of_the_grid_is_in_one_of_them() -> None:
    """But for sizes and fees, which each of them has, and what is of the account."""
    used = {name for settings in OPTIONS.values() for name in settings} | USUAL.keys()
    groups = [group for group in Settings.__bases__ if group.__name__ in ("GridFields", "FeatureFields")]
    names = {name for group in groups for name in getattr(group, "model_fields", {})}
    plain = {
        "leverage",
        "grid_spacing_pct",
        "grid_spacing_max_pct",
        "maker_fee_pct",
        "ewma_alpha",
        "margin_mode",
    }
    assert names - used - plain == {"init_vol_multiplier", "trailing_up"}
