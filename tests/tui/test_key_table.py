from __future__ import annotations

from pathlib import Path

import pytest

from core.page_parts import with_part
from gridbot_tui import keymap
from gridbot_tui.key_table import PAGES, current, full_table, short_table

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_key_tables_of_the_docs_are_those_of_the_registry(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text == current(ROOT / page, PAGES[page]), "make docs writes them anew"


def test_every_key_of_every_action_has_a_row_in_the_full_table() -> None:
    rows = list(full_table())[2:]
    assert len(rows) == len(keymap.ACTIONS)
    for action in keymap.ACTIONS:
        shown = " ".join(f"`{key}`" for key in (action.key, *action.priority_keys))
        assert any(row.startswith(f"| {shown} | {action.title} |") for row in rows), action.id


def test_the_short_table_names_every_key_once() -> None:
    text = "\n".join(short_table())
    for action in keymap.ACTIONS:
        if not action.id.startswith("go_"):
            assert text.count(f"`{action.key}`") == 1, action.id


def test_a_page_without_the_markers_is_an_error_and_not_a_page_without_a_table() -> None:
    with pytest.raises(AssertionError, match="no part keys"):
        with_part("nothing here", "keys", iter(()))
