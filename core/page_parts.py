"""Parts of documentation pages that are made by a program: ``make docs`` writes them, and tests hold them current."""

from __future__ import annotations

from collections.abc import Iterable


def with_part(page: str, name: str, lines: Iterable[str]) -> str:
    """The page with what stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->`` made anew. It must have both."""
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    before, found, rest = page.partition(begin)
    assert found, f"the page has no part {name}"
    assert end in rest, f"the part {name} of the page has no end"
    return f"{before}{begin}" + "".join(f"{each}\n" for each in lines) + end + rest.partition(end)[2]
