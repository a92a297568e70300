"""The program whose watchdog waits for seconds where the real one waits for a minute. How its times relate stays."""

from __future__ import annotations

from core.runtime import watchdog
from gridbot_tui import main as program
from gridbot_tui import watchdog_command


def main() -> None:
    watchdog_command.AFTER_MIN_S = 1.0
    watchdog.LOOK_EVERY_S = 0.1
    watchdog.PROOF_APART_S = 1.0
    program.main()
