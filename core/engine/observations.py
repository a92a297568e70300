"""What the exchange shows of the account: its resting orders and its positions, held against ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.cloid import parse_cloid
from core.domain.effects import AskOpenOrders, CancelOrphan, Effect, notify
from core.domain.events import (
    AccountObserved,
    FundingCommitted,
    FundingRatesObserved,
    LedgerUpdatesObserved,
    OpenOrdersObserved,
    OrderUpdate,
    RemoteOrder,
)
from core.domain.orders import OrderState, Purpose
from core.engine.coin import Coin
from core.engine.guard import guarded
from core.engine.halts import HaltRule, rule_of
from core.engine.leverage_watch import watch_leverage
from core.engine.position_watch import explain, observe_position
from core.engine.protection import is_settled, watch_liquidation

if TYPE_CHECKING:
    from core.engine.engine import Engine

COPY_HALT = f"{HaltRule.COPY} trades this account: stop one, then resume"

MARK_AFTER_MS = 10_000
"""A market that has shown no two sides for so long after the start is valued at the exchange's mark: without a price of what is
held no limit of the account would be judged, for as long as that market stays so.
"""

_SEEN_IS_OPEN = (
    OrderState.SENT,
    OrderState.UNKNOWN,
    OrderState.NEVER_PLACED,
    OrderState.REJECTED,
    OrderState.OPEN,
)
"""What was cancelled or filled may linger in a list that is late; what was never taken can be in none."""


def on_open_orders(engine: Engine, event: OpenOrdersObserved, now: Instant) -> list[Effect]:
    """A list of all resting orders: what it shows is evidence, what it omits is a question."""
    engine.saw_open_orders = True
    if engine.orphans is None:
        listed = (*(o.cloid for o in event.orders), *(cloid for _, cloid in event.elsewhere))
        engine.orphans = {cloid for cloid in listed if cloid and _is_ours(engine, cloid)}
    out = [effect for coin, cloid in event.elsewhere for effect in _on_elsewhere(engine, coin, cloid)]
    for coin in engine.coins.values():
        out += guarded(engine, coin, now, lambda c: _compare_orders(engine, c, event, now))
    engine.strays = sum(isinstance(effect, CancelOrphan) for effect in out)
    return out


def _compare_orders(engine: Engine, coin: Coin, event: OpenOrdersObserved, now: Instant) -> list[Effect]:
    listed = [o for o in event.orders if o.coin == coin.name]
    coin.orders_of_a_copy.clear()
    coin.foreign_orders = sum(parse_cloid(o.cloid) is None for o in listed)
    out = [effect for remote in listed for effect in _on_listed(engine, coin, remote, now)]
    strange = (o for o in listed if coin.orders.find(o.cloid, o.order_id) is None)
    coin.strangers.saw(strange, engine.instance, coin.orders_of_a_copy, now)
    coin.orders.saw_open_orders((o.cloid for o in listed if o.cloid), event.asked_mono_ms, now)
    return out


def _on_listed(engine: Engine, coin: Coin, remote: RemoteOrder, now: Instant) -> list[Effect]:
    """One resting order: known, an orphan of ours, another instance's, or foreign (left alone) (I5)."""
    known = coin.orders.find(remote.cloid, remote.order_id)
    if known is not None:
        if known.purpose is Purpose.STOP:
            coin.protection.listed[known.cloid] = remote.remaining
        held_for_gone = known.state is OrderState.CANCELLED and known.final_filled is None
        if known.state not in _SEEN_IS_OPEN and not held_for_gone:
            return []
        seen = OrderUpdate(
            coin.name, remote.cloid, remote.order_id, "open", remote.remaining, known.lots, now.venue_ms
        )
        return coin.apply_update(seen, now)
    parts = parse_cloid(remote.cloid)
    if parts is None or remote.cloid is None:
        return []
    if parts.instance == engine.instance:
        is_known = rule_of(engine.halted) is HaltRule.COPY
        if is_a_copys(engine, remote.cloid) and (
            is_known or not engine.desk.stopping
        ):  # a stop latches none (I9)
            coin.orders_of_a_copy.add(remote.cloid)
            return engine.latch(None, COPY_HALT)
        if remote.is_trigger and not is_settled(coin):
            return []  # a stop of lost books protects until one of ours does
        return [
            notify("orphan_order_cancelled", "warn", coin.name, cloid=remote.cloid, order_id=remote.order_id),
            CancelOrphan(coin.name, remote.cloid),
        ]
    if remote.is_trigger:
        return []  # a stop outlives its program: it proves none
    return engine.latch(
        None,
        f"{HaltRule.OTHER_INSTANCE} ({parts.instance}) has orders on this account: stop one, then resume",
    )


