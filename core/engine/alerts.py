"""Alerts: the conditions that hold now and that an operator must know, worst first, each with what treats it."""

from __future__ import annotations

from typing import NamedTuple

from core.domain.clock import Instant
from core.engine.address_budget import PACE_MS
from core.engine.agent_watch import ROTATE
from core.engine.alert_book import AlertBook
from core.engine.circuit_breaker import BreakerName
from core.engine.clock_watch import SET_IT
from core.engine.coin import Coin
from core.engine.engine import Engine
from core.engine.fill_sources import MOST_LATE, NOW
from core.engine.grid_settings import RangeExit
from core.engine.halts import FLATTEN, OPERATOR, HaltRule, rule_of
from core.engine.leaning import one_sided
from core.engine.position_age import why_unread
from core.engine.protection import look
from core.engine.range_exit import loss_per_pct
from core.engine.schedule import CHAIN_ALARM_MS
from core.engine.standing_cost import funding_per_hour, held_margin, liquidation_distance, stop_distance
from core.engine.trouble import of_settings
from core.engine.ways_out import DRIFT_GONE, remains, way_out
from core.view import (
    DRIFT_ALERT_PCT,
    AlertView,
    BreakerState,
    BudgetMode,
    Severity,
    StopState,
)

CONFIRMS_MS, UNCONFIRMED_MS = 2_000, 60_000
"""How long the exchange may take to confirm a halt's cancels; and after how long without it that is grave."""

LIQUIDATION_NEAR_PCT = 5
"""How near, in percent of the mid, the liquidation price may be while no stop comes before it; ``min_liq_distance_pct`` is
heeded in its place. At half of it that is grave.
"""

QUARANTINE_SHOWN_MS = 60_000
"""How long after an unreadable message the screen still says so."""


class Found(NamedTuple):
    """An alert before it is known since when it holds. ``fix``: what treats it, or what ends it by itself."""

    id: str
    severity: Severity
    text: str
    key: str = ""
    fix: str = ""


def alerts_of(engine: Engine, now: Instant) -> tuple[AlertView, ...]:
    """Conditions that hold now, worst first, with what treats each."""
    found = [alert for coin in engine.coins.values() for alert in _coin_alerts(engine.alerts, coin, now)]
    found += [alert for coin in engine.coins.values() for alert in _near_liquidation(engine, coin, now)]
    found += [alert for coin in engine.coins.values() for alert in _halt_alerts(engine, coin, now)]
    found += _link_alerts(engine, now)
    if engine.storage_trouble:
        text = f"JOURNAL CANNOT BE WRITTEN: {engine.storage_trouble}"
        found.append(Found("storage", Severity.CRIT, text, fix="free disk space"))
    found += _switch_alerts(engine, now)
    found += _agent_alerts(engine, now)
    if engine.clock.is_off:
        grade = Severity.CRIT if engine.clock.is_grave else Severity.WARN
        found.append(Found("clock", grade, engine.clock.text, fix=SET_IT))
    if engine.shared_key.is_recent(now):
        text = f"ANOTHER PROGRAM SIGNS WITH THIS KEY: {engine.shared_key.reason}"
        found.append(
            Found("shared_key", Severity.CRIT, text, fix="give each program an agent wallet of its own")
        )
    portfolio = engine.portfolio
    if portfolio.is_uncovered:
        text = f"THE WORST CASE NEEDS {portfolio.needed} USD, THE ACCOUNT HAS {portfolio.value:.2f}"
        found.append(Found("worst_case", Severity.WARN, text, fix="pay in, or make the grids smaller"))
    if engine.halted and engine.halted != OPERATOR:
        left = "; ".join(remains(coin) for coin in engine.coins.values())
        text = f"HALTED: {engine.halted}; {left}"
        found.append(Found("halt", Severity.CRIT, text, "U", way_out(engine.halted)))
    engine.alerts.forget_others({f.id for f in found}, now)
    return tuple(sorted((_view(engine.alerts, f, now) for f in found), key=_rank))


SWITCH_SHOWN_MS = 900_000
"""How long after the dead man's switch has fired the screen still says so."""


