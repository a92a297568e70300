"""P17: what an engine remembers is bounded, however long it trades."""

from __future__ import annotations

import dataclasses
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from typing import Any

import pytest

from core.engine import order_index, own_orders, request_pace, shadow_ledger
from tests.unit.engine.builders import MID, Bench, make_engine
from tests.unit.engine.venue import Venue

SPACING = MID // 200
CYCLES = 50
CONTAINERS = (dict, list, set, frozenset, tuple, deque, Counter, OrderedDict)


def held(thing: Any, path: str, seen: set[int]) -> Iterator[tuple[str, int]]:
    """Every container that can be reached, by the names on its way, with how much is in it. What limits itself is left out."""
    if (
        id(thing) in seen
        or isinstance(thing, type)
        or not (isinstance(thing, CONTAINERS) or type(thing).__module__.startswith("core."))
    ):
        return
    seen.add(id(thing))
    if isinstance(thing, CONTAINERS):
        if not (isinstance(thing, deque) and thing.maxlen is not None):
            yield path, len(thing)
        inner = [*thing.values(), *thing.keys()] if isinstance(thing, dict) else list(thing)
        for each in inner:
            yield from held(each, f"{path}[]", seen)
    elif dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            yield from held(getattr(thing, field.name, None), f"{path}.{field.name}", seen)
    else:
        for name, value in getattr(thing, "__dict__", {}).items():
            yield from held(value, f"{path}.{name}", seen)


def sizes(bench: Bench) -> Counter[str]:
    """How much all containers of one path hold together."""
    found: Counter[str] = Counter()
    for path, size in held(bench.engine, "engine", set()):
        found[path] += size
    return found


def test_p17_after_twice_as_many_fills_no_part_of_an_engine_holds_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module, name in (
        (order_index, "TERMINAL_KEPT"),
        (own_orders, "GONE_KEPT"),
        (shadow_ledger, "WINDOW_ENTRIES"),
    ):
        monkeypatch.setattr(module, name, 10)
    monkeypatch.setattr(shadow_ledger, "TRIM_BY", 5)
    monkeypatch.setattr(request_pace, "HOUR_MINUTES", 2)
    bench = Bench(make_engine())
    venue = Venue(bench)
    venue.take(bench.start())

    def trade(cycles: int) -> None:
        for _ in range(cycles):
            for mid in (MID + 2 * SPACING, MID - 2 * SPACING):
                venue.move(mid)
                venue.settle(2_000)

    trade(CYCLES)
    before, fills = sizes(bench), len(venue.fills)
    trade(CYCLES)
    after = sizes(bench)
    assert len(venue.fills) > fills + CYCLES
    grown = {path: (before[path], size) for path, size in after.items() if size > before[path] * 1.1 + 4}
    assert grown == {}
