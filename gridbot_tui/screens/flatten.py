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

ALL = "ALL"
LOOK_EVERY_MS = 3_000
"""How often the book is read while the dialog is open."""


def turned(armed: Decimal, now: Decimal) -> bool:
    """Whether what would be closed is on another side than what was confirmed."""
    return bool(now) and ((armed > 0) != (now > 0) or not armed)


def _worst_price(coin: CoinView) -> str:
    """The limit of the closing orders, as far as the present quote tells."""
    touch, away = (coin.bid, -1) if coin.position > 0 else (coin.ask, 1)
    slip = Decimal(str(coin.max_slippage_pct)) / 100
    return formats.price(touch * (1 + away * slip), coin.price_decimals)


def _against(coin: CoinView, now_ms: int) -> str:
    """What the book holds for it, and the worst price it may get."""
    short, slip = formats.short_coin(coin.coin), f"{coin.max_slippage_pct:.2f} %"
    closing = coin.closing
    if not closing.seen_ms:
        return f"  within {slip}, not past {_worst_price(coin)}; the book is being read"
    enough = "" if closing.held >= abs(coin.position) else ": the rest in parts"
    worst = formats.price(closing.cap_price, coin.price_decimals)
    old = formats.age(max(0.0, (now_ms - closing.seen_ms) / 1000))
    return f"  book: {formats.quantity(closing.held)} {short} within {slip}, not past {worst} ({old} ago){enough}"


class FlattenDialog(TypedDialog):
    VERB = "flatten"

    def __init__(
        self,
        fresh: Callable[[], Look],
        now_ms: Callable[[], int],
        coin: CoinView,
        look_at_book: Callable[[], object] = lambda: None,
    ) -> None:
        """``look_at_book`` has the core read what the position could be closed against."""
        short = formats.short_coin(coin.coin)
        super().__init__(fresh, now_ms, short, (coin.coin, short, ALL))
        self.coin = coin.coin
        self._armed = coin.position
        self._look_at_book, self._looked_ms = look_at_book, now_ms() - LOOK_EVERY_MS

    @property
    def wants_all(self) -> bool:
        """Whether every coin was typed for."""
        typed, short = self.guard.text.strip().casefold(), formats.short_coin(self.coin).casefold()
        return typed == ALL.casefold() != short

    def show(self, look: Look) -> None:
        if self.now_ms() - self._looked_ms >= LOOK_EVERY_MS:
            self._looked_ms = self.now_ms()
            self._look_at_book()
        super().show(look)

    def _live(self, look: Look) -> CoinView | None:
        coins = look.snapshot.coins if look.snapshot is not None else ()
        return next((coin for coin in coins if coin.coin == self.coin), None)

    def changed(self, look: Look) -> str:
        coin = self._live(look)
        if coin is None or not turned(self._armed, coin.position):
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
            f"3 closes {position_text(coin)}, about {worth} at mid {mid}, reduce-only"
            if coin.position
            else f"3 closes nothing: {formats.short_coin(coin.coin)} is flat"
        )
        steps = [
            f"1 halts {coin.coin}: nothing is quoted any more",
            f"2 cancels {coin.grid.orders_active} orders, and foreign ones of {coin.coin}",
            close,
            *([_against(coin, look.now_ms)] if coin.position else []),
            "4 proves it flat and stays HALTED",
        ]
        account = f"Account {formats.short_account(look.snapshot.account)}"
        rows = paragraph(f"{account} on {network_name(look.snapshot.network)}", width, Ink.LABEL)
        for step in steps:
            rows += paragraph(step, width, indent="  ")
        coins = look.snapshot.coins
        if len(coins) > 1:
            rows += paragraph(f"{ALL} instead flattens {', '.join(c.coin for c in coins)}", width, Ink.LABEL)
        if look.market_age_s >= STALE_S:
            stale = f"✖ these numbers are {formats.age(look.market_age_s)} old"
            rows += paragraph(stale, width, Ink.CRIT)
        return rows
