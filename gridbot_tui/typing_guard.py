"""What comes from the terminal at once, and so was never typed: dropped before a key of it can act.

A terminal that knows bracketed paste marks a paste. Others send it as if it had been typed, and some send reports that nobody
asked for: in both there may be an ``H``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

PASTE_START, PASTE_END = "\x1b[200~", "\x1b[201~"
TYPED_AT_ONCE = 40
"""More characters than this in one read were not typed, unless a key was held down."""

QUIET_MS = 150
"""A paste goes on until nothing has come for so long."""

UNENDED_MS = 2_000
"""A paste whose end was lost ends after so long without input: the keys must come back."""

UNENDED_STRING_MS = 500
"""And so does an answer of the terminal's that has no end: a slow link brings one in pieces."""

HALT = "\x18"
"""``ctrl+x`` ends any answer, as it does on every terminal."""

_MARK = re.compile(r"(\x1b\[20[01]~)")
_CUT = re.compile(r"\x1b(?:\[[0-?]{0,24}[ -/]{0,4}|\[M.{0,2}|O[0-9;]{0,8}|[\]P_])?$", re.DOTALL)
"""What may begin a mark or an answer: what comes next tells."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Textual's parser makes keys of an escape sequence that it doesn't know, even inside a marked paste."""

_STRINGS = re.compile(r"\x1b[\]PX^_].*?(?:\x07|\x1b\\)|\x1b\[M.{3}", re.DOTALL)
"""Strings, and clicks as the oldest mice tell them: a column of theirs is an ``H``."""

_STRING_BEGUN = re.compile(r"\x1b(?:\][0-9]|P[0-9>$+|!;=]|_G)[^\x07\x1b]*$")
_STRING_END = re.compile(r"\x07|\x1b\\|(?=\x1b[^\\])")
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO[0-9;]*.")


class TypingGuard:
    """``knows`` tells the escape sequences that are keys or answers; ``now_ms`` arguments are monotonic."""

    def __init__(self, knows: Callable[[str], bool]) -> None:
        self._knows = knows
        self._cut = ""
        self._is_in_paste = self._is_in_string = False
        self._heard_ms = self._flood_ms = -(10**9)

    def take(self, text: str, now_ms: int) -> tuple[str, int]:
        """What of a read may go on to the keys, and how many characters of it were dropped."""
        if text == HALT or now_ms - self._heard_ms >= UNENDED_STRING_MS:
            self._is_in_string = False
        self._heard_ms = now_ms
        text, self._cut = self._cut + text, ""
        if cut := _CUT.search(text):
            text, self._cut = text[: cut.start()], cut[0]
        kept, dropped = "", 0
        if self._is_in_string:
            text, dropped = self._after_string(text)
        for part in _MARK.split(text):
            if part in (PASTE_START, PASTE_END):
                if self._is_in_paste:
                    self._flood_ms = (
                        now_ms  # nobody types in the moment a paste ends: what follows at once belongs to it
                    )
                self._is_in_paste, self._is_in_string = part == PASTE_START, False
                passed = part
            else:
                passed = _CONTROL.sub("", part) if self._is_in_paste else self._typed(part, now_ms)
                dropped += len(part) - len(passed)
            kept += passed
        return kept, dropped

    def _after_string(self, text: str) -> tuple[str, int]:
        """What comes after the end of an answer that has begun, and how much still belongs to it."""
        end = _STRING_END.search(text)
        self._is_in_string = end is None
        rest = text[end.end() :] if end is not None else ""
        return rest, len(text) - len(rest)

    def _typed(self, text: str, now_ms: int) -> str:
        text = _STRINGS.sub("", text)
        if begun := _STRING_BEGUN.search(text):
            text, self._is_in_string = text[: begun.start()], True
        text = _SEQUENCE.sub(lambda found: found[0] if self._knows(found[0]) else "", text)
        typed = _SEQUENCE.sub("", text)
        is_flood = len(typed) > TYPED_AT_ONCE and len(set(typed)) > 1
        if text and (is_flood or now_ms - self._flood_ms < QUIET_MS):
            self._flood_ms = now_ms
            return ""
        return text

    def idle(self, now_ms: int) -> str:
        """What was held back and turned out whole, and the end of a paste whose own end never came."""
        if self._is_in_string and now_ms - self._heard_ms < UNENDED_STRING_MS:
            return ""
        held, self._cut, self._is_in_string = self._cut, "", False
        if self._is_in_paste and now_ms - self._heard_ms >= UNENDED_MS:
            self._is_in_paste = False
            return held + PASTE_END
        return held
