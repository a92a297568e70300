"""What an entry of the catalogue says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One event name. Names are an interface: scripts and alerts go by them, so they stay."""

    name: str
    levels: str
    """Those it comes with, the usual one first: info, warn, crit."""
    fields: str
    """Beside ``event``, ``ts_ms``, ``level``, ``coin`` and ``trace``; those that are not always there in brackets."""
    means: str
    do: str = ""
    """What an operator does about it; empty: nothing."""
    is_record: bool = False
    """Money, orders and what was decided about them: never held back, and kept while the disk is full."""
    formerly: str = ""
    """The predecessor's names for it, where it had others."""
