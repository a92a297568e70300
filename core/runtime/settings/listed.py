"""The settings in effect as the console lists them: what somebody has written first, a coin's own only where coins differ."""

from __future__ import annotations

from core.runtime.settings.judge import Judgement
from core.runtime.settings.model import Settings
from core.runtime.settings.show import Row, rows
from core.view import SettingView


def listed(judgement: Judgement) -> tuple[SettingView, ...]:
    """Never a key: keys are no settings, and what looks like one is not shown. Empty if the values couldn't be read."""
    if judgement.loaded is None:
        return ()
    by_coin = {coin: list(rows(judgement, coin)) for coin in judgement.loaded.by_coin}
    made: list[SettingView] = []
    for same in zip(*by_coin.values(), strict=True):
        if all(_says(row) == _says(same[0]) for row in same):
            made.append(_view(same[0], ""))
        else:
            made += [_view(row, coin) for coin, row in zip(by_coin, same, strict=True)]
    return tuple(sorted(made, key=lambda setting: setting.is_default))


def _says(row: Row) -> tuple[str, str]:
    return row.value, row.whence


def _view(row: Row, coin: str) -> SettingView:
    meaning = str(Settings.model_fields[row.name].description or "")
    unit = f" ({row.unit})" if row.unit else ""
    return SettingView(row.name, row.value, row.whence, coin, row.is_default, f"{meaning}{unit}")
