"""``gridbot.toml``: its keys, and the line of each."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.runtime.settings.model import WHOLE_ACCOUNT, Settings
from core.runtime.settings.names import NOT_YET_IN_EFFECT, environment_name, known_file_keys, nearest
from core.runtime.statedir import UsageError


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A TOML file and its text, so that errors can name the line."""

    path: Path
    top: dict[str, Any]
    coins: dict[str, dict[str, Any]]
    lines: tuple[str, ...]
    unused: tuple[str, ...] = ()
    """Keys that are valid and have no effect in this version."""

    def where(self, key: str, coin: str = "") -> str:
        """``gridbot.toml line 3``, the place of a key."""
        section = ""
        for number, line in enumerate(self.lines, 1):
            header = re.match(r"\s*\[([^\]]+)\]", line)
            if header:
                section = header.group(1).strip().replace('"', "")
            elif re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line) and section == (
                f"coins.{coin}" if coin else ""
            ):
                return f"{self.path} line {number}"
        return str(self.path)


def read_config_file(file: Path | None, default_file: Path) -> ConfigFile:
    """The named file, or ``gridbot.toml`` here if there is one, or nothing. Raises ``UsageError``."""
    path = file or default_file
    if not path.exists():
        if file is None:
            return ConfigFile(path, {}, {}, ())
        raise UsageError(f"the config file {file} doesn't exist; fix the path given with --config")
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read: {error}") from None
    tables = content.get("coins")
    overrides = content.pop("coins") if isinstance(tables, dict) else {}
    return _checked(ConfigFile(path, content, overrides, tuple(text.splitlines())))


def _checked(config: ConfigFile) -> ConfigFile:
    unused = []
    for coin, table in {"": config.top, **config.coins}.items():
        if not isinstance(table, dict):
            raise UsageError(f"{config.where(coin)}: coins.{coin} must be a table: [coins.{coin}]")
        for key in list(table):
            if environment_name(key) in NOT_YET_IN_EFFECT:
                unused.append(f"{key} ({config.where(key, coin)})")
                del table[key]
            elif coin and key in WHOLE_ACCOUNT:
                raise UsageError(
                    f"{config.where(key, coin)}: {key} is not one coin's; write it above [coins.{coin}]"
                )
            elif key not in Settings.model_fields:
                raise UsageError(
                    f"{config.where(key, coin)}: {key} is not a setting{nearest(key, known_file_keys())}"
                )
    return replace(config, unused=tuple(unused))