def on_strange_update(engine: Engine, update: OrderUpdate) -> list[Effect]:
    """The stream tells of an order of a copy before any list does: look at the list now."""
    if engine.halted:
        return []  # there is nothing more to do about it, and lists are dear
    known = any(coin.orders.find(update.cloid, update.order_id) for coin in engine.coins.values())
    if known or update.status != "open" or update.cloid is None or not is_a_copys(engine, update.cloid):
        return []
    return [AskOpenOrders()]


def _on_elsewhere(engine: Engine, coin: str, cloid: str) -> list[Effect]:
    """An order of ours in a coin that was traded before a kill and isn't any more: nobody would look after it, or its fills."""
    if not _is_ours(engine, cloid):
        return []
    if is_a_copys(engine, cloid):
        return [] if engine.desk.stopping else engine.latch(None, COPY_HALT)
    return [notify("orphan_order_cancelled", "warn", coin, cloid=cloid), CancelOrphan(coin, cloid)]


def is_a_copys(engine: Engine, cloid: str) -> bool:
    """Whether an order without a row is new and ours by its instance, but not of this run: a second program has the same
    instance. What was there at the first look may be left from before a backup was restored.
    """
    if engine.orphans is None or cloid in engine.orphans or not _is_ours(engine, cloid):
        return False
    parts = parse_cloid(cloid)
    return parts is not None and parts.boot != engine.boot


def _is_ours(engine: Engine, cloid: str) -> bool:
    parts = parse_cloid(cloid)
    return parts is not None and parts.instance == engine.instance


def on_account(engine: Engine, event: AccountObserved, now: Instant) -> list[Effect]:
    """Equity, and each position beside the ledger's; a drift above 10 % halts the coin."""
    engine.saw_account = True
    engine.account_value, engine.margin_used = event.account_value, event.margin_used
    engine.margined = dict(event.positions)
    engine.liquidations = dict(event.liquidations)
    out: list[Effect] = []
    engine.search.on_account(event, engine.coins.values())
    for coin in engine.coins.values():
        out += guarded(engine, coin, now, lambda c: _compare_position(engine, c, event, now))
    return out + engine.search.questions(engine.coins.values(), now)


def _compare_position(engine: Engine, coin: Coin, event: AccountObserved, now: Instant) -> list[Effect]:
    coin.orders.saw_venue_time(event.venue_ms, now)
    position = dict(event.positions).get(coin.name, 0)
    out, halt = observe_position(coin, position, event.venue_ms, event.asked_mono_ms)
    coin.protection.saw_position(coin, position, event.asked_mono_ms)
    coin.held = next((held for held in event.held if held.coin == coin.name), None)
    if not coin.known_mid_twice and now.wall_ms - engine.started_wall_ms >= MARK_AFTER_MS:
        coin.known_mid_twice = _mark_twice(coin)
    out += watch_liquidation(coin) + watch_leverage(coin)
    if halt and not coin.halted:
        out += engine.latch(coin, halt)
    return out


def _mark_twice(coin: Coin) -> int:
    """As the exchange values what is held, in price units; 0 if nothing is."""
    held = coin.held
    if held is None or not held.size:
        return 0
    return int(2 * held.value_usd / abs(held.size) * 10**coin.config.instrument.price_decimals)


def on_funding(engine: Engine, event: FundingCommitted, now: Instant) -> list[Effect]:
    """Payments that are in the journal now. Only what was paid, net within a day, can halt: never a gain."""
    out: list[Effect] = []
    for payment in event.payments:
        coin = engine.coins.get(payment.coin)
        if coin is None:
            continue
        coin.ledger.funding.add(payment, now)
        out.append(notify("funding", "info", coin.name, usd=str(payment.usd), time_ms=payment.time_ms))
        out += _check_bleed(engine, coin, now)
    return out


def on_funding_rates(engine: Engine, event: FundingRatesObserved) -> list[Effect]:
    """What waiting costs; nothing is decided by it."""
    for name, rate in event.rates:
        if name in engine.coins:
            engine.coins[name].ledger.funding.rate = rate
    return []


def _check_bleed(engine: Engine, coin: Coin, now: Instant) -> list[Effect]:
    limit_ppb, value = coin.config.funding_bleed_ppb, engine.account_value
    paid = coin.ledger.funding.paid_last_day(now)
    if not limit_ppb or value <= 0 or paid * 10**9 <= value * limit_ppb or coin.halted:
        return []
    share = 100 * paid / value
    reason = f"{HaltRule.FUNDING_BLEED}: {paid:.2f} USD paid within a day, {share:.2f} % of the account"
    return engine.latch(coin, f"{reason} (limit {limit_ppb / 10**7:g} %)")


def on_ledger_updates(engine: Engine, event: LedgerUpdatesObserved) -> list[Effect]:
    """What moved on the account without a fill may explain a drift."""
    for coin in engine.coins.values():
        if coin.ledger.drift.declared:
            coin.evidence.updates = event.kinds
            coin.drift_explanation = explain(coin)
    return []
