"""What a rule about several settings finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import Any

from core.runtime.settings.model import Settings
from core.runtime.settings.problem import setting_text


@dataclass(frozen=True, slots=True)
class Contradiction:
    """The setting to change; ``why`` follows its name and value in a sentence, ``how`` leads to a value that would pass."""

    name: str
    why: str
    how: str
    passes: Any
    or_else: str = ""
    beside: tuple[tuple[str, Any], ...] = ()
    """What must be written together with ``passes``, where it alone wouldn't do."""

    @property
    def fix(self) -> str:
        also = "".join(f" and {name} = {setting_text(value)}" for name, value in self.beside)
        return f"{self.how} {setting_text(self.passes)}{also}" + (f", or {self.or_else}" if self.or_else else "")


Rule = Callable[[Settings], Contradiction | None]


def rounded_up(number: Decimal) -> Decimal:
    """To four figures."""
    with localcontext(prec=4, rounding=ROUND_CEILING):
        return +number


def rounded_down(number: Decimal) -> Decimal:
    """To four figures."""
    with localcontext(prec=4, rounding=ROUND_FLOOR):
        return +number
