"""From the text of ``--market`` to a market."""

from __future__ import annotations

from core.paper.market.recording import load_recording
from core.paper.market.replay import Replay
from core.paper.market.step import Market


def load_market(spec: str) -> Market:
    """Raises ``PaperError``: the text says which part of ``spec`` can't be run, and what to write."""
    return Replay(load_recording(spec))
