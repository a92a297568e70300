"""Leaning the grid against what is held: smaller on one side, on one side alone, or closed in parts; for a session that closes
with no order left that could turn it round.
"""

from __future__ import annotations

from core.domain.clock import Instant
from core.domain.effects import Effect, notify
from core.domain.grid import PPB, GridRow
from core.domain.orders import Side
from core.engine.coin import Coin
from core.engine.grid_plan import GridPlan
from core.engine.grid_settings import GridSettings
from core.engine.range_exit import PART_PPB
from core.engine.risk_engine import Exposure, Refusal, Rule, SideCap
from core.engine.skew import without_adding
from core.engine.trouble import Trouble
from core.engine.unwinding import is_under_way, part_lots


def target_lots(settings: GridSettings, grid: GridRow) -> int:
    """The whole budget in lots at the grid's center: what inventory is measured by."""
    return settings.size_micro * 2 * settings.levels // grid.center


def one_sided(coin: Coin) -> Trouble | None:
    """Why the side that adds to what is held is gone, and what brings it back; ``None`` while both are quoted."""
    skew, grid, lots = coin.skew, coin.grid, coin.ledger.lots
    if not skew.is_one_sided or grid is None or not lots:
        return None
    limit, target = skew.settings.one_sided_ppb, target_lots(coin.settings, grid)
    back = coin.config.instrument.size_text(skew.frees_at(target))
    gone = "bids" if lots > 0 else "asks"
    what = f"{abs(lots) / target:.0%} of the budget is held (limit {limit / PPB:.0%})"
    return Trouble(what, f"no {gone} until it is {back} or less")


def adds_nothing(coin: Coin) -> bool:
    """Whether only what reduces the position is quoted."""
    return coin.session.reduces(coin) or coin.reduce_only is not None


def lean(coin: Coin, found: GridPlan) -> list[Effect]:
    """Scale the plan by what is held."""
    lots, was_one_sided = coin.ledger.lots, coin.skew.is_one_sided
    scales = coin.skew.look(lots, target_lots(coin.settings, found.grid))
    is_closing = lots and (coin.closing_lots or coin.skew.is_hard or adds_nothing(coin))
    found.rescale(without_adding(lots, scales) if is_closing else scales)
    if coin.skew.is_one_sided is was_one_sided:
        return []
    name = "flatten_mode_enabled" if coin.skew.is_one_sided else "flatten_mode_disabled"
    position = coin.config.instrument.size_text(lots)
    limit_pct = coin.skew.settings.one_sided_ppb / 10**7
    return [
        notify(
            name,
            "warn" if coin.skew.is_one_sided else "info",
            coin.name,
            position=position,
            limit_pct=limit_pct,
        )
    ]


def leans_because(coin: Coin, grid: GridRow, now: Instant) -> Refusal:
    """Why the grid doesn't want now what it would want if it didn't lean."""
    if coin.session.reduces(coin):
        return Refusal(Rule.SESSION, _session_reason(coin), coin.session.opening_ms)
    if coin.reduce_only:
        return coin.reduce_only
    lots, skew = coin.ledger.lots, coin.skew
    if coin.leaving.reduces(coin, now):
        edge = grid.highest if coin.leaving.side > 0 else grid.lowest
        words = "the price has left the grid: nothing is quoted that adds to the position (HL_ON_RANGE_EXIT)"
        return Refusal(Rule.RANGE_EXIT, words, edge)
    if skew.is_hard:
        limit, name, words = skew.settings.hard_ppb, "HL_SKEW_HARD", "the position is being closed in parts"
    elif skew.is_one_sided:
        limit, name, words = (
            skew.settings.one_sided_ppb,
            "HL_MAX_SKEW_RATIO",
            "only what reduces it is quoted",
        )
    elif skew.settings.soft_ppb:
        limit, name, words = skew.settings.soft_ppb, "HL_SKEW_SOFT", "its cell holds enough for now"
    else:
        return Refusal(Rule.IDLE, "a part of the position is being closed")
    reason = f"more than {limit / 10**7:g} % of the budget is held: {words} ({name})"
    frees = skew.frees_at(target_lots(coin.settings, grid))
    return Refusal(Rule.SKEW, reason, frees if lots > 0 else -frees)


def close_part(coin: Coin, found: GridPlan | None, now: Instant) -> list[Effect]:
    """Close what is due of the position, if anything is."""
    lots = coin.ledger.lots
    if coin.session.reduces(coin):
        coin.closing_lots = _session_part(coin)
        exposure = coin.exposure
        resting = exposure.open_sells if lots > 0 else exposure.open_buys
        if coin.session.is_awaited or resting + coin.closing_lots > abs(lots):
            return []  # first what would turn the position round is cancelled
        why = f"session {coin.session.text} (HL_CLOSED_SESSION)"
        return coin.unwinding.act(coin, coin.closing_lots, why, now)
    if found is None:
        return []
    if coin.leaving.reduces(coin, now):
        coin.closing_lots = part_lots(coin, max(1, abs(lots) * PART_PPB // PPB)) if lots else 0
        out = _close_within_cap(coin, found.grid, "the price has left the grid (HL_ON_RANGE_EXIT)", now)
        coin.leaving.has_reduced |= bool(out)
        return out
    if coin.leaving.is_back(coin) and not is_under_way(coin):
        # Back in range: the cells are full of what was closed, so the next grid begins anew.
        coin.leaving.has_reduced, coin.wants_new_grid = False, True
    excess = coin.skew.excess(lots, target_lots(coin.settings, found.grid))
    coin.closing_lots = part_lots(coin, excess) if excess else 0
    return _close_within_cap(coin, found.grid, "past the hard inventory limit (HL_SKEW_HARD)", now)


def _close_within_cap(coin: Coin, grid: GridRow, why: str, now: Instant) -> list[Effect]:
    """A part goes once what rests beside it can't pass the cap of the other side with it (I4)."""
    lots, exposure = coin.ledger.lots, coin.exposure
    resting, cap = (exposure.open_sells, grid.cap_short) if lots > 0 else (exposure.open_buys, grid.cap_long)
    if resting + coin.closing_lots - abs(lots) > max(cap, 0):
        return []
    return coin.unwinding.act(coin, coin.closing_lots, why, now)


def _session_part(coin: Coin) -> int:
    lots = coin.ledger.lots
    return part_lots(coin, max(1, abs(lots) * PART_PPB // PPB)) if lots else 0


def reduced_exposure(coin: Coin) -> Exposure:
    """The coin's exposure as if the next part had been closed: what rests must leave it room."""
    now = coin.exposure
    part = _session_part(coin) if coin.session.reduces(coin) else min(coin.closing_lots, abs(now.position))
    if not part or is_under_way(coin):
        return now
    return Exposure(
        now.position - part if now.position > 0 else now.position + part, now.open_buys, now.open_sells
    )


def session_caps(coin: Coin) -> tuple[SideCap, ...]:
    """While only what reduces is quoted, nothing may rest that could open a position, or turn one round."""
    if not coin.session.reduces(coin):
        why = coin.reduce_only
        return tuple(SideCap(side, why.rule, 0, why.reason) for side in Side) if why else ()
    return tuple(SideCap(side, Rule.SESSION, 0, _session_reason(coin)) for side in Side)


def _session_reason(coin: Coin) -> str:
    return f"session {coin.session.text}: only what reduces the position is quoted (HL_CLOSED_SESSION)"
