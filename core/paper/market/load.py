"""From the text of ``--market`` to a market."""

from __future__ import annotations

from core.paper.config import UnknownMarketError
from core.paper.market.recording import load_recording
from core.paper.market.replay import Replay
from core.paper.market.step import Market


def load_market(spec: str, loops: bool = True) -> Market:
    """Raises ``PaperError``: the text says which part of ``spec`` can't be run, and what to write."""
    kind, _, target = spec.partition(":")
    if kind == "replay" and target:
        return Replay(load_recording(target), loops)
    raise UnknownMarketError(
        f"The market {spec!r} can't be run. Fix: use replay:bundled, or replay:FILE with a recording."
    )
