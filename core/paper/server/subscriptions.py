"""What a WebSocket client can subscribe to, and who has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from core.paper.answers.arguments import get_dex, get_flag
from core.paper.answers.books import WHOLE, Grouping, get_grouping
from core.paper.answers.market_data import get_interval
from core.paper.jsonio import (
    JsonObject,
    MalformedRequestError,
    as_object,
    dumps,
    get_address,
    get_optional_int,
    get_str,
)
from core.paper.market.listing import FIRST_DEX, Universe


class Channel(StrEnum):
    """Hyperliquid's names."""

    ALL_MIDS = "allMids"
    L2_BOOK = "l2Book"
    BBO = "bbo"
    TRADES = "trades"
    CANDLE = "candle"
    ACTIVE_ASSET_CTX = "activeAssetCtx"
    ASSET_CTXS = "assetCtxs"
    ALL_DEXS_ASSET_CTXS = "allDexsAssetCtxs"
    FAST_ASSET_CTXS = "fastAssetCtxs"
    SPOT_ASSET_CTXS = "spotAssetCtxs"
    OUTCOME_META_UPDATES = "outcomeMetaUpdates"
    ORDER_UPDATES = "orderUpdates"
    USER_EVENTS = "userEvents"
    USER_FILLS = "userFills"
    USER_FUNDINGS = "userFundings"
    USER_LEDGER_UPDATES = "userNonFundingLedgerUpdates"
    USER_HISTORICAL_ORDERS = "userHistoricalOrders"
    USER_TWAP_HISTORY = "userTwapHistory"
    USER_TWAP_SLICE_FILLS = "userTwapSliceFills"
    NOTIFICATION = "notification"
    OPEN_ORDERS = "openOrders"
    CLEARINGHOUSE_STATE = "clearinghouseState"
    ALL_DEXS_CLEARINGHOUSE_STATE = "allDexsClearinghouseState"
    ACTIVE_ASSET_DATA = "activeAssetData"
    SPOT_STATE = "spotState"
    TWAP_STATES = "twapStates"
    WEB_DATA_2 = "webData2"
    WEB_DATA_3 = "webData3"


class InvalidSubscriptionError(Exception):
    """A subscription that can be read, but not meant: no such coin, dex or grouping."""


