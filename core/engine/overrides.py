"""What an operator has set of a grid in place of its settings, until it is cleared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from core.engine.grid_settings import GridSettings


@dataclass(frozen=True, slots=True)
class Overrides:
    """What an operator has set in place of the settings; 0: nothing."""

    spacing_ppb: int = 0
    levels: int = 0
    since_ms: int = 0
    by: str = ""

    def apply(self, settings: GridSettings) -> GridSettings:
        """The settings with what was set. The money stays the same: more levels are smaller ones."""
        if self.levels and self.levels != settings.levels:
            size = settings.size_micro * settings.levels // self.levels
            settings = replace(settings, levels=self.levels, size_micro=size)
        if self.spacing_ppb and self.spacing_ppb != settings.spacing_ppb:
            settings = replace(settings, spacing_ppb=self.spacing_ppb)
        return settings

    def text(self, settings: GridSettings) -> str:
        """For the eye: what is set, and what it is set in place of."""
        parts = []
        if self.spacing_ppb:
            parts.append(f"spacing {pct(self.spacing_ppb)} (configured {pct(settings.spacing_ppb)})")
        if self.levels:
            parts.append(f"{self.levels} levels a side (configured {settings.levels})")
        return ", ".join(parts)

    @property
    def names(self) -> str:
        """What is set, as ``gridbot set`` takes it."""
        return "|".join(n for n, v in (("spacing", self.spacing_ppb), ("levels", self.levels)) if v)

    def saved(self) -> str:
        return f"{self.spacing_ppb} {self.levels} {self.since_ms} {self.by}"

    @staticmethod
    def restored(text: str) -> Overrides:
        """What ``saved`` wrote; none from anything else."""
        parts = text.split(" ", 3)
        if len(parts) != 4 or not all(part.isdecimal() for part in parts[:3]):
            return Overrides()
        return Overrides(int(parts[0]), int(parts[1]), int(parts[2]), parts[3])


def pct(ppb: int) -> str:
    return f"{(Decimal(ppb) / 10**7).normalize():f} %"
