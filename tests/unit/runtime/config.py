"""Settings from text, for tests of what is said about them."""

from __future__ import annotations

from pathlib import Path

from core.runtime.settings import Judgement, judge
from core.runtime.settings.required import EXAMPLES

FOR_TESTNET = "\n".join(
    f"{name} = {EXAMPLES[name]}"
    for name in (
        *("investment_usd", "leverage", "grid_spacing_pct", "max_symbol_notional", "daily_pnl_stop"),
        *("stop_loss_low", "stop_loss_high"),
    )
)
"""What testnet needs written, of values that pass together."""

FOR_MAINNET = "\n".join(
    [FOR_TESTNET, *(f"{name} = {EXAMPLES[name]}" for name in ("margin_mode", "on_range_exit"))]
)
"""What mainnet needs written: that, and what to do out of range."""


def judged(folder: Path, toml: str = "", network: str = "paper", **environ: str) -> Judgement:
    """With the text as ``gridbot.toml``, or without a file if it is empty."""
    file = folder / "gridbot.toml"
    if toml:
        file.write_text(toml, encoding="utf-8")
    return judge({}, environ, file if toml else None, folder / "none.toml", network)


def texts(found: Judgement) -> list[str]:
    return [problem.text for problem in found.problems]
