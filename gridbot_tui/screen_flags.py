"""The flags of every command that draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from gridbot_tui.screen_options import DEFAULT_HZ, ScreenOptions, ThemeName


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class ScreenFlags(ScreenOptions):
    """How the screen looks and how often it is drawn."""

    theme: Annotated[ThemeName, Parameter(help="Default: gridbot; ansi-dark on 16 colours.")] = ""
    ascii: Annotated[
        bool, Parameter(negative=(), help="No glyph beyond ASCII; by itself where the locale isn't UTF-8.")
    ] = False
    refresh_hz: Annotated[float, Parameter(help="How often a second it is drawn, at most 10.")] = DEFAULT_HZ
    slow: Annotated[
        bool, Parameter(negative=(), help="For a slow link: once a second, no sparkline, no plots.")
    ] = False
    mouse: Annotated[
        bool, Parameter(negative=(), help="Take the mouse; without it the terminal selects text.")
    ] = False
