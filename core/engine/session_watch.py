"""A market that closes: what of a coin's grid goes on while it is, by the calendar alone.

Every decision follows from the calendar, the venue's time and the settings, so that a restart takes the same one: nothing of a
session is in the journal, and closing for the night halts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Effect, notify
from core.domain.grid import PPB, GridRow
from core.domain.sessions import CALENDARS, NEVER_MS, Session, utc_text
from core.engine.grid_settings import GridSettings
from core.engine.risk_engine import Refusal, Rule
from core.view import SessionState

if TYPE_CHECKING:
    from core.engine.coin import Coin

FIRST_QUOTE_MS = 60_000
"""How long after the open its first quote is waited for: what was quoted before it is the old price."""


class ClosedSession(StrEnum):
    """What the grid does while its market is closed.

    ``KEEP``: it rests as it is. ``WIDEN``: its lines move apart, around the same center. ``REDUCE``: only what reduces the
    position is quoted, and it is closed bit by bit. ``FLATTEN``: it is closed at once, and nothing is quoted.
    """

    KEEP = "keep"
    WIDEN = "widen"
    REDUCE = "reduce"
    FLATTEN = "flatten"


class Phase(StrEnum):
    OPEN = "open"
    CLOSING = "closing"
    """Open, and so near to the close that the policy has begun."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class SessionSettings:
    calendar: str = "always"
    policy: ClosedSession = ClosedSession.REDUCE
    margin_ms: int = 0
    """How long before the close the policy begins."""
    widen_ppb: int = 3 * PPB
    """By which ``WIDEN`` multiplies the spacing, times 10**9."""

    @property
    def closes(self) -> bool:
        return self.calendar != "always"


@dataclass(slots=True)
class SessionWatch:
    """Of one coin, at the last look."""

    phase: Phase = Phase.OPEN
    session: Session | None = None
    opens_ms: int = 0
    """When it opens next, venue time: for a closed one its end, for an open one the end of the closure after it."""
    is_awaited: bool = False
    """Open by the calendar, and not quoted since."""
    attempts: int = 0
    flattened_mono_ms: int = 0
    """When the position was last being closed for the session; 0 before."""
    _told: Phase | None = None

    # -- looking ----------------------------------------------------------------------------------------------------

    def refresh(self, coin: Coin, now: Instant) -> Session:
        settings = coin.config.sessions
        session = self.session
        if session is None or now.venue_ms not in session:
            calendar = CALENDARS[settings.calendar]
            session = self.session = calendar(now.venue_ms)
            ends = session.until_ms
            self.opens_ms = calendar(ends).until_ms if session.is_open and ends < NEVER_MS else ends
        self.is_awaited = (
            session.is_open
            and now.venue_ms - session.since_ms < FIRST_QUOTE_MS
            and (coin.quote is None or coin.quote.time_ms < session.since_ms)
        )
        if not session.is_open or self.is_awaited:
            self.phase = Phase.CLOSED
        elif session.until_ms - now.venue_ms <= settings.margin_ms:
            self.phase = Phase.CLOSING
        else:
            self.phase = Phase.OPEN
        return session

    def look(self, coin: Coin, now: Instant) -> list[Effect]:
        """Take the time; what is to be told of it. Of an open market nothing is, unless it was closed before."""
        session = self.refresh(coin, now)
        if self.is_awaited and self._told is None:
            return []  # a start just after the open: nobody was told of a close
        before, self._told = self._told, self.phase
        if self.phase is before or (before is None and self.phase is Phase.OPEN):
            return []
        policy = coin.config.sessions.policy.value
        if self.phase is Phase.OPEN:
            closes = utc_text(session.until_ms) if session.until_ms < NEVER_MS else "never"
            return [notify("session_opened", "info", coin.name, closes=closes)]
        name = "session_closing" if self.phase is Phase.CLOSING else "session_closed"
        fields = {"why": session.why, "opens": utc_text(self.opens_ms), "policy": policy}
        if self.phase is Phase.CLOSING:
            fields["closes"] = utc_text(session.until_ms)
        return [notify(name, "info", coin.name, **fields)]

    # -- what follows -----------------------------------------------------------------------------------------------

    @property
    def is_frozen(self) -> bool:
        """No grid follows the price, and none is built around it."""
        return self.phase is not Phase.OPEN

    @property
    def is_closed(self) -> bool:
        """What is quoted says nothing of what the market is like."""
        return self.phase is Phase.CLOSED

    @property
    def opening_ms(self) -> int:
        """When a market opens that is closed or about to, venue time; 0 for an open one."""
        if not self.is_frozen or self.session is None:
            return 0
        return self.session.since_ms if self.is_awaited else self.opens_ms

    @property
    def state(self) -> SessionState:
        if self.is_awaited:
            return SessionState.OPENING
        return SessionState(self.phase.value)

    @property
    def text(self) -> str:
        """``open``, or why not and until when."""
        session = self.session
        if session is None or self.phase is Phase.OPEN:
            return Phase.OPEN.value
        if self.is_awaited:
            return "open, waiting for its first quote"
        if self.phase is Phase.CLOSING:
            return f"closes at {utc_text(session.until_ms)}, opens again at {utc_text(self.opens_ms)}"
        return f"closed ({session.why}) until {utc_text(session.until_ms)}"

    def follows(self, coin: Coin, policy: ClosedSession) -> bool:
        """Whether that policy is in force now."""
        return self.is_frozen and coin.config.sessions.policy is policy

    def reduces(self, coin: Coin) -> bool:
        return self.follows(coin, ClosedSession.REDUCE)

    def stops(self, coin: Coin, is_flattening: bool) -> Refusal | None:
        """Why nothing at all is quoted for the session's sake; ``None`` if something may be. ``is_flattening``: the position is
        being closed still, even if the market has opened meanwhile.
        """
        is_flat = self.reduces(coin) and not coin.ledger.lots
        if not (is_flat or is_flattening or self.follows(coin, ClosedSession.FLATTEN)):
            return None
        policy = coin.config.sessions.policy.value
        opens_ms = self.opens_ms if self.is_frozen and not self.is_awaited else 0
        why = self.text if self.is_frozen else "open, and the position of before is still being closed"
        return Refusal(Rule.SESSION, f"session {why} (HL_CLOSED_SESSION {policy})", opens_ms)

    def grid_settings(self, coin: Coin) -> GridSettings:
        """Those that a grid is built from now: a widened one is of other settings, and known by them after a restart."""
        settings = coin.settings
        if not self.follows(coin, ClosedSession.WIDEN):
            return settings
        return replace(settings, closed_ppb=coin.config.sessions.widen_ppb)

    def outdates(self, coin: Coin, grid: GridRow, now: Instant) -> bool:
        """Whether the grid is from before the closure, and the policy has closed what its cells held."""
        session, policy = self.session, coin.config.sessions.policy
        if session is None or self.is_frozen or policy not in (ClosedSession.REDUCE, ClosedSession.FLATTEN):
            return False
        began_wall_ms = session.since_ms + now.wall_ms - now.venue_ms
        return session.since_ms > 0 and grid.created_ms < began_wall_ms
