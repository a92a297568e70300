"""From an event to a line of the log: held back if it repeats, kept if the disk is full, joined to its trace.

It works on its observer's thread: however slow the disk, trading does not wait for it.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Any

from core.telemetry import log_files
from core.telemetry.catalogue import is_record
from core.telemetry.event_log import EventLogFile
from core.telemetry.throttle import Throttle
from core.telemetry.traces import Traces

HELD = 20_000
"""Records that wait in memory for the disk; of more the oldest is counted as lost."""

Row = dict[str, Any]


class LogWriter:
    """``write`` raises ``OSError`` for a line that is lost; a record that the disk doesn't take is kept for the next time."""

    def __init__(self, file: EventLogFile) -> None:
        self._file = file
        self._throttle, self._traces = Throttle(), Traces()
        self._held: deque[Row] = deque()
        self._left_out = 0
        self._lost_records = 0

    def write(self, row: Row, lost: int = 0) -> None:
        """``lost``: how many events before this one never came here."""
        row = self._traces.join(row)
        for each in self._throttle.passes({**row, **({"lost": lost} if lost else {})}):
            self._take(each)

    def close(self) -> None:
        """Write what waits, then close the file. A disk that takes none of it is known by then, and stops no end in order."""
        with suppress(OSError):
            self._write_held(0)
            for each in self._throttle.rest(self._file.now_ms()):
                self._file.write(each)
        self._file.close()

    def _take(self, row: Row) -> None:
        is_kept = row.get("level") == "crit" or is_record(str(row.get("event")))
        free = self._file.look()
        if not is_kept and free < log_files.FREE_BYTES:
            self._left_out += 1
            return
        if is_kept:
            self._hold(row)
        if free >= log_files.LAST_BYTES:
            self._write_held(int(row.get("ts_ms", 0)))
            if not is_kept:
                self._file.write(row)

    def _hold(self, row: Row) -> None:
        if len(self._held) >= HELD:
            self._held.popleft()
            self._lost_records += 1
        self._held.append(row)

    def _write_held(self, now_ms: int) -> None:
        if self._left_out and self._file.free >= log_files.FREE_BYTES:
            told: Row = {"event": "log_gap", "ts_ms": now_ms, "level": "warn", "left_out": self._left_out}
            self._file.write(told)
            self._left_out = 0
        while self._held:
            row = self._held[0]
            self._file.write({**row, "lost": self._lost_records} if self._lost_records else row)
            self._held.popleft()
            self._lost_records = 0
