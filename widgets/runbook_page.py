"""The runbook as data: docs/runbook.md read into procedures of steps. What is live about them is in comments of the page.

``## Title <!-- when: CONDITION; value: VALUE -->`` begins a procedure, and
``1. `KEY` **Title.** text <!-- value: VALUE; done: ACTION -->`` is a step; a table of three columns lists reasons. The names
are those of ``runbook_values``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NOTE = re.compile(r"<!--(.*?)-->", re.DOTALL)
_STEP = re.compile(r"^(\d+)\. (?:`([^`]+)` )?\*\*(.+?)\*\* *(.*)$", re.DOTALL)
_MARKUP = re.compile(r"[`*]")


class RunbookError(ValueError):
    """The page isn't one; the sentence names the block."""


@dataclass(frozen=True, slots=True)
class Step:
    number: int
    key: str
    """As it is shown; empty for one without a key."""
    title: str
    text: str
    value: str = ""
    done: str = ""
    """The operator's action whose last success is this step's time."""


@dataclass(frozen=True, slots=True)
class HaltMeaning:
    words: str
    """What the reason begins with; empty for any other."""
    meaning: str
    way: str


@dataclass(frozen=True, slots=True)
class Procedure:
    title: str
    when: str = ""
    value: str = ""
    text: str = ""
    steps: tuple[Step, ...] = ()
    reasons: tuple[HaltMeaning, ...] = ()


def parsed(page: str) -> tuple[Procedure, ...]:
    """The procedures in the order of the page. Raises ``RunbookError``."""
    made = tuple(_procedure(part) for part in re.split(r"^## ", page, flags=re.MULTILINE)[1:])
    if not made:
        raise RunbookError("the runbook has no procedure: none of its lines begins with ##")
    return made


def _procedure(part: str) -> Procedure:
    head, _, body = part.partition("\n")
    notes = _notes(head, {"when", "value"})
    steps: list[Step] = []
    texts: list[str] = []
    reasons: list[HaltMeaning] = []
    for block in _blocks(body):
        if block.startswith("|"):
            reasons += _reasons(block)
        elif re.match(r"\d+\. ", block):
            steps.append(_step(block))
        else:
            texts.append(_plain(block))
    return Procedure(
        _plain(_NOTE.sub("", head)),
        notes.get("when", ""),
        notes.get("value", ""),
        " ".join(texts),
        tuple(steps),
        tuple(reasons),
    )


def _blocks(body: str) -> list[str]:
    """Paragraphs, whole tables, and each item of a list with the lines that go on with it."""
    blocks: list[str] = []
    is_open = False
    for row in body.splitlines():
        starts_item = bool(re.match(r"\d+\. ", row))
        if not row.strip():
            is_open = False
        elif is_open and not starts_item:
            blocks[-1] += f"\n{row}"
        else:
            blocks.append(row)
            is_open = True
    return blocks


def _step(block: str) -> Step:
    notes = _notes(block, {"value", "done"})
    found = _STEP.match(" ".join(_NOTE.sub("", block).split()))
    if found is None:
        raise RunbookError(f"a step is `N. `KEY` **Title.** text`, not {block!r}")
    number, key, title, text = found.groups()
    return Step(
        int(number),
        key or "",
        title.rstrip("."),
        _plain(text),
        notes.get("value", ""),
        notes.get("done", ""),
    )


def _reasons(block: str) -> list[HaltMeaning]:
    rows = [[_plain(cell) for cell in row.strip("| ").split("|")] for row in block.splitlines()[2:]]
    if any(len(row) != 3 for row in rows):
        raise RunbookError(f"a table of reasons has three columns: {block[:60]!r}")
    return [HaltMeaning("" if words.startswith("anything") else words, *rest) for words, *rest in rows]


def _notes(block: str, known: set[str]) -> dict[str, str]:
    """What the comment says, as ``name: value; name: value``."""
    found: dict[str, str] = {}
    for comment in _NOTE.findall(block):
        for part in comment.split(";"):
            name, _, value = part.partition(":")
            if name.strip() not in known or not value.strip():
                raise RunbookError(
                    f"{part.strip()!r} is none of {', '.join(sorted(known))} with a name: {block[:60]!r}"
                )
            found[name.strip()] = value.strip()
    return found


def _plain(text: str) -> str:
    return _MARKUP.sub("", " ".join(text.split()))
