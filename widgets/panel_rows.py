"""The five panels: which fields, in which order of survival, and from where on they are a warning."""

from __future__ import annotations

from decimal import Decimal

from core.view import (
    ApiView,
    BreakerView,
    CoinView,
    FillsView,
    GridView,
    RiskView,
    RunState,
    Severity,
    StopState,
)
from widgets import formats
from widgets.fields import Field, graded
from widgets.look import Look

FEW_FILLS = 20
"""Below this many a ratio says more about chance than about the feed."""

_WAITING = [Field("Waiting", "for the core's first report", is_prose=True)]


def position_fields(look: Look) -> list[Field]:
    coin = look.coin
    if coin is None:
        return _WAITING
    maker = coin.fills.maker_pct
    few = coin.fills.total < FEW_FILLS
    maker_note = "" if maker is None or few else f"maker {maker:.0f}%"
    return [
        Field("Position", position_text(coin), (formats.usd(coin.notional_usd, cents=False),)),
        *_session_field(coin),
        Field(
            "Entry/Mid",
            formats.price(coin.entry, coin.price_decimals),
            (formats.price(coin.mid, coin.price_decimals),),
            is_pair=True,
        ),
        Field("uPnL/Day", _money(coin.unrealized_usd), (_money(coin.daily_usd),), is_pair=True),
        stop_field(coin),
        Field("Realised", _money(coin.realized_usd)),
        Field("Fees net", _money(-coin.fees_usd), (maker_note,)),
        Field("Funding", _money(coin.funding_usd)),
        Field("Grid/Inv", _money(coin.pnl.matched_usd), (_money(coin.pnl.inventory_usd),), is_pair=True),
        Field("Total", _money(coin.pnl.total_usd), _against_holding(coin)),
    ]


def _session_field(coin: CoinView) -> list[Field]:
    """Of a market that closes alone."""
    if not coin.session_policy:
        return []
    if not coin.session_opens_ms:
        return [Field("Session", "open", (coin.session_policy,), Severity.INFO)]
    words = {"closed": "closed", "closes": "closing"}
    word = words.get(coin.session.partition(" ")[0], "opening")
    opens = formats.utc_minute(coin.session_opens_ms)
    return [Field("Session", f"{word}: {coin.session_policy}", (f"opens {opens}", opens), Severity.WARN)]


def _against_holding(coin: CoinView) -> tuple[str, ...]:
    """Nothing to compare with if nothing was held at the beginning."""
    pnl = coin.pnl
    if not pnl.holding_usd:
        return ()
    return (f"vs hold {formats.usd(pnl.versus_holding_usd, signed=True, cents=False)}",)


def stop_field(coin: CoinView) -> Field:
    """The stop at the exchange: ``109,000 resting``, or why there is none."""
    stop = coin.stop
    if stop.state is StopState.NONE:
        return Field("Stop", "none" if coin.position else "none needed")
    price = formats.price(stop.price, coin.price_decimals)
    if stop.state is StopState.RESTING:
        return Field("Stop", price, (f"rests, {formats.quantity(stop.size)}", "rests"), Severity.INFO)
    if stop.state is StopState.PLACING:
        return Field("Stop", price, ("placing",), Severity.WARN)
    return Field("Stop", f"{price} MISSING: {stop.reason}", severity=Severity.CRIT, is_prose=True)


def position_text(coin: CoinView) -> str:
    """``LONG +0.1875 BTC``."""
    side = "LONG" if coin.position > 0 else "SHORT" if coin.position < 0 else "FLAT"
    return f"{side} {formats.quantity(coin.position, signed=True)} {formats.short_coin(coin.coin)}"


def _money(value: Decimal) -> str:
    return formats.usd(value, signed=True)


def fill_fields(look: Look) -> list[Field]:
    coin = look.coin
    if coin is None:
        return []
    fills = coin.fills
    sources = f"{fills.from_ws:,} / {fills.from_rest:,}"
    rows = [
        Field("WS/REST", sources, _source_notes(fills), _source_severity(fills)),
        Field(
            "Buy/Sell", f"{fills.buys:,} / {fills.sells:,}", (f"{fills.total:,} fills", f"{fills.total:,}")
        ),
    ]
    if fills.last is None:
        rows.append(Field("Last fill", "none yet"))
    else:
        last = fills.last
        side = "BUY" if last.side == "buy" else "SELL"
        ago = formats.age((look.now_ms - last.time_ms) / 1_000)
        at = formats.price(last.price, coin.price_decimals)
        rows.append(Field("Last fill", f"{side} {formats.quantity(last.size)} @{at}", (f"{ago} ago", ago)))
    rows.append(Field("Dup/Ext", f"{fills.duplicates:,} / {fills.external:,}"))
    return rows


