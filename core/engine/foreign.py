"""Orders of the account that aren't ours: who wants everything gone cancels them too, and says how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from core.domain.clock import Instant
from core.domain.cloid import parse_cloid
from core.domain.effects import CancelForeign, Effect, notify
from core.domain.events import OpenOrdersObserved, RemoteOrder
from core.engine.coin import Coin

SEND_AGAIN_MS = 2_000
"""An order that is listed still is cancelled again no sooner."""


def is_foreign(coin: Coin, remote: RemoteOrder, instance: str) -> bool:
    """Whether it is neither in our books nor, by its cloid, of this instance: those are settled as orphans."""
    if remote.coin != coin.name or coin.orders.find(remote.cloid, remote.order_id) is not None:
        return False
    parts = parse_cloid(remote.cloid)
    return parts is None or parts.instance != instance


@dataclass(frozen=True, slots=True)
class Standing:
    """What rests in one coin, as a list showed it."""

    coin: str
    ours: int = 0
    stops: int = 0
    """Of ours: they protect what is held."""
    foreign: int = 0
    triggers: int = 0
    """Of the foreign ones: they wait for a price."""
    is_traded: bool = True

    @property
    def text(self) -> str:
        parts = [f"{self.ours} ours"] if self.ours else []
        parts += [f"{self.stops} of our stops (stay)"] if self.stops else []
        if self.foreign:
            waiting = f", {self.triggers} of them triggers" if self.triggers else ""
            parts.append(f"{self.foreign} foreign{waiting}")
        where = self.coin if self.is_traded else f"{self.coin} (not traded here)"
        return f"{where}: {', '.join(parts) or 'none'}"


def standings(coins: Iterable[Coin], listed: OpenOrdersObserved, instance: str) -> tuple[Standing, ...]:
    """Coin by coin; those that aren't traded here last."""
    found = []
    for coin in coins:
        here = [o for o in listed.orders if o.coin == coin.name]
        foreign = [o for o in here if is_foreign(coin, o, instance)]
        ours = [o for o in here if o not in foreign]
        stops = sum(o.is_trigger for o in ours)
        triggers = sum(o.is_trigger for o in foreign)
        found.append(Standing(coin.name, len(ours) - stops, stops, len(foreign), triggers))
    counts = Counter(o.coin for o in listed.others)
    waiting = Counter(o.coin for o in listed.others if o.is_trigger)
    found += [Standing(name, 0, 0, count, waiting[name], False) for name, count in sorted(counts.items())]
    return tuple(found)


@dataclass(slots=True)
class Sweep:
    """Cancels what isn't ours and remembers it. ``by``: what asked for it, for the event."""

    by: str
    instance: str
    counted: set[int] = field(default_factory=set)
    """Order ids of all that were cancelled."""
    sent_mono_ms: dict[int, int] = field(default_factory=dict)

    def look(
        self, coins: Iterable[Coin], listed: OpenOrdersObserved, now: Instant, elsewhere: bool = False
    ) -> list[Effect]:
        """``elsewhere``: also in coins that aren't traded here."""
        found = [
            (o.coin, o.order_id, o.is_trigger)
            for coin in coins
            for o in listed.orders
            if is_foreign(coin, o, self.instance)
        ]
        if elsewhere:
            found += [(o.coin, o.order_id, o.is_trigger) for o in listed.others]
        due = [
            row
            for row in found
            if now.mono_ms - self.sent_mono_ms.get(row[1], -SEND_AGAIN_MS) >= SEND_AGAIN_MS
        ]
        if not due:
            return []
        self.sent_mono_ms.update((order_id, now.mono_ms) for _, order_id, _ in due)
        out = self._told([row for row in due if row[1] not in self.counted])
        self.counted |= {order_id for _, order_id, _ in due}
        return [*out, CancelForeign(tuple((coin, order_id) for coin, order_id, _ in due))]

    def _told(self, fresh: list[tuple[str, int, bool]]) -> list[Effect]:
        return [
            notify(
                "foreign_orders_cancelled",
                "warn",
                name,
                orders=sum(coin == name for coin, _, _ in fresh),
                triggers=sum(coin == name and trigger for coin, _, trigger in fresh),
                by=self.by,
            )
            for name in dict.fromkeys(coin for coin, _, _ in fresh)
        ]

    @property
    def text(self) -> str:
        count = len(self.counted)
        if not count:
            return ""
        were = "order that was not GridBot's was" if count == 1 else "orders that were not GridBot's were"
        return f"; {count} {were} cancelled"
