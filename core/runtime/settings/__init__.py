"""Settings: flag > environment ``HL_*`` > ``gridbot.toml`` > default. Unknown names and contradictions are refused at start.

The fields stand in ``account``, ``grid``, ``features``, ``risk``, ``timing`` and ``telling``; ``model`` makes one
object of them, ``judge`` holds every source against every rule. What must be written on which network is a table in
``required``.
"""

from __future__ import annotations

from core.runtime.settings.contradiction import Contradiction
from core.runtime.settings.contradictions import MIN_LEVEL_USD, contradictions
from core.runtime.settings.file import ConfigFile, ConfigFileError, read_config_file
from core.runtime.settings.judge import Judgement, Loaded, judge, load_settings
from core.runtime.settings.layers import Layers
from core.runtime.settings.model import MAY_BE_OFF, PRICES_OF_ONE_COIN, WHOLE_ACCOUNT, Settings
from core.runtime.settings.names import NOT_YET_IN_EFFECT, SECRET_NAMES
from core.runtime.settings.problem import Origin, Problem, Source

__all__ = [
    "MAY_BE_OFF",
    "MIN_LEVEL_USD",
    "NOT_YET_IN_EFFECT",
    "PRICES_OF_ONE_COIN",
    "SECRET_NAMES",
    "WHOLE_ACCOUNT",
    "ConfigFile",
    "ConfigFileError",
    "Contradiction",
    "Judgement",
    "Layers",
    "Loaded",
    "Origin",
    "Problem",
    "Settings",
    "Source",
    "contradictions",
    "judge",
    "load_settings",
    "read_config_file",
]
