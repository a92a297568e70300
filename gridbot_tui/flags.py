"""Flags and endings that several commands share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from core.redaction import redacted
from core.runtime.exit_code import ExitCode

StateDirFlag = Annotated[
    Path | None, Parameter(name="--state-dir", help="Default: the only instance that runs.")
]
JsonFlag = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON object on one line.")]
CoinArgument = Annotated[str, Parameter(help="One coin; default: every coin.")]
YesFlag = Annotated[bool, Parameter(name="--yes", negative=(), help="Don't ask.")]


def fail(code: ExitCode, text: str) -> int:
    """Say on stderr what is wrong; the exit code."""
    sys.stderr.write(f"gridbot: {redacted(text)}\n")
    return int(code)
