"""Colours after Okabe and Ito: blue and orange for the sides, never red against green, and no meaning by colour alone."""

from __future__ import annotations

from textual.theme import Theme

_OKABE_ITO = {
    "buy": "#56B4E9",
    "sell": "#E69F00",
    "ok": "#009E73",
    "warn": "#F0E442",
    "crit": "#D55E00",
    "faint": "#9AA3B5",
    "dimmed": "#6F7789",
    "rule": "#5B6478",
    "live-tint": "#4A1F14",
    "box": "#1B202B",
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
        "live-tint": "#6B1F00",
        "box": "#000000",
    },
)

THEMES = (GRIDBOT, HIGH_CONTRAST)


def variable_defaults() -> dict[str, str]:
    """What ``gridbot.tcss`` names and a stock theme doesn't have."""
    return dict(_OKABE_ITO)
