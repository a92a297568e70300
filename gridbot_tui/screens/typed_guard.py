"""The guard of a typed confirmation, without a screen.

A terminal sends no key-up, and over SSH auto-repeat arrives in bursts: neither "hold the key" nor "press twice" can
be told from a stuck key. So a word is asked for that no repeated key can spell, and keys typed ahead are dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

DEAF_MS = 400
"""Keys pressed before the dialog was seen are not meant for it."""
OPEN_MS = 20_000
"""An abandoned dialog must not lie in wait."""
_MAX_TEXT = 24


def open_s(since_ms: int, now_ms: int) -> int:
    """Whole seconds until a dialog that opened then closes by itself, 0 when it is over."""
    return max(-(-(since_ms + OPEN_MS - now_ms) // 1_000), 0)


class Verdict(StrEnum):
    NOTHING = "nothing"
    WRONG = "wrong"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class TypedGuard:
    """``now_ms`` is monotonic. ``words`` count in any case."""

    def __init__(self, words: Iterable[str], now_ms: int) -> None:
        self._words = frozenset(word.casefold() for word in words)
        self._since_ms = now_ms
        self.text = ""

    def rearm(self, now_ms: int) -> None:
        """Begin anew: what was typed was meant for something else."""
        self._since_ms = now_ms
        self.text = ""

    def press(self, key: str, character: str | None, now_ms: int) -> Verdict:
        if key == "escape":
            return Verdict.CANCELLED
        if now_ms - self._since_ms < DEAF_MS:
            return Verdict.NOTHING
        if key == "enter":
            return self._judge()
        if key == "backspace":
            self.text = self.text[:-1]
        elif character is not None and character.isprintable() and len(self.text) < _MAX_TEXT:
            self.text += character
        return Verdict.NOTHING

    def _judge(self) -> Verdict:
        if self.text.strip().casefold() in self._words:
            return Verdict.CONFIRMED
        self.text = ""
        return Verdict.WRONG

    def left_s(self, now_ms: int) -> int:
        """Whole seconds until it closes by itself, 0 when it is over."""
        return open_s(self._since_ms, now_ms)
