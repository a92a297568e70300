"""Every source held against every rule: all that is wrong at once, or the settings to start with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.runtime.settings.file import ConfigFile, ConfigFileError, read_config_file
from core.runtime.settings.keys import environment_problems, file_problems, names_without_effect
from core.runtime.settings.layers import Layers
from core.runtime.settings.model import Settings
from core.runtime.settings.names import SECRET_NAMES
from core.runtime.settings.problem import Origin, Problem, Source, plain
from core.runtime.settings.reading import read_values
from core.runtime.settings.together import coins_together, contradictory, idle, not_written
from core.runtime.statedir import UsageError
from core.view import SettingView

DEFAULT_FILE = Path("gridbot.toml")
DEFAULT_COIN = "BTC"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings by coin, in the order named, and what to warn about."""

    by_coin: dict[str, Settings]
    common: Settings
    warnings: tuple[str, ...]
    listed: tuple[SettingView, ...] = ()
    """Each with where it was set, for the eye; there once a start has asked for them."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found for a network. ``loaded`` is there if every value could be read, even if they contradict each other."""

    network: str
    layers: Layers
    problems: tuple[Problem, ...]
    loaded: Loaded | None

    def settings(self) -> Loaded:
        """Raises ``UsageError`` with the first problem, and how many more there are."""
        if self.problems:
            more = len(self.problems) - 1
            hint = f" ({more} more: `gridbot config check --network {self.network}` lists them all)"
            raise UsageError(self.problems[0].text + (hint if more else ""))
        assert self.loaded is not None, "either problems or settings"
        return self.loaded


def load_settings(
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    file: Path | None,
    default_file: Path = DEFAULT_FILE,
    network: str = "paper",
) -> Loaded:
    """Read every source and check them. Raises ``UsageError`` with file, line, value and the fix."""
    return judge(flags, environ, file, default_file, network).settings()


def judge(
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    file: Path | None,
    default_file: Path = DEFAULT_FILE,
    network: str = "paper",
) -> Judgement:
    """All that is wrong, each once, names before values before rules. It raises nothing."""
    assert flags.keys() <= Settings.model_fields.keys(), "a flag sets a setting"
    environ = {name: value for name, value in environ.items() if _is_ours(name)}
    problems = list(environment_problems(environ))
    try:
        config = read_config_file(file, default_file)
    except ConfigFileError as error:
        problems.append(Problem(Origin(Source.FILE, "", str(error.path), error.line), "", str(error), ""))
        return Judgement(network, Layers(flags, environ, ConfigFile(error.path)), tuple(problems), None)
    layers = Layers(flags, environ, config)
    problems += file_problems(config)

    common = read_values(layers, "")
    coins = _coins(common.settings, config)
    traded = [read_values(layers, coin) for coin in dict.fromkeys(coins)]
    others = [read_values(layers, coin) for coin in config.coins if coin and coin not in coins]
    for reading in (common, *traded, *others):
        problems += reading.problems
    problems += coins_together(layers, common.settings, coins)
    problems += contradictory(layers, traded)
    problems += idle(layers, traded)
    problems += not_written(layers, common.settings.profile, tuple(dict.fromkeys(coins)), network)

    warnings = _warnings(layers, coins, common.settings, network)
    loaded = Loaded({each.coin: each.settings for each in traded}, common.settings, warnings)
    all_read = not any(each.invalid for each in (common, *traded, *others))
    return Judgement(network, layers, tuple(dict.fromkeys(problems)), loaded if all_read else None)


def _is_ours(name: str) -> bool:
    """Nothing else of the environment is kept, least of all a key."""
    return name.upper().startswith("HL_") and name not in SECRET_NAMES


def _coins(common: Settings, config: ConfigFile) -> tuple[str, ...]:
    """As they are named; else the file's tables; else one."""
    if common.coins or common.coin:
        return common.coins or (common.coin,)
    return tuple(coin for coin in config.coins if coin) or (DEFAULT_COIN,)


def _warnings(layers: Layers, coins: tuple[str, ...], common: Settings, network: str) -> tuple[str, ...]:
    out = list(names_without_effect(layers.environ, layers.file))
    out += [
        f"[coins.{plain(name)}] has no effect: {plain(name)} is not traded here"
        for name in layers.file.coins
        if name not in coins
    ]
    if common.base_url and network != "paper":
        out.append(f"base_url has no effect on {network}: it has an address of its own")
    return tuple(out)
