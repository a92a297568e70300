"""A few minutes of one market, the same for every configuration: what a coin with these settings decides in them.

The price goes to and fro, leaves the grid above and below, jumps, and the market closes and opens again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any

from core.domain.effects import Cancel, Modify, Notify, Place
from core.domain.events import FillsCommitted, Quote
from core.domain.orders import Order
from core.domain.sessions import NEVER_MS, Session
from core.engine.coin import Coin
from core.engine.features import Features
from core.engine.overrides import Overrides
from core.engine.skew import Skew
from core.runtime.restore import coin_config
from core.runtime.settings import Settings
from tests.unit.engine.builders import MID, SOL, VENUE_0, Bench, make_engine
from tests.unit.engine.venue import Booked, Venue

STEP_MS = 1_000
CLOSES_S, OPENS_S = 82, 94
MARGIN_MIN = "0.05"

Decided = Place | Modify | Cancel | Notify
Decisions = tuple[tuple[Any, ...], ...]


def hours(ms: int) -> Session:
    """Open, closed for a while towards the end, and open again."""
    closes, opens = VENUE_0 + CLOSES_S * 1000, VENUE_0 + OPENS_S * 1000
    if ms < closes:
        return Session(True, VENUE_0 - 3_600_000, closes, "regular hours")
    return Session(False, closes, opens, "overnight") if ms < opens else Session(True, opens, NEVER_MS, "")


def _way(start: int, end: int, seconds: int) -> list[int]:
    return [start + (end - start) * n // seconds for n in range(1, seconds + 1)]


def _prices() -> list[int]:
    """One a second, in price units. A line is 10,000 from the next."""
    to_and_fro = [MID + (13_000 if n % 4 == 1 else -13_000 if n % 4 == 3 else 0) for n in range(12)]
    calm = [MID + 300 * (n % 3) for n in range(8)]
    up = [*_way(MID, 2_070_000, 14), *[2_070_000 + 400 * (n % 2) for n in range(6)]]
    back = _way(2_070_000, MID, 8)
    fall = [MID - 28_000] * 2
    down = [*_way(MID - 28_000, 1_925_000, 10), *[1_925_000 - 400 * (n % 2) for n in range(10)]]
    home = [*_way(1_925_000, 1_990_000, 6), *_way(1_990_000, 1_972_000, 6)]
    quiet = [1_972_000 + 900 * (n % 3) for n in range(24)]
    return [*to_and_fro, *calm, *up, *back, *fall, *down, *home, *quiet]


@dataclass
class Paying(Venue):
    """Its fills tell the profit that they close with."""

    cost: Decimal = Decimal(0)
    """Signed, in micro-USDC: of what is held, at its average entry."""

    def trade(self, one: Booked, lots: int) -> None:
        before, signed = self.position, lots * one.order.side.sign
        super().trade(one, lots)
        closes = min(lots, abs(before)) if before * signed < 0 else 0
        entry = self.cost / before if before else Decimal(0)
        share = closes if before > 0 else -closes
        profit = (one.order.price - entry) * share
        self.cost += -entry * share + one.order.price * (signed + share)
        made = replace(self.fills[-1], closed_pnl=profit.scaleb(-6))
        self.fills[-1] = made
        for n, events in enumerate(self.inbox):
            if any(
                isinstance(event, FillsCommitted) and event.fills[0].trade_id == made.trade_id
                for event in events
            ):
                self.inbox[n] = (FillsCommitted((made,)),)


Written = tuple[tuple[str, Any], ...]


def _rehearse(written: Written, changed_at_s: int) -> Iterator[Decisions]:
    """What is decided in each second."""
    settings = Settings(**dict(written))
    config = coin_config(settings, SOL)
    engine = make_engine()
    coin = Coin(config, engine.coins["SOL"].ledger, engine.next_cloid)
    coin.features, coin.skew = Features(config.features), Skew(config.skew)
    engine.coins["SOL"] = coin
    bench = Bench(engine)
    venue = Paying(bench)
    venue.take(bench.start())
    for second, price in enumerate(_prices()):
        if changed_at_s and second == changed_at_s:
            if settings.default_strategy == "range":
                grid = coin.config.grid
                coin.config = replace(coin.config, grid=replace(grid, range_high=grid.range_high + 4_000))
            else:
                coin.overrides = Overrides(int(settings.grid_spacing_pct * 11 * 10**8))
        venue.move(price)
        venue.inbox.pop()  # its quote has no time of its own
        now = Quote("SOL", price - 100, price + 100, bench.now.venue_ms)
        venue.take(bench.step(now))
        for _ in range(6):
            while venue.requests:
                venue.serve()
            while venue.inbox:
                venue.deliver()
        venue.take(bench.after(STEP_MS))
        yield tuple(_decision(effect) for effect in bench.done if isinstance(effect, Decided))
        bench.done.clear()


@cache
def _rehearsed(written: Written, changed_at_s: int) -> tuple[Decisions, ...]:
    return tuple(_rehearse(written, changed_at_s))


def _decision(effect: Decided) -> tuple[Any, ...]:
    match effect:
        case Notify(name):
            return (name,)
        case Modify(pairs):
            return ("Modify", *((_order(old), _order(new)) for old, new in pairs))
        case Place(orders) | Cancel(orders):
            return (type(effect).__name__, *map(_order, orders))


def _order(order: Order) -> tuple[Any, ...]:
    return order.side, order.price, order.lots, order.tif, order.purpose


def decide_alike(usual: dict[str, Any], otherwise: dict[str, Any], changed_at_s: int = 0) -> bool:
    """Whether the same is placed, modified, cancelled and told with both, to the end; ``changed_at_s``: when other lines are
    asked for. The first difference is enough.
    """
    before = _rehearsed(tuple(sorted(usual.items())), changed_at_s)
    after = _rehearse(tuple(sorted(otherwise.items())), changed_at_s)
    return all(one == other for one, other in zip(before, after, strict=True))
