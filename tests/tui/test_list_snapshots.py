"""Pictures of the lists and of the risk screen; time, data and theme are frozen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core.view import RunState, Snapshot
from tests.tui.conftest import Console
from tests.tui.factory import drifting, halted
from tests.tui.trading import many, trading

MakeConsole = Callable[[Snapshot | None], Console]
SIZES = pytest.mark.parametrize(
    "size", [(60, 20), (80, 24), (120, 40), (200, 50)], ids=["60x20", "80x24", "120x40", "200x50"]
)
PLACES = pytest.mark.parametrize("place", ["2", "3", "4"], ids=["orders", "fills", "risk"])


@SIZES
@PLACES
def test_running(console: MakeConsole, snap_compare: Any, place: str, size: tuple[int, int]) -> None:
    assert snap_compare(console(many()).app, press=[place, "down"], terminal_size=size)


@PLACES
def test_with_an_alert_on_live(console: MakeConsole, snap_compare: Any, place: str) -> None:
    alarmed = replace(many(), alerts=drifting().alerts, network="mainnet")
    assert snap_compare(console(alarmed).app, press=[place], terminal_size=(80, 24))


@PLACES
def test_stale(console: MakeConsole, snap_compare: Any, place: str) -> None:
    it = console(trading())
    it.clock.advance(27)
    assert snap_compare(it.app, press=[place], terminal_size=(80, 24))


@PLACES
def test_halted(console: MakeConsole, snap_compare: Any, place: str) -> None:
    coins = tuple(
        replace(coin, state=RunState.HALTED, halt_reason="an operator asked") for coin in many().coins
    )
    stopped = replace(many(), state=RunState.HALTED, halt_reason="an operator asked", coins=coins)
    assert snap_compare(
        console(replace(stopped, orders=halted().orders)).app, press=[place], terminal_size=(80, 24)
    )


@PLACES
def test_without_colour(
    console: MakeConsole, snap_compare: Any, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(console(many()).app, press=[place], terminal_size=(80, 24))


def test_the_dashboard_of_two_coins(console: MakeConsole, snap_compare: Any) -> None:
    assert snap_compare(console(many()).app, press=["tab"], terminal_size=(80, 24))


def test_the_dashboard_at_60x20(console: MakeConsole, snap_compare: Any) -> None:
    assert snap_compare(console(many()).app, terminal_size=(60, 20))
