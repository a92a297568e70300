"""Hyperliquid's words for a refusal, read once: what kind each is. The texts are those of its documentation and of captures."""

from __future__ import annotations

from core.domain.causes import Cause

_WHOLE = (
    ("User or API Wallet", Cause.AUTH),
    ("L1 error: User or API Wallet", Cause.AUTH),
    ("Must deposit before performing actions", Cause.AUTH),
    ("Unable to recover signer", Cause.AUTH),
    ("Vault not registered", Cause.AUTH),
    ("Invalid nonce", Cause.NONCE),
    ("Nonce mismatch", Cause.NONCE),
    ("Action already expired", Cause.EXPIRED),
    ("Too many cumulative requests sent", Cause.RATE_ADDRESS),
    ("Signed action over weight limit", Cause.MALFORMED),
    ("Failed to deserialize", Cause.MALFORMED),
)
"""How refusals of a whole request begin."""

_RESTING = ("maintenance", "upgrad", "unavailable")
"""Words of an exchange that takes no actions for a while."""

_ONE = (
    ("post only order would have immediately matched", Cause.POST_ONLY),
    ("only post-only orders allowed", Cause.POST_ONLY_MODE),
    ("insufficient margin", Cause.MARGIN),
    ("insufficient spot balance", Cause.MARGIN),
    ("margin tier limit", Cause.MARGIN),
    ("minimum value of", Cause.MIN_NOTIONAL),
    ("tick size", Cause.TICK),
    ("invalid price", Cause.TICK),
    ("invalid size", Cause.SIZE),
    ("zero size", Cause.SIZE),
    ("value too large", Cause.SIZE),
    ("reduce only order would increase", Cause.REDUCE_ONLY),
    ("open interest", Cause.OPEN_INTEREST),
    ("away from the reference price", Cause.PRICE_BAND),
    ("too far from oracle", Cause.PRICE_BAND),
    ("could not immediately match", Cause.NO_LIQUIDITY),
    ("no liquidity available", Cause.NO_LIQUIDITY),
    ("too many open orders", Cause.TOO_MANY_ORDERS),
    ("never placed, already canceled, or filled", Cause.GONE),
    ("cannot modify canceled or filled", Cause.GONE),
    ("delisted", Cause.NOT_TRADED),
    ("trading is halted", Cause.NOT_TRADED),
)
"""What refusals of one order, cancel or change say, in small letters."""

_STATUSES = {
    "badAloPxRejected": Cause.POST_ONLY,
    "perpMarginRejected": Cause.MARGIN,
    "insufficientSpotBalanceRejected": Cause.MARGIN,
    "perpMaxPositionRejected": Cause.MARGIN,
    "minTradeNtlRejected": Cause.MIN_NOTIONAL,
    "tickRejected": Cause.TICK,
    "reduceOnlyRejected": Cause.REDUCE_ONLY,
    "oracleRejected": Cause.PRICE_BAND,
    "iocCancelRejected": Cause.NO_LIQUIDITY,
    "marketOrderNoLiquidityRejected": Cause.NO_LIQUIDITY,
    "tooManyOpenOrdersRejected": Cause.TOO_MANY_ORDERS,
}
"""What ``orderUpdates`` calls the same."""


def whole_cause(text: str) -> Cause:
    """Of a refusal of the whole request; one in words that aren't known is ``REFUSED``."""
    known = next((cause for start, cause in _WHOLE if text.startswith(start)), one_cause(text))
    is_resting = known is Cause.REFUSED and any(word in text.lower() for word in _RESTING)
    return Cause.MAINTENANCE if is_resting else known


def one_cause(text: str) -> Cause:
    """Of a refusal of one order or cancel."""
    if text in _STATUSES:
        return _STATUSES[text]
    if "OpenInterest" in text:
        return Cause.OPEN_INTEREST
    words = text.lower()
    return next((cause for part, cause in _ONE if part in words), Cause.REFUSED)


def http_cause(status: int) -> Cause:
    """Of an HTTP status other than 200."""
    match status:
        case 429:
            return Cause.RATE_IP
        case 503:
            return Cause.MAINTENANCE
        case 400 | 404 | 405 | 413 | 415 | 422:
            return Cause.MALFORMED
        case _:
            return Cause.SERVER
