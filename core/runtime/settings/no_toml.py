"""Why a file is no TOML, with the line and what is likely to be done about it: the parser alone says neither."""

from __future__ import annotations

import re

from core.runtime.settings.problem import plain, printable

_TABLES_NAME_COINS = "; where there are tables [coins.NAME], they name the coins: take `coins = …` away"
_BARE_COLON = re.compile(r"""\s*\[+\s*coins\s*\.\s*([^"'\[\]]*:[^"'\[\]]*?)\s*\]""")
_NAME = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")
_HAS_OWN_TEXT = ("Cannot declare", "Cannot mutate")
"""The parser's sentences that repeat a piece of the file, which may be a key."""


def why_no_toml(error: Exception, text: str) -> tuple[str, int, str]:
    """The parser's sentence, the line (0: unknown), and a hint that begins with a semicolon or is empty."""
    if isinstance(error, RecursionError):
        return "nested too deeply", 0, ""
    says = str(error)
    at = re.search(r"at line (\d+)", says)
    line = int(at.group(1)) if at else 0
    why = plain(says) if says.startswith(_HAS_OWN_TEXT) else printable(says)
    if _names_coins_twice(text):
        return why, line or _last_line(text), _TABLES_NAME_COINS
    if says.startswith("Cannot overwrite") and (twice := _written_twice(text)):
        name, first, again = twice
        return f"{plain(name)} is written twice", again, f"; take it away in line {first} or in line {again}"
    if not line and "end of document" in says:
        line = _last_line(text)
    if says.startswith("Cannot declare"):
        return why, line, "; write all that belongs to it under it once"
    return why, line, _hint(text.split("\n")[line - 1] if line else "")


def _last_line(text: str) -> int:
    return text.rstrip("\n").count("\n") + 1


def _names_coins_twice(text: str) -> bool:
    return all(re.search(rf"^\s*{each}", text, re.MULTILINE) for each in (r"coins\s*=", r"\[coins\."))


def _written_twice(text: str) -> tuple[str, int, int] | None:
    """A name that stands twice in one table, and in which lines."""
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("["):
            seen.clear()
        elif (match := _NAME.match(line)) is not None:
            name = match.group(1)
            if name in seen:
                return name, seen[name], number
            seen[name] = number
    return None


def _hint(line: str) -> str:
    if (match := _BARE_COLON.match(line)) is not None:
        return f'; a name with a colon wants quotes: [coins."{plain(match.group(1))}"]'
    if line.lstrip().startswith("["):
        return '; a table is written [coins.BTC] or [coins."xyz:TSLA"]'
    if "=" not in line:
        return "; write each setting as name = value"
    return '; numbers are written as 1000 or 0.001, words in quotes: "off", "BTC"'
