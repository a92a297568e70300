"""Colours after Okabe and Ito: blue and orange for the sides, never red against green, and no meaning by colour alone."""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

_OKABE_ITO = {
    "buy": "#56B4E9",
    "sell": "#E69F00",
    "ok": "#009E73",
    "warn": "#F0E442",
    "crit": "#D55E00",
    "faint": "#9AA3B5",
    "dimmed": "#6F7789",
    "rule": "#5B6478",
    "live-tint": "#2A120C",
    "box": "#151820",
}

GRIDBOT = Theme(
    name="gridbot",
    primary="#56B4E9",
    secondary="#CC79A7",
    accent="#E69F00",
    warning="#F0E442",
    error="#D55E00",
    success="#009E73",
    foreground="#DDE2EC",
    background="#12151C",
    surface="#12151C",
    panel="#1B202B",
    dark=True,
    variables=_OKABE_ITO,
)

HIGH_CONTRAST = Theme(
    name="gridbot-high-contrast",
    primary="#7FCBFF",
    warning="#FFF35C",
    error="#FF8A4D",
    success="#3DDC9F",
    foreground="#FFFFFF",
    background="#000000",
    surface="#000000",
    panel="#000000",
    dark=True,
    variables={
        "buy": "#7FCBFF",
        "sell": "#FFB732",
        "ok": "#3DDC9F",
        "warn": "#FFF35C",
        "crit": "#FF8A4D",
        "faint": "#E6E6E6",
        "dimmed": "#B8B8B8",
        "rule": "#C8C8C8",
        "live-tint": "#3A1000",
        "box": "#000000",
    },
)


def _ansi(name: str, dark: bool, warn: str, buy: str, sell: str, ok: str) -> Theme:
    """The terminal's own sixteen colours on its own background; what is faint is so by the terminal's dim."""
    return Theme(
        name=name,
        ansi=True,
        primary=buy,
        secondary="ansi_cyan",
        accent=sell,
        warning=warn,
        error="ansi_red",
        success=ok,
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        dark=dark,
        variables={
            **BUILTIN_THEMES[name].variables,
            "buy": buy,
            "sell": sell,
            "ok": ok,
            "warn": warn,
            "crit": "ansi_bright_red" if dark else "ansi_red",
            **dict.fromkeys(("faint", "dimmed", "rule", "live-tint", "box"), "ansi_default"),
        },
    )


ANSI_DARK = _ansi("ansi-dark", True, "ansi_bright_yellow", "ansi_cyan", "ansi_yellow", "ansi_green")
ANSI_LIGHT = _ansi("ansi-light", False, "ansi_magenta", "ansi_blue", "ansi_magenta", "ansi_default")

THEMES = (GRIDBOT, HIGH_CONTRAST, ANSI_DARK, ANSI_LIGHT)
NAMES = tuple(theme.name for theme in THEMES)


def theme_for(wanted: str, colour_system: str | None) -> str:
    """The theme to begin with: the wanted one, else what the terminal's colours are enough for."""
    if wanted in NAMES:
        return wanted
    return GRIDBOT.name if colour_system in ("truecolor", "256") else ANSI_DARK.name


def next_theme(name: str) -> str:
    return NAMES[(NAMES.index(name) + 1) % len(NAMES)] if name in NAMES else NAMES[0]


def variable_defaults() -> dict[str, str]:
    """What ``gridbot.tcss`` names and a stock theme doesn't have."""
    return dict(_OKABE_ITO)
