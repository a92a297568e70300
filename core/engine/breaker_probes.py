"""Half-open: what goes out as the one try that closes a circuit breaker again, and what waits for its answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import AskAccount, AskOpenOrders, Effect, Place, notify
from core.engine.circuit_breaker import Breaker, BreakerName

if TYPE_CHECKING:
    from core.engine.engine import Engine


PROBE_ORDERS = 1
"""How many orders a probe is: a budget that is spent may refuse two and take one."""


def read_gate(engine: Engine, now: Instant) -> list[Effect] | None:
    """What of the routine reads may go: ``None`` for all, else the one that is the probe, or nothing."""
    info = engine.breakers[BreakerName.INFO]
    if not info.opened_mono_ms:
        return None
    if not info.may_probe(now):
        return []
    info.probe(now)
    question = AskAccount() if engine.saw_account else AskOpenOrders()
    return [probe_event(info, "account" if engine.saw_account else "open orders"), question]


def note_probes(engine: Engine, effects: Iterable[Effect], now: Instant) -> list[Effect]:
    """A placement on its way is the probe of every breaker that waits for one."""
    orders = sum(len(effect.orders) for effect in effects if isinstance(effect, Place))
    out: list[Effect] = []
    for breaker in engine.breakers.probed_by_placing(now) if orders else []:
        if breaker.may_probe(now):
            breaker.probe(now)
            out.append(probe_event(breaker, f"{orders} orders" if orders > 1 else "1 order"))
    return out


def probe_event(breaker: Breaker, what: str) -> Effect:
    return notify("circuit_probe", "info", "", breaker=breaker.name.value, probe=what)
