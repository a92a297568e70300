"""The structure of JSON, to compare answers of two exchanges: which fields are where, always or sometimes, of which type."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_HEX = re.compile(r"0x[0-9a-f]+")


@dataclass
class Shape:
    """By path: ``.levels[][].px`` is the field ``px`` of the objects in the lists in the list ``levels``."""

    kinds: dict[str, set[str]] = field(default_factory=dict)
    objects: Counter[str] = field(default_factory=Counter)
    """How many objects there are at a path."""
    fields: Counter[str] = field(default_factory=Counter)
    """In how many objects a field is present."""

    def is_always_there(self, path: str) -> bool:
        parent = path.rpartition(".")[0]
        return self.fields[path] == self.objects[parent]


def shape(value: Any) -> Shape:
    found = Shape()
    _walk(value, "", found)
    return found


def _walk(value: Any, path: str, found: Shape) -> None:
    found.kinds.setdefault(path, set()).add(_kind(value))
    if isinstance(value, dict):
        found.objects[path] += 1
        for key, item in value.items():
            found.fields[f"{path}.{key}"] += 1
            _walk(item, f"{path}.{key}", found)
    elif isinstance(value, list):
        is_tuple = len({_kind(item) for item in value} - {"null"}) > 1
        for place, item in enumerate(value):
            _walk(item, f"{path}[{place}]" if is_tuple else f"{path}[]", found)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case str() if _DECIMAL.fullmatch(value):
            return "decimal"
        case str() if _HEX.fullmatch(value):
            return "hex"
        case str():
            return "text"
        case list():
            return "list"
        case _:
            return "object"


def differences(recorded: Any, ours: Any) -> set[str]:
    """``+path``: a field of ours that the recording doesn't have; ``-path``: one that it always has and ours lacks;
    ``path: a/b``: other types. What the recording shows as null or empty alone tells nothing of what may stand there.
    """
    theirs, mine = shape(recorded), shape(ours)
    found = set()
    for path, kinds in theirs.kinds.items():
        if path in mine.kinds:
            strange = mine.kinds[path] - kinds - {"null"}
            if strange and kinds != {"null"}:
                found.add(f"{path}: {'|'.join(sorted(kinds))}/{'|'.join(sorted(strange))}")
        elif theirs.is_always_there(path) and _parent(path) in mine.kinds:
            found.add(f"-{path}")
    for path in mine.kinds.keys() - theirs.kinds.keys():
        parent = _parent(path)
        if parent in theirs.kinds and theirs.kinds[parent] != {"null"} and not path.endswith("]"):
            found.add(f"+{path}")
    return found


def _parent(path: str) -> str:
    return path[: max(path.rfind("."), path.rfind("["))]
