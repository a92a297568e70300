"""What a widget is handed on each tick: the newest Snapshot, the wall clock, and what the operator looks at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from core.view import RunState, Severity
from widgets.formats import age

if TYPE_CHECKING:
    from core.view import AlertView, CoinView, Snapshot

AGED_S = 2.0
"""Data older than this carries its age in the panel's title."""
STALE_S = 20.0
"""Data older than this is dimmed and called STALE."""


RARE, LESSER = 1, 2


class EventFilter(StrEnum):
    ALL = "all"
    DRIFT = "drift"
    COMPRESSION = "compression"
    FILLS = "fills"
    WARNINGS = "warnings"


@dataclass(frozen=True, slots=True)
class KeyHint:
    """A key as the footer, the alert line and the help name it. ``refusal`` is why it would be refused now."""

    key: str
    title: str
    refusal: str = ""
    in_footer: bool = True
    short: str = ""
    """The title where there is little room; empty: the same."""
    rank: int = 0
    """In the footer: 0 stays, ``RARE`` is there only while it is not refused, ``LESSER`` goes first."""


@dataclass(frozen=True, slots=True)
class Link:
    """The way to the terminal. ``sent_bps``: bytes a second sent to it, ``None`` unless asked for."""

    sent_bps: float | None = None
    is_slow: bool = False
    """Drawn once a second and without plots: by the operator's wish, or because the terminal did not keep up."""
    fell_behind: bool = False
    """The terminal did not keep up."""


@dataclass(frozen=True, slots=True)
class Toast:
    """The answer to one of the operator's own keys."""

    text: str
    severity: Severity = Severity.INFO


@dataclass(frozen=True, slots=True)
class Look:
    snapshot: Snapshot | None
    now_ms: int
    coin_index: int = 0
    ended: bool = False
    """The core's thread has ended, whatever the last Snapshot says."""
    fault: str = ""
    """What is wrong with the screen's own link to the core."""
    no_link: str = ""
    """Why nothing comes from an instance in another process; what is shown is its last word."""
    view_only: str = ""
    """Why this screen may not act; empty if it may."""
    event_filter: EventFilter = EventFilter.ALL
    hints: tuple[KeyHint, ...] = ()
    toasts: tuple[Toast, ...] = ()
    link: Link = Link()
    paused_s: float | None = None
    """How long the display has been held still; ``None`` while it isn't."""
    asked_network: str = ""
    """Where it is to trade, if that is known before the first Snapshot."""

    @property
    def network(self) -> str:
        return self.snapshot.network if self.snapshot is not None else self.asked_network

    @property
    def coin(self) -> CoinView | None:
        if self.snapshot is None or not self.snapshot.coins:
            return None
        return self.snapshot.coins[self.coin_index % len(self.snapshot.coins)]

    @property
    def state(self) -> RunState:
        """Of the coin looked at, under what holds for the whole core."""
        if self.ended:
            return RunState.DEAD
        if self.snapshot is None:
            return RunState.STARTING
        if self.snapshot.state is RunState.RUNNING and self.coin is not None:
            return self.coin.state
        return self.snapshot.state

    @property
    def halt_reason(self) -> str:
        own = self.coin.halt_reason if self.coin is not None else ""
        return own or (self.snapshot.halt_reason if self.snapshot is not None else "")

    @property
    def snapshot_age_s(self) -> float:
        """How long the core has published nothing; 0 before the first Snapshot."""
        return 0.0 if self.snapshot is None else self._since(self.snapshot.time_ms)

    @property
    def feed_age_s(self) -> float | None:
        """How long the exchange has said nothing; ``None`` before its first word."""
        if self.snapshot is None or not self.snapshot.feed.last_message_ms:
            return None
        return self._since(self.snapshot.feed.last_message_ms)

    @property
    def market_age_s(self) -> float:
        """The older of the two: how far to trust what hangs on the feed."""
        return max(self.snapshot_age_s, self.feed_age_s or 0.0)

    @property
    def quote_age_s(self) -> float | None:
        return self._since(self.coin.market_ms) if self.coin is not None and self.coin.market_ms else None

    @property
    def is_silent(self) -> bool:
        """The core lives, as far as anyone knows, and has published nothing for too long."""
        return not self.ended and self.snapshot_age_s >= STALE_S

    @property
    def alerts(self) -> tuple[AlertView, ...]:
        """Worst first. What a core that no longer speaks can't raise itself comes before its own."""
        own: list[AlertView] = []
        if self.fault:
            own.append(self._crit("screen_fault", f"SCREEN FAULT: {self.fault}", "Q"))
        if self.no_link:
            own.append(self._crit("no_link", f"NO LINK: {self.no_link}", ""))
        elif self.state is RunState.DEAD:
            reason = f": {self.halt_reason}" if self.halt_reason else ""
            own.append(self._crit("engine_dead", f"ENGINE DEAD{reason}; orders may still rest", "Q"))
        elif self.is_silent:
            silent = age(self.snapshot_age_s)
            what = f"ENGINE SILENT {silent}; its orders may fill, no key may reach it: if it lasts, kill it, start it again"
            own.append(self._crit("engine_silent", what, ""))
        said = self.snapshot.alerts if self.snapshot is not None else ()
        return (*own, *sorted(said, key=lambda alert: (-alert.severity.rank, self.is_known(alert))))

    def is_known(self, alert: AlertView) -> bool:
        """An operator has said so, and not too long ago."""
        return alert.snoozed_until_ms > self.now_ms

    def _crit(self, alert_id: str, text: str, key: str) -> AlertView:
        from core.view import AlertView  # a start without an alert, as nearly each is, draws without

        return AlertView(alert_id, Severity.CRIT, text, key, self.now_ms)

    def _since(self, time_ms: int) -> float:
        return max(self.now_ms - time_ms, 0) / 1_000
