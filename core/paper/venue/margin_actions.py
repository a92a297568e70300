"""What users do to leverage and isolated margin: updateLeverage, updateIsolatedMargin, topUpIsolatedOnlyMargin.

All raise ``RefusedError`` with Hyperliquid's words, and have changed nothing then.
"""

from __future__ import annotations

from fractions import Fraction

from core.paper.config import MoneySettings
from core.paper.market.listing import Listing
from core.paper.venue.accounts import Account
from core.paper.venue.margin import Held, Margin
from core.paper.venue.positions import Leverage
from core.paper.venue.refusals import RefusedError
from core.paper.venue.tiers import most_at

SWITCH_REFUSED = "Cannot switch leverage type with open position."
CROSS_REFUSED = "Cross margin is not allowed for this asset."
INVALID_LEVERAGE = "Invalid leverage value"

_ONE_TENTH = 10


def set_leverage(
    margin: Margin, settings: MoneySettings, account: Account, listing: Listing, wanted: Leverage
) -> None:
    coin = listing.coin
    if not 1 <= wanted.value <= listing.rules.max_leverage:
        raise RefusedError(INVALID_LEVERAGE)
    if wanted.is_cross and listing.rules.margin_mode is not None:
        raise RefusedError(CROSS_REFUSED)
    held = margin.held_in(account, coin)
    resting = account.resting.get(coin)
    has_orders = resting is not None and resting.is_any
    if held.leverage.is_cross != wanted.is_cross and (
        held.position.lots or (has_orders and settings.refuses_switch_with_orders)
    ):
        raise RefusedError(SWITCH_REFUSED)
    most = most_at(wanted.value, listing.rules.tiers)
    if most is not None and held.value > most:
        raise RefusedError(INVALID_LEVERAGE)
    previous = account.leverages.get(coin)
    account.leverages[coin] = wanted
    if wanted.value < held.leverage.value and not _suffices(margin, account, listing):
        if previous is None:
            del account.leverages[coin]
        else:
            account.leverages[coin] = previous
        raise RefusedError(_decrease_refused(is_cross=wanted.is_cross))


def _suffices(margin: Margin, account: Account, listing: Listing) -> bool:
    """Whether there is margin enough at the leverage as it is now."""
    held = margin.held_in(account, listing.coin)
    if not held.leverage.is_cross and held.margin_used < held.initial:
        return False
    return margin.initial(account, listing.dex) <= max(0, margin.cross_value(account, listing.dex))


def _decrease_refused(*, is_cross: bool) -> str:
    kind, remedy = (
        ("Cross", "deposit more collateral") if is_cross else ("Isolated", "add margin to the position")
    )
    return (
        f"{kind} position does not have sufficient margin available to decrease leverage. "
        f"To decrease leverage, {remedy}."
    )


def update_isolated_margin(margin: Margin, account: Account, listing: Listing, micro: int) -> None:
    """Move ``micro`` into an isolated position, or out of it if negative. Out goes what initial margin and a tenth of the
    position's value leave.
    """
    held = _isolated(margin, account, listing)
    if micro == 0:
        raise RefusedError("Update to isolated margin cannot be zero.")
    if micro > 0 and micro > margin.withdrawable(account, listing.dex):
        raise RefusedError("Account does not have sufficient margin available for increase.")
    if micro < 0 and listing.rules.margin_mode == "strictIsolated":
        raise RefusedError(
            "Cannot remove isolated margin for this asset. To remove margin, reduce the position."
        )
    kept = max(held.initial, -(-held.value // _ONE_TENTH))
    if micro < 0 and held.margin_used + micro < kept:
        raise RefusedError("Position does not have sufficient margin for reduction.")
    held.position.margin += micro


def top_up_isolated_margin(margin: Margin, account: Account, listing: Listing, leverage: Fraction) -> None:
    """Add what brings an isolated position down to ``leverage``, rounded up; nothing if it is there already."""
    held = _isolated(margin, account, listing)
    if leverage <= 0:
        raise RefusedError(INVALID_LEVERAGE)
    needed = -(-held.value * leverage.denominator // leverage.numerator) - held.margin_used
    if needed > 0:
        update_isolated_margin(margin, account, listing, needed)


def _isolated(margin: Margin, account: Account, listing: Listing) -> Held:
    held = margin.held_in(account, listing.coin)
    if held.leverage.is_cross:
        raise RefusedError("Position does not use isolated margin.")
    if not held.position.lots:
        raise RefusedError("Cannot update margin for empty position.")
    return held
