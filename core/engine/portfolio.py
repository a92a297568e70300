"""The worst case of all coins together beside the account's value: what may leave, and a warning when it isn't covered."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import TYPE_CHECKING

from core.domain.effects import Effect, notify
from core.domain.orders import Side
from core.engine.withdrawable import Need, coin_need, edges, portfolio_need, withdrawable

if TYPE_CHECKING:
    from core.engine.engine import Engine

COVERED_AGAIN = Decimal("1.02")
"""Told of as covered only once the account has so much more than it needs: at the brink it would be told again and again."""

CENT = Decimal("0.01")


@dataclass(slots=True)
class Portfolio:
    """``need`` is ``None`` while something is held that has no price yet, or before the account was seen."""

    need: Need | None = None
    value: Decimal = Decimal(0)
    is_uncovered: bool = False

    @property
    def needed(self) -> Decimal:
        """USD, rounded up to the cent; 0 while that is not known."""
        return self.need.usd.quantize(CENT, ROUND_UP) if self.need is not None else Decimal(0)

    @property
    def withdrawable(self) -> Decimal:
        """USD that can be taken out with every grid intact, rounded down to the cent; 0 while that is not known."""
        return (
            withdrawable(self.value, self.need).quantize(CENT, ROUND_DOWN)
            if self.need is not None
            else Decimal(0)
        )

    def look(self, engine: Engine) -> list[Effect]:
        """At every tick."""
        self.need, self.value = _need(engine), engine.account_value
        if self.need is None:
            return []
        was, least = self.is_uncovered, self.need.usd * (COVERED_AGAIN if self.is_uncovered else 1)
        self.is_uncovered = self.value < least
        if was == self.is_uncovered:
            return []
        numbers = {"needed_usd": f"{self.need.usd:.2f}", "account_value_usd": f"{self.value:.2f}"}
        if self.is_uncovered:
            return [notify("worst_case_uncovered", "warn", "", **numbers)]
        return [notify("worst_case_covered", "info", "", **numbers)]


def _need(engine: Engine) -> Need | None:
    coins = engine.coins.values()
    if not engine.saw_account or any(not coin.known_mid_twice for coin in coins):
        return None
    return portfolio_need(
        coin_need(
            edges(
                coin.ledger.lots,
                Decimal(coin.known_mid_twice) / 2,
                coin.orders.own.resting(Side.BUY),
                coin.orders.own.resting(Side.SELL),
            ),
            coin.config.leverage,
        )
        for coin in coins
    )
