"""Flag > environment ``HL_*`` > ``gridbot.toml`` > profile > default, and where each value came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.runtime.settings.file import ConfigFile
from core.runtime.settings.model import Settings
from core.runtime.settings.names import environment_name
from core.runtime.settings.problem import Origin, Source

PROFILES: dict[str, dict[str, Any]] = {"simple": {"margin_mode": "isolated", "on_range_exit": "hold"}}
"""What a profile says in the operator's place; whatever the operator writes is stronger."""

FLAGS = {"coins": "--coin"}
"""Flags that are called otherwise than their setting."""


@dataclass(frozen=True, slots=True)
class Layers:
    """The sources, the strongest first; a coin's table of the file is stronger than the file's top level."""

    flags: Mapping[str, Any] = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)
    file: ConfigFile

    def values(self, coin: str) -> dict[str, Any]:
        """What is written anywhere for a coin (empty: for all), by name; names that are no settings are left out."""
        from_environment = {
            name: self.environ[environment_name(name)]
            for name in Settings.model_fields
            if environment_name(name) in self.environ
        }
        merged = {
            **self.file.top,
            **(self.file.table(coin) if coin else {}),
            **from_environment,
            **self.flags,
        }
        written = {name: value for name, value in merged.items() if name in Settings.model_fields}
        return {**self._profile(written), **written}

    def written(self, coin: str) -> Iterator[str]:
        """The names that the operator has written for a coin: not what a profile says."""
        for name in self.values(coin):
            if self.origin(name, coin).source is not Source.PROFILE:
                yield name

    def origin(self, name: str, coin: str) -> Origin:
        """Where a value came from, so that a message can say where to change it."""
        if name in self.flags:
            return Origin(Source.FLAG, FLAGS.get(name, f"--{name.replace('_', '-')}"))
        if environment_name(name) in self.environ:
            return Origin(Source.ENVIRONMENT, environment_name(name))
        if coin and name in self.file.table(coin):
            return self.file.where(name, coin)
        if name in self.file.top:
            return self.file.where(name)
        if name in self.values(coin):
            return Origin(Source.PROFILE, f"profile {self.values(coin)['profile']}")
        return Origin(Source.DEFAULT, "default")

    @staticmethod
    def _profile(written: Mapping[str, Any]) -> dict[str, Any]:
        profile = written.get("profile")
        says = PROFILES.get(profile, {}) if isinstance(profile, str) else {}
        return {name: value for name, value in says.items() if name in Settings.model_fields}
