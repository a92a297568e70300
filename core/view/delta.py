"""What changed from one view to the next, and back: a snapshot and a delta make the next snapshot, exactly.

A patch is a list that begins with what to do: ``["=", value]`` in its place, ``["~", {field: patch}]`` in a dataclass, ``["@",
{index: patch}]`` in some of a list, ``["+", drop, keep, [items]]`` in a list that lost some at its beginning and got others at
its end. Values in a patch are the view's own objects, for the encoder.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

from core.view.plain import decoder, element, hints

T = TypeVar("T")
Patch = list[Any]


def delta(old: Any, new: Any) -> Patch | None:
    """The patch from ``old`` to ``new``; ``None`` if they are equal."""
    if old is new:
        return None
    if type(old) is not type(new):
        return ["=", new]
    if dataclasses.is_dataclass(new):
        changed = {
            field.name: patch
            for field in dataclasses.fields(new)
            if (patch := delta(getattr(old, field.name), getattr(new, field.name))) is not None
        }
        return ["~", changed] if changed else None
    if isinstance(new, tuple):
        return _of_list(old, new)
    return None if old == new else ["=", new]


def patched(value: T, patch: Patch, kind: Any = None) -> T:
    """``value`` as the patch, decoded from JSON, makes it. Raises ``ValueError`` for a patch that doesn't fit."""
    try:
        made: T = _patched(value, patch, type(value) if kind is None else kind)
    except (TypeError, KeyError, IndexError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"no patch of {type(value).__name__}: {type(error).__name__}: {error}") from error
    return made


def _of_list(old: tuple[Any, ...], new: tuple[Any, ...]) -> Patch | None:
    if old == new:
        return None
    if not old or not new:
        return ["=", new]
    drop = next((at for at, item in enumerate(old) if item is new[0] or _same(item, new[0])), -1)
    if drop >= 0:
        keep = _common(old, drop, new)
        if 2 * keep >= len(new):
            return ["+", drop, keep, new[keep:]]
    if len(old) == len(new):
        return _of_items(old, new)
    return ["=", new]


def _same(before: Any, after: Any) -> bool:
    """Equal, and of one type: the 7 of a day's number isn't the 7 of its dollars."""
    return type(before) is type(after) and bool(before == after)


def _common(old: tuple[Any, ...], drop: int, new: tuple[Any, ...]) -> int:
    """How far ``new`` goes as ``old`` does from there."""
    count = 0
    for before, after in zip(old[drop:], new, strict=False):
        if before is not after and before != after:
            break
        count += 1
    return count


def _of_items(old: tuple[Any, ...], new: tuple[Any, ...]) -> Patch:
    patches = {
        str(at): patch
        for at, (before, after) in enumerate(zip(old, new, strict=True))
        if (patch := delta(before, after)) is not None
    }
    return ["@", patches]


def _patched(value: Any, patch: Sequence[Any], kind: Any) -> Any:
    match patch:
        case ["=", plain]:
            return decoder(kind)(plain)
        case ["~", changed]:
            known = hints(type(value))
            return dataclasses.replace(
                value,
                **{name: _patched(getattr(value, name), each, known[name]) for name, each in changed.items()},
            )
        case ["@", changed]:
            items = list(value)
            for at, each in changed.items():
                items[int(at)] = _patched(items[int(at)], each, element(kind, int(at)))
            return tuple(items)
        case ["+", drop, keep, added]:
            kept = value[drop : drop + keep]
            if len(kept) != keep:
                raise ValueError(f"the list has {len(value)} items, the patch keeps {keep} from {drop} on")
            return (*kept, *(decoder(element(kind, at))(item) for at, item in enumerate(added, keep)))
        case _:
            raise ValueError(f"{str(patch)[:80]!r} is no patch")
