"""The request weight of a command that looks on beside a bot: it leaves the bot its share, and says what it waits for."""

from __future__ import annotations

import sys

from core.domain.effects import Notify
from core.exchange.venue_clock import mono_ms
from core.exchange.weight_budget import READING, TOOL_LEAVES, WeightBudget, shared_budget
from core.runtime.statedir import limits_dir


def tool_budget(url: str, leaves: int = TOOL_LEAVES) -> WeightBudget:
    """Of the exchange at ``url``; somebody sits before the command, so every wait of some length has its line on stderr."""
    return shared_budget(limits_dir(), url, mono_ms, _tell, leaves, READING)


def _tell(notice: Notify) -> None:
    if notice.name == "weight_wait":
        wait_s = dict(notice.fields)["wait_s"]
        sys.stderr.write(
            f"gridbot: waiting for the exchange's request weight of this host (about {wait_s} s)\n"
        )
        sys.stderr.flush()
