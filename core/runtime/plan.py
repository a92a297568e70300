"""What a start was asked to do, and how a run ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.redaction import redacted
from core.runtime.exit_code import ExitCode
from core.runtime.keys import Identity
from core.runtime.settings import Loaded
from core.runtime.statedir import StateDir
from core.telemetry.alerting.target import Target


@dataclass(frozen=True, slots=True)
class RunPlan:
    """``exchange_url`` empty means the embedded paper exchange, whose market runs ``speed`` times the wall clock."""

    network: str
    exchange_url: str
    settings: Loaded
    state: StateDir
    identity: Identity
    market: str = "replay:bundled"
    speed: float = 60.0
    warnings: tuple[str, ...] = ()
    brake: str = ""
    """Why this start comes up halted; empty if it doesn't."""
    metrics_token: str = field(default="", repr=False)
    """What ``/metrics`` and ``/status`` ask for; empty: nothing."""
    limits: Path | None = None
    """Where the processes of this user count their IP weight together; ``None``: this one counts alone."""
    targets: tuple[Target, ...] = ()
    """Where alerts go to."""

    @property
    def is_embedded(self) -> bool:
        return not self.exchange_url


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run ended: the exit code, the sentence for it (empty if clean), the summary (empty if it never started).

    The sentence may hold an exception's words, and goes to the terminal, the Snapshot and the service's log: secrets in it are
    masked.
    """

    exit_code: ExitCode
    message: str = ""
    summary: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", redacted(self.message))
