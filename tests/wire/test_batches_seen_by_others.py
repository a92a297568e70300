"""What our router places, changes and cancels in large batches, as two clients that others wrote see it; the largest batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from hyperliquid.info import Info
from typed_hyperliquid import Hyperliquid

from core.domain.events import PlaceOutcome, Resting
from core.domain.orders import Order, Side
from core.exchange.actions import cancel_action
from core.exchange.lanes import Lane
from core.exchange.nonces import NonceAllocator
from core.exchange.order_router import CANCELS_PER_ACTION, OrderRouter
from core.exchange.reads import read_instruments
from core.exchange.rest import Rest
from core.exchange.sender import Sender
from core.exchange.signing import Signer
from core.exchange.venue_clock import VenueClock
from tests.unit.exchange.samples import KEY, cloid, order
from tests.unit.paper.paper_client import running

Seen = dict[int, tuple[str, Decimal, Decimal]]
"""By order id: side, price, size."""


@dataclass
class Ours:
    """Our router at one exchange, and what it sent."""

    url: str
    rest: Rest
    sender: Sender
    router: OrderRouter
    clock: VenueClock
    sent: list[tuple[str, int]]
    """The kind and the items of each action."""
    resting: list[Order] = field(default_factory=list)
    count: int = 0

    def bids(self, count: int, lots: int) -> list[Order]:
        """Far below the market, each at a price of its own."""
        first, self.count = self.count, self.count + count
        expires_ms = self.clock.now().venue_ms + 20_000
        return [
            order(n, price=600_000 + 100 * n, lots=lots, side=Side.BUY, slot=None, expires_ms=expires_ms)
            for n in range(first, first + count)
        ]

    async def place(self, count: int) -> None:
        orders = self.bids(count, 100)
        self.resting += resting(orders, await self.router.place(orders))

    async def are_seen(self, orders: list[Order]) -> None:
        """The official SDK and typed-hyperliquid see ``orders`` resting, and no others. (The latter drops their cloids.)"""
        user = Signer(KEY, False).address
        sdk = await asyncio.to_thread(lambda: Info(self.url, skip_ws=True).frontend_open_orders(user))
        async with Hyperliquid.new(public=True, mainnet=False, base_url=self.url) as client:
            typed = await client.info.frontend_open_orders(user=user)
        placed = {
            o.order_id: (o.side.value, Decimal(o.price) / 10, Decimal(o.lots) / 100_000) for o in orders
        }
        assert _seen(sdk) == placed
        assert _seen(typed) == placed
        assert {row["oid"]: row["cloid"] for row in sdk} == {o.order_id: o.cloid for o in orders}


def resting(orders: list[Order], outcome: PlaceOutcome) -> list[Order]:
    """``orders`` with the ids that an answer gave them; every one of them rests."""
    found = []
    for sent, (name, result) in zip(orders, outcome.results, strict=True):
        assert isinstance(result, Resting), result
        assert name == sent.cloid
        found.append(replace(sent, order_id=result.order_id))
    return found


def _seen(rows: Any) -> Seen:
    sides = {"B": Side.BUY.value, "A": Side.SELL.value}
    return {row["oid"]: (sides[row["side"]], Decimal(row["limitPx"]), Decimal(row["sz"])) for row in rows}


@pytest.fixture
async def ours(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ours]:
    with running(funds_usd=Decimal(1_000_000)) as url:
        async with _router(url, monkeypatch) as one:
            yield one


@asynccontextmanager
async def _router(url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ours]:
    clock, sent = VenueClock(), list[tuple[str, int]]()
    rest = Rest(url, clock)
    act = rest.act

    async def noted(body: bytes, kind: str, lane: Lane, items: int, *more: Any, **named: Any) -> Any:
        sent.append((kind, items))
        return await act(body, kind, lane, items, *more, **named)

    monkeypatch.setattr(rest, "act", noted)
    await rest.open()
    try:
        sender = Sender(rest, Signer(KEY, False), NonceAllocator(0, _kept), clock)
        router = OrderRouter(sender, clock, await read_instruments(rest))
        yield Ours(url, rest, sender, router, clock, sent)
    finally:
        await rest.close()


async def _kept(_ceiling: int) -> bool:
    return True


async def test_two_clients_see_five_batches_of_forty_as_they_were_placed(ours: Ours) -> None:
    for _ in range(5):
        await ours.place(40)
    assert ours.sent == [("order", 40)] * 5
    await ours.are_seen(ours.resting)


async def test_two_clients_see_forty_orders_changed_in_one_action(ours: Ours) -> None:
    await ours.place(40)
    await ours.place(10)
    changed, kept = ours.resting[:40], ours.resting[40:]
    wanted = ours.bids(40, 150)
    ours.sent.clear()
    outcome = await ours.router.modify(list(zip(changed, wanted, strict=True)))
    assert ours.sent == [("batchModify", 40)]
    assert all(not error for _, error in outcome.replaced)
    await ours.are_seen([*resting(wanted, outcome), *kept])


async def test_two_hundred_cancels_are_one_action_after_which_two_clients_see_nothing(ours: Ours) -> None:
    for _ in range(5):
        await ours.place(40)
    ours.sent.clear()
    outcome = await ours.router.cancel([(o.coin, o.cloid) for o in ours.resting])
    assert ours.sent == [("cancelByCloid", 200)]
    assert outcome.failure is None
    assert outcome.results == tuple((o.cloid, "") for o in ours.resting)
    await ours.are_seen([])


async def test_one_cancel_more_is_an_action_of_its_own_for_the_exchange_refuses_it_in_the_same(
    ours: Ours,
) -> None:
    await ours.place(40)
    names = [("BTC", o.cloid) for o in ours.resting]
    names += [("BTC", cloid(10_000 + n)) for n in range(CANCELS_PER_ACTION + 1 - len(names))]
    instruments = await read_instruments(ours.rest)
    expires_ms = ours.clock.now().venue_ms + 20_000
    refused = await ours.sender.send(
        Lane.CANCEL, cancel_action(names, instruments), expires_ms, len(names), lambda answer, _: answer
    )
    assert refused == {"status": "err", "response": "Signed action over weight limit of 200."}
    await ours.are_seen(ours.resting)
    ours.sent.clear()
    outcome = await ours.router.cancel(names)
    assert ours.sent == [("cancelByCloid", 200), ("cancelByCloid", 1)]
    gone = [name for name, error in outcome.results if not error]
    assert gone == [o.cloid for o in ours.resting]
    await ours.are_seen([])
