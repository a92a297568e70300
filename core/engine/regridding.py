"""When a coin's grid is built, and when another takes its place."""

from __future__ import annotations

from core.domain.clock import Instant
from core.domain.effects import Effect, SaveGrid, notify
from core.domain.grid import PPB, GridRow
from core.engine.coin import Coin
from core.engine.grid_settings import Conditions, GridSettings, RangeExit
from core.engine.grid_sizing import GridImpossibleError
from core.engine.strategies import STRATEGIES, Ask, Strategy
from core.engine.thrift import may_recenter


def regrid(coin: Coin, now: Instant) -> list[Effect]:
    """Build the first grid, or a new one once the strategy says so or the settings aren't those it was built from."""
    twice, grid = coin.mid_twice, coin.grid
    if twice is None or not coin.steady_mid.is_believed(twice, now.mono_ms):
        return []
    session = coin.session
    settings, is_frozen = session.grid_settings(coin), session.is_frozen
    coin.waiting_for = _waiting_for(coin, twice) if grid is None else ""
    if coin.waiting_for:
        return []
    is_outdated = grid is not None and _is_outdated(coin, grid, settings, now)
    if grid is not None and not is_outdated and _is_held(coin, now):
        coin.grid_refused = ""
        return []
    strategy = STRATEGIES[settings.strategy]
    ask = ask_of(coin, settings, 2 * grid.center if grid and is_frozen else twice, now)
    try:
        if grid is not None and not is_outdated and _suits(coin, grid, strategy, ask, now):
            coin.grid_refused = ""
            return []
        built = strategy.build(ask)
        override = strategy.spacing(ask).override
    except GridImpossibleError as error:
        told, coin.grid_refused = coin.grid_refused, str(error)
        return [] if told else [notify("grid_impossible", "warn", coin.name, reason=str(error))]
    coin.grid_refused = ""
    is_asked_for = _is_asked_for(coin, settings)
    coin.start_grid(built)
    assert coin.plan is not None
    coin.plan.overrides, coin.plan.is_asked_for = coin.overrides, is_asked_for
    coin.grid_since_mono_ms = now.mono_ms
    name = "grid_built" if grid is None else "grid_recentered"
    return [SaveGrid(built), _grid_event(coin, built, name), *_compression_event(coin, built, override)]


def _is_outdated(coin: Coin, grid: GridRow, settings: GridSettings, now: Instant) -> bool:
    """Whatever the price is, another one takes its place."""
    return coin.wants_new_grid or grid.basis != settings.basis or coin.session.outdates(coin, grid, now)


def _is_asked_for(coin: Coin, settings: GridSettings) -> bool:
    """Whether the present grid goes for an operator's other settings, by a command or a restart, and not of itself."""
    before = coin.plan
    if before is None or before.grid.basis == settings.basis:
        return False
    return before.overrides != coin.overrides


def _is_held(coin: Coin, now: Instant) -> bool:
    """While the market is closed, and for a while after it was built, a grid stays wherever the price goes."""
    age_ms = now.mono_ms - coin.grid_since_mono_ms if coin.grid_since_mono_ms else None
    too_soon = age_ms is not None and age_ms < coin.config.recenter_interval_ms
    return coin.session.is_frozen or too_soon or not may_recenter(coin, age_ms)


def _suits(coin: Coin, grid: GridRow, strategy: Strategy, ask: Ask, now: Instant) -> bool:
    """Raises ``GridImpossibleError``."""
    # A grid that could not be placed whole within this minute's orders would only take the old one away (X6).
    return not strategy.outgrown(grid, ask) or not coin.velocity.has_room(grid.below + grid.above, now)


def adverse_ppb(coin: Coin, twice: int) -> int:
    """How far the price has moved against the position since the grid was built, of the price; 0 if it moved with it."""
    grid, lots = coin.grid, coin.ledger.lots
    if grid is None or not lots or not twice:
        return 0
    moved = (2 * grid.center - twice) * (1 if lots > 0 else -1)
    return max(0, moved) * PPB // twice


def ask_of(coin: Coin, settings: GridSettings, twice: int, now: Instant) -> Ask:
    """All that a strategy may know of the coin now. ``twice``: of the price that a grid is built around, the old center while
    the market is closed.
    """
    features, grid = coin.features, coin.grid
    return Ask(
        settings,
        coin.config.instrument,
        twice,
        now.wall_ms,
        coin.ledger.lots,
        Conditions(
            features.atr_ppb,
            features.volatility_ppb,
            0 if coin.session.is_frozen else features.trend_ppb,
            adverse_ppb(coin, twice),
        ),
        int(coin.ledger.net_usd * 10**6),
        before=grid,
        trails=coin.config.on_exit is RangeExit.TRAIL,
    )


def _waiting_for(coin: Coin, twice: int) -> str:
    """The first grid may wait for a price, and waits for the market to open."""
    if coin.session.is_frozen:
        return f"session {coin.session.text}: the first grid is built once it has opened"
    config, text = coin.config, coin.config.instrument.price_text
    below, above = config.trigger_below, config.trigger_above
    if not (below or above) or twice <= 2 * below or 0 < 2 * above <= twice:
        return ""
    wanted = [f"{text(below)} or less"] if below else []
    wanted += [f"{text(above)} or more"] if above else []
    return f"waiting for the trigger price: {' or '.join(wanted)}, the mid is {text(twice // 2)}"


def _grid_event(coin: Coin, grid: GridRow, name: str) -> Effect:
    instrument = coin.config.instrument
    return notify(
        name,
        "info",
        coin.name,
        generation=grid.generation,
        center=instrument.price_text(grid.center),
        spacing_pct=grid.spacing_here_ppb / 10**7,
        levels=(grid.below + grid.above) // 2,
        size=instrument.size_text(grid.lots),
        lowest=instrument.price_text(grid.lowest),
        highest=instrument.price_text(grid.highest),
    )


def _compression_event(coin: Coin, grid: GridRow, override: str) -> list[Effect]:
    """``grid_compression_override`` once per change of its reason (C-4)."""
    changed, coin.override = override != coin.override, override
    if not changed or not override:
        return []
    return [
        notify(
            "grid_compression_override",
            "warn",
            coin.name,
            configured_pct=coin.settings.spacing_ppb / 10**7,
            spacing_pct=grid.spacing_here_ppb / 10**7,
            reason=override,
        )
    ]
