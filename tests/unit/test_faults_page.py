"""docs/faults.md names tests that exist, for every fault of process, disk and host."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
ROW = re.compile(r"^\| P([0-9]+)(?:–P([0-9]+))? \|.*\| (.*) \|$", re.MULTILINE)
NAMED = re.compile(r"\[(test_\w+)\]\(\.\./(tests/[\w/]+\.py)\)")


def test_every_fault_of_the_process_has_a_test_and_each_that_is_named_is_there() -> None:
    rows = ROW.findall(PAGE.read_text())
    numbers = [n for first, last, _ in rows for n in range(int(first), int(last or first) + 1)]
    assert numbers == list(range(1, 28))
    for first, _, shown in rows:
        named = NAMED.findall(shown)
        assert named, f"P{first}"
        for test, path in named:
            text = (PAGE.parents[1] / path).read_text()
            assert re.search(rf"^(?:async )?def {test}\(", text, re.MULTILINE), (test, path)
