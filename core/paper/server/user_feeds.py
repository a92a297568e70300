"""Channels of one user. What happens goes out at once; whole states when they may have changed, and every so often."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from core.domain.orders import Side
from core.paper.answers.history import MAX_FILLS
from core.paper.answers.twaps import streamed_row
from core.paper.exchange import PaperExchange
from core.paper.jsonio import Json, JsonObject
from core.paper.server.frames import frame
from core.paper.server.subscriptions import Channel, Subscribers, Subscription
from core.paper.venue.batch import Batch, LiquidationEvent
from core.paper.venue.orders import FillRecord, HistoryRow, OrderStatus, OrderUpdate
from core.paper.wiretext import micro_wire

_STATES_EVERY_S = 1.0
_CHANGED_STATES_EVERY_S = 0.1

_STATE_CHANNELS = (
    Channel.OPEN_ORDERS,
    Channel.CLEARINGHOUSE_STATE,
    Channel.ALL_DEXS_CLEARINGHOUSE_STATE,
    Channel.ACTIVE_ASSET_DATA,
    Channel.SPOT_STATE,
    Channel.TWAP_STATES,
    Channel.WEB_DATA_2,
    Channel.WEB_DATA_3,
)

_CANCELLED_BY_THE_EXCHANGE = frozenset(
    {OrderStatus.MARGIN_CANCELED, OrderStatus.LIQUIDATED_CANCELED, OrderStatus.DELISTED_CANCELED}
)
"""What ``nonUserCancel`` tells of. When Hyperliquid sends it is not known; a reduce-only order that goes is not told."""

_Item = TypeVar("_Item", FillRecord, HistoryRow)


class UserFeeds:
    def __init__(self, exchange: PaperExchange, subscribers: Subscribers) -> None:
        self._exchange = exchange
        self._subscribers = subscribers
        self._info = exchange.info
        self._touched: set[str] = set()
        self._states_due_s = 0.0
        self._changed_due_s = 0.0

    def on_batch(self, batch: Batch) -> None:
        if not batch.is_of_users:
            return
        self._touched |= batch.accounts.keys()
        self._touched.update(order.user for order in batch.orders.values())
        self._tell_orders(batch)
        for user, fills in _by_user(fill for fill in batch.fills if fill.twap_id is None).items():
            self._tell_fills(user, fills)
        for user, fills in _by_user(fill for fill in batch.fills if fill.twap_id is not None).items():
            self._tell_slices(user, fills)
        for user, rows in _by_user(batch.history).items():
            self._tell_history(user, rows)
        for event in batch.liquidations:
            self._send(Channel.USER_EVENTS, event.liquidated_user, {"liquidation": _liquidation(event)})

    def flush(self, now_s: float) -> None:
        """Send the states that are due; ``now_s`` is monotonic."""
        if now_s >= self._states_due_s:
            self._states_due_s = now_s + _STATES_EVERY_S
            self._send_states(lambda _: True)
        elif self._touched and now_s >= self._changed_due_s:
            self._send_states(self._touched.__contains__)
        else:
            return
        self._changed_due_s = now_s + _CHANGED_STATES_EVERY_S
        self._touched.clear()

    def greeting(self, subscription: Subscription) -> Json:
        """What a new subscriber is told first; None if the channel has nothing to begin with."""
        assert subscription.user is not None
        account = self._exchange.venue.see(subscription.user)
        history = self._info.history
        match subscription.channel:
            case Channel.USER_FILLS:
                fills = history.fills(account, MAX_FILLS, aggregate=subscription.aggregates)
                return _snapshot(account.user, "fills", fills)
            case Channel.USER_FUNDINGS:
                rows = [_funding(row) for row in reversed(history.funding_rows(account)[-MAX_FILLS:])]
                return _snapshot(account.user, "fundings", rows)
            case Channel.USER_LEDGER_UPDATES:
                ledger = [self._info.rows.history(row) for row in history.ledger_rows(account)[-MAX_FILLS:]]
                return _snapshot(account.user, "nonFundingLedgerUpdates", ledger)
            case Channel.USER_HISTORICAL_ORDERS:
                return _snapshot(account.user, "orderHistory", self._info.orders.past(account))
            case Channel.USER_TWAP_HISTORY:
                past = [streamed_row(row) for row in account.history if row.is_twap]
                return _snapshot(account.user, "history", past[: -MAX_FILLS - 1 : -1])
            case Channel.USER_TWAP_SLICE_FILLS:
                return _snapshot(account.user, "twapSliceFills", self._info.twaps.slices(account))
            case channel if channel in _STATE_CHANNELS:
                return self._state(subscription)
            case _:
                return None

    def _send(self, channel: Channel, user: str, data: Json) -> None:
        name = "user" if channel is Channel.USER_EVENTS else channel.value
        self._subscribers.send(Subscription(channel, user=user), frame(name, data))

    def _tell_orders(self, batch: Batch) -> None:
        updates: dict[str, list[OrderUpdate]] = {}
        for update in batch.updates:
            updates.setdefault(update.order.user, []).append(update)
        for user, mine in updates.items():
            if self._wanted(Channel.ORDER_UPDATES, user):
                rows = [self._info.rows.order_update(update) for update in mine]
                self._send(Channel.ORDER_UPDATES, user, rows)
            if self._wanted(Channel.USER_HISTORICAL_ORDERS, user):
                past: list[Json] = [self._info.rows.past_update(update) for update in mine]
                self._send(Channel.USER_HISTORICAL_ORDERS, user, {"user": user, "orderHistory": past})
            gone: list[Json] = [
                {"coin": update.order.coin, "oid": update.order.oid}
                for update in mine
                if update.status in _CANCELLED_BY_THE_EXCHANGE
            ]
            if gone:
                self._send(Channel.USER_EVENTS, user, {"nonUserCancel": gone})

    def _tell_fills(self, user: str, fills: list[FillRecord]) -> None:
        for aggregates in (False, True):
            subscription = Subscription(Channel.USER_FILLS, user=user, aggregates=aggregates)
            if subscription in self._subscribers:
                rows = self._info.history.fill_rows(fills, aggregate=aggregates)
                self._subscribers.send(subscription, frame("userFills", {"user": user, "fills": rows}))
        if self._wanted(Channel.USER_EVENTS, user):
            rows = self._info.history.fill_rows(fills, aggregate=False)
            self._send(Channel.USER_EVENTS, user, {"fills": rows})
        if self._wanted(Channel.NOTIFICATION, user):
            for fill in fills:
                if not fill.crossed:
                    self._send(Channel.NOTIFICATION, user, {"notification": self._notice(fill)})

    def _tell_slices(self, user: str, fills: list[FillRecord]) -> None:
        rows = self._info.twaps.slice_rows(fills)
        self._send(Channel.USER_TWAP_SLICE_FILLS, user, _news(user, "twapSliceFills", rows))
        self._send(Channel.USER_EVENTS, user, {"twapSliceFills": rows})

    def _tell_history(self, user: str, rows: list[HistoryRow]) -> None:
        fundings: list[Json] = [_funding(row) for row in rows if row.is_funding]
        if fundings:
            self._send(Channel.USER_FUNDINGS, user, {"user": user, "fundings": fundings})
        for funding in fundings:
            self._send(Channel.USER_EVENTS, user, {"funding": funding})
        ledger: list[Json] = [self._info.rows.history(row) for row in rows if row.is_ledger]
        if ledger:
            data: JsonObject = {"user": user, "nonFundingLedgerUpdates": ledger}
            self._send(Channel.USER_LEDGER_UPDATES, user, data)
        twaps: list[Json] = [streamed_row(row) for row in rows if row.is_twap]
        if twaps:
            self._send(Channel.USER_TWAP_HISTORY, user, _news(user, "history", twaps))
            self._send(Channel.USER_EVENTS, user, {"twapHistory": twaps})

    def _notice(self, fill: FillRecord) -> str:
        rows = self._info.rows
        verb = "Bought" if fill.side is Side.BUY else "Sold"
        size, price = rows.size(fill.coin, fill.lots), rows.price(fill.coin, fill.price)
        return f"Resting order filled: {verb} {size} {fill.coin} at ${price}"

    def _wanted(self, channel: Channel, user: str) -> bool:
        return Subscription(channel, user=user) in self._subscribers

    def _send_states(self, is_meant: Callable[[str], bool]) -> None:
        for channel in _STATE_CHANNELS:
            for subscription in self._subscribers.of(channel):
                if subscription.user is not None and is_meant(subscription.user):
                    self._subscribers.send(subscription, frame(channel, self._state(subscription)))

    def _state(self, subscription: Subscription) -> JsonObject:
        assert subscription.user is not None
        account = self._exchange.venue.see(subscription.user)
        now_ms, info, dex = self._exchange.now_ms(), self._info, subscription.dex
        of_dex: JsonObject = {"dex": dex, "user": account.user}
        match subscription.channel:
            case Channel.OPEN_ORDERS:
                return {**of_dex, "orders": info.orders.frontend(account, dex)}
            case Channel.CLEARINGHOUSE_STATE:
                return {**of_dex, "clearinghouseState": info.accounts.state(account, dex, now_ms)}
            case Channel.ALL_DEXS_CLEARINGHOUSE_STATE:
                return {"user": account.user, "clearinghouseStates": info.accounts.states(account, now_ms)}
            case Channel.ACTIVE_ASSET_DATA:
                listing = self._exchange.venue.universe.listings[subscription.coin]
                return info.accounts.active_asset_data(account, listing)
            case Channel.SPOT_STATE:
                return {"user": account.user, "spotState": info.accounts.spot_state(account)}
            case Channel.TWAP_STATES:
                return {**of_dex, "states": info.twaps.running(account, dex)}
            case Channel.WEB_DATA_2:
                return info.bundles.web_data_2(account, now_ms)
            case Channel.WEB_DATA_3:
                return info.bundles.web_data_3(account, now_ms)
            case _:
                raise AssertionError(subscription)


def _snapshot(user: str, key: str, rows: Sequence[Json]) -> JsonObject:
    return {"isSnapshot": True, "user": user, key: rows}


def _news(user: str, key: str, rows: Sequence[Json]) -> JsonObject:
    """What follows a snapshot of TWAP orders; strict readers ask for the flag."""
    return {**_snapshot(user, key, rows), "isSnapshot": False}


def _funding(row: HistoryRow) -> Json:
    delta = {key: value for key, value in row.delta.items() if key != "type"}
    return {"time": row.time_ms, **delta}


def _liquidation(event: LiquidationEvent) -> Json:
    return {
        "lid": event.lid,
        "liquidator": event.liquidator,
        "liquidated_user": event.liquidated_user,
        "liquidated_ntl_pos": micro_wire(event.notional),
        "liquidated_account_value": micro_wire(event.value),
    }


def _by_user(items: Iterable[_Item]) -> dict[str, list[_Item]]:
    found: dict[str, list[_Item]] = {}
    for item in items:
        found.setdefault(item.user, []).append(item)
    return found
