"""Scenes to scrape, and what a scrape found."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from core.telemetry.metrics.collector import exposition
from core.telemetry.metrics.counted import COUNTED
from core.telemetry.metrics.definition import Scene
from core.telemetry.metrics.event_counts import EventCounts
from core.view import Snapshot
from tests.tui.factory import NOW_MS, snapshot

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def counts() -> EventCounts:
    return EventCounts(COUNTED)


def scene(shown: Snapshot | None = None, counted: EventCounts | None = None) -> Scene:
    return Scene(shown or snapshot(), counted or counts(), NOW_MS, 4_096, "1.2.3")


def scraped(of: Scene) -> Samples:
    return samples(exposition(lambda: of)().decode())


def samples(text: str) -> Samples:
    """By name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def types(text: str) -> dict[str, str]:
    """Each name of ``# TYPE``, with its type."""
    rows = (line.split() for line in text.splitlines() if line.startswith("# TYPE "))
    return {row[2]: row[3] for row in rows}


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"gridbot_{name}", frozenset(labels.items())


def with_coins(number: int) -> Snapshot:
    """So many coins, otherwise as one."""
    shown = snapshot()
    return replace(shown, coins=tuple(replace(shown.coins[0], coin=f"C{at}") for at in range(number)))
