"""What a WebSocket client can subscribe to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.paper.jsonio import (
    JsonObject,
    MalformedRequestError,
    as_object,
    dumps,
    get_address,
    get_str,
)


class Channel(StrEnum):
    ALL_MIDS = "allMids"
    L2_BOOK = "l2Book"
    BBO = "bbo"
    TRADES = "trades"
    ORDER_UPDATES = "orderUpdates"
    USER_EVENTS = "userEvents"
    USER_FILLS = "userFills"


_OF_USER = frozenset({Channel.ORDER_UPDATES, Channel.USER_EVENTS, Channel.USER_FILLS})


@dataclass(frozen=True, slots=True)
class Subscription:
    """``target`` is the coin or the lower-case user, empty for allMids."""

    channel: Channel
    target: str

    @property
    def user(self) -> str | None:
        return self.target if self.channel in _OF_USER else None

    def wire(self) -> JsonObject:
        """As the server echoes it, with defaulted fields."""
        row: JsonObject = {"type": self.channel.value}
        if self.channel in _OF_USER:
            row["user"] = self.target
        elif self.channel is not Channel.ALL_MIDS:
            row["coin"] = self.target
        if self.channel is Channel.L2_BOOK:
            row.update(nSigFigs=None, mantissa=None)
        return row

    def text(self) -> str:
        return dumps(self.wire())


def decode_subscription(value: object, coins: frozenset[str]) -> Subscription:
    """Raises ``MalformedRequestError``: no such channel or coin, or a variant that this exchange doesn't have."""
    source = as_object(value)
    try:
        channel = Channel(get_str(source, "type"))
    except ValueError as error:
        raise MalformedRequestError(str(error)) from error
    if channel in _OF_USER:
        if source.get("aggregateByTime"):
            raise MalformedRequestError("fills are never aggregated here")
        return Subscription(channel, get_address(source, "user"))
    if channel is Channel.ALL_MIDS:
        if source.get("dex"):
            raise MalformedRequestError("there is one dex here")
        return Subscription(channel, "")
    coin = get_str(source, "coin")
    if coin not in coins or source.get("nSigFigs") is not None or source.get("mantissa") is not None:
        raise MalformedRequestError(f"no {channel} of {coin}")
    return Subscription(channel, coin)
