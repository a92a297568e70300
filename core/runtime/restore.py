"""From the journal's rows to an engine, and the anchor of a coin that the journal has never seen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from core.domain.clock import DAY_MS, Instant
from core.domain.effects import SavePosition
from core.domain.fills import Fill
from core.domain.grid import Direction, Spacing
from core.domain.instrument import Instrument
from core.domain.orders import Purpose
from core.domain.pnl import Stake
from core.domain.standing import standing_key
from core.engine.account_risk import AccountLimits
from core.engine.coin import Coin
from core.engine.coin_config import CoinConfig
from core.engine.day_mark import DayMark
from core.engine.drift import Drift
from core.engine.engine import Engine
from core.engine.features import Features, FeatureSettings
from core.engine.fill_guarantor import FillCounts, chain_order
from core.engine.fill_tape import TapedFill
from core.engine.fold import Fold
from core.engine.funding import FundingBook
from core.engine.grid_settings import GridSettings, Trailing
from core.engine.overrides import Overrides
from core.engine.parked import Parked
from core.engine.protection import fired
from core.engine.session_watch import ClosedSession, SessionSettings
from core.engine.shadow_ledger import ShadowLedger
from core.engine.side_caps import PortfolioLimits
from core.engine.skew import Skew, SkewSettings
from core.engine.standing import restore_standing
from core.engine.stop_loss import StopLoss
from core.engine.transfers import TransferBook
from core.engine.velocity import WINDOW_MS, Velocity
from core.exchange.reads import Reads
from core.exchange.rest import RestError
from core.exchange.wire import WireError
from core.journal.journal import Anchor
from core.journal.reader import CoinRows, Restored
from core.runtime.settings import Settings
from core.runtime.statedir import UsageError

PPB = 10**9
LAST_COINS = "risk_coins"
"""The row of ``meta`` that says which coins the last start traded, as ``risk_coins`` writes them."""
ANCHOR_LOOKBACK_MS = 60_000
ANCHOR_ATTEMPTS = 20
ANCHOR_PAUSE_S = 1.0
QUIET_LOOKS = 10
"""Looks that must agree on an open position without any fill in the last minute."""


def coin_config(settings: Settings, instrument: Instrument) -> CoinConfig:
    """Settings of one coin as the engine's integers. Money is rounded down to micro-USDC. Raises ``UsageError``."""
    return CoinConfig(
        instrument=instrument,
        grid=_grid(settings, instrument),
        recenter_interval_ms=int(settings.recenter_interval_sec * 1000),
        slippage_ppb=_ppb(settings.flatten_slippage_pct),
        slippage_max_ppb=_ppb(settings.flatten_slippage_max_pct),
        funding_bleed_ppb=_ppb(settings.funding_bleed_pct),
        stop_low=instrument.price_units(settings.stop_loss_low),
        stop_high=instrument.price_units(settings.stop_loss_high),
        take_low=instrument.price_units(settings.take_profit_low),
        take_high=instrument.price_units(settings.take_profit_high),
        trigger_below=instrument.price_units(settings.trigger_below),
        trigger_above=instrument.price_units(settings.trigger_above),
        on_exit=settings.range_exit,
        features=_features(settings),
        skew=SkewSettings(_ppb(settings.skew_soft), _ppb(settings.max_skew_ratio), _ppb(settings.skew_hard)),
        sessions=_sessions(settings),
        leverage=min(settings.leverage, Decimal(instrument.max_leverage)),
        max_orders_per_min=settings.orders_per_min,
        max_lots_per_min=_lots(settings, instrument, "max_position_per_min", "no limit"),
        odd_profit_usd=settings.max_single_fill_pnl,
    )


