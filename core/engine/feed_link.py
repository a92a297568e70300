"""The link to the exchange's streams: up or down, the gap read back, and the receipt of a reconnect.

On every connection: subscribe, ingest what streams, read the gap back over REST, and only then quote exposure again (C-3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from core.domain.clock import Instant
from core.domain.effects import AskAccount, AskFunding, AskOpenOrders, Backfill, Effect, notify
from core.domain.events import BackfillDone, FeedChanged, OpenOrdersObserved, WireQuarantined
from core.domain.fills import REACHABLE_FILLS
from core.engine.coin import Coin
from core.engine.feed_watch import FeedWatch
from core.engine.fill_sources import FillSources
from core.engine.procedures import feed_ticket

RECEIPT_WITHIN_MS = 10_000
"""The receipt of a reconnect waits so long for orders in doubt to settle."""

MAY_HIDE_A_FILL = frozenset({"userFills", "text", "unnamed"})
"""Channels of quarantined messages that may have told of a fill: what is cut short or no JSON has lost its name."""


@dataclass(slots=True)
class Receipt:
    """What a reconnect has brought so far."""

    gap_ms: int
    recovered: int
    duplicates: int
    since_mono_ms: int
    saw_orders: bool = False


@dataclass(slots=True)
class FeedLink:
    connected: bool = False
    ready: bool = False
    """Connected, and the gap before this connection is read back."""
    has_read: bool = False
    """The fills since the last run have been read to their end in this one."""
    generation: int = 0
    last_message_ms: int = 0
    down_since_mono_ms: int = 0
    ready_venue_ms: int = 0
    """Venue time from which on this connection should have told everything."""
    quarantined: Counter[str] = field(default_factory=Counter)
    """Messages that did not decode, by channel, in this run."""
    quarantined_mono_ms: int = 0
    watch: FeedWatch = field(default_factory=FeedWatch)
    sources: FillSources = field(default_factory=FillSources)
    _told_failing: bool = False
    _recovered: int = 0
    """Fills that came otherwise than over the stream since it broke, its snapshot's included, until the gap is read back."""
    _settled_before: int = 0
    _receipt: Receipt | None = None

    def changed(self, event: FeedChanged, coins: Iterable[Coin], now: Instant) -> list[Effect]:
        """The connection came up or went down."""
        was_connected, self.connected = self.connected, event.connected
        self.ready, self.generation = False, event.generation
        self._receipt = None
        if event.connected:
            self.watch.begin(now)
            return [notify("ws_connected", "info", "", generation=event.generation), self.close_gap()]
        if was_connected:
            self.down_since_mono_ms = now.mono_ms
            self.sources.down(now)
            self._settled_before, self._recovered = _settled(coins), 0
            self._told_failing = False
            return [notify("ws_disconnected", "warn", "", generation=event.generation, reason=event.reason)]
        told, self._told_failing = self._told_failing, True
        return [] if told else [notify("ws_connect_failed", "warn", "", reason=event.reason)]

    def close_gap(self) -> Effect:
        """What streams is ingested meanwhile; exposure is quoted again only once the gap is read back."""
        return Backfill(ticket=feed_ticket(self.generation))

    def count_recovered(self, fills: int) -> None:
        """Fills that came otherwise than over the stream."""
        if not self.ready:
            self._recovered += fills

    def gap_read(self, event: BackfillDone, now: Instant) -> list[Effect]:
        """The gap is closed: exposure may be quoted. The receipt follows when the orders in doubt have settled."""
        self.ready, self.ready_venue_ms, self.has_read = True, now.venue_ms, True
        self.sources.up(now)
        return [*self._out_of_reach(), *self._gap_closed(event, now)]

    def _out_of_reach(self) -> list[Effect]:
        """Older fills than the exchange lists are lost to us, and no chain shows it where they add up to nothing."""
        if self._recovered < REACHABLE_FILLS:
            return []
        reason = (
            f"all {REACHABLE_FILLS:,} fills that the exchange still lists were new; older ones may be missing: "
            "`gridbot verify --online` holds profit and position against the exchange"
        )
        return [notify("fills_out_of_reach", "crit", "", recovered=self._recovered, reason=reason)]

    def _gap_closed(self, event: BackfillDone, now: Instant) -> list[Effect]:
        if not self.down_since_mono_ms:
            told = notify(
                "ws_ready",
                "info",
                "",
                generation=self.generation,
                fills_recovered=self._recovered,
                duplicates=event.seen - event.new,
            )
            return [told, AskOpenOrders(), AskAccount(), AskFunding()]
        gap_ms = now.mono_ms - self.down_since_mono_ms
        self._receipt = Receipt(gap_ms, self._recovered, event.seen - event.new, now.mono_ms)
        return [AskOpenOrders(self._ticket), AskAccount(), AskFunding()]

    @property
    def _ticket(self) -> str:
        return f"receipt:{self.generation}"

    def saw_orders(self, event: OpenOrdersObserved) -> None:
        if self._receipt is not None and event.ticket == self._ticket:
            self._receipt.saw_orders = True

    def receipt(self, coins: Iterable[Coin], now: Instant) -> list[Effect]:
        """The reconnect in one event, once everything is settled or has had its time."""
        receipt, coins = self._receipt, list(coins)
        if receipt is None:
            return []
        settled = receipt.saw_orders and not any(coin.orders.doubts for coin in coins)
        if not settled and now.mono_ms - receipt.since_mono_ms < RECEIPT_WITHIN_MS:
            return []
        self._receipt = None
        return [
            notify(
                "ws_reconnected",
                "info",
                "",
                generation=self.generation,
                gap_s=round(receipt.gap_ms / 1000, 1),
                fills_recovered=receipt.recovered,
                duplicates=receipt.duplicates,
                orders_settled=_settled(coins) - self._settled_before,
                orders_in_doubt=sum(len(coin.orders.doubts) for coin in coins),
            )
        ]

    def quarantine(self, event: WireQuarantined, now: Instant) -> list[Effect]:
        """A message that could not be read touched nothing. One about fills may have told of one: look at once."""
        self.quarantined[event.channel] += 1
        self.quarantined_mono_ms = now.mono_ms
        told = notify(
            "wire_quarantined",
            "warn",
            "",
            channel=event.channel,
            reason=event.reason,
            sample=event.sample,
            count=self.quarantined.total(),
        )
        return [told, Backfill(ticket="quarantine")] if event.channel in MAY_HIDE_A_FILL else [told]


def _settled(coins: Iterable[Coin]) -> int:
    return sum(coin.orders.settled for coin in coins)
