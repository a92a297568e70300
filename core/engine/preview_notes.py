"""What keeps a grid from being what its table of levels says: each a sentence with the setting that does it. All pure."""

from __future__ import annotations

from itertools import accumulate, groupby

from core.domain.grid import PPB, Direction
from core.domain.orders import Side
from core.engine.coin_config import CoinConfig
from core.engine.grid_settings import RangeExit
from core.engine.leaning import target_lots
from core.engine.levels import Blocked, Level
from core.engine.preview import Preview
from core.engine.risk_engine import Rule
from core.engine.strategies.strategy import has_left

_SETTING = {
    Rule.CAP: "HL_MAX_POSITION_ABS, HL_MAX_SYMBOL_NOTIONAL, or HL_INVESTMENT_USD x HL_LEVERAGE",
    Rule.PORTFOLIO: "HL_MAX_PORTFOLIO_NOTIONAL",
    Rule.MARGIN: "HL_MAX_MARGIN_PCT",
    Rule.LIQUIDATION: "HL_MIN_LIQ_DISTANCE_PCT",
}

_ON_EXIT = {
    RangeExit.HOLD: "it waits for the price to come back",
    RangeExit.TRAIL: "the grid follows",
    RangeExit.REDUCE: "the position is closed bit by bit",
    RangeExit.FLATTEN: "the position is closed and the coin halts",
}


def notes(config: CoinConfig, found: Preview, mid: int, is_running: bool = False) -> list[str]:
    """``mid`` in price units. ``is_running``: a first grid was built already, so no trigger is waited for."""
    return [
        *([] if is_running else _trigger(config, mid)),
        *_volatility(config, found),
        *_outside(config, found, mid),
        *_endless(config, found),
        *_not_quoted(config, found),
        *_skew(config, found),
    ]


def _trigger(config: CoinConfig, mid: int) -> list[str]:
    below, above, text = config.trigger_below, config.trigger_above, config.instrument.price_text
    if not (below or above) or mid <= below or 0 < above <= mid:
        return []
    wanted = [f"{text(below)} or less (HL_TRIGGER_BELOW)"] if below else []
    wanted += [f"{text(above)} or more (HL_TRIGGER_ABOVE)"] if above else []
    return [
        f"nothing is quoted before the price is {' or '.join(wanted)}; it is {text(mid)}, and the first grid is built around "
        "the price that ends the wait"
    ]


def _volatility(config: CoinConfig, found: Preview) -> list[str]:
    if not config.grid.widens:
        return []
    more = "" if found.grid.is_endless else "; a new one is built once it differs by a quarter"
    return [
        "the spacing follows the market's volatility (HL_VOLATILITY_SPACING): shown is a first grid before a bar has closed "
        f"(HL_INIT_VOL_MULTIPLIER){more}"
    ]


def _outside(config: CoinConfig, found: Preview, mid: int) -> list[str]:
    grid, text = found.grid, config.instrument.price_text
    if grid.is_endless or grid.lowest <= mid <= grid.highest:
        return []
    way, edge = ("above", grid.highest) if mid > grid.highest else ("below", grid.lowest)
    is_far = has_left(grid, 2 * mid) or config.on_exit is RangeExit.HOLD
    does = _ON_EXIT[config.on_exit] if is_far else f"a spacing further out {_ON_EXIT[config.on_exit]}"
    side = "buys" if way == "above" else "sells"
    return [
        f"the price {text(mid)} is {way} the range, which ends at {text(edge)}: only {side} are quoted, and {does} "
        f"(HL_ON_RANGE_EXIT {config.on_exit.value})"
    ]


def _endless(config: CoinConfig, found: Preview) -> list[str]:
    if not found.grid.is_endless:
        return []
    return [
        f"this grid has no edge: the {len(found.levels)} levels nearest to the price are quoted wherever it goes, and what its "
        f"cells hold is kept. Shown instead is where its inventory ends: the worst-case position of "
        f"{found.cap.normalize():f} {config.instrument.coin}, or what stops it before"
    ]