def _source_notes(fills: FillsView) -> tuple[str, ...]:
    ratio = fills.fill_source_ratio_pct
    if ratio is None or fills.total < FEW_FILLS:
        return (f"n/a ({fills.total} fills)",)
    return (f"{ratio:.1f}% [>95%]", f"{ratio:.1f}% WS", f"{ratio:.1f}%")


def _source_severity(fills: FillsView) -> Severity | None:
    ratio = fills.fill_source_ratio_pct
    if ratio is None or fills.total < FEW_FILLS:
        return None
    if fills.from_rest > fills.from_ws:
        return Severity.CRIT
    return Severity.WARN if ratio < 95.0 else Severity.INFO


def grid_fields(look: Look) -> list[Field]:
    coin = look.coin
    if coin is None:
        return []
    grid = coin.grid
    orders_grade = Severity.INFO
    if look.state is RunState.RUNNING and grid.orders_active < grid.orders_target:
        orders_grade = Severity.WARN
    elif look.state is RunState.HALTED and grid.orders_active:
        orders_grade = Severity.CRIT
    off_center = coin.mid - grid.center
    mid_note = f"mid {off_center:+,.{coin.price_decimals}f}" if coin.mid and grid.center else ""
    return [
        Field(
            "Width/Gap",
            formats.percent(grid.width_pct),
            (f"gap {grid.level_gap_pct:.3f}%", f"{grid.level_gap_pct:.3f}%"),
        ),
        Field(
            "Orders",
            f"{grid.orders_active} of {grid.orders_target}",
            (f"skew {grid.skew_ratio:+.2f}",),
            orders_grade,
        ),
        Field("Centre", formats.price(grid.center, coin.price_decimals), (mid_note,)),
        Field(
            "Spacing",
            f"{grid.spacing_pct:.3f}%",
            ("OVERRIDE",) if grid.override else (f"build {grid.generation}",),
            Severity.WARN if grid.override else Severity.INFO,
        ),
        _range_field(grid) if grid.out_of_range else _compression_field(grid),
    ]


def _range_field(grid: GridView) -> Field:
    per_pct = formats.usd(-grid.loss_per_pct_usd, signed=True)
    return Field(
        "Range",
        f"OUT OF RANGE {grid.out_of_range}",
        (f"{grid.range_exit}, {per_pct} per 1%", f"{grid.range_exit}, {per_pct}/1%", grid.range_exit),
        Severity.WARN,
    )


def _compression_field(grid: GridView) -> Field:
    return Field(
        "Compress",
        grid.compression or "none",
        severity=Severity.WARN if grid.compression else Severity.INFO,
        is_prose=bool(grid.compression),
    )


def system_fields(look: Look) -> list[Field]:
    snapshot, coin = look.snapshot, look.coin
    if snapshot is None or coin is None:
        return []
    api = snapshot.api
    age_s = look.feed_age_s
    stale_s = snapshot.feed.stale_after_s
    feed_grade = Severity.CRIT if age_s is None else graded(age_s, stale_s / 2, stale_s)
    return [
        _drift_field(coin),
        Field(
            "WS age", "never" if age_s is None else formats.age(age_s), (f"[<{stale_s:.0f}s]",), feed_grade
        ),
        Field(
            "API errs",
            f"{api.api_error_streak} in a row",
            (f"[<={api.api_error_limit}]",),
            graded(api.api_error_streak, min(2, api.api_error_limit), api.api_error_limit + 1),
        ),
        *breaker_fields(api),
        Field(
            "Unknown",
            f"{api.unknown_orders} orders",
            severity=Severity.WARN if api.unknown_orders else Severity.INFO,
        ),
        Field(
            "Unreadable",
            f"{snapshot.feed.quarantined} messages",
            severity=Severity.WARN if snapshot.feed.quarantined else Severity.INFO,
        ),
        Field("REST", f"{api.rest_latency_ms:.0f}ms", (f"{snapshot.feed.reconnects} reconn",)),
        Field(
            "Sent",
            f"{api.orders_sent:,} orders",
            (f"{api.cancels_sent:,} cancels", f"{api.cancels_sent:,} canc"),
        ),
    ]


