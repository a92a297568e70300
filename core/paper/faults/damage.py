"""Damaging a text as networks and servers do."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import orjson

MODES = ("truncate", "garble", "types", "short")
"""How a text can be damaged."""

_GARBAGE = '\x00\x1b{}[]",:0e\\�é\U0001f4a5'
_WRONG: tuple[Any, ...] = (None, True, "", "NaN", "-", -1, 10**18, 0.1, [], {})


def damage(text: str, mode: str | None, dice: Random) -> str:
    """``text`` cut short, with characters replaced, with a value of another type, or with a row fewer.

    What is no JSON, or has nothing to take, is cut instead. The result always differs from ``text``, but for an empty one.
    """
    match mode or dice.choice(MODES):
        case "garble":
            return _garble(text, dice)
        case "types":
            return _in_json(text, _mistype, dice)
        case "short":
            return _in_json(text, _shorten, dice)
        case _:
            return text[: dice.randrange(len(text))] if text else text


def _garble(text: str, dice: Random) -> str:
    letters = list(text)
    for place in dice.sample(range(len(letters)), min(len(letters), 1 + len(letters) // 50)):
        letters[place] = dice.choice([letter for letter in _GARBAGE if letter != letters[place]])
    return "".join(letters)


def _in_json(text: str, change: Callable[[Any, Random], bool], dice: Random) -> str:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return damage(text, "truncate", dice)
    return orjson.dumps(value).decode() if change(value, dice) else damage(text, "truncate", dice)


def _containers(value: Any) -> list[Any]:
    """All lists and objects in ``value``, itself included."""
    found: list[Any] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict | list):
            found.append(item)
            waiting.extend(item.values() if isinstance(item, dict) else item)
    return found


def _mistype(value: Any, dice: Random) -> bool:
    leaves = [
        (container, key)
        for container in _containers(value)
        for key in (container if isinstance(container, dict) else range(len(container)))
        if not isinstance(container[key], dict | list)
    ]
    if not leaves:
        return False
    container, key = dice.choice(leaves)
    old = container[key]
    # Another number would be a lie that no reader can find out: another trade, not a damaged one. Texts have no such twins.
    others = [wrong for wrong in _WRONG if type(wrong) is not type(old)]
    texts = [wrong for wrong in _WRONG if isinstance(old, str) and isinstance(wrong, str) and wrong != old]
    container[key] = dice.choice(others + texts)
    return True


def _shorten(value: Any, dice: Random) -> bool:
    """Take one row out of a list that has any, the way an answer comes with fewer statuses than orders."""
    lists = [container for container in _containers(value) if isinstance(container, list) and container]
    if not lists:
        return False
    rows = dice.choice(lists)
    del rows[dice.randrange(len(rows))]
    return True
