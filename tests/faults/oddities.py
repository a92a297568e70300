"""What an exchange may say that the paper one, by itself, never says: each for as long as its ``with`` lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from core.domain.orders import Side
from core.paper.answers.rows import Rows
from core.paper.jsonio import JsonObject
from core.paper.server.frames import frame
from core.paper.server.subscriptions import Channel, Subscription
from core.paper.venue.accounting import Trade
from core.paper.venue.orders import FillRecord, Order, OrderStatus
from tests.faults.world import World


def fill_anyway(world: World, order: Order, lots: int) -> None:
    """A fill of an order that can't have it: it has ended, or ends with more lots than it had. All books move with it."""
    ledger = world.venue.venue.ledger
    ledger.begin_block(world.venue.now_ms())
    if order.is_open:
        ledger.cancel(order, OrderStatus.FILLED)
    trade = Trade(order.coin, order.price, lots, ledger.new_trade_id())
    change = ledger.exchange(world.account, trade, order.side)
    ledger.exchange(ledger.market, trade, order.side.opposite)
    ledger.fill(world.account, trade, order.side, change, oid=order.oid, cloid=order.cloid, crossed=False)
    world.venue.settle()


@contextmanager
def one_trade_id(world: World) -> Iterator[None]:
    """Every trade has the same id: ``tid`` is a hash, and hashes collide."""
    ledger = world.venue.venue.ledger
    tid = ledger.new_trade_id()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "new_trade_id", lambda: tid)
        yield


@contextmanager
def _timed(world: World, time_of: Callable[[int], int]) -> Iterator[None]:
    """Fills carry a time made from that of their block; the rest of the exchange keeps its clock."""
    ledger = world.venue.venue.ledger
    fill = ledger.fill

    def told(*args: Any, **kwargs: Any) -> None:
        kept, ledger.block_ms = ledger.block_ms, time_of(ledger.block_ms)
        try:
            fill(*args, **kwargs)
        finally:
            ledger.block_ms = kept

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "fill", told)
        yield


def stamped(world: World, shift_ms: int) -> AbstractContextManager[None]:
    """Fills carry a time so far ahead of (or behind) when they happened."""
    return _timed(world, lambda block_ms: block_ms + shift_ms)


def one_moment(world: World) -> AbstractContextManager[None]:
    """Fills carry one and the same time, however far apart they happen."""
    moment = world.venue.venue.ledger.block_ms
    return _timed(world, lambda _: moment)


@contextmanager
def rewritten(changes: dict[str, Any], side: Side | None = None) -> Iterator[None]:
    """Rows of fills (of one side, if given) are told with these fields, whoever asks, for good: until the end of the test."""
    told: Any = Rows.fill

    def fill(rows: Rows, record: FillRecord) -> JsonObject:
        row: JsonObject = told(rows, record)
        return {**row, **changes} if side in (None, record.side) else row

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rows, "fill", fill)
        yield


def say_again(world: World, times: int) -> None:
    """Every fill of the account once more on the stream, so many times over, as if it had just happened."""
    user = world.exchange.user
    rows = world.venue.info.history.fill_rows(world.account.fills, aggregate=False)
    hub = world.exchange.server._hub
    assert hub is not None, "the server has started"
    for _ in range(times):
        hub._subscribers.send(
            Subscription(Channel.USER_FILLS, user=user), frame("userFills", {"user": user, "fills": rows})
        )
