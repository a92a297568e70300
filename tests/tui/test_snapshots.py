"""Pictures of the dashboard and its dialogs. Each shows the badge; time, data and theme are frozen.

States are drawn at 80x24, the plain one and the critical ones at every size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from textual.pilot import Pilot

from core.view import HistoryPoint, OrderShown, OrderView, RunState, Snapshot
from gridbot_tui.screen_options import ScreenOptions
from tests.tui.conftest import Console
from tests.tui.factory import NOW_MS, coin_view, drifting, halted, snapshot, tripped

MakeConsole = Callable[..., Console]
FOUR = [(60, 20), (80, 24), (120, 40), (200, 50)]
SIZES = pytest.mark.parametrize("size", FOUR, ids=[f"{w}x{h}" for w, h in FOUR])


def busy(**changes: Any) -> Snapshot:
    """With a day's course and its orders listed."""
    history = tuple(
        HistoryPoint(NOW_MS - (600 - at) * 60_000, Decimal(1_200 + at * 7 % 90 - at // 6), 1.0, 1, 1)
        for at in range(600)
    )
    orders = tuple(
        OrderView(
            "BTC", f"0x{at}", at, "buy" if at % 2 else "sell", Decimal(64_210 - 96 * at * (-1) ** (at + 1)),
            Decimal("0.0125"), Decimal(0), OrderShown.OPEN, NOW_MS - 5_000 * at, f"{'buy' if at % 2 else 'sell'} {at}", "grid",
        )
        for at in range(1, 16)
    )  # fmt: skip
    return snapshot(history=history, orders=orders, **changes)


def flattening() -> Snapshot:
    coin = coin_view(state=RunState.FLATTENING, halt_reason="an operator asked")
    return snapshot(network="mainnet", state=RunState.FLATTENING, coins=(coin,))


STATES: dict[str, Snapshot | None] = {
    "halted-testnet": halted(network="testnet"),
    "flattening-live": flattening(),
    "breaker": tripped(),
    "drawdown-known": replace(
        drifting(), alerts=(replace(drifting().alerts[0], snoozed_until_ms=NOW_MS + 900_000),)
    ),
    "nothing-yet": None,
}


@SIZES
def test_running(console: MakeConsole, snap_compare: Any, size: tuple[int, int]) -> None:
    assert snap_compare(console(busy(market_speed=60.0)).app, terminal_size=size)


@SIZES
def test_live_with_a_drift_alert(console: MakeConsole, snap_compare: Any, size: tuple[int, int]) -> None:
    assert snap_compare(console(drifting()).app, terminal_size=size)


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


@pytest.mark.parametrize("state", STATES)
def test_a_state(console: MakeConsole, snap_compare: Any, state: str) -> None:
    assert snap_compare(console(STATES[state]).app, terminal_size=(80, 24))


@pytest.mark.parametrize("theme", ["gridbot-high-contrast", "ansi-dark", "ansi-light"])
def test_a_theme(console: MakeConsole, snap_compare: Any, theme: Any) -> None:
    it = console(drifting(), ScreenOptions(theme=theme, refresh_hz=0.1))
    assert snap_compare(it.app, terminal_size=(80, 24))


@pytest.mark.parametrize("size", [(60, 20), (80, 24)], ids=["60x20", "80x24"])
def test_without_colour_on_live(
    console: MakeConsole, snap_compare: Any, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(console(drifting()).app, terminal_size=size)


@pytest.mark.parametrize("size", [(60, 20), (80, 24)], ids=["60x20", "80x24"])
def test_in_ascii(console: MakeConsole, snap_compare: Any, size: tuple[int, int]) -> None:
    assert snap_compare(
        console(drifting(), ScreenOptions(ascii=True, refresh_hz=0.1)).app, terminal_size=size
    )


def test_a_paused_view(console: MakeConsole, snap_compare: Any) -> None:
    assert snap_compare(console(snapshot()).app, terminal_size=(80, 24), press=["z"])


@pytest.mark.parametrize("key", ["U", "Q", "question_mark"])
def test_a_dialog_on_a_phone(console: MakeConsole, snap_compare: Any, key: str) -> None:
    assert snap_compare(console(halted(network="mainnet")).app, terminal_size=(60, 20), press=[key])


@pytest.mark.parametrize("size", [(60, 20), (80, 24)], ids=["60x20", "80x24"])
def test_the_dialog_that_parks_a_level(
    console: MakeConsole, snap_compare: Any, size: tuple[int, int]
) -> None:
    assert snap_compare(console(busy()).app, terminal_size=size, press=["2", "C"])


@pytest.mark.parametrize("size", [(60, 20), (80, 24)], ids=["60x20", "80x24"])
def test_the_dialog_that_resets_breakers(
    console: MakeConsole, snap_compare: Any, size: tuple[int, int]
) -> None:
    assert snap_compare(console(tripped()).app, terminal_size=size, press=["B"])