def breaker_fields(api: ApiView) -> list[Field]:
    """One row while all are closed, else one for each that isn't: state, time to the probe, trips, and what opened it."""
    if not (troubled := [breaker for breaker in api.breakers if breaker.state != "closed"]):
        if api.breaker_open:
            return [Field("Breaker", f"OPEN: {api.breaker_reason}", severity=Severity.CRIT, is_prose=True)]
        trips = sum(breaker.trips for breaker in api.breakers)
        return [Field("Breaker", "closed", (f"{trips} trips",) if trips else (), Severity.INFO)]
    return [_breaker_field(breaker) for breaker in sorted(troubled, key=lambda b: b.state != "open")]


def _breaker_field(breaker: BreakerView) -> Field:
    left = breaker.cooldown_left_s
    is_open = breaker.state == "open"
    word = f"OPEN {left:.0f}s" if is_open and left else "OPEN" if is_open else "PROBING"
    trips = f", trip {breaker.trips}" if breaker.trips > 1 else ""
    return Field(
        "Breaker",
        f"{breaker.name} {word}{trips}: {breaker.reason}",
        severity=Severity.CRIT if is_open else Severity.WARN,
        is_prose=True,
    )


def _drift_field(coin: CoinView) -> Field:
    drift = coin.drift
    if drift.exchange_position is None:
        return Field("Drift", formats.NOTHING, ("not read yet",))
    amount = f"{formats.quantity(drift.amount, signed=True)} {formats.short_coin(coin.coin)}"
    share = formats.percent(abs(drift.pct))
    return Field("Drift", amount, (f"{share} [<1%]", share), graded(abs(drift.pct), 0.5, 1.0))


def risk_fields(look: Look) -> list[Field]:
    snapshot, coin = look.snapshot, look.coin
    if snapshot is None or coin is None:
        return []
    risk = snapshot.risk
    limit = risk.max_drawdown_pct
    used = 100.0 * risk.drawdown_pct / limit if limit > 0 else 0.0
    paid = risk.funding_paid_usd
    cap = coin.position_cap
    exposed = max(coin.worst_long, coin.worst_short, Decimal(0))
    drawn = f"{risk.drawdown_pct:.1f}%"
    return [
        _trading_field(look),
        Field("Drawdown", f"{drawn} of {limit:.1f}%", severity=graded(used, 70.0, 100.0))
        if limit > 0
        else Field("Drawdown", drawn, ("no limit set", "no limit")),
        _margin_field(risk),
        Field("Funding", formats.usd(abs(paid)), ("received" if paid < 0 else "paid",)),
        Field(
            "Exposure",
            formats.quantity(exposed),
            (f"cap {formats.quantity(cap)}",),
            Severity.CRIT if cap and exposed > cap else Severity.INFO,
        ),
        Field(
            "Account",
            formats.usd(risk.account_value_usd),
            (f"high {formats.usd(risk.high_water_usd, cents=False)}",),
        ),
        _pace_field(coin),
    ]


def _margin_field(risk: RiskView) -> Field:
    used, limit = risk.margin_utilization_pct, risk.max_margin_pct
    if limit <= 0:
        return Field("Margin", f"{used:.1f}% used", severity=graded(used, 70.0, 100.0))
    return Field("Margin", f"{used:.1f}% of {limit:.1f}%", severity=graded(100.0 * used / limit, 70.0, 100.0))


def _pace_field(coin: CoinView) -> Field:
    sent, limit = coin.orders_last_min, coin.max_orders_per_min
    if not limit:
        return Field("Sent/min", f"{sent}", ("no limit",))
    return Field("Sent/min", f"{sent} of {limit}", severity=graded(100.0 * sent / limit, 70.0, 100.0))


def _trading_field(look: Look) -> Field:
    """``running`` where the seed has ``risk_halted = 0``."""
    if look.is_silent:
        return Field("Trading", f"unknown, was {look.state.value}", severity=Severity.CRIT, is_prose=True)
    if look.state is RunState.RUNNING:
        return Field("Trading", "running", severity=Severity.INFO)
    if look.state is RunState.STARTING:
        return Field("Trading", "starting", severity=Severity.INFO)
    word = look.state.value.upper()
    reason = f": {look.halt_reason}" if look.halt_reason else ""
    return Field("Trading", f"{word}{reason}", severity=Severity.CRIT, is_prose=True)
