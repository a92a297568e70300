"""Text from outside on its way to a terminal: what doesn't print there isn't written as it is, for it could act on the screen.

That is every control character (C0 and C1), and what hides, or turns the order of letters round.
"""

from __future__ import annotations

import re

_JSON_SPACE = "\t\r\n"
_HIDDEN = re.compile(r"[^ -~]")
"""All that ASCII doesn't print, and more that is looked at one by one."""


def printable(text: str) -> str:
    """For the eye: line breaks stay, a blank for any other white space, ``?`` for what doesn't print."""
    if text.isprintable():
        return text
    return _HIDDEN.sub(_shown, text)


def escaped(json: str) -> str:
    """The same JSON in characters that print: what doesn't is told by its number, so that the data stay the same."""
    if json.isprintable():
        return json
    return _HIDDEN.sub(_numbered, json)


def _shown(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable() or character == "\n":
        return character
    return " " if character.isspace() else "?"


def _numbered(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable():
        return character
    if character in _JSON_SPACE:
        return " "  # never within a string
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
