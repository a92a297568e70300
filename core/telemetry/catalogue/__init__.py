"""The catalogue of events: every name there is, as data. ``docs/events.md`` is made of it, the log's throttle goes by it."""

from __future__ import annotations

from core.telemetry.catalogue import grid, machine, system, trading, watchdog
from core.telemetry.catalogue.kind import Kind as Kind

GROUPS: dict[str, tuple[Kind, ...]] = {
    "Fills": trading.FILLS,
    "Money": trading.MONEY,
    "Position": trading.POSITION,
    "Orders": trading.ORDERS,
    "The grid": grid.GRID,
    "The market": grid.MARKET,
    "Limits and protection": grid.LIMITS,
    "The run": system.RUN,
    "The link to the exchange": system.LINK,
    "What guards the orders": (*system.GUARDS, *watchdog.WATCHDOG),
    "Keys": machine.KEYS,
    "Disk and machine": (*machine.MACHINE, *machine.CLOCK),
    "The log itself": machine.LOG,
}

BY_NAME: dict[str, Kind] = {kind.name: kind for kinds in GROUPS.values() for kind in kinds}

_RECORDS = frozenset(kind.name for kind in BY_NAME.values() if kind.is_record)


def is_record(name: str) -> bool:
    """Whether it may never be held back or left out."""
    return name in _RECORDS
