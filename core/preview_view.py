"""The preview of one coin's grid, frozen and in words: all that a screen may know of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.view import Severity


@dataclass(frozen=True, slots=True)
class PreviewLevel:
    """``stopped_by``: the rule that keeps it from being quoted; empty if it is."""

    side: str
    price: str
    size: str
    notional_usd: Decimal
    stopped_by: str = ""


@dataclass(frozen=True, slots=True)
class PreviewFact:
    """What is to be known, under a word that says what it is about. ``advice``: what would help, empty if nothing need."""

    topic: str
    text: str
    severity: Severity = Severity.INFO
    advice: str = ""

    @property
    def sentence(self) -> str:
        """All of it."""
        return f"{self.text}; {self.advice}" if self.advice else self.text


@dataclass(frozen=True, slots=True)
class PreviewView:
    """``levels`` highest price first. With a ``refusal`` there is nothing else: it says why there is no preview."""

    coin: str
    time_ms: int
    head: str = ""
    facts: tuple[PreviewFact, ...] = ()
    levels: tuple[PreviewLevel, ...] = ()
    refusal: str = ""
