"""Alerts: the conditions that hold now and that an operator must know, worst first, each with what treats it."""

from __future__ import annotations

from core.domain.clock import Instant
from core.engine.circuit_breaker import BreakerName, BreakerState
from core.engine.coin import Coin
from core.engine.drift import ALERT_PCT
from core.engine.engine import Engine
from core.engine.halts import FLATTEN, OPERATOR
from core.engine.position_watch import DRIFT_HALT
from core.engine.protection import look
from core.engine.range_exit import loss_per_pct
from core.engine.schedule import CHAIN_ALARM_MS
from core.view import (
    AlertView,
    Severity,
    StopState,
)

QUARANTINE_SHOWN_MS = 60_000
"""How long after an unreadable message the screen still says so."""


Found = tuple[str, Severity, str, str]
"""An alert's id, severity, text and the key that treats it."""


def alerts_of(engine: Engine, now: Instant) -> tuple[AlertView, ...]:
    """Conditions that hold now, worst first, with the key that treats each."""
    found = [alert for coin in engine.coins.values() for alert in _coin_alerts(coin, now)]
    found += _link_alerts(engine, now)
    if engine.storage_trouble:
        text = f"JOURNAL CANNOT BE WRITTEN: {engine.storage_trouble}, free disk space"
        found.append(("storage", Severity.CRIT, text, ""))
    portfolio = engine.portfolio
    if portfolio.is_uncovered:
        text = (
            f"THE WORST CASE NEEDS {portfolio.needed} USD, THE ACCOUNT HAS {portfolio.value:.2f}: pay in, or make the grids "
            "smaller"
        )
        found.append(("worst_case", Severity.WARN, text, ""))
    if engine.halted and engine.halted != OPERATOR:
        found.append(("halt", Severity.CRIT, f"HALTED: {engine.halted}", "U"))
    for id_ in [known for known in engine.alert_since if known not in {f[0] for f in found}]:
        del engine.alert_since[id_]
    alerts = [AlertView(i, s, t, k, engine.alert_since.setdefault(i, now.wall_ms)) for i, s, t, k in found]
    return tuple(sorted(alerts, key=lambda a: (a.severity is not Severity.CRIT, a.since_ms)))


def _coin_alerts(coin: Coin, now: Instant) -> list[Found]:
    found: list[Found] = []
    name, drift = coin.name, coin.ledger.drift
    if drift.declared:
        size = coin.config.instrument.size_text(drift.lots)
        is_high = drift.is_above(ALERT_PCT)
        text = f"POSITION DRIFT {size} {name} ({drift.pct:.2f}%{f' > {ALERT_PCT}%' if is_high else ''})"
        found.append((f"drift:{name}", Severity.CRIT if is_high else Severity.WARN, text, "R"))
    if override := coin.overrides.text(coin.config.grid):
        text = f"OVERRIDE {name}: {override}, by {coin.overrides.by}; `gridbot set spacing|levels default` clears it"
        found.append((f"override:{name}", Severity.WARN, text, ""))
    if coin.grid_refused:
        found.append((f"grid:{name}", Severity.WARN, f"NO GRID: {coin.grid_refused}", ""))
    if coin.leaving.where:
        text = (
            f"{name} OUT OF RANGE, {coin.leaving.where} the grid ({coin.config.on_exit.value}): "
            f"{loss_per_pct(coin):.2f} USD lost per 1 % further"
        )
        found.append((f"range:{name}", Severity.WARN, text, ""))
    if coin.halted and coin.halted not in (OPERATOR, FLATTEN):
        key = "A" if coin.halted.startswith(DRIFT_HALT) else "U"
        found.append((f"halt:{name}", Severity.CRIT, f"{name} HALTED: {coin.halted}", key))
    state, reason = look(coin)
    if state is StopState.MISSING and coin.protection.uncovered_since_ms:
        found.append((f"stop:{name}", Severity.CRIT, f"NO STOP RESTS FOR {name}: {reason}", "X"))
    if coin.protection.too_far and coin.ledger.lots:
        found.append((f"liquidation:{name}", Severity.CRIT, coin.protection.too_far, ""))
    if coin.chain_broken_mono_ms and now.mono_ms - coin.chain_broken_mono_ms > CHAIN_ALARM_MS:
        found.append((f"chain:{name}", Severity.CRIT, f"A FILL OF {name} IS MISSING", "P"))
    return found


def _link_alerts(engine: Engine, now: Instant) -> list[Found]:
    found: list[Found] = []
    last, limit_ms = engine.feed.last_message_ms, engine.feed_age.stale_ms
    if last and now.wall_ms - last > limit_ms:
        text = f"NO MARKET DATA FOR {(now.wall_ms - last) // 1000} s (limit {limit_ms // 1000} s)"
        found.append(("ws_age", Severity.CRIT, text, "W"))
    found += _breaker_alerts(engine, now)
    quarantined = engine.feed.quarantined
    if quarantined and now.mono_ms - engine.feed.quarantined_mono_ms < QUARANTINE_SHOWN_MS:
        text = f"{quarantined.total()} UNREADABLE MESSAGES ({', '.join(sorted(quarantined))}), none was used"
        found.append(("quarantine", Severity.WARN, text, "R"))
    return found


def _breaker_alerts(engine: Engine, now: Instant) -> list[Found]:
    """Of those whose trouble has no alert of its own."""
    found: list[Found] = []
    for name in (BreakerName.PLACE, BreakerName.CANCEL, BreakerName.INFO):
        breaker = engine.breakers[name]
        state, left_ms = breaker.state(now), breaker.cooldown_left_ms(now) or 0
        if state is BreakerState.CLOSED:
            continue
        when = f"probe in {-(-left_ms // 1000)} s" if state is BreakerState.OPEN else "probing"
        text = f"CIRCUIT BREAKER {name.value.upper()} {state.value.upper()}: {breaker.reason}, {when}"
        grade = Severity.CRIT if state is BreakerState.OPEN else Severity.WARN
        found.append((f"breaker:{name.value}", grade, text.replace("HALF_OPEN", "HALF-OPEN"), ""))
    return found
