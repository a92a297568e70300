"""Flag > environment ``HL_*`` > ``gridbot.toml`` > default, and where each value came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.runtime.settings.contradictions import contradictions
from core.runtime.settings.file import ConfigFile, read_config_file
from core.runtime.settings.model import PRICES_OF_ONE_COIN, Settings
from core.runtime.settings.names import NOT_YET_IN_EFFECT, environment_name, known_environment_names, nearest
from core.runtime.statedir import UsageError


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings by coin, in the order named, and what to warn about."""

    by_coin: dict[str, Settings]
    common: Settings
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layers:
    """The sources, the strongest first; a coin's table of the file is stronger than the file's top level."""

    flags: Mapping[str, Any]
    environ: Mapping[str, str]
    file: ConfigFile

    def values(self, coin: str) -> dict[str, Any]:
        """What is written anywhere for a coin (empty: for all), by name."""
        from_environment = {
            name: self.environ[environment_name(name)]
            for name in Settings.model_fields
            if environment_name(name) in self.environ
        }
        return {**self.file.top, **self.file.coins.get(coin, {}), **from_environment, **self.flags}

    def origin(self, name: str, coin: str) -> str:
        """Where a value came from, so that a message can say where to change it."""
        if name in self.flags:
            return f"--{name.replace('_', '-')}"
        if environment_name(name) in self.environ:
            return environment_name(name)
        if name in self.file.coins.get(coin, {}):
            return self.file.where(name, coin)
        return self.file.where(name) if name in self.file.top else "default"


def load_settings(
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    file: Path | None,
    default_file: Path = Path("gridbot.toml"),
) -> Loaded:
    """Read every source and check them. Raises ``UsageError`` with file, line, value and the fix."""
    check_environment(environ)
    layers = Layers(flags, environ, read_config_file(file, default_file))
    common = _validated(layers, "")
    coins = common.coins or ((common.coin,) if common.coin else tuple(layers.file.coins) or ("BTC",))
    doubled = {coin for coin in coins if coins.count(coin) > 1}
    if doubled:
        raise UsageError(f"{', '.join(sorted(doubled))} is named twice; name each coin once")
    by_coin = {coin: _validated(layers, coin) for coin in coins}
    for name in PRICES_OF_ONE_COIN if len(coins) > 1 else ():
        if getattr(common, name):
            raise UsageError(
                f"{layers.origin(name, '')}: {name} is the price of one coin, and {len(coins)} are traded; "
                "write it under [coins.NAME]"
            )
    return Loaded(by_coin, common, _warnings(layers, coins))


def _warnings(layers: Layers, coins: tuple[str, ...]) -> tuple[str, ...]:
    unused = (*sorted(name for name in layers.environ if name in NOT_YET_IN_EFFECT), *layers.file.unused)
    return (
        *(f"{name} is set and has no effect in this version" for name in unused),
        *(
            f"[coins.{name}] has no effect: {name} is not traded here"
            for name in layers.file.coins
            if name not in coins
        ),
    )


def check_environment(environ: Mapping[str, str]) -> None:
    """Refuse unknown ``HL_*`` names: a typo must not silently mean the default. Raises ``UsageError``."""
    known = known_environment_names()
    for name in sorted(environ):
        if name.upper().startswith("HL_") and name not in known:
            raise UsageError(f"{name} is not a setting{nearest(name, known)}")


def _validated(layers: Layers, coin: str) -> Settings:
    try:
        settings = Settings(**layers.values(coin))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise UsageError(
            f"{layers.origin(name, coin)}: {name} {first['input']!r}: {first['msg'].lower()}; "
            f"the default is {_default(name)}"
        ) from None
    for found in contradictions(settings):
        value = getattr(settings, found.name)
        raise UsageError(f"{layers.origin(found.name, coin)}: {found.name} {value} {found.text}")
    return settings


def _default(name: str) -> str:
    return repr(Settings.model_fields[name].default).removeprefix("Decimal('").removesuffix("')")
