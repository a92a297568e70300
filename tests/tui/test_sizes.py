from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

import gridbot_tui.stylesheet as stylesheet_module
from core.domain.commands import Action
from core.view import AlertView, Severity, Snapshot
from gridbot_tui.app import GridBotApp
from gridbot_tui.stylesheet import path_of_ours
from tests.tui.conftest import Console, until
from tests.tui.factory import NOW_MS, coin_view, drifting, snapshot
from tests.tui.test_panel_rows import outside
from widgets.line_panel import LinePanel

MakeConsole = Callable[[Snapshot | None], Console]


async def test_an_unchanged_picture_repaints_nothing_and_a_moved_mid_a_few_cells(
    console: MakeConsole,
) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(120, 40)) as pilot:
        it.app.tick()
        await pilot.pause()

        def repainted() -> int:
            return sum(panel.repainted_cells for panel in it.app.screen.query(LinePanel))

        before = repainted()
        it.app.tick()
        assert repainted() == before
        it.core.snapshot = snapshot(coins=(coin_view(mid=Decimal("64234.6")),))
        it.app.tick()
        assert 0 < repainted() - before < 40


@pytest.mark.parametrize("size", [(59, 24), (80, 14), (50, 12), (20, 3)])
async def test_a_terminal_too_small_says_so_and_recovers_when_enlarged(
    console: MakeConsole, size: tuple[int, int]
) -> None:
    it = console(drifting())
    async with it.app.run_test(size=size) as pilot:
        await pilot.pause()

        def seen() -> str:
            panels = [panel for panel in it.app.screen.query(LinePanel) if panel.is_on_screen]
            return " ".join(" ".join(panel.text for panel in panels if panel.display).split())

        await until(lambda: "GridBot needs 60x15" in seen())
        assert "POSITION DRIFT" not in seen()
        await pilot.press("H")
        assert it.core.submitted == [(Action.HALT, "")]
        await pilot.resize_terminal(80, 24)
        await until(lambda: not it.app.screen.query_one("#too-small").display)
        await pilot.pause()
        assert "LONG +0.1875 BTC" in it.read("#position")
        assert "POSITION DRIFT" in it.read("#alert")


@pytest.mark.parametrize("size", [(60, 15), (79, 30), (100, 23)])
async def test_a_cramped_terminal_has_a_layout_of_its_own(
    console: MakeConsole, size: tuple[int, int]
) -> None:
    it = console(drifting())
    async with it.app.run_test(size=size) as pilot:
        await pilot.pause()

        def shown() -> set[str | None]:
            return {panel.id for panel in it.app.screen.query(LinePanel) if panel.display}

        expected = {"status", "alert", "phone", "footer"} | ({"ladder"} if size[0] >= 80 else set())
        await until(lambda: shown() == expected)
        assert "LONG +0.1875 BTC" in it.read("#phone")
        assert "Liq." in it.read("#phone")
        assert "30 of 30" in it.read("#phone")
        assert "4.20%" in it.read("#phone")


@pytest.mark.parametrize("size", [(80, 24), (110, 24), (120, 40), (200, 50), (80, 40), (200, 24)])
async def test_every_panel_is_on_the_screen_with_its_first_fields(
    console: MakeConsole, size: tuple[int, int]
) -> None:
    it = console(drifting())
    async with it.app.run_test(size=size) as pilot:
        await pilot.pause()
        for panel, first in {
            "#position": "LONG +0.1875 BTC",
            "#fills": "412 / 6",
            "#grid": "30 of 30",
            "#system": "4.20%",
            "#risk": "1.8% of 10.0%",
            "#ladder": "mid 64,233.1",
            "#events": "position_drift_dete",
        }.items():
            assert first in it.read(panel)
            region = it.app.screen.query_one(panel).region
            assert it.app.screen.region.contains_region(region)
            assert region.width >= 33


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_out_of_range_stands_in_its_panel_and_pushes_nothing_out_that_matters_more(
    console: MakeConsole, size: tuple[int, int]
) -> None:
    coin = outside()
    text = "BTC OUT OF RANGE, below it: -120.44 USD per 1 % further, funding -0.31/h, stop 4.25 % away, liq. 31.50 % away"
    alert = AlertView("range:BTC", Severity.WARN, text, "", NOW_MS, "hold: waits for it to come back")
    it = console(snapshot(coins=(coin,), alerts=(alert,)))
    async with it.app.run_test(size=size) as pilot:
        await pilot.pause()
        grid = it.read("#grid")
        assert "30 of 30" in grid
        assert "OUT below" in grid
        assert "-$120.44" in grid
        if size[1] >= 40:
            assert all(words in grid for words in ("-$0.31", "4.25%", "31.50%", "4.48%"))
        alarm = " ".join(it.read("#alert").split())
        assert all(
            words in alarm
            for words in ("funding -0.31/h", "stop 4.25 %", "liq. 31.50 %", "waits for it to come back")
        )
        for panel, first in {
            "#position": "LONG +0.1875 BTC",
            "#fills": "412 / 6",
            "#system": "WS age" if size[1] >= 40 else "Drift",
            "#risk": "1.8% of 10.0%",
            "#ladder": "mid 64,233.1",
            "#events": "position_drift_dete",
        }.items():
            assert first in it.read(panel)
            assert it.app.screen.region.contains_region(it.app.screen.query_one(panel).region)


def test_the_stylesheet_is_found_in_a_checkout_and_preferred_inside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert path_of_ours() == GridBotApp.CSS_PATH
    assert path_of_ours().is_file()
    package = tmp_path / "site-packages" / "gridbot_tui"
    package.mkdir(parents=True)
    (package / "gridbot.tcss").touch()
    monkeypatch.setattr(stylesheet_module, "__file__", str(package / "app.py"))
    assert path_of_ours() == (package / "gridbot.tcss").resolve()
