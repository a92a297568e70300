"""Headless: events as JSON lines on stdout, no Textual."""

from __future__ import annotations

from core.runtime.event_bus import EventRecord
from core.telemetry.event_log import json_line
from gridbot_tui.lines import print_line


def print_event(record: EventRecord, lost: int) -> None:
    """An event as a compact JSON line; a reader that was too slow is told how many it missed."""
    if lost:
        print_line(
            json_line({"event": "output_lost", "ts_ms": record.time_ms, "level": "warn", "count": lost})
        )
    print_line(json_line(record.as_dict()))
