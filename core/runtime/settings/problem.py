"""What is wrong with one setting, and how a value may be shown: never a key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from core.redaction import holds_key

SHOWN_CHARS = 60
MNEMONIC_WORDS = 12


class Source(StrEnum):
    """Where a value came from, the strongest first."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"
    PROFILE = "profile"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """``text`` is what a sentence calls it: ``--coin``, ``HL_COIN``, ``gridbot.toml line 3``, ``default``. ``line`` 0: none."""

    source: Source
    text: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence in parts: place, setting, value as written, the rule that it breaks, the way out, a value that would pass."""

    origin: Origin
    name: str
    rule: str
    fix: str
    value: str = ""
    passes: str = ""
    coin: str = ""
    """Empty if it is the same for all."""

    @property
    def text(self) -> str:
        place = f"{self.origin.text}: " if self.origin.text else ""
        whose = f" (for {plain(self.coin)})" if self.coin else ""
        words = " ".join(part for part in (plain(self.name), self.value) if part)
        return f"{place}{words}{whose}{self.rule}" + (f"; {self.fix}" if self.fix else "")

    def as_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "source": self.origin.source.value,
            "file": self.origin.file or None,
            "line": self.origin.line or None,
            "key": plain(self.name) or None,
            "value": self.value or None,
            "coin": plain(self.coin) or None,
            "rule": self.rule.strip(" :"),
            "fix": self.fix or None,
            "passes": self.passes or None,
        }


def printable(text: str) -> str:
    """On one line, with nothing in it that a terminal would act on."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def plain(text: str) -> str:
    """Printable, not endless, and no key."""
    if holds_secret(text):
        return "(not shown: it may be a secret)"
    escaped = printable(text)
    return escaped if len(escaped) <= SHOWN_CHARS else f"{escaped[:SHOWN_CHARS]}…"


def shown(value: Any) -> str:
    """A value of the file or the environment for a sentence; what looks like a key or a seed phrase isn't shown."""
    try:
        text = str(value) if isinstance(value, Decimal) else repr(value)
    except (ValueError, RecursionError):
        return "(a value too long to show)"
    return plain(text)


NOT_SHOWN = "(not shown)"


_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/+")
_OF_A_HOST_ALONE = re.compile(r"https?://[^/?#\s@'\"]*/?(?=['\"]?$)|https?://…@[^/?#\s@'\"]*/?(?=['\"]?$)")
_JSON = re.compile(r"\{\s*\"")


def holds_secret(text: str) -> bool:
    """32 bytes of hex, as many words as a seed phrase has, a keystore's JSON, or a URL that says more than a host.

    ``tgram://TOKEN/CHAT`` and ``https://hooks.example/TOKEN`` are such, also with the one slash that a path leaves of two.
    """
    has_url = _URL.search(_OF_A_HOST_ALONE.sub("", text)) is not None
    return holds_key(text) or has_url or bool(_JSON.search(text)) or len(text.split()) >= MNEMONIC_WORDS


def setting_text(value: Any, is_off: bool = False) -> str:
    """A setting in effect, as one would write it: ``0.0005``, ``off``, ``BTC,ETH``; a URL without its password."""
    if is_off:
        return "off"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    text = ",".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)
    text = re.sub(r"//[^/@]*@", "//…@", text)
    return plain(text) if holds_secret(text) else printable(text)