def _grid(settings: Settings, instrument: Instrument) -> GridSettings:
    budget = int(settings.budget_usd * 10**6)
    return GridSettings(
        strategy=settings.default_strategy,
        spacing=Spacing(settings.grid_spacing_kind),
        direction=Direction(settings.grid_direction),
        range_low=instrument.price_units(settings.range_low),
        range_high=instrument.price_units(settings.range_high),
        edge_ppb=_ppb(settings.min_edge_pct),
        min_width_ppb=_ppb(settings.grid_min_width_pct),
        reprice_ticks=settings.reprice_tick_threshold,
        jitter_ppb=_ppb(settings.random_size_jitter),
        reinvests=settings.reinvest,
        widens=settings.volatility_spacing,
        tightens=settings.loss_drift_tightening,
        bias_max_ppb=_ppb(settings.trend_bias_max_pct),
        levels=settings.num_grids,
        spacing_ppb=_ppb(settings.grid_spacing_pct),
        spacing_max_ppb=_ppb(settings.grid_spacing_max_pct),
        round_trip_fee_ppb=_ppb(2 * settings.maker_fee_pct),
        size_micro=budget // (2 * settings.num_grids),
        cap_micro=int(settings.position_cap_usd * 10**6),
        cap_lots=_lots(settings, instrument, "max_position_abs", "no cap in the coin"),
        leverage_ppb=_ppb(settings.leverage),
        trailing=Trailing(
            _ppb(settings.trailing_pct),
            settings.trailing_up,
            settings.trailing_down,
            instrument.price_units(settings.trailing_low),
            instrument.price_units(settings.trailing_high),
        ),
    )


def _features(settings: Settings) -> FeatureSettings:
    return FeatureSettings(
        bar_ms=int(settings.bar_sec * 1000),
        atr_bars=settings.atr_length,
        ewma_alpha=float(settings.ewma_alpha),
        initial_multiplier=float(settings.init_vol_multiplier),
        fast_bars=settings.trend_fast_ema,
        slow_bars=settings.trend_slow_ema,
        sigma=float(settings.vol_circuit_sigma),
    )


def _sessions(settings: Settings) -> SessionSettings:
    return SessionSettings(
        settings.session_calendar,
        ClosedSession(settings.closed_session),
        int(settings.session_margin_min * 60_000),
        _ppb(settings.closed_widen),
    )


def _ppb(fraction: Decimal) -> int:
    return int(fraction * PPB)


def _lots(settings: Settings, instrument: Instrument, name: str, without: str) -> int:
    """A size in the coin, rounded down to lots; 0 is none. Raises ``UsageError`` for less than one."""
    size: Decimal = getattr(settings, name)
    lots = int(size.scaleb(instrument.sz_decimals))
    if size and not lots:
        raise UsageError(
            f"{name} {size} is less than one lot of {instrument.coin} ({instrument.size_text(1)}); write off for "
            f"{without}, or more"
        )
    return lots


def account_limits(settings: Settings) -> AccountLimits:
    """Of the settings that are the whole account's."""
    return AccountLimits(
        settings.max_drawdown_pct or None,
        settings.max_unrealized_dd_pct or None,
        settings.daily_pnl_stop or None,
        settings.daily_pnl_take or None,
    )


def portfolio_limits(settings: Settings) -> PortfolioLimits:
    """What all coins together may build up."""
    return PortfolioLimits(
        settings.max_portfolio_notional, settings.max_margin_pct, settings.min_liq_distance_pct
    )


def set_thresholds(engine: Engine, settings: Settings) -> None:
    """Of the settings that are the whole account's: its limits, and when the circuit breakers open."""
    engine.portfolio_limits = portfolio_limits(settings)
    engine.breakers.trip_above(settings.api_error_threshold)
    engine.feed_age.stale_ms = int(settings.ws_stale_after_sec * 1000)
    engine.feed_age.halt_ms = int(settings.data_halt_sec * 1000)
    engine.dead_man.after_ms = int(settings.dead_man_switch_sec * 1000)


