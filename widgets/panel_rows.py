"""The panels of what is traded: which fields, in which order of survival, and from where on they are a warning."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from core.view import RunState, Severity, StopState
from widgets import formats
from widgets.fields import Field
from widgets.look import Look

if TYPE_CHECKING:
    from core.view import CoinView, FillsView, GridView

FEW_FILLS = 20
"""Below this many a ratio says more about chance than about the feed."""


_WAITING = [Field("Waiting", "for a first report", is_prose=True)]


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
        *end_fields(coin),
        Field("Grid/Inv", _money(coin.pnl.matched_usd), (_money(coin.pnl.inventory_usd),), is_pair=True),
        Field("Fees/Fund", _money(-coin.pnl.fees_usd), (_money(coin.pnl.funding_usd),), is_pair=True),
        Field("Total", _money(coin.pnl.total_usd), _against_holding(coin)),
        Field("Realised", _money(coin.realized_usd), (maker_note,)),
    ]


def end_fields(coin: CoinView) -> list[Field]:
    """Where the position ends against us, and how far that is: at its stop, and where the exchange liquidates it."""
    liquidation = liquidation_of(coin)
    if liquidation is None:
        return [stop_field(coin), no_liquidation(coin)]
    at = formats.price(liquidation, coin.price_decimals)
    return [stop_field(coin), Field("Liq.", at, _away_notes(coin.margin.distance_pct))]


def no_liquidation(coin: CoinView) -> Field:
    """Without a price: there is none, or of the side that is held now none has been read yet."""
    if not coin.margin.is_read:
        return Field("Liq.", "n/a", ("not read since",))
    return Field("Liq.", "none" if coin.position else "none, flat")


def liquidation_of(coin: CoinView) -> Decimal | None:
    """The price at which the exchange would close what is held; ``None`` if there is none."""
    if not coin.position:
        return None
    return coin.margin.liquidation if coin.margin.liquidation is not None else coin.liquidation


def _away_notes(pct: Decimal | None) -> tuple[str, ...]:
    return (f"{pct:.2f}% away", f"{pct:.2f}%", f"{pct:.1f}%") if pct is not None else ()


def _session_field(coin: CoinView) -> list[Field]:
    """Of a market that closes alone."""
    if not coin.session_policy:
        return []
    if not coin.session_opens_ms:
        return [Field("Session", "open", (coin.session_policy,), Severity.INFO)]
    opens = formats.utc_minute(coin.session_opens_ms)
    return [
        Field(
            "Session",
            f"{coin.session_state.value}: {coin.session_policy}",
            (f"opens {opens}", opens),
            Severity.WARN,
        )
    ]


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
        notes = _away_notes(stop.distance_pct) or (f"rests, {formats.quantity(stop.size)}", "rests")
        return Field("Stop", price, notes, Severity.INFO)
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
        Field("WS/REST", sources, source_notes(fills), source_severity(fills)),
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


def source_notes(fills: FillsView) -> tuple[str, ...]:
    ratio = fills.fill_source_ratio_pct
    if ratio is None or fills.total < FEW_FILLS:
        return (f"n/a ({fills.total} fills)",)
    return (f"{ratio:.1f}% [>95%]", f"{ratio:.1f}% WS", f"{ratio:.1f}%")


def source_severity(fills: FillsView) -> Severity | None:
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
    elif look.state in (RunState.HALTED, RunState.FLATTENING) and grid.orders_active:
        orders_grade = Severity.CRIT
    off_center = coin.mid - grid.center
    mid_note = f"mid {off_center:+,.{coin.price_decimals}f}" if coin.mid and grid.center else ""
    width = Field(
        "Width/Gap",
        formats.percent(grid.width_pct),
        (f"gap {grid.level_gap_pct:.3f}%", f"{grid.level_gap_pct:.3f}%"),
    )
    sides = "one-sided" if grid.one_sided else f"skew {grid.skew_ratio:+.2f}"
    orders = Field(
        "Orders",
        f"{grid.orders_active} of {grid.orders_target}",
        (sides,),
        Severity.WARN if grid.one_sided and orders_grade is Severity.INFO else orders_grade,
    )
    first = (
        [orders, _range_field(grid), *_waiting_costs(coin), width] if grid.out_of_range else [width, orders]
    )
    return [
        *first,
        Field("Centre", formats.price(grid.center, coin.price_decimals), (mid_note,)),
        Field(
            "Spacing",
            f"{grid.spacing_pct:.3f}%",
            ("OVERRIDE",) if grid.override else (f"build {grid.generation}",),
            Severity.WARN if grid.override else Severity.INFO,
        ),
        _compression_field(grid),
    ]


def _range_field(grid: GridView) -> Field:
    """Outside the grid: where, and what one percent further does to the money."""
    per_pct = formats.usd(-grid.loss_per_pct_usd, signed=True)
    return Field(
        "Range",
        f"OUT {grid.out_of_range}",
        (f"{grid.range_exit}, {per_pct}/1%", f"{per_pct}/1%"),
        Severity.WARN,
    )


def _waiting_costs(coin: CoinView) -> list[Field]:
    """What a position outside its grid pays within the hour, and how far the price is from where it ends."""
    if not coin.position:
        return []
    hourly = coin.grid.funding_per_hour_usd
    stop, margin = coin.stop, coin.margin
    return [
        Field("Fund/hour", formats.NOTHING if hourly is None else formats.usd(hourly, signed=True)),
        Field("To stop", *_away(stop.distance, stop.distance_pct, coin)),
        Field("To liq.", *_away(margin.distance, margin.distance_pct, coin)),
    ]


def _away(price: Decimal | None, pct: Decimal | None, coin: CoinView) -> tuple[str, tuple[str, ...]]:
    if price is None or pct is None:
        return "none", ()
    return f"{price:,.{coin.price_decimals}f}", (f"{pct:.2f}%",)


def _compression_field(grid: GridView) -> Field:
    return Field(
        "Compress",
        grid.compression or "none",
        severity=Severity.WARN if grid.compression else Severity.INFO,
        is_prose=bool(grid.compression),
    )
