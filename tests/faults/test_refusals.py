"""What the exchange refuses order by order, and what it cancels by itself (O10, O11, O13-O15)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.domain.events import Quote
from core.domain.orders import Side
from core.engine.deferrals import DEFER_MAX_MS
from core.paper.venue import rejections
from core.paper.venue.orders import Order, OrderRequest, OrderStatus
from core.paper.venue.placing import OrderDesk
from core.paper.venue.rejections import Rejection
from core.runtime.inbox import Inbox
from tests.faults.pace import BRISK, pace
from tests.faults.world import GRID, World, living

QUOTES_LATE = {"kind": "ws_drop", "channel": "bbo"}


def best(world: World, side: Side) -> Order:
    return max((o for o in world.ours() if o.side is side), key=lambda o: o.price * side.sign)


def row_of(world: World, cloid: str | None) -> tuple[str, str]:
    ((state, reason),) = world.rows("SELECT state, reason FROM orders WHERE cloid = ?", str(cloid))
    return state, reason


async def ended(world: World, orders: list[Order]) -> None:
    await world.until(
        lambda: {row_of(world, o.cloid)[0] for o in orders} == {"cancelled"}, "each has ended", 20
    )


def refusals(world: World, cause: str) -> list[dict[str, Any]]:
    return [told for told in world.told("order_rejected") if told["cause"] == cause]


@contextmanager
def refusing(rejection: Rejection, only: Any = lambda request: True) -> Iterator[list[OrderRequest]]:
    """The exchange refuses orders with these words; those that it refused."""
    refused: list[OrderRequest] = []
    found = rejections.reject_form

    def reject(request: OrderRequest, *args: Any) -> Rejection | None:
        if not only(request):
            return found(request, *args)
        refused.append(request)
        return rejection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.paper.venue.placing.reject_form", reject)
        yield refused


# -- post-only (O10) -----------------------------------------------------------------------------------------------


async def test_o10_a_level_that_the_market_has_passed_is_tried_ever_less_often_and_rests_once_it_may(
    world: World,
) -> None:
    await world.start()
    ask = best(world, Side.SELL)
    await world.faults(QUOTES_LATE)
    asset = world.instrument().asset_id
    await world.act({"type": "cancelByCloid", "cancels": [{"asset": asset, "cloid": ask.cloid}]})
    world.move(100 * (ask.price + 20 - world.mid()) / world.mid())
    began_ms = world.venue.now_ms()
    await world.until(lambda: len(refusals(world, "post_only")) >= 3, "it would take: refused", 15)
    took_ms = world.venue.now_ms() - began_ms
    assert took_ms >= 200 + 400, "0.2 s, 0.4 s, ... apart"
    assert {told["severity"] for told in refusals(world, "post_only")} == {"info"}
    assert not world.told("circuit_break")
    assert not world.told("api_error"), "a market that moves is no fault"
    world.move(100 * (ask.price - 60 - world.mid()) / world.mid())
    await world.check("order_rejected")
    assert ask.price in [order.price for order in world.ours()]
    sent = len(refusals(world, "post_only"))
    assert sent <= 2 + took_ms // 200, f"no loop: {sent} tries in {took_ms} ms, at most every {DEFER_MAX_MS}"


async def test_o10_an_order_that_would_take_by_the_time_its_row_is_written_is_not_sent(world: World) -> None:
    await world.start()
    bid = best(world, Side.BUY)
    sent = world.account.requests
    with pytest.MonkeyPatch.context() as patch:
        high = Quote("BTC", bid.price * 2, bid.price * 2 + 10, 2**60)
        patch.setattr(Inbox, "unread_quote", lambda _inbox, _coin: high)
        world.hit(bid.remaining)
        (told, *_) = await world.until(lambda: refusals(world, "crossed"), "it is kept back")
    assert told["severity"] == "info"
    assert "not sent" in told["reason"]
    assert world.account.requests == sent, "not a request of the address's budget"
    await world.check("order_rejected", "fill")
    assert not world.told("api_error")


# -- below the least order (O11) -----------------------------------------------------------------------------------


async def test_o11_what_is_below_the_least_order_is_never_sent(world: World) -> None:
    """A fill in parts leaves less than 10 USD to sell: it waits in its cell."""
    await world.start()
    bid = best(world, Side.BUY)
    sent = set(world.watch.cloids)
    few = world.instrument().min_lots(bid.price) // 2
    world.hit(few)
    await world.until(lambda: world.told("fill"), "the part trades")
    await world.turn()
    assert world.watch.cloids == sent, "nothing is sent for it"
    world.hit(bid.remaining)
    await world.check("fill")
    assert not world.told("order_rejected")
    assert all(o.lots >= world.instrument().min_lots(o.price) for o in world.ours())


async def test_o11_a_refusal_for_the_least_order_leaves_the_slot_alone_says_so_and_tries_ever_less_often(
    world: World,
) -> None:
    await world.start()
    words = Rejection("Order must have minimum value of $10.", OrderStatus.MIN_NOTIONAL_REJECTED)
    with refusing(words, lambda request: request.side is Side.SELL) as refused:
        world.hit(best(world, Side.BUY).remaining)
        (told, *_) = await world.until(lambda: refusals(world, "min_notional"), "refused")
        assert told["severity"] == "warn"
        level = await world.until(
            lambda: next(
                (
                    lv
                    for lv in world.coin().grid.levels
                    if "minTradeNtl" in lv.blocked_by or "minimum value" in lv.blocked_by
                ),
                None,
            ),
            "the level says why it is empty",
        )
        assert level.side == "sell"
        await world.until(lambda: len(refused) >= 3, "again", 15)
        assert len(world.ours()) == GRID - 1, "the others rest"
    await world.check("order_rejected", "fill")
    assert not world.told("circuit_break")


# -- margin (O13) --------------------------------------------------------------------------------------------------


async def test_o13_one_order_without_margin_concerns_that_order_alone(world: World) -> None:
    words = Rejection("Insufficient margin to place order.", OrderStatus.MARGIN_REJECTED)
    lowest: list[int] = []

    def is_farthest(request: OrderRequest) -> bool:
        lowest.append(request.price)
        return request.side is Side.BUY and request.price == min(lowest) and len(lowest) >= GRID // 2

    with refusing(words, is_farthest) as refused:
        await world.start(resting=None)
        await world.until(lambda: refusals(world, "margin"), "refused")
        await world.until(lambda: len(world.ours()) == GRID - 1, "the others of its batch rest")
        assert not world.told("order_unknown")
        assert {told["severity"] for told in refusals(world, "margin")} == {"warn"}
        held = world.account.lots("BTC")
        world.hit(best(world, Side.BUY).remaining)
        await world.until(lambda: world.account.lots("BTC") > held, "one trades")
        await world.until(lambda: any(o.side is Side.SELL for o in world.ours()), "what reduces rests")
        assert refused
    await world.check("order_rejected", "fill")


# -- reduce-only (O14) ---------------------------------------------------------------------------------------------


async def test_o14_a_flatten_whose_order_would_increase_the_position_looks_again_and_ends_flat(
    world: World,
) -> None:
    await world.start()
    world.hit(best(world, Side.BUY).remaining)
    await world.until(lambda: world.told("fill"), "something is held")
    await world.until(world.is_whole, "and quoted for")
    words = Rejection("Reduce only order would increase position.", OrderStatus.REDUCE_ONLY_REJECTED)
    left = [2]

    def twice(request: OrderRequest) -> bool:
        left[0] -= request.reduce_only
        return request.reduce_only and left[0] >= 0

    with refusing(words, twice) as refused:
        answer = await world.control("flatten", "BTC")
    assert answer["outcome"] == "done", answer
    assert len(refused) == len(refusals(world, "reduce_only")) == 2
    assert world.lots() == 0
    await world.check(halted="flatten")


async def test_o14_a_position_that_somebody_closes_while_it_is_flattened_is_flat_and_no_failure(
    world: World,
) -> None:
    await world.start()
    world.hit(best(world, Side.BUY).remaining)
    await world.until(lambda: world.told("fill"), "something is held")
    await world.until(world.is_whole, "and quoted for")
    place = OrderDesk.place
    lots = world.lots()

    def closed_first(desk: OrderDesk, account: Any, requests: list[OrderRequest], *args: Any) -> Any:
        """Just before the order arrives."""
        if world.lots() and any(request.reduce_only for request in requests):
            world.watch.outside_breach = True
            patch.undo()
            placed = world.venue.venue.market_order(
                world.exchange.user, "BTC", Side.SELL, lots, world.venue.now_ms()
            )
            assert not placed.error, placed.error
        return place(desk, account, requests, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OrderDesk, "place", closed_first)
        answer = await world.control("flatten", "BTC")
    assert answer["outcome"] == "done", answer
    assert len(refusals(world, "reduce_only")) == 1, "in the exchange's own words"
    assert world.lots() == 0
    await world.check(halted="flatten")


# -- cancelled by the exchange (O15) -------------------------------------------------------------------------------

CANCELLED = (
    *("canceled", "marginCanceled", "vaultWithdrawalCanceled", "openInterestCapCanceled"),
    *("selfTradeCanceled", "reduceOnlyCanceled", "siblingFilledCanceled", "delistedCanceled"),
    *("liquidatedCanceled", "outcomeSettledCanceled", "scheduledCancel", "internalCancel"),
)
"""Hyperliquid's words for orders that it has taken back."""


