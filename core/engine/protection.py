"""Protection that doesn't die with the bot: a reduce-only stop of ours rests at the exchange for all that is held.

It stands at the price at which the bot itself would close the position, and is as large as the position can become by what
rests on its side: were the bot killed now, the orders that trade on the way to the stop would be closed with it. Reduce-only,
it never closes more than there is. A new one rests before the old one is cancelled, halts and stops leave it, and it goes only
when nothing is held, by the ledger and by the exchange, and nothing that rests could open a position of its side again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.domain.causes import Cause
from core.domain.clock import Instant
from core.domain.effects import Effect, Place, Severity, notify
from core.domain.events import OrderUpdate
from core.domain.instrument import Instrument
from core.domain.orders import Order, OrderState, Purpose, Side, Tif
from core.engine.halts import HaltRule
from core.engine.intents import cancel, new_order
from core.engine.risk_engine import Refusal, Rule
from core.engine.trouble import Trouble
from core.view import StopState

if TYPE_CHECKING:
    from core.engine.coin import Coin

SLIP_PCT = 10
"""How far beyond its trigger a stop may trade; what Hyperliquid's own front end allows a market trigger."""

APART_MS = 1_000
"""The least time between two placements."""

CALM_MS = 10_000
"""A stop that has been larger than needed for so long is replaced; it protects meanwhile."""

RETRY_FIRST_MS, RETRY_MAX_MS = 1_000, 60_000
"""A refused stop is tried again after a second, doubling to a minute: no storm."""

UNCOVERED_MS = 5_000
"""What is held may be without a resting stop for so long before nothing is quoted that could add to it."""