def _switch_alerts(engine: Engine, now: Instant) -> list[Found]:
    """The dead man's switch has fired, or isn't armed though it is wanted."""
    switch = engine.dead_man
    if switch.fired_ms and now.venue_ms - switch.fired_ms < SWITCH_SHOWN_MS:
        text = "THE DEAD MAN'S SWITCH HAS FIRED: the exchange cancelled all orders of the account, stops too"
        return [
            Found("dead_man", Severity.CRIT, text, fix="ours are placed anew by themselves, others aren't")
        ]
    if not switch.after_ms and switch.is_armed(now) and not engine.desk.stopping:
        text = f"AN EARLIER RUN'S DEAD MAN'S SWITCH MAY FIRE IN {switch.left_s(now)} s: {switch.text or 'being taken back'}"
        fix = "taken back by itself; if it fires, orders are cancelled, stops too, and ours are placed anew"
        return [Found("dead_man", Severity.CRIT if switch.text else Severity.WARN, text, fix=fix)]
    if switch.after_ms and switch.text and not switch.is_armed(now):
        text = f"DEAD MAN'S SWITCH NOT ARMED: {switch.trouble}"
        return [Found("dead_man", Severity.WARN, text, fix="asked again by itself")]
    return []


def _agent_alerts(engine: Engine, now: Instant) -> list[Found]:
    """The agent ends soon: then nothing more can be placed, cancelled or closed by it."""
    watch = engine.agent
    if watch.agent is None or not watch.warns(now):
        return []
    is_ending = watch.is_ending(now)
    reduces = ": only what reduces is quoted" if is_ending else ""
    text = f"THE AGENT {watch.agent.name} {watch.text(now)}{reduces}"
    return [Found("agent", Severity.CRIT if is_ending else Severity.WARN, text, fix=ROTATE)]


def _view(book: AlertBook, found: Found, now: Instant) -> AlertView:
    known = book.saw(found.id, found.severity, now)
    return AlertView(
        found.id, found.severity, found.text, found.key, known.since_ms, found.fix, known.snoozed_until_ms
    )


def _rank(alert: AlertView) -> tuple[bool, bool, int]:
    """The worst first, then the oldest; what an operator has set himself hides nothing that has happened."""
    return alert.severity is not Severity.CRIT, alert.id.startswith("override:"), alert.since_ms


def _coin_alerts(book: AlertBook, coin: Coin, now: Instant) -> list[Found]:
    name, drift = coin.name, coin.ledger.drift
    found: list[Found] = []
    is_high = book.is_past(
        f"drift:{name}", float(drift.pct) / DRIFT_ALERT_PCT if drift.declared else 0.0, now
    )
    if drift.declared:
        size = coin.config.instrument.size_text(drift.lots)
        limit = (
            f"limit {DRIFT_ALERT_PCT}%"
            if is_high and not drift.is_above(DRIFT_ALERT_PCT)
            else f"> {DRIFT_ALERT_PCT}%"
        )
        text = f"POSITION DRIFT {size} {name} ({drift.pct:.2f}%{f' {limit}' if is_high else ''})"
        grade = Severity.CRIT if is_high else Severity.WARN
        found.append(Found(f"drift:{name}", grade, text, "R", "A accepts what stays"))
    if coin.halted and coin.halted not in (OPERATOR, FLATTEN):
        text = f"{name} HALTED: {coin.halted}; {remains(coin)}"
        key, fix = "U", way_out(coin.halted)
        if rule_of(coin.halted) is HaltRule.DRIFT:
            key, fix = ("A", fix) if drift.lots or coin.chain_broken_mono_ms else ("U", DRIFT_GONE)
        found.append(Found(f"halt:{name}", Severity.CRIT, text, key, fix))
    found += _protection_alerts(coin)
    if coin.chain_broken_mono_ms and now.mono_ms - coin.chain_broken_mono_ms > CHAIN_ALARM_MS:
        fix = "looked for by itself; A accepts the position"
        found.append(Found(f"chain:{name}", Severity.CRIT, f"A FILL OF {name} IS MISSING", "P", fix))
    return found + _grid_alerts(coin)


def _protection_alerts(coin: Coin) -> list[Found]:
    name, found = coin.name, list[Found]()
    state, reason = look(coin)
    if state is StopState.MISSING and coin.protection.uncovered_since_ms:
        fix = "tried again by itself; F closes the position"
        found.append(Found(f"stop:{name}", Severity.CRIT, f"NO STOP RESTS FOR {name}: {reason}", "F", fix))
    if coin.ledger.lots:
        troubles = ("liquidation", coin.protection.too_far), ("leverage", coin.protection.odd_leverage)
        for id_, trouble in troubles:
            if trouble:
                found.append(Found(f"{id_}:{name}", Severity.CRIT, trouble.what, fix=trouble.fix))
    return found