def _not_quoted(config: CoinConfig, found: Preview) -> list[str]:
    """One sentence for each side and rule, with the levels that it stops."""

    def key(each: Blocked) -> tuple[Side, Rule]:
        return each.level.slot.side, each.why.rule

    said = []
    for (side, rule), group in groupby(sorted(found.blocked, key=key), key=key):
        levels = sorted(group, key=_distance)
        said.append(_sentence(config, side, rule, levels, levels[0].reason))
    return said


def _distance(each: Blocked) -> int:
    return abs(2 * each.level.slot.index + 1)


def _sentence(config: CoinConfig, side: Side, rule: Rule, levels: list[Blocked], reason: str) -> str:
    text = config.instrument.price_text
    first, last = levels[0].level.price, levels[-1].level.price
    count = f"{len(levels)} {side.value}s are" if len(levels) > 1 else f"1 {side.value} is"
    where = f"from {text(first)} to {text(last)}" if len(levels) > 1 else f"at {text(first)}"
    if rule is Rule.STOP:
        limit = config.stop_low if side is Side.BUY else config.stop_high
        name = "HL_STOP_LOSS_LOW" if side is Side.BUY else "HL_STOP_LOSS_HIGH"
        return f"{count} not quoted, {where}: not before the stop at {text(limit)} ({name})"
    named = f" ({_SETTING[rule]})" if rule in _SETTING else ""
    return f"{count} not quoted, {where}: {reason}{named}"


def _skew(config: CoinConfig, found: Preview) -> list[str]:
    """What inventory does within this grid, on either side, from the first level at which it does it."""
    skew, said = config.skew, []
    for ppb, name, what, also_at in (
        (skew.soft_ppb, "HL_SKEW_SOFT", "orders that add get smaller, those that reduce larger", False),
        (skew.one_sided_ppb, "HL_MAX_SKEW_RATIO", "{adds} are taken away until it is down again", False),
        (skew.hard_ppb, "HL_SKEW_HARD", "it is closed in parts at the market and nothing is added", True),
    ):
        if not ppb:
            continue
        share = f"{name} {ppb / PPB:g}"
        limit = ppb * target_lots(config.grid, found.grid)
        hits = [
            hit
            for side in Side
            if (hit := _first_past(found, side, limit, also_at, config, what)) is not None
        ]
        said += [f"{share}: {hit}" for hit in hits] or [f"{share} is not reached within this grid"]
    return said


def _first_past(
    found: Preview, side: Side, limit: int, also_at: bool, config: CoinConfig, what: str
) -> str | None:
    """From where on a limit on inventory (lots times 10**9) is passed on the way to one edge."""
    adds = f"{side.value}s"
    begun = int(found.initial.scaleb(config.instrument.sz_decimals))

    def is_past(lots: int) -> bool:
        held = max(0, side.sign * lots) * PPB
        return held >= limit if also_at else held > limit

    if is_past(begun):
        return f"from the start, by what it begins with, {what.format(adds=adds)}"
    mine = _quoted(found, side)
    for at, lots in enumerate(accumulate((level.lots for level in mine), initial=0)):
        if at and is_past(begun + side.sign * lots):
            left = len(mine) - at
            beyond = f" ({left} of this grid)" if left and "{adds}" in what else ""
            price = config.instrument.price_text(mine[at - 1].price)
            return f"once the {side.value} at {price} has traded, {what.format(adds=adds + beyond)}"
    return None


def _quoted(found: Preview, side: Side) -> list[Level]:
    stopped = {each.level.slot for each in found.blocked}
    return [level for level in found.levels if level.slot.side is side and level.slot not in stopped]


def one_way(config: CoinConfig, found: Preview) -> str:
    """What a long or short grid buys or sells at the market before anything else; empty for another."""
    if config.grid.direction is Direction.NEUTRAL or not found.initial:
        return ""
    does = "buys" if found.initial > 0 else "sells"
    coin = found.instrument.coin
    return f"to begin with it {does} {abs(found.initial).normalize():f} {coin} at the market, {found.initial_usd:.2f} USD"
