"""The tables of the docs, made of the fields: ``make docs`` writes them, and a test holds them current."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from core.page_parts import with_part
from core.runtime.settings import options
from core.runtime.settings.model import MAY_BE_OFF, Settings
from core.runtime.settings.names import (
    NOT_YET_IN_EFFECT,
    PREDECESSOR,
    REFUSED,
    REPLACED,
    SECRET_NAMES,
    environment_name,
)
from core.runtime.settings.problem import setting_text
from core.runtime.settings.required import REAL, REQUIREMENTS
from core.runtime.settings.values import OF_THE_ACCOUNT, OneOf, unit_of

PAGES: Mapping[Path, tuple[str, ...]] = {
    Path("README.md"): ("first",),
    Path("docs/configuration.md"): ("required", "settings", "predecessor"),
    Path("docs/strategies.md"): ("options",),
}
"""The pages, and the parts of each that are made here."""

SIGNS = {OF_THE_ACCOUNT: "†"}
TITLES = {
    "AccountFields": "Where, what, whose",
    "GridFields": "The grid",
    "FeatureFields": "Volatility, trend, inventory",
    "RiskFields": "What may be held and lost",
    "SessionFields": "Markets that close",
    "TimingFields": "Times",
    "TellingFields": "Who is told",
}


def refreshed(page: str, parts: Collection[str]) -> str:
    """The page with its parts, each between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``, made anew."""
    for name in parts:
        page = with_part(page, name, PARTS[name]())
    return page


def _required() -> Iterator[str]:
    yield "| what | settings | testnet | mainnet | simple |"
    yield "|---|---|---|---|---|"
    for each in REQUIREMENTS:
        ways = " or ".join(" and ".join(f"`{name}`" for name in way) for way in each.usable_ways())
        marks = [network in each.networks for network in REAL] + [each.is_simple]
        if ways:
            yield f"| {each.what} | {ways} | {' | '.join('yes' if mark else '' for mark in marks)} |"


def _first() -> Iterator[str]:
    """The settings that a network or a profile wants written, which are those to begin with."""
    yield "| key | unit | default | meaning |"
    yield "|---|---|---|---|"
    wanted = (name for each in REQUIREMENTS for way in each.usable_ways() for name in way)
    for name in dict.fromkeys(wanted):
        field = Settings.model_fields[name]
        default = setting_text(field.default, is_off=name in MAY_BE_OFF and field.default == 0)
        yield f"| `{name}` | {unit_of(name, field)} | {default} | {field.description} |"


def _settings() -> Iterator[str]:
    for group in reversed(Settings.__bases__):
        if group is not BaseSettings and issubclass(group, BaseModel) and group.model_fields:
            yield from ("", f"### {TITLES.get(group.__name__, group.__name__)}", "")
            yield from ("| key | unit | default | values | meaning |", "|---|---|---|---|---|")
            yield from (_row(name, field) for name, field in group.model_fields.items())
    yield ""


def _row(name: str, field: FieldInfo) -> str:
    default = setting_text(field.default, is_off=name in MAY_BE_OFF and field.default == 0)
    marks = "".join(f" {sign}" for mark, sign in SIGNS.items() if mark in field.metadata)
    marks += " ◆" if any(name in way for each in REQUIREMENTS for way in each.ways) else ""
    cells = (f"`{name}`{marks}", unit_of(name, field), default, _values(name, field), str(field.description))
    return f"| {' | '.join(cells)} |"


def _values(name: str, field: FieldInfo) -> str:
    """What it may be: bounds or words."""
    words = [f"`{word}`" for kind in (field.annotation, *get_args(field.annotation)) for word in _words(kind)]
    words += [f"`{name}`" for each in field.metadata if isinstance(each, OneOf) for name in each.names]
    signs = {"gt": "> ", "ge": "≥ ", "lt": "< ", "le": "≤ "}
    bounds = [
        f"{sign}{getattr(each, bound)}"
        for bound, sign in signs.items()
        for each in field.metadata
        if hasattr(each, bound)
    ]
    off = ["`off`"] if name in MAY_BE_OFF else []
    return " or ".join(part for part in (", ".join(bounds), *words, *off) if part)


def _words(kind: Any) -> Iterator[str]:
    if get_origin(kind) is Literal:
        yield from (word for word in get_args(kind) if word)
    elif (
        kind not in (None, NoneType) and isinstance(kind, type) and issubclass(kind, str) and kind is not str
    ):
        yield from (str(each.value) for each in kind)  # type: ignore[attr-defined]


def _predecessors() -> Iterator[str]:
    yield "| name | instead |"
    yield "|---|---|"
    for name in PREDECESSOR:
        if name in REPLACED:
            yield f"| `{name}` | {REPLACED[name]} |"
        elif name in REFUSED:
            rule, fix = REFUSED[name]
            yield f"| `{name}` | refused: it {rule}; {fix} |"
        elif name in NOT_YET_IN_EFFECT:
            yield f"| `{name}` | no effect in this version |"
        else:
            assert name in SECRET_NAMES or name in map(environment_name, Settings.model_fields), name


PARTS: Mapping[str, Callable[[], Iterator[str]]] = {
    "first": _first,
    "required": _required,
    "settings": _settings,
    "predecessor": _predecessors,
    "options": options.rows,
}

if __name__ == "__main__":
    for path, parts in PAGES.items():
        path.write_text(refreshed(path.read_text(encoding="utf-8"), parts), encoding="utf-8")