def _near_liquidation(engine: Engine, coin: Coin, now: Instant) -> list[Found]:
    """The position ends at the exchange's hands before long, and no stop of ours rests before that."""
    name, away, stop = coin.name, liquidation_distance(coin), stop_distance(coin)
    if away is None or (stop and stop[1] < away[1] and look(coin)[0] is StopState.RESTING):
        return []
    least_pct = float(100 * engine.portfolio_limits.min_liquidation_distance) or LIQUIDATION_NEAR_PCT
    ratio = least_pct / max(float(away[1]), 0.01)
    if not engine.alerts.is_past(f"near_liquidation:{name}", ratio, now):
        return []
    is_grave = engine.alerts.is_past(f"near_liquidation_grave:{name}", ratio / 2, now)
    text = f"{name} LIQUIDATION {away[1]} % AWAY (limit {least_pct:g} %), NO STOP RESTS BEFORE IT"
    fix = "margin moves it away (`gridbot margin add`); F closes the position"
    return [Found(f"near_liquidation:{name}", Severity.CRIT if is_grave else Severity.WARN, text, "F", fix)]


def _grid_alerts(coin: Coin) -> list[Found]:
    name, found = coin.name, list[Found]()
    if coin.leaving.where:
        found.append(_range_alert(coin))
    if coin.grid_refused:
        what, fix = of_settings(coin.grid_refused)
        found.append(Found(f"grid:{name}", Severity.WARN, f"NO GRID: {what}", fix=fix))
    lots, grid, text = coin.ledger.lots, coin.grid, coin.config.instrument.size_text
    cap = 0 if grid is None else grid.cap_long if lots > 0 else grid.cap_short
    if grid is not None and abs(lots) > cap:
        what = f"{name} HOLDS {text(lots)}, PAST ITS CAP OF {text(cap)}"
        fix = "only what reduces is quoted; F closes all"
        found.append(Found(f"over_cap:{name}", Severity.WARN, what, "F", fix))
    if held := one_sided(coin):
        found.append(
            Found(f"one_sided:{name}", Severity.WARN, f"{name} ONE-SIDED: {held.what}", fix=held.fix)
        )
    if override := coin.overrides.text(coin.config.grid):
        what = f"OVERRIDE {name}: {override}, by {coin.overrides.by}"
        fix = f"`gridbot set {coin.overrides.names} default` clears it"
        found.append(Found(f"override:{name}", Severity.WARN, what, fix=fix))
    return found


_EXITS = {
    RangeExit.HOLD: "waits for it to come back",
    RangeExit.TRAIL: "the grid follows",
    RangeExit.REDUCE: "closes a quarter every 5 s",
    RangeExit.FLATTEN: "closes all and halts",
}
"""What each policy does outside."""


def _range_alert(coin: Coin) -> Found:
    """What waiting costs, and how far the ends are."""
    costs = [f"{-loss_per_pct(coin):+.2f} USD per 1 % further"]
    hourly = funding_per_hour(coin)
    costs.append(f"funding {hourly:+.2f}/h" if hourly is not None else "funding not known yet")
    no_liq = "no liq." if held_margin(coin) else "liq. not read since"
    for word, away, without in (
        ("stop", stop_distance(coin), "no stop"),
        ("liq.", liquidation_distance(coin), no_liq),
    ):
        if coin.ledger.lots:
            costs.append(f"{word} {away[1]} % away" if away else without)
    text = f"{coin.name} OUT OF RANGE, {coin.leaving.where} it: {', '.join(costs)}"
    fix = f"{coin.config.on_exit.value}: {_EXITS[coin.config.on_exit]}"
    return Found(f"range:{coin.name}", Severity.WARN, text, fix=fix)


def _link_alerts(engine: Engine, now: Instant) -> list[Found]:
    found: list[Found] = []
    last, limit_ms = engine.feed.last_message_ms, engine.feed_age.stale_ms
    age_ms = now.wall_ms - last if last else 0
    if engine.alerts.is_past("ws_age", age_ms / limit_ms, now):
        text = f"NO MARKET DATA FOR {age_ms // 1000} s (limit {limit_ms // 1000} s)"
        found.append(Found("ws_age", Severity.CRIT, text, "W", "retried by itself"))
    found += _position_alerts(engine, now)
    found += _fill_source_alerts(engine, now)
    found += _breaker_alerts(engine, now)
    found += _budget_alerts(engine, now)
    quarantined = engine.feed.quarantined
    if quarantined and now.mono_ms - engine.feed.quarantined_mono_ms < QUARANTINE_SHOWN_MS:
        text = f"{quarantined.total()} UNREADABLE MESSAGES ({', '.join(sorted(quarantined))}), none was used"
        found.append(Found("quarantine", Severity.WARN, text, "R"))
    return found


WEIGHT_WAIT_MS = 2_000
"""A start that would wait longer for request weight says so."""