def build_engine(
    account: str,
    instance: str,
    boot: str,
    configs: Mapping[str, CoinConfig],
    restored: Restored,
    now: Instant,
    limits: AccountLimits = AccountLimits(),  # noqa: B008 - frozen
) -> Engine:
    """The engine as the journal leaves it. Every coin has an anchor by now."""
    engine = Engine(account=account, instance=instance, boot=boot, coins={})
    engine.breakers.spread(boot)
    if restored.meta.get(LAST_COINS) == risk_coins(configs):
        (engine.risk.day, engine.risk.day_start), engine.risk.peak = restored.day, restored.pnl_peak
    engine.risk.limits = limits
    dex = next((name.partition(":")[0] for name in configs if ":" in name), "")
    engine.transfers = TransferBook.restore(dex, restored.transfers)
    engine.halted = restored.halted
    engine.dead_man.was_left(restored.dead_man_until_ms)
    engine.started_wall_ms = now.wall_ms
    for name, config in configs.items():
        engine.coins[name] = _coin(engine, name, config, restored.coins[name], restored.cursor_ms, now)
        engine.coins[name].overrides = Overrides.restored(restored.meta.get(f"override:{name}", ""))
        engine.coins[name].features.restore(restored.meta.get(f"features:{name}", ""))
        engine.coins[name].parked = Parked.restored(restored.meta.get(f"parked:{name}", ""))
        engine.coins[name].day_mark = DayMark.restored(restored.meta.get(f"day:{name}", ""))
        restore_standing(engine.coins[name], restored.meta.get(standing_key(name), ""))
    engine.history.restore(restored.history)
    engine.look_for_missing(now)
    if any(config.instrument.traded_with_decimals is not None for config in configs.values()):
        engine.schedule.at("listings", now.mono_ms)
    taped = [TapedFill(*row) for name in configs for row in reversed(restored.coins[name].newest_fills)]
    engine.tape.restore(taped, {name: config.instrument for name, config in configs.items()})
    return engine


def risk_coins(coins: Iterable[str]) -> str:
    """Whose profit the journal's highest one and its days are of: with another coin they are no measure any more."""
    return ",".join(sorted(coins))


def _coin(
    engine: Engine, name: str, config: CoinConfig, rows: CoinRows, cursor_ms: int, now: Instant
) -> Coin:
    coin = Coin(config, _ledger(name, rows), engine.next_cloid, halted=rows.halted)
    coin.ledger.watch.now = Drift(agreed_ms=_proven_ms(cursor_ms, now))
    coin.stop_loss = StopLoss.of(config)
    coin.features, coin.skew = Features(config.features), Skew(config.skew)
    assert rows.anchor is not None, f"{name} has no anchor"
    coin.start, coin.matched_micro = Stake(rows.anchor.lots, rows.anchor.cost), rows.matched
    counts = rows.counts
    coin.counts = FillCounts(
        total=counts.get("fills", 0),
        buys=counts.get("buys", 0),
        external=counts.get("external", 0),
        from_ws=counts.get("ws", 0),
        duplicates=counts.get("duplicates", 0),
        maker=counts.get("maker", 0),
    )
    if rows.grid is not None:
        coin.start_grid(rows.grid, rows.traded)
    for order in rows.ended_orders:
        coin.orders.add(order)
    coin.orders.take_changed()  # these rows are as they were
    for order in rows.live_orders:
        coin.orders.restore(order, now)
        if order.purpose is Purpose.STOP and order.filled and not coin.halted:
            fired(coin, order)  # a kill came between its fill and the halt
    coin.velocity = _velocity(config, rows, now)
    return coin


def _proven_ms(cursor_ms: int, now: Instant) -> int:
    """Up to when all fills are known by the journal's cursor (venue time). One in the future is of a clock that was ahead: as
    far as it was, as far back nothing is certain.
    """
    return max(0, min(cursor_ms, now.venue_ms) - max(0, cursor_ms - now.venue_ms))


