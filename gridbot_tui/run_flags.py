"""What ``gridbot run`` was asked to do, before anything is judged. It imports next to nothing: a first frame waits for it."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.runtime.usage import UsageError

Network = Literal["paper", "testnet", "mainnet"]

_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class RunFlags:
    """The flags of ``gridbot run`` that shape the plan."""

    network: Network
    live: bool
    coins: tuple[str, ...]
    config: Path | None
    exchange_url: str
    state_dir: Path | None
    preview: str = ""
    """The fingerprint of the preview that was seen; empty: the state dir knows."""
    adopt: bool = False
    passphrase_fd: int | None = None
    """The descriptor that a keystore's passphrase is read from."""


def parse_duration_s(text: str, flag: str = "--for") -> float:
    """``90s``, ``5m``, ``1h``, ``2d`` or plain seconds. Raises ``UsageError``."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", text.strip())
    seconds = float(match.group(1)) * _UNITS_S[match.group(2)] if match else 0.0
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise UsageError(f"{flag} {text!r} is not a duration; write 90s, 5m or 1h")
    return seconds
