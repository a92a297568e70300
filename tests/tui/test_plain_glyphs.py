"""``--ascii``: no byte above 0x7f reaches the terminal, on any screen, and nothing loses its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rich.segment import Segment
from textual.app import App

from core.view import Snapshot
from gridbot_tui import keymap
from gridbot_tui.screen_options import ScreenOptions
from tests.tui.conftest import Console
from tests.tui.factory import drifting, halted, snapshot
from widgets.plain_glyphs import to_ascii

MakeConsole = Callable[..., Console]
ASCII = ScreenOptions(refresh_hz=0.1, ascii=True)


def drawn(app: App[None]) -> str:
    """All that the compositor would send."""
    rows = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in row) for row in rows)


def test_every_glyph_has_a_stand_in_of_one_cell() -> None:
    text = "✓▲✖●■▶▼◄…·—×─━═│┃┏┓┗┛█░▌▏▁▂▃▄▅▆▇"
    assert len(to_ascii(text)) == len(text)
    assert to_ascii(text).isascii()
    assert "?" not in to_ascii(text)
    assert to_ascii("漢 \u28ff \u2800") == "? *  "


@pytest.mark.parametrize("place", keymap.PLACES)
@pytest.mark.parametrize(
    "shown", [snapshot(), drifting(), halted(), None], ids=["runs", "alert", "halt", "none"]
)
async def test_no_screen_draws_anything_beyond_ascii(
    console: MakeConsole, place: keymap.Scope, shown: Snapshot | None
) -> None:
    it = console(shown, ASCII)
    async with it.app.run_test(size=(120, 40)) as pilot:
        await pilot.press(str(keymap.PLACES.index(place) + 1))
        await pilot.pause()
        assert drawn(it.app).isascii()
        assert "H Halt" in drawn(it.app)


@pytest.mark.parametrize("key", ["F", "question_mark", "Q", "v", "ctrl+p"])
async def test_no_dialog_preview_toast_or_palette_does_either(console: MakeConsole, key: str) -> None:
    it = console(drifting(), ASCII)
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("U", "P")
        assert it.toasts()
        await pilot.press(key)
        await pilot.pause()
        assert drawn(it.app).isascii()


async def test_without_the_flag_they_are_there(console: MakeConsole) -> None:
    it = console(drifting())
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert not drawn(it.app).isascii()


@pytest.mark.parametrize(
    ("settings", "is_ascii"),
    [
        ({"LANG": "en_GB.UTF-8"}, False),
        ({"LANG": "de_DE.utf8"}, False),
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "en_US.ISO-8859-1"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "C"}, True),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "POSIX"}, True),
        ({"LANG": "C", "LC_CTYPE": "en_GB.UTF-8"}, False),
        ({"LC_CTYPE": "C.UTF-8"}, False),
        ({}, False),
    ],
)
def test_a_locale_that_is_not_utf8_asks_for_it_by_itself(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], is_ascii: bool
) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert ScreenOptions().is_ascii == is_ascii
    assert ScreenOptions(ascii=True).is_ascii


def test_a_segment_keeps_its_length_so_that_nothing_moves() -> None:
    from textual.color import Color

    from widgets.plain_glyphs import AsciiFilter

    made = AsciiFilter().apply([Segment("✖ DRIFT …")], Color(0, 0, 0))
    assert [segment.text for segment in made] == ["X DRIFT ~"]
