"""What it costs to stand there: funding within the hour, and how far off the stop and the liquidation are."""

from __future__ import annotations

from decimal import Decimal

from core.domain.margin import HeldMargin
from core.engine.coin import Coin
from core.engine.protection import wanted_stop

CENT = Decimal("0.01")


def funding_per_hour(coin: Coin) -> Decimal | None:
    """USD that the position receives within an hour at the rate of now, negative if it pays; ``None`` while no rate is known.

    A positive rate is paid by who is long.
    """
    lots, twice, rate = coin.ledger.lots, coin.known_mid_twice, coin.ledger.funding.rate
    if not lots:
        return Decimal(0)
    if rate is None or not twice:
        return None
    notional = Decimal(lots * twice).scaleb(-6) / 2
    return (-notional * rate).quantize(Decimal("0.0001"))


def distance(coin: Coin, price: Decimal | None) -> tuple[Decimal, Decimal] | None:
    """How far the mid may still go against the position until ``price``: in price and in percent of the mid, negative once it
    is past; ``None`` without a position, a mid or such a price.
    """
    lots, twice = coin.ledger.lots, coin.known_mid_twice
    if not lots or not twice or not price:
        return None
    mid = Decimal(twice).scaleb(-coin.config.instrument.price_decimals) / 2
    away = mid - price if lots > 0 else price - mid
    return away, (100 * away / mid).quantize(CENT)


def stop_distance(coin: Coin) -> tuple[Decimal, Decimal] | None:
    """To where the stop fires, or would if it rested."""
    want = wanted_stop(coin)
    return distance(coin, coin.config.instrument.price_decimal(want.trigger)) if want else None


def held_margin(coin: Coin) -> HeldMargin | None:
    """What the exchange told at the last look, if that was of the side that is held now: of another side nothing holds."""
    held = coin.held
    return held if held is not None and held.size * coin.ledger.lots > 0 else None


def liquidation_distance(coin: Coin) -> tuple[Decimal, Decimal] | None:
    """To where the exchange would liquidate, as it told at the last look."""
    held = held_margin(coin)
    return distance(coin, held.liquidation if held else None)
