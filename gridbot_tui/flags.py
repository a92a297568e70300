"""Flags and endings that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from core.runtime.exit_code import ExitCode
from core.runtime.statedir import StateDir
from gridbot_tui.lines import tell

STATE_DIR = "HL_STATE_DIR"
"""The setting ``state_dir``; also for the commands that read no other settings."""
StateDirFlag = Annotated[
    Path | None,
    Parameter(name="--state-dir", help=f"Default: {STATE_DIR}, else the only instance that runs."),
]
JsonFlag = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON object on one line.")]
CoinArgument = Annotated[str, Parameter(help="One coin; default: every coin.")]
YesFlag = Annotated[bool, Parameter(name="--yes", negative=(), help="Don't ask.")]


def named(state_dir: Path | None) -> StateDir | None:
    """The state dir of the flag, else of the environment; ``None`` without either."""
    path = state_dir or os.environ.get(STATE_DIR)
    return StateDir(Path(path).expanduser().absolute()) if path else None


def fail(code: ExitCode, text: str) -> int:
    """Say on stderr what is wrong; the exit code."""
    tell(text)
    return int(code)
