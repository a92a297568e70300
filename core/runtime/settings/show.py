"""Every setting in effect, with where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.runtime.settings.derived import Derived, derived, note
from core.runtime.settings.judge import Judgement
from core.runtime.settings.model import HIDDEN_NAMES, MAY_BE_OFF, WHOLE_ACCOUNT, Settings
from core.runtime.settings.problem import NOT_SHOWN, Origin, Source, setting_text
from core.runtime.settings.values import unit_of


@dataclass(frozen=True, slots=True)
class Row:
    """One setting of one coin. ``unit`` as in the reference; ``value`` is what is in effect, as one would write it, empty if it
    is none; ``derived_from``: the settings that it follows from, empty if it stands for itself; ``note``: that it changes
    nothing as things are.
    """

    name: str
    value: str
    unit: str
    origin: Origin
    derived_from: str = ""
    note: str = ""

    @property
    def whence(self) -> str:
        more = [f"from {self.derived_from}"] if self.derived_from else []
        more += [self.note] if self.note else []
        return self.origin.text + (f" ({'; '.join(more)})" if more else "")

    @property
    def is_default(self) -> bool:
        return self.origin.source is Source.DEFAULT

    def as_dict(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "unit": self.unit or None,
            "origin": self.origin.text,
            "source": self.origin.source.value,
            "line": self.origin.line or None,
            "is_default": self.is_default,
            "derived_from": self.derived_from or None,
            "note": self.note or None,
        }


def rows(judgement: Judgement, coin: str) -> Iterator[Row]:
    """All settings of a coin, those of the whole account among them; none if the values couldn't be read."""
    if judgement.loaded is None:
        return
    settings = judgement.loaded.by_coin[coin]
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        is_hidden = name in HIDDEN_NAMES and bool(value)
        text = NOT_SHOWN if is_hidden else setting_text(value, is_off=name in MAY_BE_OFF and value == 0)
        found = derived(settings, name) or _traded(judgement, name, text)
        yield Row(
            name,
            found.value if found else text,
            unit_of(name, field),
            judgement.layers.origin(name, coin),
            found.source if found else "",
            note(settings, name),
        )


def _traded(judgement: Judgement, name: str, text: str) -> Derived | None:
    """The coins that are traded, where ``coins`` doesn't name them."""
    if name != "coins" or text or judgement.loaded is None:
        return None
    source = "coin" if judgement.loaded.common.coin else "the tables [coins.NAME]"
    if not (judgement.loaded.common.coin or judgement.layers.file.coins):
        source = "nothing written: it is BTC"
    return Derived(setting_text(tuple(judgement.loaded.by_coin)), source)


def as_dict(judgement: Judgement) -> dict[str, Any]:
    """The object of ``config show --json``."""
    coins = judgement.loaded.by_coin if judgement.loaded else {}
    return {
        "network": judgement.network,
        "file": str(judgement.layers.file.path) if judgement.layers.file.is_there else None,
        "coins": {coin: {row.name: row.as_dict() for row in rows(judgement, coin)} for coin in coins},
        "warnings": list(judgement.loaded.warnings) if judgement.loaded else [],
        "problems": [problem.as_dict() for problem in judgement.problems],
    }


def as_text(judgement: Judgement) -> str:
    """A table for the account, then one for each coin."""
    file = judgement.layers.file.itself().text
    parts = [f"for {judgement.network}, from flags > environment > {file} > defaults"]
    coins = list(judgement.loaded.by_coin) if judgement.loaded else []
    for coin in coins[:1]:
        parts.append(_table("the account", [r for r in rows(judgement, coin) if r.name in WHOLE_ACCOUNT]))
    for coin in coins:
        parts.append(_table(coin, [r for r in rows(judgement, coin) if r.name not in WHOLE_ACCOUNT]))
    parts += judgement.loaded.warnings if judgement.loaded else ()
    return "\n".join(parts)


def _table(head: str, listed: list[Row]) -> str:
    names, values = (
        max(map(len, column)) for column in zip(*((r.name, r.value) for r in listed), strict=True)
    )
    lines = [
        f"  {row.name:<{names}}  {row.value:<{values}}  {row.unit:<12}  {row.whence}".rstrip()
        for row in listed
    ]
    return "\n".join(["", head, *lines])
