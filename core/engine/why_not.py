"""Why nothing happens: for every slot of the grid without a live order, the one rule that stops it and what would free it."""

from __future__ import annotations

from core.domain.clock import Instant
from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.domain.sessions import utc_text
from core.engine.coin import Coin
from core.engine.grid_plan import GridPlan
from core.engine.leaning import leans_because
from core.engine.levels import EVEN, Blocked, Level, nearest_first, wants_of_cell
from core.engine.risk_engine import Refusal, Rule


def slots_without_order(coin: Coin, now: Instant) -> list[Blocked]:
    """Nearest to the center first. What holds for the whole coin comes before what a slot has of its own. Last comes what a
    grid that leans against its position doesn't want for now.
    """
    if coin.plan is None:
        return []
    instrument = coin.config.instrument
    known = {blocked.level.slot: blocked for blocked in coin.blocked}
    found = []
    for level in coin.plan.without_order(coin.orders.by_slot):
        why = coin.idle or _too_small(level, instrument)
        if why is None and level.slot in known:
            why = known[level.slot].why
        found.append(Blocked(level, why or coin.held_back or Refusal(Rule.QUEUED, "about to be placed")))
    leaned = _leaned_away(coin, coin.plan)
    if leaned:
        because = leans_because(coin, coin.plan.grid, now)
        found += [Blocked(level, coin.idle or _too_small(level, instrument) or because) for level in leaned]
    return found


def _too_small(level: Level, instrument: Instrument) -> Refusal | None:
    """What a cell lacks may be too little for an order, also of a grid that doesn't lean."""
    least = instrument.min_lots(level.price)
    if level.lots >= least:
        return None
    return Refusal(Rule.MIN_NOTIONAL, "waits until it is worth the exchange's least order", least)


def _leaned_away(coin: Coin, plan: GridPlan) -> list[Level]:
    """What the cells would want of a grid that doesn't lean, where they want nothing now and nothing rests."""
    if plan.scales == EVEN:
        return []
    found = []
    for cell in nearest_first(plan.cells, plan.around):
        for level in wants_of_cell(plan.grid, plan.instrument, cell, plan.traded.get(cell)):
            is_wanted = level.slot in plan.wants or level.slot in plan.waiting
            if not is_wanted and level.slot not in coin.orders.by_slot:
                found.append(level)
    return found


def frees(blocked: Blocked, instrument: Instrument, now: Instant) -> str:
    """What would free the slot, with its value, for the eye."""
    side, value, level_price = blocked.level.slot.side, blocked.why.value, blocked.level.price
    is_buy = side is Side.BUY
    match blocked.why.rule:
        case Rule.POST_ONLY:
            if not value:
                return "an ask" if is_buy else "a bid"
            return (
                f"an ask above {instrument.price_text(value)}"
                if is_buy
                else f"a bid below {instrument.price_text(value)}"
            )
        case Rule.OWN_ORDER:
            return f"the end of the own order at {instrument.price_text(value)}"
        case Rule.SKEW:
            return f"a position of {instrument.size_text(value)} or {'less' if value >= 0 else 'more'}"
        case Rule.RANGE_EXIT:
            return f"a price back at {instrument.price_text(value)}"
        case Rule.CAP | Rule.PORTFOLIO | Rule.MARGIN | Rule.LIQUIDATION:
            return f"a position of {instrument.size_text(value)} or {'less' if is_buy else 'more'}"
        case Rule.STOP:
            return f"a stop beyond {instrument.price_text(level_price)}"
        case Rule.MAX_ORDER:
            return f"a size of {instrument.size_text(value)} or less"
        case Rule.ORDER_VELOCITY | Rule.POSITION_VELOCITY:
            return f"{max(0, value - now.mono_ms) / 1000:.1f} s"
        case Rule.REFUSED:
            return f"another try in {max(0, value - now.mono_ms) / 1000:.1f} s"
        case Rule.PARKED:
            return "an operator who unparks it (key C, `gridbot unpark`)"
        case Rule.MIN_NOTIONAL:
            return f"{instrument.size_text(value)} instead of {instrument.size_text(blocked.level.lots)} in its cell"
        case Rule.SESSION:
            return f"the open at {utc_text(value)}" if value else "it ends by itself"
        case Rule.BREAKER:
            if not value:
                return "the end of what opened it"
            return f"an answer to the probe that goes out in {max(0, value - now.mono_ms) / 1000:.1f} s"
        case Rule.IDLE | Rule.AGENT:
            return blocked.why.ends or "it ends by itself"
        case Rule.BUDGET:
            if not value:
                return "more traded, or requests that are bought"
            return f"its turn in {max(0, value - now.mono_ms) / 1000:.1f} s or later, or more traded"
        case Rule.QUEUED:
            return "the answer to the batch before it"