_PENDING = (OrderState.SENT, OrderState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The stop that should rest: ``side`` is the order's, prices in price units. ``held`` is the position, without a sign, and
    ``lots`` what it can become.
    """

    side: Side
    trigger: int
    limit: int
    held: int
    lots: int


@dataclass(slots=True)
class Protection:
    """What is known of one coin's stop beside the orders themselves. Times are of the monotonic clock."""

    refused: str = ""
    """Why the last try was refused; empty once one rests."""
    retry_step_ms: int = 0
    next_try_ms: int = 0
    uncovered_since_ms: int = 0
    """Since when what is held has been without a stop; 0 if it isn't."""
    larger_since_ms: int = 0
    larger_than: int = 0
    """Since when the resting stop has been larger than the need, and that need."""
    listed: dict[str, int] = field(default_factory=dict)
    """What the exchange lists as left of a stop: it may shrink one to the position."""
    fired: str = ""
    """The last one that did, by cloid."""
    clear_of: tuple[int, int, int] | None = None
    """The stops that nothing of the grid rests beyond, and how many orders had come back to life when it was seen; ``None``
    before the first look.
    """
    too_far: Trouble | None = None
    """That the exchange would liquidate before the stop; ``None`` if it wouldn't."""
    odd_leverage: Trouble | None = None
    """That leverage and margin mode aren't what the grid is sized by; ``None`` if they are."""
    seen_version: int = 0
    changed_ms: int = 0
    proven_version: int = -1
    """The ledger's version at which the exchange was seen to hold the same."""

    def saw_position(self, coin: Coin, exchange_lots: int, asked_mono_ms: int) -> None:
        """The exchange's position, by a read that left at ``asked_mono_ms``."""
        ledger = coin.ledger
        is_proof = exchange_lots == ledger.lots and asked_mono_ms >= self.changed_ms
        self.proven_version = ledger.version if is_proof else -1

    def refuse(self, coin: Coin, reason: str, cause: Cause, now: Instant) -> list[Effect]:
        """The exchange doesn't take the stop. The first time a race may explain it: what it was for has just been closed. One
        that found the account's requests spent has its turn as soon as the exchange takes one more.
        """
        is_race = not self.refused and cause is Cause.REDUCE_ONLY
        longest_ms = RETRY_FIRST_MS if cause is Cause.RATE_ADDRESS else RETRY_MAX_MS
        self.retry_step_ms = min(2 * self.retry_step_ms or RETRY_FIRST_MS, longest_ms)
        self.next_try_ms, self.refused = now.mono_ms + self.retry_step_ms, reason
        severity: Severity = "warn" if is_race else "crit"
        again_s = self.retry_step_ms // 1000
        return [notify("stop_refused", severity, coin.name, reason=reason, again_in_s=again_s)]


def live_stops(coin: Coin) -> list[Order]:
    return coin.orders.live_of(Purpose.STOP)


def stop_price(instrument: Instrument, side: Side, low: int, high: int) -> int:
    """On a tick and not beyond the configured price, so that it fires no later; 0 if none is configured."""
    if side is Side.SELL:
        return instrument.round_price_up(low) if low else 0
    return instrument.round_price_down(high)


def held_lots(coin: Coin) -> int:
    """Signed. The ledger's, unless it is known not to be what the exchange holds."""
    drift = coin.ledger.drift
    if drift.declared and drift.exchange_lots is not None:
        return drift.exchange_lots
    return coin.ledger.lots


def wanted_stop(coin: Coin) -> Wanted | None:
    """``None`` while nothing is held, or without a stop for that side."""
    lots, instrument = held_lots(coin), coin.config.instrument
    if not lots:
        return None
    side = Side.SELL if lots > 0 else Side.BUY
    trigger = stop_price(instrument, side, coin.config.stop_low, coin.config.stop_high)
    if not trigger:
        return None
    slip = trigger * SLIP_PCT // 100
    if side is Side.SELL:
        limit, worst = instrument.round_price_up(trigger - slip), coin.exposure.worst_long
    else:
        limit, worst = instrument.round_price_down(trigger + slip), coin.exposure.worst_short
    step = instrument.lot_step
    most = -(-max(abs(lots), worst) // step) * step
    return Wanted(side, trigger, limit, abs(lots), most)


def fired(coin: Coin, order: Order) -> list[Effect]:
    """A stop went to the market, or has traded: the coin halts, by the rule that the bot itself would have halted it by."""
    price = coin.config.instrument.price_text(order.trigger)
    coin.alarm = f"{HaltRule.STOP_LOSS}: the stop at {price} that rested at the exchange has fired"
    if order.cloid == coin.protection.fired:
        return []
    coin.protection.fired = order.cloid
    return [notify("stop_fired", "crit", coin.name, price=price, cloid=order.cloid)]


def protect(coin: Coin, may_place: bool, now: Instant) -> list[Effect]:
    """One step from the stops that rest to the one that should."""
    state, want = coin.protection, wanted_stop(coin)
    if coin.ledger.version != state.seen_version:
        state.seen_version, state.changed_ms = coin.ledger.version, now.mono_ms
    _settle_fired(coin)
    stops = live_stops(coin)
    if not stops:
        state.listed.clear()
    out = cancel(coin, [o for o in stops if _is_needless(coin, o, want)], now)
    if want is None:
        state.uncovered_since_ms = state.larger_since_ms = 0
        state.refused, state.retry_step_ms = "", 0
        return out
    serving = [o for o in stops if _serves(coin, o, want)]
    resting = [o for o in serving if o.state is OrderState.OPEN]
    _note_cover(coin, stops, want, now)
    is_replacing = any(o.state in _PENDING for o in serving)
    if resting:
        keep = min(resting, key=lambda o: o.lots)
        out += cancel(coin, [o for o in stops if o.side is want.side and o is not keep], now)
        if is_replacing or not _is_too_large(state, keep, want, now):
            return out
    elif is_replacing:
        return out
    if not may_place or now.mono_ms < state.next_try_ms or is_past(coin, want):
        return out
    return [*out, _place(coin, want, now)]


def _place(coin: Coin, want: Wanted, now: Instant) -> Place:
    state = coin.protection
    state.next_try_ms = now.mono_ms + APART_MS
    order = new_order(
        coin, want.side, want.limit, want.lots, Tif.IOC, Purpose.STOP, now, trigger=want.trigger
    )
    return Place((order,))


def waits_for_stop(coin: Coin, now: Instant) -> bool:
    """Whether a stop is wanted that could go now, and isn't on its way: nothing of the grid may take its turn."""
    want = wanted_stop(coin)
    if want is None or now.mono_ms < coin.protection.next_try_ms or is_past(coin, want):
        return False
    return not any(_serves(coin, o, want) for o in live_stops(coin))


def is_past(coin: Coin, want: Wanted) -> bool:
    """The price is where the stop would fire at once: the exchange refuses such a one, and the bot closes by itself."""
    twice = coin.mid_twice
    if twice is None:
        return False
    return twice <= 2 * want.trigger if want.side is Side.SELL else twice >= 2 * want.trigger


def covered_lots(coin: Coin, stops: list[Order], side: Side) -> int:
    """What stops of ``side`` that are known to rest would close, whatever their price."""
    resting = [o for o in stops if o.side is side and o.state is OrderState.OPEN]
    return sum(min(o.remaining, coin.protection.listed.get(o.cloid, o.remaining)) for o in resting)


def block_reason(coin: Coin, now: Instant) -> Refusal | None:
    """Why nothing may be quoted that could add to the position; ``None`` if it is protected, or about to be."""
    since = coin.protection.uncovered_since_ms
    trouble = coin.protection.too_far or coin.protection.odd_leverage
    if trouble and held_lots(coin):
        return Refusal(Rule.IDLE, trouble.text, ends=trouble.fix)
    if not since or (now.mono_ms - since < UNCOVERED_MS and not coin.protection.refused):
        return None
    want = wanted_stop(coin)
    if want is None:
        return None
    _, why = look(coin)
    text = f"no stop rests at {coin.config.instrument.price_text(want.trigger)}: {why}"
    return Refusal(Rule.IDLE, text, ends="a stop that rests")


def increasing_orders(coin: Coin) -> list[Order]:
    """What rests of the grid on the side that adds to the position."""
    lots = held_lots(coin)
    return [o for o in coin.live_grid_orders() if o.side.sign * lots > 0]


def look(coin: Coin) -> tuple[StopState, str]:
    """Where the stop stands, and why it doesn't rest."""
    want, state = wanted_stop(coin), coin.protection
    if want is None:
        return StopState.NONE, "" if not held_lots(coin) else "none is configured for this side"
    stops = live_stops(coin)
    serving = [o for o in stops if _serves(coin, o, want)]
    if any(o.state is OrderState.OPEN for o in serving):
        return StopState.RESTING, ""
    if covered_lots(coin, stops, want.side) >= want.held:
        return StopState.PLACING, "another rests until the new one does"
    if state.refused:
        return StopState.MISSING, state.refused
    pending = next((o for o in serving if o.state in _PENDING), None)
    if pending is not None:
        return StopState.PLACING, pending.reason or "not confirmed yet"
    if is_past(coin, want):
        closing = "" if coin.is_closed else "; the position is being closed"
        return StopState.MISSING, f"the price is past it{closing}"
    return StopState.PLACING, coin.held_back.reason if coin.held_back else "about to be placed"


def heard(coin: Coin, before: Order, order: Order, update: OrderUpdate, now: Instant) -> list[Effect]:
    """An update about a stop: it fired, it was refused, or it ended without our asking."""
    if update.status == "triggered" and before.state.is_live:
        return fired(coin, order)
    if order.state is before.state:
        return []
    if order.state is OrderState.REJECTED and before.state in _PENDING:
        return coin.protection.refuse(coin, update.status, update.cause, now)
    if order.state is OrderState.CANCELLED and before.state is not OrderState.CANCELLING:
        severity: Severity = "warn" if coin.ledger.lots * order.side.sign < 0 else "info"
        return [notify("stop_gone", severity, coin.name, cloid=order.cloid, reason=update.status)]
    return []


def past_liquidation(coin: Coin) -> Trouble | None:
    """That the stop wouldn't be reached before the exchange liquidates; ``None`` if it would."""
    want, held, instrument = wanted_stop(coin), coin.held, coin.config.instrument
    if want is None or held is None or held.liquidation is None or held.size * want.side.sign > 0:
        return None
    stop = instrument.price_decimal(want.trigger)
    if (stop - held.liquidation) * want.side.sign < 0:
        return None
    return Trouble(
        f"the stop at {instrument.price_text(want.trigger)} lies beyond the liquidation price {held.liquidation:.6g}",
        f"add margin (`gridbot margin add {coin.name} USD`), or move the stop",
    )


def watch_liquidation(coin: Coin) -> list[Effect]:
    """Told once, until it holds no more."""
    before, coin.protection.too_far = coin.protection.too_far, past_liquidation(coin)
    if not coin.protection.too_far or before:
        return []
    return [notify("stop_past_liquidation", "crit", coin.name, reason=coin.protection.too_far.text)]


def orders_beyond_stop(coin: Coin) -> list[Order]:
    """What rests of the grid beyond the stop of its side: left from before the stop was moved. Looked for until none is, and
    again once late evidence has brought an order back to life.
    """
    low, high = coin.config.stop_low, coin.config.stop_high
    looked_for = low, high, coin.orders.revived
    if coin.protection.clear_of == looked_for:
        return []
    beyond = [
        order
        for order in coin.live_grid_orders()
        if (stop := low if order.side is Side.BUY else high) and (order.price - stop) * order.side.sign <= 0
    ]
    if not beyond:
        coin.protection.clear_of = looked_for
    return beyond


def is_settled(coin: Coin) -> bool:
    """Whether the stop rests, is not wanted, or can't be had: nothing to wait for."""
    state, _ = look(coin)
    return state is not StopState.PLACING


def _serves(coin: Coin, order: Order, want: Wanted) -> bool:
    """Whether the order, if it rests, is the stop that is wanted or a larger one."""
    if order.side is not want.side or order.trigger != want.trigger or order.lots < want.lots:
        return False
    return coin.protection.listed.get(order.cloid, order.lots) >= want.held


def _is_needless(coin: Coin, order: Order, want: Wanted | None) -> bool:
    """Of the side that nothing is held on any more, proven; or of one whose stop the operator has turned off."""
    if want is not None and order.side is want.side:
        return False
    if not stop_price(coin.config.instrument, order.side, coin.config.stop_low, coin.config.stop_high):
        return True
    exposure = coin.exposure
    worst = exposure.worst_long if order.side is Side.SELL else exposure.worst_short
    return worst <= 0 and coin.protection.proven_version == coin.ledger.version


def _note_cover(coin: Coin, stops: list[Order], want: Wanted, now: Instant) -> None:
    state = coin.protection
    if covered_lots(coin, stops, want.side) >= want.held:
        state.uncovered_since_ms = state.retry_step_ms = 0
        state.refused = ""
    else:
        state.uncovered_since_ms = state.uncovered_since_ms or now.mono_ms


def _is_too_large(state: Protection, keep: Order, want: Wanted, now: Instant) -> bool:
    """For a while now, with the need unchanged."""
    if keep.lots <= want.lots:
        state.larger_since_ms = 0
        return False
    if not state.larger_since_ms or state.larger_than != want.lots:
        state.larger_since_ms, state.larger_than = now.mono_ms, want.lots
    return now.mono_ms - state.larger_since_ms >= CALM_MS


def _settle_fired(coin: Coin) -> None:
    """``filled``, says the exchange of a stop that closed all there was: no more fills of it will come."""
    for order in live_stops(coin):
        if (
            order.state is OrderState.AWAITING_FILLS
            and order.filled
            and coin.ledger.lots * order.side.sign >= 0
        ):
            coin.orders.settle_stop(order.cloid)
