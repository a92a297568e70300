"""Leverage and margin mode, held against what the grid is sized by: somebody may change them on the exchange meanwhile."""

from __future__ import annotations

from core.domain.effects import Effect, notify
from core.engine.coin import Coin
from core.engine.trouble import Trouble


def changed_leverage(coin: Coin) -> Trouble | None:
    """Why nothing that adds to the position may be quoted; ``None`` while it is margined as it was at the start, or flat."""
    held, expected = coin.held, coin.leverage
    if held is None or expected is None or held.leverage == expected:
        return None
    return Trouble(
        f"{coin.name} is at {held.leverage} on the exchange, the grid is sized for {expected}",
        f"set it back there, or configure margin_mode = {held.leverage.mode.value} and "
        f"leverage = {held.leverage.value} and restart",
    )


def watch_leverage(coin: Coin) -> list[Effect]:
    """Told once when it begins, and once when it is as it was."""
    before, coin.protection.odd_leverage = coin.protection.odd_leverage, changed_leverage(coin)
    if bool(before) == bool(coin.protection.odd_leverage):
        return []
    if coin.protection.odd_leverage is None:
        return [notify("leverage_restored", "info", coin.name, leverage=str(coin.leverage))]
    return [notify("leverage_changed", "crit", coin.name, reason=coin.protection.odd_leverage.text)]
