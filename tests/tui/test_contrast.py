"""Colours, by WCAG's own formula: a warning that can't be read is none."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from gridbot_tui import themes

LEAST = 4.5
RGB = [theme for theme in themes.THEMES if not theme.ansi]
GROUNDS = ("background", "box", "live-tint")


def luminance(colour: str) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(channel / 255) for channel in Color.parse(colour).rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def colour(theme: Theme, name: str) -> str:
    return str(theme.background if name == "background" else theme.variables[name])


def test_the_formula_is_wcags() -> None:
    assert ratio("#FFFFFF", "#000000") == pytest.approx(21)
    assert ratio("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("ink", ["warn", "crit", "ok", "faint", "buy", "sell"])
@pytest.mark.parametrize("theme", RGB, ids=[theme.name for theme in RGB])
def test_what_matters_can_be_read_on_every_ground_that_it_stands_on(
    theme: Theme, ink: str, ground: str
) -> None:
    assert ratio(colour(theme, ink), colour(theme, ground)) >= LEAST


@pytest.mark.parametrize("name", ["ansi-dark", "ansi-light"])
def test_the_ansi_themes_use_the_terminals_own_colours_alone(name: str) -> None:
    theme = next(theme for theme in themes.THEMES if theme.name == name)
    assert theme.ansi
    for variable in ("buy", "sell", "ok", "warn", "crit", "faint", "dimmed", "rule", "live-tint", "box"):
        assert theme.variables[variable].startswith("ansi_")


@pytest.mark.parametrize(
    ("wanted", "system", "name"),
    [
        ("", "truecolor", "gridbot"),
        ("", "256", "gridbot"),
        ("", "standard", "ansi-dark"),
        ("", None, "ansi-dark"),
        ("ansi-light", "truecolor", "ansi-light"),
    ],
)
def test_sixteen_colours_begin_with_the_terminals_own(wanted: str, system: str | None, name: str) -> None:
    assert themes.theme_for(wanted, system) == name
