"""``gridbot.toml``: its tables, and the line of each key."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.runtime.settings.no_toml import why_no_toml
from core.runtime.settings.problem import Origin, Source, printable
from core.runtime.statedir import UsageError

FILE_MAX_BYTES = 256 * 1024
READABLE = "let this user read it, or name another with --config"
FOUND_HERE = "go to a directory that this user may read, or name a file with --config"

STATEMENT_MAX_LINES = 200
"""A statement that goes on for longer ends the search for lines: no setting needs so many."""


class ConfigFileError(UsageError):
    """The file can't be read or isn't TOML; ``line`` 0 if there is none to name."""

    def __init__(self, text: str, path: Path, line: int = 0) -> None:
        super().__init__(text)
        self.path, self.line = path, line


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """``coins`` are the tables ``[coins.NAME]``, ``top`` is the rest; ``lines``: where each key or table begins, by path."""

    path: Path
    is_there: bool = False
    top: dict[str, Any] = field(default_factory=dict, repr=False)
    coins: dict[str, Any] = field(default_factory=dict, repr=False)
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)

    def table(self, coin: str) -> Mapping[str, Any]:
        """The keys written for one coin alone."""
        table = self.coins.get(coin, {})
        return table if isinstance(table, dict) else {}

    def where(self, key: str, coin: str = "") -> Origin:
        """``gridbot.toml line 3``, the place of a key; with a ``coin``, of a key in its table."""
        return self._origin(("coins", coin, key) if coin else (key,))

    def where_table(self, coin: str) -> Origin:
        """Where a coin's table begins."""
        return self._origin(("coins", coin))

    def itself(self) -> Origin:
        """The file where a key would be written."""
        name = printable(str(self.path))
        return Origin(Source.FILE, name if self.is_there else f"{name} (not there)", name)

    def _origin(self, path: tuple[str, ...]) -> Origin:
        file, line = printable(str(self.path)), self.lines.get(path, 0)
        return Origin(Source.FILE, f"{file} line {line}" if line else file, file, line)


def read_config_file(file: Path | None, default_file: Path) -> ConfigFile:
    """The named file, or ``gridbot.toml`` here if there is one, or nothing. Raises ``ConfigFileError``."""
    path = file or default_file
    name = printable(str(path))
    if not _is_there(path):
        if file is None:
            return ConfigFile(path)
        raise ConfigFileError(f"the config file {name} doesn't exist; fix the path given with --config", path)
    text = _text(path, READABLE if file else FOUND_HERE)
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        why, line, hint = why_no_toml(error, text)
        raise ConfigFileError(f"{name} is not valid TOML: {why}{hint}", path, line) from None
    coins = content.pop("coins") if isinstance(content.get("coins"), dict) else {}
    return ConfigFile(path, True, content, coins, key_lines(text))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # reading it will say why it can't be looked at


def _text(path: Path, fix: str) -> str:
    name = printable(str(path))
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_MAX_BYTES + 1)
        text = raw.decode("utf-8")
    except OSError as error:
        where = printable(os.path.abspath(path))
        raise ConfigFileError(f"{where} can't be read: {error.strerror}; {fix}", path) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigFileError(f"{name} can't be read: line {line} is not UTF-8", path, line) from None
    if len(raw) > FILE_MAX_BYTES:
        raise ConfigFileError(f"{name} can't be read: it is larger than {FILE_MAX_BYTES // 1024} KiB", path)
    return text.replace("\r\n", "\n")


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line where each key and table of a valid document begins, by its path.

    The parser itself tells where a statement ends: lines are added until they are a document of their own.
    """
    places: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    begin, statement = 1, ""
    for number, line in enumerate(text.split("\n"), 1):
        begin, statement = (begin, f"{statement}\n{line}") if statement else (number, line)
        try:
            parsed = tomllib.loads(statement)
        except ValueError:
            if number - begin >= STATEMENT_MAX_LINES:
                break
            continue
        paths = list(_paths(parsed))
        if statement.lstrip().startswith("["):
            table = paths[-1]
            places.setdefault(table, begin)
        else:
            for path in paths:
                places.setdefault((*table, *path), begin)
        statement = ""
    return places


def _paths(node: Any) -> Iterator[tuple[str, ...]]:
    for key, value in node.items() if isinstance(node, dict) else ():
        yield (key,)
        yield from ((key, *rest) for rest in _paths(value))
