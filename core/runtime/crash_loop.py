"""The brake on a loop of crashes: a bot that is started again and again, by a machine, comes up halted and says why.

Starts are counted in a file beside the journal until one of them ends in order. The halt is one like any other: in the journal,
sticky, lifted by an operator.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from core.domain.effects import Notify
from core.engine.engine import Engine
from core.engine.halts import HaltRule
from core.journal.journal import Batch
from core.runtime.exit_code import ExitCode

WITHIN_MS = 600_000
"""Starts longer ago than that are no loop."""


class StartCount:
    """Of one state dir, whose lock is held. A start counts until it has ended in order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before: list[int] = []

    def begin(self, now_ms: int) -> int:
        """Count this start (UTC ms); how many of the last ten minutes have not ended in order. Raises ``OSError``."""
        self._before = [at_ms for at_ms in self._read() if abs(now_ms - at_ms) < WITHIN_MS]
        self._write([*self._before, now_ms])
        return len(self._before)

    def end(self, code: ExitCode) -> None:
        """The run has ended by itself: in order if it stopped, and if it never traded it is no crash. Raises ``OSError``."""
        if code in (ExitCode.CLEAN, ExitCode.HALTED):
            self._path.unlink(missing_ok=True)
        elif code is not ExitCode.INTERNAL:
            self._write(self._before)

    def _read(self) -> list[int]:
        """Nothing if it isn't there, or isn't one."""
        try:
            found = json.loads(self._path.read_bytes())
            return [at_ms for at_ms in found if isinstance(at_ms, int)]
        except (OSError, ValueError, TypeError):
            return []

    def _write(self, starts: list[int]) -> None:
        partial = self._path.with_suffix(".new")
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, json.dumps(starts).encode())
        finally:
            os.close(fd)
        os.replace(partial, self._path)


def brake_reason(unclean: int, most: int) -> str:
    """Why the next start halts; empty if it doesn't. ``most``: so many may not have ended in order, 0 for any number."""
    if not 0 < most <= unclean:
        return ""
    return (
        f"{HaltRule.CRASH_LOOP}: {unclean} starts within {WITHIN_MS // 60_000} minutes have not ended in order; see why in "
        "the log, then resume"
    )


def brake(engine: Engine, reason: str, batch: Batch) -> list[Notify]:
    """Halt all for it, in the batch that is to be committed before anyone is told. What has halted all before stays."""
    effects = engine.latch(None, reason) if reason and not engine.halted else []
    return [effect for effect in effects if not batch.take(effect) and isinstance(effect, Notify)]