@pytest.mark.parametrize("how", ["over the stream", "over REST"])
async def test_o15_every_word_for_cancelled_ends_the_order_with_its_reason_and_its_slot_is_filled_again(
    tmp_path: Path, how: str
) -> None:
    """Six of them at once, then the other six."""
    with pace(BRISK):
        async with living(tmp_path) as world:
            await world.start()
            for words in (CANCELLED[:GRID], CANCELLED[GRID:]):
                gone = dict(zip(words, world.ours(), strict=True))
                if how == "over REST":
                    await world.faults({"kind": "ws_drop", "channel": "orderUpdates"})
                await cancel_as(world, gone)
                await ended(world, list(gone.values()))
                assert {row_of(world, o.cloid)[1] for o in gone.values()} == set(words)
                await world.check("order_cancelled")
            assert not world.told("order_unknown")


async def test_o15_a_word_that_is_not_known_ends_nothing_and_is_told(world: World) -> None:
    with pace(BRISK):
        await world.start()
        (bid,) = [best(world, Side.BUY)]
        await cancel_as(world, {"governanceErased": bid})
        (told,) = await world.until(lambda: world.told("order_unknown"), "in doubt")
        assert "governanceErased" in told["reason"]
        assert told["severity"] == "crit", "an alarm"
        state, reason = row_of(world, bid.cloid)
        assert state == "unknown"
        assert "not a known status" in reason
        sent = len(world.watch.cloids)
        await world.turn()
        assert len(world.watch.cloids) == sent, "its slot is taken until it is settled"
        bid.status = OrderStatus.CANCELED
        await world.check("order_unknown", "order_cancelled")
        assert row_of(world, bid.cloid)[0] == "cancelled"


class Word(str):
    """A status as the exchange's records hold it, whether the paper exchange has a use for it or not."""

    __slots__ = ()

    @property
    def value(self) -> str:
        return str(self)


async def cancel_as(world: World, gone: dict[str, Order]) -> None:
    """Take orders back in these words."""
    ledger = world.venue.venue.ledger
    ledger.begin_block(world.venue.now_ms())
    for word, order in gone.items():
        ledger.cancel(order, Word(word))  # type: ignore[arg-type]
    world.venue.settle()
