"""``docs/events.md``: its tables, made of the catalogue. ``make docs`` writes them, and a test holds them current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core.page_parts import with_part
from core.telemetry.catalogue import BY_NAME, GROUPS
from core.telemetry.catalogue.gone import GONE
from core.telemetry.catalogue.kind import Kind

PAGE = Path("docs/events.md")


def refreshed(page: str) -> str:
    """The page with its tables made anew."""
    return with_part(page, "events", _tables())


def _tables() -> Iterator[str]:
    for title, kinds in GROUPS.items():
        yield f"\n## {title}\n"
        yield "| event | level | fields | what it means | what to do |"
        yield "|---|---|---|---|---|"
        yield from map(_row, kinds)
    yield "\n## The predecessor's names\n"
    yield "| predecessor | here |"
    yield "|---|---|"
    for old, new in sorted(_formerly().items()):
        yield f"| `{old}` | {'the same' if new == [old] else ', '.join(f'`{name}`' for name in new)} |"
    yield "\nThese are gone:\n"
    yield "| why | predecessor |"
    yield "|---|---|"
    yield from (f"| {why} | {' '.join(f'`{name}`' for name in listed.split())} |" for why, listed in GONE)
    yield ""


def _row(kind: Kind) -> str:
    record = " ●" if kind.is_record else ""
    fields = f"`{kind.fields}`" if kind.fields else ""
    return f"| `{kind.name}`{record} | {kind.levels} | {fields} | {kind.means} | {kind.do} |"


def _formerly() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind in BY_NAME.values():
        for old in kind.formerly.split(", ") if kind.formerly else []:
            found.setdefault(old, []).append(kind.name)
    return found


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
