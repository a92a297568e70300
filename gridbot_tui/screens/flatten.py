"""Flatten: the one key that takes the position off. Says what it will do in live numbers, wants the coin typed."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from core.view import CoinView
from gridbot_tui.screens.dialog import TypedDialog
from widgets import formats
from widgets.box_rows import paragraph
from widgets.ink import Ink, Line
from widgets.look import STALE_S, Look
from widgets.panel_rows import position_text
from widgets.status_rows import network_name

_GROWTH = Decimal("1.10")


def outgrew(armed: Decimal, now: Decimal) -> bool:
    """Whether a position is no longer the one that was confirmed: another side, or more than 10 % larger."""
    if (armed > 0) != (now > 0) or (armed < 0) != (now < 0):
        return True
    return abs(now) > abs(armed) * _GROWTH


def _worst_price(coin: CoinView) -> str:
    """The limit of the closing orders, as far as the present quote tells."""
    touch, away = (coin.bid, -1) if coin.position > 0 else (coin.ask, 1)
    slip = Decimal(str(coin.max_slippage_pct)) / 100
    return formats.price(touch * (1 + away * slip), coin.price_decimals)


class FlattenDialog(TypedDialog):
    VERB = "flatten"

    def __init__(self, fresh: Callable[[], Look], now_ms: Callable[[], int], coin: CoinView) -> None:
        short = formats.short_coin(coin.coin)
        super().__init__(fresh, now_ms, short, (coin.coin, short))
        self.coin = coin.coin
        self._armed = coin.position

    def _live(self, look: Look) -> CoinView | None:
        coins = look.snapshot.coins if look.snapshot is not None else ()
        return next((coin for coin in coins if coin.coin == self.coin), None)

    def changed(self, look: Look) -> str:
        coin = self._live(look)
        if coin is None or not outgrew(self._armed, coin.position):
            return ""
        before, self._armed = self._armed, coin.position
        was, now = formats.quantity(before, signed=True), formats.quantity(coin.position, signed=True)
        return f"the position changed from {was} to {now}"

    def title_text(self, look: Look) -> str:
        network = network_name(look.snapshot.network) if look.snapshot is not None else ""
        return f"✖ FLATTEN {self.coin} — {network}"

    def statement(self, look: Look, width: int) -> list[Line]:
        coin = self._live(look)
        if look.snapshot is None or coin is None:
            return paragraph("The core no longer reports this coin.", width, Ink.CRIT)
        mid = formats.price(coin.mid, coin.price_decimals)
        worth = formats.usd(coin.notional_usd, cents=False)
        close = (
            f"3 closes {position_text(coin)}, about {worth} at mid {mid}, reduce-only, not past {_worst_price(coin)}"
            if coin.position
            else f"3 closes nothing: {formats.short_coin(coin.coin)} is flat"
        )
        steps = [
            f"1 halts {coin.coin}: nothing is quoted any more",
            f"2 cancels {coin.grid.orders_active} orders",
            close,
            "4 proves it flat and stays HALTED",
        ]
        account = f"Account {formats.short_account(look.snapshot.account)}"
        rows = paragraph(f"{account} on {network_name(look.snapshot.network)}", width, Ink.LABEL)
        for step in steps:
            rows += paragraph(step, width, indent="  ")
        if look.market_age_s >= STALE_S:
            stale = f"✖ these numbers are {formats.age(look.market_age_s)} old"
            rows += paragraph(stale, width, Ink.CRIT)
        return rows
