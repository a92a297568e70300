from __future__ import annotations

from pathlib import Path

import pytest

from tests.captures import CAPTURES, PAGES, Capture, block, drawn

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.name)
async def test_the_pictures_of_the_docs_are_what_the_screens_draw(capture: Capture) -> None:
    rows = await drawn(capture)
    width, height = capture.size
    assert len(rows) == height
    assert max(map(len, rows)) <= width
    text = "\n".join(block(rows))
    shown = [path for path, names in PAGES.items() if capture.name in names]
    assert shown
    for path in shown:
        page = (ROOT / path).read_text(encoding="utf-8")
        assert f"<!-- begin {capture.name} -->\n{text}\n<!-- end {capture.name} -->" in page, (
            "run `make captures`"
        )
