"""What is made before a test run is what pytest takes: else each worker would make it again, and nobody would see that."""

from __future__ import annotations

import sys
from pathlib import Path

from _pytest.assertion.rewrite import AssertionRewritingHook, _read_pyc

from tests.compiled import ROOT, is_rewritten, kept_at, make


def test_what_pytest_rewrites_is_what_is_rewritten_beforehand() -> None:
    (hook,) = [each for each in sys.meta_path if isinstance(each, AssertionRewritingHook)]
    rewritten = [path for path in hook._rewritten_names.values() if path.is_relative_to(ROOT / "tests")]
    assert Path(__file__) in rewritten
    assert [path for path in rewritten if not is_rewritten(path)] == []


def test_a_test_is_kept_rewritten_where_pytest_takes_it_and_is_not_made_twice(tmp_path: Path) -> None:
    path = tmp_path / "test_one.py"
    path.write_text("def test_one(): assert one == 1")
    make(path)
    code = _read_pyc(path, kept_at(path))
    assert code is not None
    assert "@pytest_ar" in code.co_names
    made = kept_at(path).stat()
    make(path)
    assert kept_at(path).stat() == made
    path.write_text("def test_one(): assert one == 12")
    make(path)
    assert _read_pyc(path, kept_at(path)) is not None
