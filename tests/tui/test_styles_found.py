"""How often styles are worked out: a walk to another place finds those of its own panels, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from textual.dom import DOMNode

from core.view import Snapshot
from gridbot_tui import themes
from gridbot_tui.stylesheet import KeptStylesheet
from tests.tui.conftest import Console
from tests.tui.factory import snapshot
from widgets.line_panel import LinePanel

MakeConsole = Callable[[Snapshot | None], Console]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the styles of each panel of the orders' place and of the dashboard were worked out."""
    counted: Counter[str] = Counter()
    apply = KeptStylesheet.apply

    def count(self: KeptStylesheet, node: DOMNode, **how: Any) -> None:
        if isinstance(node, LinePanel):
            counted[f"{node.screen.__class__.__name__} {node.id}"] += 1
        apply(self, node, **how)

    monkeypatch.setattr(KeptStylesheet, "apply", count)
    return counted


async def test_a_place_that_is_opened_styles_each_of_its_panels_once_and_no_other_place(
    console: MakeConsole, found: Counter[str]
) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        found.clear()
        await pilot.press("2")
        assert it.app.current_mode == "orders"
        assert set(found) == {f"OrdersScreen {panel.id}" for panel in it.app.screen.query(LinePanel)}
        assert set(found.values()) == {1}
        found.clear()
        await pilot.press("1")
        assert it.app.current_mode == "dashboard"
        assert not found


async def test_a_place_seen_before_has_the_colours_of_the_theme_that_was_chosen_meanwhile(
    console: MakeConsole,
) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("2", "t", "1")
        assert it.app.current_mode == "dashboard"
        assert it.app.screen.styles.background.hex.upper() == themes.HIGH_CONTRAST.background
