"""Why a request came to nothing: told apart at the edge, where the bytes are, and carried as a value from there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """What went wrong. Which circuit breaker it counts for follows from it; nothing reads the words again."""

    # The transport. The first is definite: nothing was sent.
    UNSENT = "unsent"
    UNANSWERED = "unanswered"
    SERVER = "server"
    GARBLED = "garbled"
    # The exchange refused the request as a whole.
    RATE_IP = "rate_limited_ip"
    RATE_ADDRESS = "rate_limited_address"
    AUTH = "auth"
    NONCE = "nonce"
    EXPIRED = "expired"
    MAINTENANCE = "maintenance"
    MALFORMED = "malformed"
    # We did not send it.
    LOCAL = "local"
    STORAGE = "storage"
    CROSSED = "crossed"
    """The market had moved through its price before a byte left."""
    # The exchange answered, and refused one order or cancel.
    POST_ONLY = "post_only"
    POST_ONLY_MODE = "post_only_mode"
    MARGIN = "margin"
    MIN_NOTIONAL = "min_notional"
    TICK = "tick"
    SIZE = "size"
    REDUCE_ONLY = "reduce_only"
    OPEN_INTEREST = "open_interest"
    PRICE_BAND = "price_band"
    NO_LIQUIDITY = "no_liquidity"
    TOO_MANY_ORDERS = "too_many_orders"
    NOT_TRADED = "not_traded"
    GONE = "gone"
    REFUSED = "refused"
    """In words that aren't known."""

    @property
    def is_answer(self) -> bool:
        """The exchange has looked at the order or cancel: a matter of business, never an outage."""
        return self in _ANSWERS

    @property
    def was_sent(self) -> bool:
        """Bytes left, so it counts as sent whatever became of it."""
        return self not in (Cause.UNSENT, Cause.LOCAL, Cause.STORAGE, Cause.CROSSED)


_ANSWERS = frozenset(
    {
        *(Cause.POST_ONLY, Cause.POST_ONLY_MODE, Cause.MARGIN, Cause.MIN_NOTIONAL, Cause.TICK, Cause.SIZE),
        *(Cause.REDUCE_ONLY, Cause.OPEN_INTEREST, Cause.PRICE_BAND, Cause.NO_LIQUIDITY),
        *(Cause.TOO_MANY_ORDERS, Cause.NOT_TRADED, Cause.GONE, Cause.REFUSED),
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A request without a usable answer, or refused as a whole, in a sentence.

    ``retry_after_ms``: how long the exchange asks to be left alone; 0 if it doesn't say.
    """

    cause: Cause
    text: str
    retry_after_ms: int = 0
