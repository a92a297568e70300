"""How the screen is to look. ``screen_flags`` makes one set of flags of it, for every command that draws."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

ThemeName = Literal["gridbot", "gridbot-high-contrast", "ansi-dark", "ansi-light", ""]
DEFAULT_HZ = 2.0
SLOW_HZ = 1.0
_MOST_HZ = 10.0
_LEAST_HZ = 0.001


@dataclass(frozen=True, slots=True)
class ScreenOptions:
    """How the screen looks and how often it is drawn."""

    theme: ThemeName = ""
    ascii: bool = False
    refresh_hz: float = DEFAULT_HZ
    slow: bool = False
    mouse: bool = False

    @property
    def hz(self) -> float:
        """Draws a second, within what a screen can do."""
        wanted = min(max(self.refresh_hz, _LEAST_HZ), _MOST_HZ)
        return min(wanted, SLOW_HZ) if self.slow else wanted

    @property
    def is_ascii(self) -> bool:
        return self.ascii or not _speaks_utf8()


def _speaks_utf8() -> bool:
    """What the environment says of the terminal. Python itself sets LC_CTYPE where LANG is ``C``: LANG is asked first."""
    said = [os.environ.get(name, "") for name in ("LC_ALL", "LANG", "LC_CTYPE")]
    if said[0] == "" and said[2] not in ("", "C.UTF-8"):
        said = [said[2]]
    locale = next((name for name in said if name), "")
    return locale not in ("C", "POSIX") and ("." not in locale or "utf8" in locale.lower().replace("-", ""))