def _velocity(config: CoinConfig, rows: CoinRows, now: Instant) -> Velocity:
    """What was sent and traded in the last minute counts on."""
    velocity = Velocity(config.max_orders_per_min, config.max_lots_per_min)
    sent = [order.created_ms for order in (*rows.ended_orders, *rows.live_orders)]
    for window, stamps in (
        (velocity.orders, [(time_ms, 1) for time_ms in sent]),
        (velocity.lots, [(fill.time_ms, fill.lots) for fill in rows.fills]),
    ):
        for time_ms, amount in sorted(stamps):
            age_ms = max(0, now.venue_ms - time_ms)
            if age_ms < WINDOW_MS:
                window.note(amount, now.mono_ms - age_ms)
    return velocity


def _ledger(name: str, rows: CoinRows) -> ShadowLedger:
    """The fold goes on from the newest checkpoint, or from the anchor."""
    anchor, last = rows.anchor, rows.checkpoint
    assert anchor is not None, f"{name} has no anchor"
    base = Fold(last.lots, last.cost, last.realized, last.fees) if last else Fold(anchor.lots, anchor.cost)
    ledger = ShadowLedger(
        name,
        base,
        cut_ms=last.cut_ms if last else 0,
        fills=rows.counts.get("fills", 0),
        adjustments=rows.adjustments_ever,
        funding=FundingBook.restore(rows.funding_usd, rows.funding, rows.funding_days),
        other_fees=dict(rows.other_fees),
        day=rows.day_ms // DAY_MS,
        day_realized=rows.day_realized,
        day_lots=rows.day_lots,
        cash=rows.cash,
    )
    ledger.version = ledger.fills + ledger.adjustments
    ledger.restore([*rows.fills, *rows.adjustments])
    return ledger


@dataclass(frozen=True, slots=True)
class Opening:
    """The anchor of a coin and the recent fills that come after it."""

    anchor: Anchor
    fills: tuple[Fill, ...]

    @property
    def position(self) -> SavePosition:
        lots = self.fills[-1].end_lots if self.fills else self.anchor.lots
        return SavePosition(self.anchor.coin, lots, len(self.fills), 0)


async def open_position(reads: Reads, instrument: Instrument) -> Opening:
    """What the account holds when the journal begins: the position before the fills of the last minute.

    The position is read, then the fills, then the position again until both positions are the same and the fills end there: a
    fill in between, or one that the exchange's index shows late, would be in the anchor and come once more. Without any fill in
    the minute a second look some seconds later must agree. Raises ``RestError`` if they can't be read, or don't agree.
    """
    reason = f"the fills and the position of {instrument.coin} don't agree yet"
    quiet_looks = 0
    for _ in range(ANCHOR_ATTEMPTS):
        try:
            seen = await _look(reads, instrument)
        except (RestError, WireError) as error:
            reason = f"the position of {instrument.coin} can't be read: {error}"
        else:
            quiet_looks = quiet_looks + 1 if seen is not None and not seen.fills else 0
            if seen is not None and (seen.fills or seen.anchor.lots == 0 or quiet_looks == QUIET_LOOKS):
                return seen
        await asyncio.sleep(ANCHOR_PAUSE_S)
    raise RestError(f"{reason}; start again in a minute")


async def _look(reads: Reads, instrument: Instrument) -> Opening | None:
    """One look at position, fills, position; ``None`` if they don't fit together. The minute is the venue's."""
    before, entries = await reads.account_with_entries()
    since_ms = before.venue_ms - ANCHOR_LOOKBACK_MS
    found = [fill async for page in reads.fills_since(since_ms) for fill in page.fills]
    after, _ = await reads.account_with_entries()
    fills = chain_order(fill for fill in found if fill.coin == instrument.coin)
    lots = dict(after.positions).get(instrument.coin, 0)
    if lots != dict(before.positions).get(instrument.coin, 0) or (fills and fills[-1].end_lots != lots):
        return None
    start = fills[0].start_lots if fills else lots
    # The entry before the minute's fills isn't told; their present one is the nearest there is.
    cost = int(entries.get(instrument.coin, Decimal(0)) * abs(start))
    return Opening(Anchor(instrument.coin, start, cost, since_ms, "opening position"), tuple(fills))
