from __future__ import annotations

from pathlib import Path

from tests.captures import CAPTURES, PAGES, block, current, pictures

ROOT = Path(__file__).resolve().parents[2]


def test_the_pictures_of_the_docs_are_what_the_screens_draw_of_a_real_run(tmp_path: Path) -> None:
    drawn = pictures(tmp_path)  # once for all of them: it takes seconds
    for path, names in PAGES.items():
        page = (ROOT / path).read_text(encoding="utf-8")
        for name in names:
            assert "\n".join(block(drawn[name])) in page, f"{name} in {path} is stale: run `make captures`"
        assert current(page, names, drawn) == page, f"{path} is stale: run `make captures`"
    assert {name for names in PAGES.values() for name in names} == drawn.keys()
    for capture in CAPTURES:
        width, height = capture.size
        assert capture.name.endswith(f"{width}x{height}")
        assert len(drawn[capture.name]) == height
        assert max(map(len, drawn[capture.name])) <= width