def _budget_alerts(engine: Engine, now: Instant) -> list[Found]:
    """Of what the exchange still takes of the account, and of this host."""
    found: list[Found] = []
    requests, weight = engine.requests, engine.weight
    left, cap = max(0, requests.left), requests.cap
    if requests.mode is BudgetMode.ONE_PER_10S:
        text = f"REQUESTS SPENT, {left:,} OF {cap:,} LEFT: one order of the grid every {PACE_MS // 1000} s"
        fix = "trading gives one for each USDC; cancels, stops and F go on"
        found.append(Found("requests", Severity.CRIT, text, fix=fix))
    elif requests.mode is BudgetMode.THINNING:
        empty_ms = requests.empty_in_ms(now)
        lasts = "" if empty_ms is None else f", GONE IN {empty_ms / 3_600_000:.1f} h"
        text = f"REQUESTS RUN LOW, {left:,} OF {cap:,} LEFT{lasts}: grids move and resize less"
        found.append(Found("requests", Severity.WARN, text, fix="larger levels or a wider spacing (key E)"))
    if weight.paused_ms:
        text = f"PAUSED FOR {-(-weight.paused_ms // 1000)} s: {weight.paused_why}, too much was asked from this address"
        fix = "goes on by itself, cancels go out meanwhile; see what else asks from this host"
        found.append(Found("weight", Severity.WARN, text, fix=fix))
    elif weight.proof_wait_ms >= WEIGHT_WAIT_MS and not (engine.feed.ready and engine.saw_account):
        text = f"NOTHING IS QUOTED YET, WAITING FOR REQUEST WEIGHT: {-(-weight.proof_wait_ms // 1000)} s"
        fix = f"{weight.left} of this host's {weight.limit} a minute are left; it goes on by itself"
        found.append(Found("weight", Severity.WARN, text, fix=fix))
    return found


def _position_alerts(engine: Engine, now: Instant) -> list[Found]:
    age = engine.position_age
    if not age.is_late(now):
        return []
    text = f"POSITION NOT READ FOR {age.age_ms(now) // 1000} s (limit {age.late_ms // 1000} s): {why_unread(engine, now)}"
    if age.is_lost(engine, now):
        return [
            Found("position_unread", Severity.CRIT, text, fix="our orders are taken back until it is read")
        ]
    return [Found("position_unread", Severity.WARN, text, fix="nothing new is quoted until it is read")]


def _fill_source_alerts(engine: Engine, now: Instant) -> list[Found]:
    """The stream owes every fill; what it loses is read back, late."""
    sources = engine.feed.sources
    if not engine.alerts.is_past("fill_source", sources.trouble, now):
        return []
    share = 100 * sources.came_live.count(True) / len(sources.came_live)
    recent = f"{share:.0f}% of {len(sources.came_live)} (limit {100 * (1 - MOST_LATE):.0f}%)"
    text = f"FILLS COME LATE: live {sources.live_now} of the last {NOW}, {recent}"
    return [Found("fill_source", Severity.WARN, text, "W", "read back over REST meanwhile")]


def _halt_alerts(engine: Engine, coin: Coin, now: Instant) -> list[Found]:
    """Halted, yet the exchange has not confirmed the end of every order: one may still trade."""
    name, orders = coin.name, len(coin.live_grid_orders())
    since_ms = engine.alerts.stands_ms(f"halt_orders:{name}", bool(orders and engine.halt_reason(coin)), now)
    if since_ms < CONFIRMS_MS:
        return []
    grade = Severity.CRIT if since_ms >= UNCONFIRMED_MS else Severity.WARN
    text = f"{name} HALTED, {orders} ORDERS MAY REST: cancels not confirmed for {since_ms // 1000} s"
    return [Found(f"halt_orders:{name}", grade, text, "H", "asked about by itself; H sends them again")]


def _breaker_alerts(engine: Engine, now: Instant) -> list[Found]:
    """Of those whose trouble has no alert of its own."""
    found: list[Found] = []
    for name in (BreakerName.PLACE, BreakerName.CANCEL, BreakerName.INFO):
        breaker = engine.breakers[name]
        state, left_ms = breaker.state(now), breaker.cooldown_left_ms(now) or 0
        if state is BreakerState.CLOSED:
            continue
        is_open = state is BreakerState.OPEN
        when = f"probes in {-(-left_ms // 1000)} s" if is_open else "a probe is out"
        word = "OPEN" if is_open else "HALF-OPEN"
        text = f"CIRCUIT BREAKER {name.value.upper()} {word}: {breaker.reason}"
        grade = Severity.CRIT if is_open else Severity.WARN
        found.append(Found(f"breaker:{name.value}", grade, text, fix=f"{when}, an answer closes it"))
    return found
