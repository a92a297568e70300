"""The config screen's list: what operators have set live, then every setting in effect with where it was set."""

from __future__ import annotations

from dataclasses import dataclass

from core.view import SettingView, Severity
from widgets.box_rows import paragraph
from widgets.fields import SEVERITY_INKS, glyph
from widgets.ink import Ink, Line, Span, clean, line
from widgets.look import Look
from widgets.table_rows import Cell, Column, Listing

_MEANING_ROWS = 3
_COLUMNS = (
    Column("setting", 22),
    Column("coin", 6, rank=2),
    Column("value", 14, rank=0),
    Column("set by", 14, grows=True),
)
_KEYS = (("/", "search"), ("n m", "hits"), ("y", "copy"), ("E", "edit spacing or levels"))


def overrides(look: Look) -> list[SettingView]:
    """What holds in place of the settings, of each coin that has any."""
    coins = look.snapshot.coins if look.snapshot is not None else ()
    meaning = (
        "Set by an operator in place of the settings, through restarts; E changes it, default takes it away"
    )
    return [
        SettingView("OVERRIDE", coin.grid.override, "an operator, live", coin.coin, False, meaning)
        for coin in coins
        if coin.grid.override
    ]


def holding(setting: SettingView, text: str) -> bool:
    """Whether a search finds it, in any case."""
    said = (
        f"{setting.name} HL_{setting.name} {setting.coin} {setting.value} {setting.origin} {setting.meaning}"
    )
    return text.casefold() in said.casefold()


@dataclass(slots=True)
class SettingList:
    text: str = ""
    """Only what has this in it is listed."""
    found: tuple[SettingView, ...] = ()

    def listing(self, look: Look, selected: int, width: int) -> Listing:
        settings = look.snapshot.settings if look.snapshot is not None else ()
        every = (*overrides(look), *settings)
        self.found = found = tuple(each for each in every if not self.text or holding(each, self.text))
        keys = tuple((each.name, each.coin) for each in found)
        sought = f"/{self.text}  " if self.text else ""
        chosen = found[min(selected, len(found) - 1)] if found else None
        return Listing(
            "6 Config",
            _COLUMNS,
            keys,
            lambda at: _cells(found[at]),
            empty="the settings come with the core's first report" if not every else "none; esc shows all",
            note=f"{clean(sought)}{len(found):,} of {len(every):,}, read at the start",
            footer=tuple(_foot(chosen, width)),
        )


def _cells(setting: SettingView) -> tuple[Cell, ...]:
    is_override = setting.name == "OVERRIDE"
    ink = SEVERITY_INKS[Severity.WARN] if is_override else Ink.LABEL if setting.is_default else Ink.STRONG
    mark = f"{glyph(Severity.WARN)} " if is_override else ""
    value = setting.value or "·"
    return (
        Span(f"{mark}{setting.name}", ink),
        setting.coin.rpartition(":")[2],
        Span(value, ink),
        Span(setting.origin, Ink.LABEL),
    )


def _foot(setting: SettingView | None, width: int) -> list[Line]:
    """What the selected one means, and its whole value and origin, which a column may have cut."""
    rows: list[Line] = []
    if setting is not None:
        coin = f" of {setting.coin}" if setting.coin else ""
        told = f"{setting.name}{coin} = {setting.value or 'nothing'}, {setting.origin}. {setting.meaning}"
        rows = [line(" ", *row) for row in paragraph(told, width - 2)[:_MEANING_ROWS]]
    rows += [()] * (_MEANING_ROWS - len(rows))
    spans: list[Span | tuple[str, Ink]] = [(" ", Ink.LABEL)]
    for key, title in _KEYS:
        spans += [(key, Ink.KEY), (f" {title}  ", Ink.LABEL)]
    return [*rows, line(*spans)]
