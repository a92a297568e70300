"""What a run says of a dead man's switch of the exchange's that it leaves armed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.domain.sessions import clock_text
from core.engine.coin import Coin
from core.engine.protection import live_stops


@dataclass(frozen=True, slots=True)
class LeftArmed:
    """It may fire by ``by_wall_ms`` (this host's clock, UTC). ``is_awaited``: it is being taken back, and that may still come
    to something.
    """

    by_wall_ms: int
    why: str
    is_awaited: bool = False

    def sentence(self, coins: Iterable[Coin]) -> str:
        """When it may fire, what it takes, and what to do."""
        return (
            f"the exchange's dead man's switch isn't known to be off ({self.why}): by {clock_text(self.by_wall_ms)} it may "
            f"cancel every order of the account{_of_ours(list(coins))}; start again before then, which moves it on or takes it "
            "back, or see to what it took at the exchange"
        )


def _of_ours(coins: list[Coin]) -> str:
    """What it would take of ours, as far as is known."""
    stops = sum(len(live_stops(coin)) for coin in coins)
    orders = sum(len(coin.live_grid_orders()) for coin in coins)
    counted = [(stops, "stop that protects a position", "stops that protect positions")]
    counted.append((orders, "order of the grid", "orders of the grid"))
    known = [f"{count} {one if count == 1 else more}" for count, one, more in counted if count]
    return f", {' and '.join(known)} among them" if known else ""
