"""What is executed first in a block, and how a block is committed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from core.paper.config import PaperConfig, PaperError, StoreError
from core.paper.exchange import PaperExchange
from core.paper.jsonio import MalformedRequestError
from core.paper.requests.actions import decode_action
from core.paper.requests.blocks import Turn, turn_of
from core.paper.store import PaperStore
from core.paper.venue.batch import Batch
from tests.unit.paper.desk import NOOP, OK, Desk, QuotedMarket, address, orders
from tests.unit.paper.paper_client import new_wallet, order
from tests.unit.paper.world import NOW_MS


def _exchange(block_ms: int = 5, store: PaperStore | None = None) -> PaperExchange:
    return PaperExchange(PaperConfig(block_ms=block_ms), QuotedMarket(), store, lambda: NOW_MS)


def _cancel(oid: int) -> dict[str, Any]:
    return {"type": "cancel", "cancels": [{"a": 0, "o": oid}]}


def _status(answer: Any) -> Any:
    (status,) = answer["response"]["data"]["statuses"]
    return status


_TRIGGER = {"trigger": {"isMarket": True, "triggerPx": "99000", "tpsl": "sl"}}


@pytest.mark.parametrize(
    ("action", "turn"),
    [
        (NOOP, Turn.QUIET),
        ({"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 3}, Turn.QUIET),
        (orders(order(True, "1", "1", "Alo"), order(True, "1", "1", "Alo")), Turn.QUIET),
        (orders({**order(True, "1", "1"), "t": _TRIGGER}), Turn.QUIET),
        (_cancel(1), Turn.CANCEL),
        (orders(order(True, "1", "1", "Alo"), order(True, "1", "1", "Gtc")), Turn.TAKE),
        (orders(order(True, "1", "1", "Ioc")), Turn.TAKE),
        (orders(order(True, "1", "1", "FrontendMarket")), Turn.TAKE),
        ({"type": "modify", "oid": 1, "order": order(True, "1", "1", "Alo")}, Turn.QUIET),
        ({"type": "batchModify", "modifies": [{"oid": 1, "order": order(True, "1", "1", "Gtc")}]}, Turn.TAKE),
    ],
)
def test_takers_come_after_cancels_and_those_after_the_rest(action: dict[str, Any], turn: Turn) -> None:
    assert turn_of(decode_action(action)[0]) is turn


async def _race(exchange: PaperExchange, *, cancel_first: bool) -> tuple[Any, Any]:
    """A maker cancels while a taker takes; what each is answered."""
    desk, maker, taker = Desk(), new_wallet(), new_wallet()
    resting = _status(await exchange.act(desk.body(maker, orders(order(False, "100005", "0.1", "Alo")))))
    requests = [
        desk.body(maker, _cancel(resting["resting"]["oid"])),
        desk.body(taker, orders(order(True, "100005", "0.1", "Ioc"))),
    ]
    answers = await asyncio.gather(*map(exchange.act, requests if cancel_first else requests[::-1]))
    return tuple(map(_status, answers if cancel_first else answers[::-1]))


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_in_one_block_the_cancel_wins_over_the_taker_whoever_came_first(cancel_first: bool) -> None:
    cancelled, taken = await _race(_exchange(), cancel_first=cancel_first)
    assert cancelled == "success"
    assert taken["error"].startswith("Order could not immediately match against any resting orders.")


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_without_blocks_who_comes_first_wins(cancel_first: bool) -> None:
    cancelled, taken = await _race(_exchange(block_ms=0), cancel_first=cancel_first)
    assert (cancelled == "success") is cancel_first
    assert ("filled" in taken) is not cancel_first


async def test_a_post_only_order_is_in_the_book_before_the_taker_that_came_first() -> None:
    exchange, desk = _exchange(), Desk()
    maker, taker = new_wallet(), new_wallet()
    answers = await asyncio.gather(
        exchange.act(desk.body(taker, orders(order(True, "100005", "0.1", "Ioc")))),
        exchange.act(desk.body(maker, orders(order(False, "100005", "0.1", "Alo")))),
    )
    assert _status(answers[0])["filled"]["avgPx"] == "100005.0"


async def test_a_block_is_one_change_and_is_told_before_it_is_answered() -> None:
    exchange, desk = _exchange(), Desk()
    told: list[Batch] = []
    exchange.listen(told.append)
    wallets = [new_wallet() for _ in range(3)]

    async def act(wallet: LocalAccount) -> Any:
        answer = await exchange.act(desk.body(wallet, orders(order(True, "99000", "0.1"))))
        assert told, "answered before it was told"
        return answer

    await asyncio.gather(*map(act, wallets))
    (batch,) = told
    assert {update.order.user for update in batch.updates} == set(map(address, wallets))


async def test_what_comes_after_a_block_was_closed_is_in_the_next() -> None:
    exchange, desk, wallet = _exchange(), Desk(), new_wallet()
    for _ in range(2):
        assert await exchange.act(desk.body(wallet, NOOP)) == OK


async def test_a_client_that_leaves_takes_nobody_elses_answer_away() -> None:
    exchange, desk, wallet = _exchange(), Desk(), new_wallet()
    leaver = asyncio.create_task(exchange.act(desk.body(wallet, NOOP)))
    stayer = asyncio.create_task(exchange.act(desk.body(wallet, NOOP)))
    await asyncio.sleep(0)
    leaver.cancel()
    assert await stayer == OK
    assert exchange.venue.see(address(wallet)).requests == 2


async def test_what_cannot_be_read_never_reaches_a_block() -> None:
    with pytest.raises(MalformedRequestError):
        await _exchange().act({"action": {"type": "nope"}})


async def test_everyone_in_a_block_that_cannot_be_stored_is_told(tmp_path: Path) -> None:
    store = PaperStore(tmp_path / "paper.db")
    exchange, desk = _exchange(store=store), Desk()
    store.close()
    bodies = [desk.body(new_wallet(), NOOP) for _ in range(2)]
    answers = await asyncio.gather(*map(exchange.act, bodies), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreError, StoreError]


def test_a_block_cannot_last_less_than_no_time() -> None:
    with pytest.raises(PaperError, match="Fix: "):
        PaperConfig(block_ms=-1)
