"""What a value that can't be was likely meant as: ``50`` for half, ``"0.1%"``, ``"$1,000"``, ``"3x"``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from core.runtime.settings.contradictions import contradictions
from core.runtime.settings.model import Settings
from core.runtime.settings.problem import setting_text
from core.runtime.settings.required import EXAMPLES
from core.runtime.settings.values import MOST, unit_of

_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,12})?")
_UNITS = re.compile(r"(?i)usdc|usd|\$|%|x$|[\s_]")
_MOST_SHARE = Decimal(10)
"""A setting that may be no more than this is a share, and one written as ``50`` is likely meant in percent."""


def likely(name: str, value: Any, others: Mapping[str, Any]) -> str:
    """A value that would pass beside ``others`` and says what was likely meant; empty if that is anyone's guess."""
    return next((text for text in _guesses(name, value) if _passes(name, text, others)), "")


def _guesses(name: str, value: Any) -> Iterator[str]:
    number = _as_number(value)
    field = Settings.model_fields[name]
    if not number or field.annotation is int:
        return
    most = _most(field)
    is_percent = isinstance(value, str) and "%" in value
    is_share = unit_of(name, field) == "fraction" or (most is not None and 0 < most <= _MOST_SHARE)
    if is_share and (is_percent or number >= 1):
        yield setting_text(number / 100)
    if is_percent:
        return
    yield setting_text(number)
    if most == 0:
        yield setting_text(-number)
    if most and number > most and name not in EXAMPLES:
        yield setting_text(most)


def _as_number(value: Any) -> Decimal:
    """0 for what is none. A comma is the point of a fraction unless three digits follow it and it can part thousands."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return Decimal(0)
    if isinstance(value, int) and abs(value) > MOST:
        return Decimal(0)  # too long to be written out
    text = _UNITS.sub("", str(value))
    text = text.replace(",", "") if re.fullmatch(r"-?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", text) else text
    text = text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
    return Decimal(text) if _NUMBER.fullmatch(text) else Decimal(0)


def _most(field: FieldInfo) -> Decimal | None:
    """What it may be at most, or must be below; ``None`` without an end."""
    known = [getattr(each, kind) for each in field.metadata for kind in ("le", "lt") if hasattr(each, kind)]
    return min((Decimal(str(limit)) for limit in known), default=None)


def _passes(name: str, text: str, others: Mapping[str, Any]) -> bool:
    try:
        settings = Settings(**{**others, name: text})
    except ValidationError:
        return False
    return all(wrong.name != name for wrong in contradictions(settings))
