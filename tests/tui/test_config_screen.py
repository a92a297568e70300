"""The config screen: every setting with its origin and meaning, overrides on top, a search, and never a key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.runtime.settings import judge
from core.runtime.settings.listed import listed
from core.view import Snapshot
from tests.tui.conftest import Console
from tests.tui.factory import coin_view, snapshot

MakeConsole = Callable[[Snapshot | None], Console]
TABLE = "#setting-table"
KEY = "0x" + "5c" * 32


@pytest.fixture
def shown(tmp_path: Path) -> Snapshot:
    """The settings of a file, an environment and two coins, and an override."""
    file = tmp_path / "gridbot.toml"
    file.write_text("num_grids = 12\n[coins.BTC]\n[coins.ETH]\nnum_grids = 7\n")
    environ = {"HL_LEVERAGE": "2", "HL_AGENT_KEY": KEY, "HL_BASE_URL": f"http://user:{KEY}@127.0.0.1:1"}
    settings = listed(judge({}, environ, file))
    settings = tuple(replace(s, origin=s.origin.replace(str(tmp_path), "/etc")) for s in settings)
    grid = replace(coin_view().grid, override="spacing 0.25 % (configured 0.05 %)")
    return snapshot(settings=settings, coins=(coin_view(grid=grid), coin_view(coin="ETH")))


def rows(it: Console) -> list[str]:
    return [row for row in it.read(TABLE).splitlines()[2:-4] if row.strip()]


async def test_overrides_come_first_then_what_is_written_and_last_the_defaults(
    console: MakeConsole, shown: Snapshot
) -> None:
    it = console(shown)
    async with it.app.run_test(size=(100, 40)) as pilot:
        await pilot.press("6")
        await pilot.pause()
        assert "OVERRIDE" in rows(it)[0]
        assert "spacing 0.25" in rows(it)[0]
        listed_names = [row[1:].split()[0] for row in rows(it)]
        assert listed_names.index("leverage") < listed_names.index("profile")
        leverage = next(row for row in rows(it) if row.split()[0] == "leverage")
        assert leverage.rstrip().endswith("HL_LEVERAGE")


async def test_a_setting_that_differs_between_coins_stands_once_for_each(
    console: MakeConsole, shown: Snapshot
) -> None:
    it = console(shown)
    async with it.app.run_test(size=(120, 40)) as pilot:
        await pilot.press("6", "slash", *"num_grids", "enter")
        await pilot.pause()
        found = [row[1:].split() for row in rows(it) if row[1:].startswith("num_grids")]
        assert [(row[1], row[2]) for row in found] == [("BTC", "12"), ("ETH", "7")]
        assert found[1][-2:] == ["line", "4"]


async def test_the_selected_setting_is_explained_below_and_y_copies_it(
    console: MakeConsole, shown: Snapshot
) -> None:
    it = console(shown)
    async with it.app.run_test(size=(120, 40)) as pilot:
        await pilot.press("6", "slash", *"hl_leverage", "enter", "y")
        await pilot.pause()
        assert "leverage = 2, HL_LEVERAGE. All levels together are investment x leverage" in it.read(TABLE)
        assert it.app.clipboard == "leverage = 2"
        await pilot.press("escape", "n", "m", "down", "end", "home")
        await pilot.pause()
        assert "Set by an operator in place of the settings" in it.read(TABLE)


async def test_no_key_is_anywhere_in_it(console: MakeConsole, shown: Snapshot) -> None:
    assert KEY[2:] not in repr(shown.settings)
    assert any("127.0.0.1:1" in setting.value for setting in shown.settings)


async def test_before_the_first_report_it_says_what_it_waits_for(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("6", "y")
        await pilot.pause()
        assert "the settings come with the core's first report" in it.read(TABLE)
        assert it.toasts() == ["y Copy: nothing is selected"]


@pytest.mark.parametrize(
    "size", [(60, 20), (80, 24), (120, 40), (200, 50)], ids=["60x20", "80x24", "120x40", "200x50"]
)
def test_a_picture(console: MakeConsole, snap_compare: Any, shown: Snapshot, size: tuple[int, int]) -> None:
    assert snap_compare(console(shown).app, terminal_size=size, press=["6", "down", "down"])
