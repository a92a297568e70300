"""The exchange's own dead man's switch (``scheduleCancel``): armed a while ahead, and moved on for as long as the engine steps.

At its time the exchange cancels EVERYTHING of the account: the grid, what isn't ours, and the stops that protect the position.
So it is off unless an operator wants it; what is there without it is ``gridbot watchdog``. A refresh costs one request of the
address's budget: at 60 s 4,320 a day, of an account that has traded the million it takes and so has a million requests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from core.domain.clock import DAY_MS, Instant
from core.domain.effects import ArmDeadMan, DisarmDeadMan, Effect, SaveDeadMan, notify
from core.domain.events import Event, OrderUpdate, Tick
from core.domain.router_events import DeadManAnswered
from core.engine.left_armed import LeftArmed
from core.engine.stop import Phase, Stop
from core.view import DeadManState, DeadManView

if TYPE_CHECKING:
    from core.engine.engine import Engine

REFRESHES = 3
"""It is moved on so often before it would fire: two refreshes may fail."""

RETRY_MS = 5_000
ANSWER_WITHIN_MS = 15_000
SELDOM_MS = 6 * 3_600_000
"""An account that has traded too little is asked for again so often: it has to trade most of a million first."""

ASKED_AGAIN_MS = 1_000
"""A stop that was refused asks again so soon."""

REFUSED_MS = 300_000
"""The longest wait after another refusal while nothing is armed; the first is ``RETRY_MS``, each is twice the last."""

CLEARS_WITHIN_MS = 12_000
"""How long a stop waits for the switch to be off: an answer that is lost is known to be after five seconds, so there are three
tries, and a stop that had to wait for all else still ends within a minute.
"""

LANDS_WITHIN_MS = 5_000
"""A request whose answer was lost may still be carried out so long: then it has expired."""

FIRINGS_A_DAY = 10
ONE_FIRING_MS = 2_000
"""Orders that end within this time were ended by one firing."""

FIRED = "scheduledCancel"
CANCELS = "all orders of the account, also what isn't GridBot's, and the stops that protect the position"

_VOLUME = re.compile(r"until enough volume traded(?:\. Required: \$([\d.]+?)\. Traded: \$([\d.]+?)\.?$)?")


@dataclass(slots=True)
class DeadMan:
    """``after_ms``: how far ahead it is armed, 0 for never. Times are the venue's unless marked."""

    after_ms: int = 0
    state: DeadManState = DeadManState.OFF
    until_ms: int = 0
    """When it fires unless it is moved on, as the exchange has confirmed; 0: not armed."""
    text: str = ""
    traded_usd: Decimal | None = None
    required_usd: Decimal | None = None
    firings: int = 0
    fired_ms: int = 0
    _latest_ms: int = 0
    """When it may fire at the latest, after a request without an answer, or by what an earlier run has asked for."""
    _asking: bool = False
    _asked_mono_ms: int = 0
    _asked_until_ms: int = 0
    """What the newest request asks for; 0: to be off."""
    _lands_by_mono_ms: int = 0
    """Until then a request to arm it that had no answer may overtake one to be off."""
    _next_mono_ms: int = 0
    _clearing_mono_ms: int = 0
    """Since when a stop has it cleared; 0: it doesn't."""
    _gave_up: bool = False
    _is_told_left: bool = False
    _refusals: int = 0
    """In a row while nothing was armed."""

    @property
    def period_ms(self) -> int:
        return self.after_ms // REFRESHES

    @property
    def trouble(self) -> str:
        """Why the last request came to nothing, in a few words; empty if it didn't."""
        if self.state is DeadManState.NOT_ELIGIBLE and self.traded_usd is not None:
            return f"traded {self.traded_usd:,.0f} of the {self.required_usd:,.0f} USD that it takes"
        return self.text

    def is_armed(self, now: Instant) -> bool:
        """It may fire."""
        return max(self.until_ms, self._latest_ms) > now.venue_ms

    def was_left(self, until_ms: int) -> None:
        """An earlier run has asked for that time, and its journal doesn't say that it was cleared."""
        self._latest_ms = until_ms

    def left_s(self, now: Instant) -> int:
        """Until it may fire at the latest."""
        return max(0, max(self.until_ms, self._latest_ms) - now.venue_ms) // 1000

    def awaits_turn(self, now: Instant) -> bool:
        """It was refused and would fire soon, which takes the stops away, too: no order of a grid goes before it."""
        return self.state is DeadManState.REFUSED and self.is_armed(now)

    def left(self, stop: Stop | None, now: Instant) -> LeftArmed | None:
        """How it would be left if the run ended now; ``None`` if it is off. A stop in order waits until it is, lest it cancels
        the stop of a position; one that may leave orders leaves it armed for them.
        """
        by_ms = max(self.until_ms, self._latest_ms, self._asked_until_ms if self._asking else 0)
        if by_ms <= now.venue_ms:
            return None
        by_wall_ms = by_ms - now.venue_ms + now.wall_ms
        if stop is None:
            return LeftArmed(by_wall_ms, self.text or "not taken back yet")
        if stop.failed:
            return LeftArmed(by_wall_ms, "left armed, since orders of the grid may rest")
        return LeftArmed(by_wall_ms, self.text or "no answer", is_awaited=not self._gave_up)

    def advance(self, engine: Engine, event: Event, now: Instant) -> list[Effect]:
        match event:
            case DeadManAnswered():
                self._asking = False
                return self._cleared(event, now) if not event.until_ms else self._armed(event, now)
            case OrderUpdate(status=status) if status == FIRED:
                return self._fired(event, now)
            case Tick():
                return self._tick(engine, now)
            case _:
                return []

    def _tick(self, engine: Engine, now: Instant) -> list[Effect]:
        if self._asking and now.mono_ms - self._asked_mono_ms < ANSWER_WITHIN_MS:
            return self._wait_for_the_end(now)
        stop = engine.desk.stopping
        if stop is not None and stop.phase is not Phase.CANCEL and not stop.failed:
            return self._clear(now)
        if not engine.saw_account or now.mono_ms < self._next_mono_ms:
            return []
        if not self.after_ms:
            return self._take_back(now)
        until_ms = now.venue_ms + self.after_ms
        self._ask(now, until_ms)
        self._next_mono_ms = now.mono_ms + self.period_ms
        if self.state is DeadManState.OFF:
            self.state = DeadManState.ASKED
        return [SaveDeadMan(until_ms), ArmDeadMan(until_ms)]

    def _take_back(self, now: Instant) -> list[Effect]:
        """It isn't wanted: what an earlier run has left armed would cancel what this one has placed, stops included."""
        if not self.is_armed(now):
            return []
        self._ask(now)
        self._next_mono_ms = now.mono_ms + RETRY_MS
        if self._is_told_left:
            return [DisarmDeadMan()]
        self._is_told_left = True
        reason = f"an earlier run has left it armed: it would cancel {CANCELS}; taken back"
        told = notify("dead_man_switch_left_armed", "warn", "", reason=reason, fires_in_s=self.left_s(now))
        return [told, DisarmDeadMan()]

    def _ask(self, now: Instant, until_ms: int = 0) -> None:
        self._asking, self._asked_mono_ms, self._asked_until_ms = True, now.mono_ms, until_ms

    # -- the end of a run ---------------------------------------------------------------------------------------

    def _clear(self, now: Instant) -> list[Effect]:
        """Our orders are cancelled, and not before (P16)."""
        if not self.is_armed(now) or self._gave_up:
            return []
        if not self._clearing_mono_ms:
            self._clearing_mono_ms, self._next_mono_ms = now.mono_ms, 0
        if gave_up := self._wait_for_the_end(now):
            return gave_up
        if now.mono_ms < max(self._asked_mono_ms + ASKED_AGAIN_MS, self._next_mono_ms):
            return []
        self._ask(now)
        return [DisarmDeadMan()]

    def _wait_for_the_end(self, now: Instant) -> list[Effect]:
        late = self._clearing_mono_ms and now.mono_ms - self._clearing_mono_ms >= CLEARS_WITHIN_MS
        if not late or self._gave_up:
            return []
        self._gave_up = True
        return [self._may_fire(now)]

    def _may_fire(self, now: Instant) -> Effect:
        why = self.text or "no answer"
        reason = f"it isn't confirmed to be off, and may cancel {CANCELS} in {self.left_s(now)} s: {why}"
        return notify("dead_man_switch_deactivation_error", "crit", "", reason=reason)

    def _cleared(self, event: DeadManAnswered, now: Instant) -> list[Effect]:
        if event.error and not _VOLUME.search(event.error):
            was_told, self.text = bool(self.text), event.error
            return [] if self._clearing_mono_ms or was_told else [self._may_fire(now)]
        if self._asked_mono_ms < self._lands_by_mono_ms:
            self._next_mono_ms = self._lands_by_mono_ms
            return []
        self.state, self.until_ms, self._latest_ms, self.text = DeadManState.OFF, 0, 0, ""
        return [SaveDeadMan(0), notify("dead_man_switch_deactivated", "info", "")]

    # -- answers ------------------------------------------------------------------------------------------------

    def _armed(self, event: DeadManAnswered, now: Instant) -> list[Effect]:
        if event.error:
            return self._refused(event, now)
        was_armed, self.state, self.text = self.state is DeadManState.ARMED, DeadManState.ARMED, ""
        self.until_ms = self._latest_ms = event.until_ms
        self._refusals = 0
        if was_armed:
            return []
        reason = f"unless it is moved on, the exchange cancels {CANCELS}"
        after_s, every_s = self.after_ms // 1000, self.period_ms // 1000
        return [
            notify("dead_man_switch_active", "warn", "", after_s=after_s, refresh_s=every_s, reason=reason)
        ]

    def _refused(self, event: DeadManAnswered, now: Instant) -> list[Effect]:
        before, self.text = self.text, event.error
        if not event.is_definite:
            self._latest_ms = max(self._latest_ms, event.until_ms)
            self._lands_by_mono_ms = now.mono_ms + LANDS_WITHIN_MS
            self._next_mono_ms = now.mono_ms + RETRY_MS
        elif found := _VOLUME.search(event.error):
            self.state, self._next_mono_ms = DeadManState.NOT_ELIGIBLE, now.mono_ms + SELDOM_MS
            self.until_ms = self._latest_ms = 0
            self.required_usd, self.traded_usd = (Decimal(usd) if usd else None for usd in found.groups())
        else:
            self.state = DeadManState.REFUSED
            self._refusals = 0 if self.is_armed(now) else self._refusals + 1
            wait_ms = RETRY_MS * 2 ** min(max(self._refusals - 1, 0), 10)
            self._next_mono_ms = now.mono_ms + min(wait_ms, REFUSED_MS)
        if before == event.error:
            return []
        name = "dead_man_switch_refresh_error" if self.is_armed(now) else "dead_man_switch_activation_error"
        return [notify(name, "warn", "", reason=event.error)]

    def _fired(self, event: OrderUpdate, now: Instant) -> list[Effect]:
        if abs(event.time_ms - self.fired_ms) < ONE_FIRING_MS:
            return []
        is_of_today = event.time_ms // DAY_MS == self.fired_ms // DAY_MS
        self.firings = self.firings + 1 if is_of_today else 1
        self.fired_ms = event.time_ms
        self.until_ms = self._latest_ms = 0
        if self.after_ms:
            self.state, self._next_mono_ms = DeadManState.FIRED, now.mono_ms
        whose = "" if self.after_ms else ", by a switch that this run hasn't armed"
        reason = f"the exchange has cancelled {CANCELS}{whose}; placed anew once the stream and the account are read"
        left = max(0, FIRINGS_A_DAY - self.firings)
        return [notify("dead_man_switch_fired", "crit", "", reason=reason, firings_left_today=left)]

    # -- what is shown ------------------------------------------------------------------------------------------

    def firings_left(self, now: Instant) -> int:
        """Today, at most: an earlier run, or another program, may have used some that were not seen."""
        seen = self.firings if self.fired_ms // DAY_MS == now.venue_ms // DAY_MS else 0
        return max(0, FIRINGS_A_DAY - seen)

    def view(self, now: Instant) -> DeadManView:
        is_confirmed = self.until_ms > now.venue_ms
        return DeadManView(
            state=self.state,
            after_s=self.after_ms / 1000,
            refresh_s=self.period_ms / 1000,
            armed_until_ms=self.until_ms - now.venue_ms + now.wall_ms if is_confirmed else 0,
            text=self.text,
            traded_usd=self.traded_usd,
            required_usd=self.required_usd,
            firings_left=self.firings_left(now),
        )
