"""Pictures of the dashboard. Each shows the badge; time, data and theme are frozen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from core.view import Snapshot
from tests.tui.conftest import Console
from tests.tui.factory import drifting, halted, snapshot, tripped

MakeConsole = Callable[[Snapshot | None], Console]
SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])


@SIZES
def test_running(console: MakeConsole, snap_compare: Any, size: tuple[int, int]) -> None:
    assert snap_compare(console(snapshot(market_speed=60.0)).app, terminal_size=size)


@SIZES
def test_halted_with_a_position_on_testnet(
    console: MakeConsole, snap_compare: Any, size: tuple[int, int]
) -> None:
    assert snap_compare(console(halted(network="testnet")).app, terminal_size=size)


@SIZES
def test_live_with_a_drift_alert(console: MakeConsole, snap_compare: Any, size: tuple[int, int]) -> None:
    assert snap_compare(console(drifting()).app, terminal_size=size)


@SIZES
def test_an_open_breaker(console: MakeConsole, snap_compare: Any, size: tuple[int, int]) -> None:
    assert snap_compare(console(tripped()).app, terminal_size=size)


@SIZES
def test_stale(console: MakeConsole, snap_compare: Any, size: tuple[int, int]) -> None:
    it = console(snapshot())
    it.clock.advance(27)
    assert snap_compare(it.app, terminal_size=size)


@SIZES
def test_the_flatten_dialog_on_live(console: MakeConsole, snap_compare: Any, size: tuple[int, int]) -> None:
    it = console(drifting())

    async def type_half_the_coin(pilot: Pilot[None]) -> None:
        await pilot.press("F")
        it.clock.advance(0.4)
        await pilot.press("B", "T")

    assert snap_compare(it.app, terminal_size=size, run_before=type_half_the_coin)


@SIZES
def test_without_colour_on_live(
    console: MakeConsole, snap_compare: Any, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(console(drifting()).app, terminal_size=size)


def test_high_contrast(console: MakeConsole, snap_compare: Any) -> None:
    assert snap_compare(console(drifting()).app, press=["t"], terminal_size=(80, 24))


def test_wide(console: MakeConsole, snap_compare: Any) -> None:
    assert snap_compare(console(snapshot()).app, terminal_size=(200, 50))
