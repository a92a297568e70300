"""The eight places. The dashboard is there at once; the others, and the dialogs, are loaded when its picture is drawn."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import cast

from textual.screen import Screen

from gridbot_tui.screens.dashboard import DashboardScreen

_LATER = {
    "orders": "OrdersScreen",
    "fills": "FillsScreen",
    "risk": "RiskScreen",
    "events": "EventsScreen",
    "config": "ConfigScreen",
    "performance": "PerformanceScreen",
    "runbook": "RunbookScreen",
}
_NO_PLACES = ("screens.preview", "screens.leave", "acting_keys", "palette")


def _later(name: str, kind: str) -> Callable[[], Screen[None]]:
    def make() -> Screen[None]:
        return cast(Screen[None], getattr(import_module(f"gridbot_tui.screens.{name}"), kind)())

    return make


PLACES: dict[str, str | Callable[[], Screen[None]]] = {
    "dashboard": DashboardScreen,
    **{name: _later(name, kind) for name, kind in _LATER.items()},
}


@cache
def load() -> None:
    """Load what was left for later, before the operator needs it or the files on the disk are others. Safe from any thread."""
    for name in (*(f"screens.{each}" for each in _LATER), *_NO_PLACES):
        import_module(f"gridbot_tui.{name}")
    gc.freeze()  # else each full collection goes through all that is loaded, and stops every thread for 50 ms


def beside(place: str, step: int) -> str:
    """The place so many further on, round and round."""
    names = list(PLACES)
    return names[(names.index(place) + step) % len(names)]
