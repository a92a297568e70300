"""From the text of ``--market`` to a market."""

from __future__ import annotations

from core.paper.config import UnknownMarketError
from core.paper.market.recording import load_recording
from core.paper.market.replay import Replay
from core.paper.market.step import Market
from core.paper.market.synthetic.kinds import parse_coins
from core.paper.market.synthetic.market import Synthetic


def load_market(spec: str, loops: bool = True, seed: int = 1) -> Market:
    """Raises ``PaperError``: the text says which part of ``spec`` can't be run, and what to write."""
    kind, _, target = spec.partition(":")
    if kind == "replay" and target:
        return Replay(load_recording(target), loops)
    if kind == "synthetic":
        return Synthetic(parse_coins(target), seed)
    raise UnknownMarketError(
        f"The market {spec!r} can't be run. Fix: use replay:bundled, replay:FILE with a recording, "
        "synthetic, or mirror:URL."
    )
