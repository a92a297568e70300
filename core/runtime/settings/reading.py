"""Values as written become settings, and those that can't are problems."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from core.runtime.settings.layers import Layers
from core.runtime.settings.meant import likely
from core.runtime.settings.model import HIDDEN_NAMES, Settings
from core.runtime.settings.problem import NOT_SHOWN, Problem, setting_text, shown
from core.runtime.settings.required import EXAMPLES
from core.runtime.settings.values import unit_of


@dataclass(frozen=True, slots=True)
class Reading:
    """The settings of one coin (empty: of all); ``invalid`` ones stand at their defaults."""

    coin: str
    settings: Settings
    problems: tuple[Problem, ...] = ()
    invalid: frozenset[str] = frozenset()


def read_values(layers: Layers, coin: str) -> Reading:
    """Everything written for a coin, each wrong value a problem."""
    values = layers.values(coin)
    try:
        return Reading(coin, Settings(**values))
    except ValidationError as error:
        wrong = {str(each["loc"][0]): each for each in reversed(error.errors(include_url=False))}
    right = {name: value for name, value in values.items() if name not in wrong}
    problems = tuple(
        _wrong_value(layers, coin, name, dict(each), right) for name, each in sorted(wrong.items())
    )
    return Reading(coin, Settings(**right), problems, frozenset(wrong))


def _wrong_value(
    layers: Layers, coin: str, name: str, error: Mapping[str, Any], others: Mapping[str, Any]
) -> Problem:
    """With what was likely meant, where that can be told: a limit must not be switched off by whoever takes the advice."""
    field = Settings.model_fields[name]
    meant = likely(name, error["input"], others)
    example = meant or EXAMPLES.get(name) or setting_text(field.default) or '""'
    fix = f"{example} would pass"
    if unit_of(name, field) == "fraction":
        fix += " (a fraction: 0.0006 is 0.06 %)"
    if isinstance(error["input"], dict):
        fix += "; the settings of one coin stand under [coins.NAME]"
    value = NOT_SHOWN if name in HIDDEN_NAMES else shown(error["input"])
    return Problem(
        layers.origin(name, coin), name, f": {_rule(str(error['msg']))}", fix, value, example.strip('"')
    )


def _rule(message: str) -> str:
    """The validator's sentence, in words for who writes settings."""
    says = message.removeprefix("Value error, ").replace("a valid decimal", "a number")
    says = re.sub(r"Decimal\('([^']*)'\)", r"\1", says)
    return says[:1].lower() + says[1:]