_OF_EVERYONE = frozenset(
    {
        Channel.ALL_MIDS,
        Channel.L2_BOOK,
        Channel.BBO,
        Channel.TRADES,
        Channel.CANDLE,
        Channel.ACTIVE_ASSET_CTX,
        Channel.ASSET_CTXS,
        Channel.ALL_DEXS_ASSET_CTXS,
        Channel.FAST_ASSET_CTXS,
        Channel.SPOT_ASSET_CTXS,
        Channel.OUTCOME_META_UPDATES,
    }
)
_OF_COIN = frozenset(
    {
        Channel.L2_BOOK,
        Channel.BBO,
        Channel.TRADES,
        Channel.CANDLE,
        Channel.ACTIVE_ASSET_CTX,
        Channel.ACTIVE_ASSET_DATA,
    }
)
_OF_DEX = frozenset(
    {
        Channel.ALL_MIDS,
        Channel.ASSET_CTXS,
        Channel.OPEN_ORDERS,
        Channel.CLEARINGHOUSE_STATE,
        Channel.TWAP_STATES,
    }
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """``user`` is lower case. What a channel doesn't use keeps its default."""

    channel: Channel
    coin: str = ""
    user: str | None = None
    dex: str = FIRST_DEX
    interval: str = ""
    grouping: Grouping = WHOLE
    is_fast: bool = False
    """Of ``l2Book``: fewer levels."""
    aggregates: bool = False
    """Of ``userFills``: partial fills merged."""
    said: frozenset[str] = field(default=frozenset(), compare=False)
    """What the client named, if only to leave it as it is: it looks for that in the echo."""

    def wire(self) -> JsonObject:
        """As the server echoes it, with defaulted fields. It holds at least what the client sent."""
        row: JsonObject = {"type": self.channel.value}
        if self.user is not None:
            row["user"] = self.user
        if self.channel in _OF_COIN:
            row["coin"] = self.coin
        if self.channel in _OF_DEX and (
            self.dex or self.channel is not Channel.ALL_MIDS or "dex" in self.said
        ):
            row["dex"] = self.dex
        if self.channel is Channel.CANDLE:
            row["interval"] = self.interval
        if self.channel is Channel.USER_FILLS:
            row["aggregateByTime"] = self.aggregates
        if self.channel is Channel.L2_BOOK:
            row.update(nSigFigs=self.grouping.figures, mantissa=self.grouping.mantissa)
            if self.is_fast or "fast" in self.said:
                row["fast"] = self.is_fast
        return row

    def text(self) -> str:
        return dumps(self.wire())


def decode_subscription(value: object, universe: Universe) -> Subscription:
    """
    Raises:
        MalformedRequestError: no such channel, a missing or mistyped argument.
        InvalidSubscriptionError: it names what doesn't exist.
    """
    source = as_object(value)
    try:
        channel = Channel(get_str(source, "type"))
    except ValueError as error:
        raise MalformedRequestError(str(error)) from error
    is_book = channel is Channel.L2_BOOK
    return Subscription(
        channel,
        user=None if channel in _OF_EVERYONE else get_address(source, "user"),
        interval=get_interval(source) if channel is Channel.CANDLE else "",
        is_fast=is_book and get_flag(source, "fast"),
        aggregates=channel is Channel.USER_FILLS and get_flag(source, "aggregateByTime"),
        coin=_coin(source, universe) if channel in _OF_COIN else "",
        dex=_dex(source, universe) if channel in _OF_DEX else FIRST_DEX,
        grouping=_grouping(source) if is_book else WHOLE,
        said=frozenset(key for key, argument in source.items() if argument is not None),
    )


def _coin(source: dict[str, object], universe: Universe) -> str:
    coin = get_str(source, "coin")
    if coin not in universe.listings:
        raise InvalidSubscriptionError(f"no coin {coin!r}")
    return coin


def _dex(source: dict[str, object], universe: Universe) -> str:
    dex = get_dex(source)
    if dex not in universe.dexs:
        raise InvalidSubscriptionError(f"no dex {dex!r}")
    return dex


def _grouping(source: dict[str, object]) -> Grouping:
    get_optional_int(source, "nSigFigs")
    get_optional_int(source, "mantissa")
    try:
        return get_grouping(source)
    except MalformedRequestError as error:
        raise InvalidSubscriptionError(str(error)) from error


class Receiver(Protocol):
    def send(self, text: str) -> None: ...


class Subscribers:
    """Who has subscribed to what."""

    def __init__(self) -> None:
        self._receivers: dict[Channel, dict[Subscription, set[Receiver]]] = {
            channel: {} for channel in Channel
        }

    def __contains__(self, subscription: Subscription) -> bool:
        return subscription in self._receivers[subscription.channel]

    def count(self, subscription: Subscription) -> int:
        """How many have it."""
        return len(self._receivers[subscription.channel].get(subscription, ()))

    def of(self, channel: Channel) -> Iterable[Subscription]:
        """All that somebody has."""
        return tuple(self._receivers[channel])

    def add(self, subscription: Subscription, receiver: Receiver) -> None:
        self._receivers[subscription.channel].setdefault(subscription, set()).add(receiver)

    def discard(self, subscription: Subscription, receiver: Receiver) -> None:
        receivers = self._receivers[subscription.channel].get(subscription, set())
        receivers.discard(receiver)
        if not receivers:
            self._receivers[subscription.channel].pop(subscription, None)

    def send(self, subscription: Subscription, text: str) -> None:
        for receiver in self._receivers[subscription.channel].get(subscription, ()):
            receiver.send(text)
