"""The operator's hand on the circuit breakers: what has lost its cause is closed, what still has it stays open and says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.domain.causes import Cause
from core.domain.clock import Instant
from core.domain.commands import Command
from core.domain.effects import AskAccount, Effect, notify
from core.domain.events import AccountObserved, Event, RequestFailed
from core.engine.circuit_breaker import Breaker, BreakerName
from core.engine.coin import Coin
from core.engine.procedures import READ_LIMIT_MS, ProcedureBase
from core.view import BreakerState

if TYPE_CHECKING:
    from core.engine.engine import Engine

_TIMED = (Cause.RATE_IP, Cause.RATE_ADDRESS, Cause.MAINTENANCE)
"""What the exchange has asked for lasts as long as it said: to try sooner makes it worse (I11)."""


def opened(engine: Engine, now: Instant) -> list[Breaker]:
    return [breaker for breaker in engine.breakers if breaker.state(now) is not BreakerState.CLOSED]


def persists(engine: Engine, breaker: Breaker, now: Instant) -> str:
    """Why the cause is known to hold still; empty if it has ended, or if only an answer of the exchange can tell."""
    match breaker.name:
        case BreakerName.FEED:
            is_back = engine.feed.ready and not engine.feed_age.is_stale(now)
            return "" if is_back else "the stream is down: W reconnects it"
        case BreakerName.STORAGE:
            return engine.storage_trouble
        case BreakerName.AUTH:
            return "the exchange refused our signature: U (resume) tries again"
        case _:
            left_ms = breaker.cooldown_left_ms(now) or 0
            if breaker.cause in _TIMED and left_ms:
                return f"{breaker.reason or breaker.cause.value}: left alone for {-(-left_ms // 1000)} s more"
            return ""


def reset_refusal(engine: Engine, now: Instant) -> str:
    """Why nothing can be closed; empty if something may be."""
    found = opened(engine, now)
    if not found:
        return "every circuit breaker is closed"
    reasons = [(breaker.name.value, persists(engine, breaker, now)) for breaker in found]
    if all(why for _, why in reasons):
        return "; ".join(f"{name} stays open: {why}" for name, why in reasons)
    return ""


@dataclass(slots=True)
class ResetBreakers(ProcedureBase):
    """Ask the exchange for one answer; with it, every breaker whose cause has gone is closed."""

    engine: Engine | None = None
    names: list[str] = field(default_factory=list)
    """Of those that were open."""

    @staticmethod
    def of(engine: Engine, command: Command, now: Instant) -> ResetBreakers:
        names = [breaker.name.value for breaker in opened(engine, now)]
        return ResetBreakers(command, now.mono_ms, engine=engine, names=names)

    def start(self) -> list[Effect]:
        return [AskAccount(self.command.id)]

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        match event:
            case AccountObserved(ticket=ticket) if ticket == self.command.id:
                return self._close(now)
            case RequestFailed(ticket=ticket, reason=reason) if ticket == self.command.id:
                return self.end(f"nothing was closed, the cause persists: {reason}", failed=True)
        if self.elapsed_ms(now) > READ_LIMIT_MS:
            return self.end("nothing was closed: no answer from the exchange", failed=True)
        return []

    def _close(self, now: Instant) -> list[Effect]:
        """The exchange answers, so what kept requests from being answered has ended."""
        assert self.engine is not None
        out: list[Effect] = []
        left: list[str] = []
        by = f"operator {self.command.by.name}" if self.command.by.user else "the operator"
        for breaker in opened(self.engine, now):
            if why := persists(self.engine, breaker, now):
                left.append(f"{breaker.name.value} stays open: {why}")
                continue
            open_s = round(breaker.success(now, by=by) / 1000, 1)
            fields = {"breaker": breaker.name.value, "open_s": open_s, "by": by}
            out.append(notify("circuit_reset", "info", "", **fields))
        still = {breaker.name.value for breaker in opened(self.engine, now)}
        closed = [name for name in self.names if name not in still]
        said = [f"closed: {', '.join(closed)}"] if closed else []
        self.end("; ".join([*said, *left]), failed=not closed)
        return out
