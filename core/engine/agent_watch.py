"""The agent that signs: told of before it ends, and with less than a day left nothing is added to a position.

A bot whose agent has ended can neither place nor cancel nor close. So that nothing is left that must be closed by hand, the
last day is for getting out: what is quoted only reduces, and a flat coin quotes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.domain.agent import REDUCE_ONLY_MS, AgentObserved, left_text, warned_of
from core.domain.clock import Instant
from core.domain.effects import AskAgent, Effect, notify
from core.domain.events import Event, Tick
from core.domain.sessions import utc_text
from core.engine.risk_engine import Refusal, Rule
from core.view import AgentView

if TYPE_CHECKING:
    from core.engine.schedule import Schedule

AGENT_EVERY_MS = 3_600_000

ROTATE = "`gridbot keys rotate` puts another in its place, with every order resting"


@dataclass(slots=True)
class AgentWatch:
    """``agent`` is ``None`` while the account's own key signs, as on paper."""

    agent: AgentObserved | None = None
    is_gone: bool = False
    """It was listed, and isn't any more: revoked, or run out. Its end is then told by its refusals, too."""
    _told_days: int = field(default=0)

    @property
    def view(self) -> AgentView:
        if self.agent is None:
            return AgentView()
        return AgentView(self.agent.address, self.agent.name, self.agent.valid_until_ms or 0, self.is_gone)

    def heed(self, event: Event, now: Instant) -> list[Effect]:
        match event:
            case AgentObserved():
                return self.saw(event, now)
            case Tick():
                return self.look(now)
            case _:
                return []

    def questions(self, due: Schedule, now: Instant) -> list[Effect]:
        """What is listed of it changes if somebody revokes it, or approves it anew. The start has read it."""
        if self.agent is None:
            return []
        due.sooner("agent", now.mono_ms + AGENT_EVERY_MS)
        return [AskAgent(self.agent.address)] if due.is_due("agent", AGENT_EVERY_MS, now) else []

    def saw(self, event: AgentObserved, now: Instant) -> list[Effect]:
        before = self.agent
        if before is None or before.address != event.address:
            self.agent, self.is_gone, self._told_days = event, False, 0
            return self.look(now)
        if event.is_listed:
            self.agent, self.is_gone = event, False
            return self.look(now)
        if not before.is_listed or self.is_gone:
            return []
        self.is_gone = True
        reason = "the exchange lists it no more: it was revoked, or has run out"
        return [notify("agent_gone", "crit", "", address=before.address, agent=before.name, reason=reason)]

    def look(self, now: Instant) -> list[Effect]:
        """Tell once of each number of days that is passed."""
        left_ms = self.left_ms(now)
        days = 0 if left_ms is None else warned_of(left_ms)
        if left_ms is None or not days or (self._told_days and days >= self._told_days):
            return []
        self._told_days = days
        assert self.agent is not None
        return [
            notify(
                "agent_expiring",
                "crit" if self.is_ending(now) else "warn",
                "",
                address=self.agent.address,
                agent=self.agent.name,
                valid_until=utc_text(self.agent.valid_until_ms or 0),
                left=left_text(left_ms),
                reason=ROTATE,
            )
        ]

    def left_ms(self, now: Instant) -> int | None:
        """Until it ends; ``None`` if nobody knows, or it has no end."""
        return None if self.agent is None else self.agent.left_ms(now.venue_ms)

    def warns(self, now: Instant) -> bool:
        left_ms = self.left_ms(now)
        return self.is_gone or (left_ms is not None and warned_of(left_ms) > 0)

    def is_ending(self, now: Instant) -> bool:
        left_ms = self.left_ms(now)
        return self.is_gone or (left_ms is not None and left_ms < REDUCE_ONLY_MS)

    def text(self, now: Instant) -> str:
        """``runs out in 5 h, 2026-12-01 10:00Z``."""
        left_ms = self.left_ms(now)
        if self.is_gone:
            return "is listed no more: revoked, or run out"
        if self.agent is None or left_ms is None or self.agent.valid_until_ms is None:
            return "has no end that is known"
        until = utc_text(self.agent.valid_until_ms)
        return f"has run out, {until}" if left_ms <= 0 else f"runs out in {left_text(left_ms)}, {until}"

    def reduces_because(self, now: Instant) -> Refusal | None:
        """Why only what reduces a position is quoted; ``None`` while the agent lasts."""
        if not self.is_ending(now):
            return None
        reason = f"the agent {self.text(now)}: only what reduces the position is quoted"
        return Refusal(Rule.AGENT, reason, ends=ROTATE)
