"""Textual's stylesheet, that reads each of its sources once for each set of colours.

Textual reads all of them again for each screen that opens: most of a first picture's time.
"""

from __future__ import annotations

from pathlib import Path

from textual.css.stylesheet import Stylesheet


def path_of_ours() -> Path:
    """``gridbot.tcss``: inside the package when installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "gridbot.tcss"
    return installed if installed.is_file() else package.parent / "gridbot.tcss"


class KeptStylesheet(Stylesheet):
    """What was read stays until a colour is another."""

    def set_variables(self, variables: dict[str, str]) -> None:
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """From what was read. An error is raised as by Textual, and the rules that were there stay."""
        self.parse()
