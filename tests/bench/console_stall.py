"""How long the engine's loop stands still at worst while the terminal of its screen takes nothing for ten seconds."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from core.runtime.pulse import WINDOW_S
from tests.bench.report import Row, row
from tests.e2e.program import Exchange
from tests.e2e.survival import Bot, bot_in_terminal

STALL_S = 10.0
GOAL_MS = 200.0
ROUNDS = 3


def rows() -> list[Row]:
    """The bot's own count of its worst gap: with a terminal that flows, then with one that has stalled."""
    flowing, stalled = [], []
    with TemporaryDirectory(prefix="stall") as place:
        exchange_home = Path(place, "exchange")
        exchange_home.mkdir()
        exchange = Exchange(exchange_home, flags=("--no-limits",))
        try:
            for turn in range(ROUNDS):
                home = Path(place, f"bot{turn}")
                home.mkdir()
                with bot_in_terminal(home, exchange) as bot:
                    time.sleep(WINDOW_S + 1)  # the start is not what is measured
                    flowing.append(_gap_ms(bot))
                    before = bot.fills()
                    bot.terminal.stall()
                    time.sleep(STALL_S)
                    stalled.append(_gap_ms(bot))
                    assert bot.fills() > before, "it traded while the terminal stalled"
        finally:
            exchange.process.end()
    return [
        row(
            "engine's largest gap, terminal stalled 10 s", max(stalled), "ms", "goal: less than", GOAL_MS, 1.0,
            less_is_better=True,
        ),
        row(
            "the same, median of the rounds", median(stalled), "ms", "terminal flowing", median(flowing),
            less_is_better=True,
        ),
    ]  # fmt: skip


def _gap_ms(bot: Bot) -> float:
    return float(bot.status()["worst_gap_ms"])
