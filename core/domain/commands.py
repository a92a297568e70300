"""What an operator can ask of a running core, by key, by command line or by socket."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    HALT = "halt"
    RESUME = "resume"
    FLATTEN = "flatten"
    RESYNC = "resync"
    RECONNECT = "reconnect"
    POLL = "poll"
    RECONCILE = "reconcile"
    ACCEPT = "accept"
    MARGIN_PREVIEW = "margin_preview"
    MARGIN_ADD = "margin_add"
    SET_SPACING_PREVIEW = "set_spacing_preview"
    SET_SPACING = "set_spacing"
    SET_LEVELS_PREVIEW = "set_levels_preview"
    SET_LEVELS = "set_levels"


@dataclass(frozen=True, slots=True)
class Command:
    """One request. ``id`` makes it idempotent: the same id acts once, however often it arrives.

    ``coin`` empty means every coin. ``origin`` is who asked, for the log: ``tui``, ``cli``, ``risk``.
    """

    id: str
    action: Action
    coin: str = ""
    origin: str = ""
    value: str = ""
    """What it is to be set to, or how much; as it was typed."""
