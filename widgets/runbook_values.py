"""What the runbook's names mean: each a pure function of what is looked at. The page says where each is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.view import (
    DRIFT_ALERT_PCT,
    DRIFT_HALT,
    DRIFT_HALT_PCT,
    BreakerState,
    CoinView,
    CommandStatus,
    CommandView,
    EventView,
    OrderShown,
    RunState,
    Severity,
    StopState,
)
from widgets import formats
from widgets.event_rows import matching
from widgets.fields import graded
from widgets.look import EventFilter, Look
from widgets.panel_rows import FEW_FILLS, position_text

RECENT_MS = 300_000
BEFORE_MS = 10_000
"""What made an alert stand is told a little before it stands."""
LAST_FILLS = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """A present value. ``severity`` is ``None`` for what has no limit to break."""

    text: str
    severity: Severity | None = None


NOTHING = Reading("not known yet")


def coins_of(look: Look) -> tuple[CoinView, ...]:
    return look.snapshot.coins if look.snapshot is not None else ()


def _named(look: Look, coin: CoinView, text: str) -> str:
    """With the coin in front where there are several."""
    return f"{formats.short_coin(coin.coin)} {text}" if len(coins_of(look)) > 1 else text


def _worst_drift(look: Look) -> CoinView | None:
    return max(coins_of(look), key=lambda coin: (abs(coin.drift.pct), coin.chain_broken), default=None)


def drift(look: Look) -> Reading:
    coin = _worst_drift(look)
    if coin is None or coin.drift.exchange_position is None:
        return NOTHING
    pct = abs(coin.drift.pct)
    amount = formats.quantity(coin.drift.amount, signed=True)
    if not coin.drift.amount:
        return Reading(_named(look, coin, f"none [limit {DRIFT_ALERT_PCT}%]"), Severity.INFO)
    grade = graded(pct, DRIFT_ALERT_PCT / 2, DRIFT_ALERT_PCT)
    unit = formats.short_coin(coin.coin)
    limits = f"limit {DRIFT_ALERT_PCT}%, halts at {DRIFT_HALT_PCT}%"
    return Reading(f"{amount} {unit}, {formats.percent(pct)} [{limits}]", grade)


def drift_sides(look: Look) -> Reading:
    coin = _worst_drift(look)
    if coin is None or coin.drift.exchange_position is None:
        return NOTHING
    ours = formats.quantity(coin.position, signed=True)
    theirs = formats.quantity(coin.drift.exchange_position, signed=True)
    age = formats.age((look.now_ms - coin.drift.observed_ms) / 1_000)
    if not coin.drift.amount:  # what has filled since that look would read as a difference beside it
        return Reading(_named(look, coin, f"both said {theirs}, {age} ago"), Severity.INFO)
    said = f"fills say {ours}, exchange {theirs}, {age} ago"
    return Reading(_named(look, coin, said), Severity.CRIT)


def drift_why(look: Look) -> Reading:
    coin = _worst_drift(look)
    if coin is None:
        return NOTHING
    if not coin.drift.amount and not coin.chain_broken:
        return Reading("nothing to accept", Severity.INFO)
    return Reading(coin.drift.explanation or "no fill explains it", Severity.WARN)


def drift_halt(look: Look) -> Reading:
    halted = [coin for coin in coins_of(look) if coin.halt_reason.startswith(DRIFT_HALT)]
    if halted:
        names = " ".join(formats.short_coin(coin.coin) for coin in halted)
        return Reading(f"{DRIFT_HALT_PCT}% reached: {names} halted", Severity.CRIT)
    coin = _worst_drift(look)
    reached = coin is not None and abs(coin.drift.pct) > DRIFT_HALT_PCT
    if reached:
        return Reading(f"above {DRIFT_HALT_PCT}%", Severity.CRIT)
    return Reading(f"{DRIFT_HALT_PCT}% not reached", Severity.INFO)


def _events(look: Look, wanted: EventFilter, standing_since_ms: int | None = None) -> Reading:
    """Of the last minutes; of all the time that the trouble has stood, if it stands for longer."""
    events = look.snapshot.events if look.snapshot is not None else ()
    since_ms = look.now_ms - RECENT_MS
    if standing_since_ms is not None and standing_since_ms - BEFORE_MS < since_ms:
        since_ms = standing_since_ms - BEFORE_MS
        span = f"since {formats.utc_clock(standing_since_ms)}" if standing_since_ms else "kept"
    else:
        span = "in 5 min"
    found = [e for e in matching(events, wanted) if e.time_ms >= since_ms]
    if not found:
        return Reading(f"none {span}", Severity.INFO)
    return Reading(f"{len(found)} {span}, last {_when(found[-1])}", Severity.WARN)


def drift_events(look: Look) -> Reading:
    began = [
        alert.since_ms
        for alert in look.alerts
        if alert.id.startswith("drift:") or (alert.id.startswith("halt") and DRIFT_HALT in alert.text)
    ]
    return _events(look, EventFilter.DRIFT, min(began, default=None))


def compression_events(look: Look) -> Reading:
    """A grid that is held at its floor says so once, however long it is held."""
    is_held = any(coin.grid.compression for coin in coins_of(look))
    return _events(look, EventFilter.COMPRESSION, 0 if is_held else None)


def _when(event: EventView) -> str:
    return formats.utc_clock(event.time_ms)


def fill_ratio(look: Look) -> Reading:
    coins = coins_of(look)
    ws, rest = sum(c.fills.from_ws for c in coins), sum(c.fills.from_rest for c in coins)
    if ws + rest < FEW_FILLS:
        return Reading(f"{ws} ws / {rest} rest, too few to say")
    share = 100.0 * ws / (ws + rest)
    grade = Severity.CRIT if rest > ws else Severity.WARN if share < 95.0 else Severity.INFO
    return Reading(f"{share:.1f}% ws, {ws:,} / {rest:,} [>95%]", grade)


def recent_sources(look: Look) -> Reading:
    """Of the last fills: what the stream does now, where the ratio tells what it ever did."""
    fills = look.snapshot.fills[-LAST_FILLS:] if look.snapshot is not None else ()
    if not fills:
        return Reading("no fill yet")
    ws = sum(fill.source == "ws" for fill in fills)
    newest = fills[-1]
    ago = formats.age((look.now_ms - newest.time_ms) / 1_000)
    grade = Severity.INFO if newest.source == "ws" else Severity.WARN
    return Reading(f"{ws} of the last {len(fills)} ws, newest {newest.source} {ago} ago", grade)


def chain(look: Look) -> Reading:
    broken = [formats.short_coin(coin.coin) for coin in coins_of(look) if coin.chain_broken]
    if broken:
        return Reading(f"a fill of {' '.join(broken)} is missing", Severity.CRIT)
    return Reading("chain of fills whole", Severity.INFO)


def socket(look: Look) -> Reading:
    if look.snapshot is None:
        return NOTHING
    feed, age_s = look.snapshot.feed, look.feed_age_s
    again = f", {feed.reconnects} reconnects"
    if age_s is None or not feed.connected:
        return Reading(f"not connected{again}", Severity.CRIT)
    grade = graded(age_s, feed.stale_after_s / 2, feed.stale_after_s)
    word = "stale" if grade is Severity.CRIT else "up" if feed.ready else "up, reading the gap"
    return Reading(f"{word}, {formats.age(age_s)}{again}", grade if feed.ready else Severity.WARN)


def grid_gap(look: Look) -> Reading:
    coin = look.coin
    if coin is None:
        return NOTHING
    grid = coin.grid
    is_thin = coin.state is RunState.RUNNING and grid.orders_active < grid.orders_target
    grade = Severity.WARN if grid.compression or is_thin else Severity.INFO
    why = f", {grid.compression}" if grid.compression else ""
    return Reading(
        f"gap {grid.level_gap_pct:.3f}%, {grid.orders_active} of {grid.orders_target} rest{why}", grade
    )


def spacing(look: Look) -> Reading:
    coin = look.coin
    if coin is None:
        return NOTHING
    held = f" {coin.grid.override}" if coin.grid.override else ""
    return Reading(f"{coin.grid.spacing_pct:.3f}%{held}", Severity.WARN if held else None)


def levels(look: Look) -> Reading:
    coin = look.coin
    if coin is None:
        return NOTHING
    return Reading(f"{coin.grid.orders_target} orders wanted, width {formats.percent(coin.grid.width_pct)}")


def loss(look: Look) -> Reading:
    coin = look.coin
    if coin is None:
        return NOTHING
    open_ = formats.usd(coin.unrealized_usd, signed=True)
    day = formats.usd(coin.daily_usd, signed=True)
    return Reading(f"{position_text(coin)}, open {open_}, day {day}")


def position(look: Look) -> Reading:
    held = [position_text(coin) for coin in coins_of(look) if coin.position]
    return Reading(", ".join(held) or "flat", Severity.WARN if held and is_halted(look) else Severity.INFO)


def orders(look: Look) -> Reading:
    resting = sum(coin.grid.orders_active for coin in coins_of(look))
    bad = Severity.CRIT if resting and is_halted(look) else None
    return Reading(f"{resting} of our orders rest", bad)


def foreign(look: Look) -> Reading:
    found = look.snapshot.orders if look.snapshot is not None else ()
    others = sum(order.purpose == "foreign" or order.state is OrderShown.ORPHAN for order in found)
    return Reading(f"{others} that aren't ours", Severity.WARN if others else Severity.INFO)


def flat(look: Look) -> Reading:
    resting = sum(coin.grid.orders_active for coin in coins_of(look))
    held = [position_text(coin) for coin in coins_of(look) if coin.position]
    if not held and not resting:
        return Reading("flat, 0 orders", Severity.INFO)
    return Reading(f"{', '.join(held) or 'flat'}, {resting} orders")


def closing(look: Look) -> Reading:
    coin = look.coin
    if coin is None or not coin.position:
        return Reading("nothing to close", Severity.INFO)
    book = coin.closing
    if not book.seen_ms:
        return Reading(position_text(coin))
    to = formats.price(book.cap_price, coin.price_decimals)
    enough = Severity.INFO if book.held >= abs(coin.position) else Severity.WARN
    return Reading(f"{position_text(coin)}, the book holds {formats.quantity(book.held)} to {to}", enough)


def link(look: Look) -> Reading:
    """In few words: the step under it has the reason."""
    if look.snapshot is None:
        return NOTHING
    found = max((breakers(look), socket(look)), key=lambda each: (each.severity or Severity.INFO).rank)
    return Reading(found.text.partition(":")[0], found.severity)


def breakers(look: Look) -> Reading:
    if look.snapshot is None:
        return NOTHING
    api = look.snapshot.api
    open_ = [breaker for breaker in api.breakers if breaker.state is not BreakerState.CLOSED]
    if not open_:
        return Reading(f"all closed, {api.api_error_streak} errors in a row", Severity.INFO)
    first = open_[0]
    left = f", probes in {first.cooldown_left_s:.0f}s" if first.cooldown_left_s else ""
    more = f" +{len(open_) - 1}" if len(open_) > 1 else ""
    return Reading(f"{first.name} {first.state.value}{left}: {first.reason}{more}", Severity.CRIT)


def rest(look: Look) -> Reading:
    if look.snapshot is None:
        return NOTHING
    api = look.snapshot.api
    grade = graded(api.api_error_streak, min(2, api.api_error_limit), api.api_error_limit + 1)
    return Reading(f"answers in {api.rest_latency_ms:.0f}ms, {api.api_error_streak} errors in a row", grade)


def unknown(look: Look) -> Reading:
    if look.snapshot is None:
        return NOTHING
    count = look.snapshot.api.unknown_orders
    return Reading(f"{count} orders without an answer", Severity.WARN if count else Severity.INFO)


def state(look: Look) -> Reading:
    grades = {RunState.RUNNING: Severity.INFO, RunState.HALTED: Severity.CRIT, RunState.DEAD: Severity.CRIT}
    return Reading(look.state.value, grades.get(look.state, Severity.WARN))


def still_halted(look: Look) -> Reading:
    """Whether there is anything to resume; a halt for drift may have gone with what was accepted."""
    commands = look.snapshot.commands if look.snapshot is not None else ()
    accepted = next(
        (c for c in reversed(commands) if c.action == "accept" and c.status is CommandStatus.DONE), None
    )
    if look.snapshot is None or is_halted(look) or accepted is None:
        return state(look)
    return Reading(f"{look.state.value}, nothing to resume since A at {_clock(accepted)}", Severity.INFO)


def _clock(command: CommandView) -> str:
    return formats.utc_clock(command.time_ms)


def halt_reason(look: Look) -> Reading:
    if not is_halted(look):
        return Reading("not halted", Severity.INFO)
    return Reading(look.halt_reason or "an operator asked", Severity.CRIT)


def stop(look: Look) -> Reading:
    coin = look.coin
    if coin is None:
        return NOTHING
    if coin.stop.state is StopState.NONE:
        return Reading("no stop" if coin.position else "flat, no stop needed")
    price = formats.price(coin.stop.price, coin.price_decimals)
    grade = Severity.INFO if coin.stop.state is StopState.RESTING else Severity.CRIT
    return Reading(f"stop {coin.stop.state.value} at {price}", grade)


def resume(look: Look) -> Reading:
    reason = next((hint.refusal for hint in look.hints if hint.key == "U"), "")
    return Reading(f"refused: {reason}") if reason else Reading("can be resumed", Severity.INFO)


def alert(look: Look) -> Reading:
    if not look.alerts:
        return Reading("none", Severity.INFO)
    found = look.alerts[0]
    return Reading(found.text, found.severity)


def snooze(look: Look) -> Reading:
    until = max((each.snoozed_until_ms for each in look.alerts), default=0)
    if until <= look.now_ms:
        return Reading("the bell rings for a critical one")
    return Reading(f"silent until {formats.utc_clock(until)}")


def is_halted(look: Look) -> bool:
    return look.state is RunState.HALTED or any(c.state is RunState.HALTED for c in coins_of(look))


Value = Callable[[Look], Reading]

VALUES: Mapping[str, Value] = {
    "drift": drift,
    "drift_sides": drift_sides,
    "drift_why": drift_why,
    "drift_halt": drift_halt,
    "drift_events": drift_events,
    "fill_ratio": fill_ratio,
    "recent_sources": recent_sources,
    "chain": chain,
    "socket": socket,
    "grid_gap": grid_gap,
    "compression_events": compression_events,
    "spacing": spacing,
    "levels": levels,
    "loss": loss,
    "position": position,
    "orders": orders,
    "foreign": foreign,
    "flat": flat,
    "closing": closing,
    "link": link,
    "breakers": breakers,
    "rest": rest,
    "unknown": unknown,
    "state": state,
    "still_halted": still_halted,
    "halt_reason": halt_reason,
    "stop": stop,
    "resume": resume,
    "alert": alert,
    "warnings": lambda look: _events(look, EventFilter.WARNINGS),
    "snooze": snooze,
}
