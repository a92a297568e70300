"""Thirty levels a side move to another spacing: the bot, and one order an action, as most bots do it.

Over loopback HTTP to a paper exchange in a process of its own, on a market that stands still. Both sign with the same code and
send over the same kind of connection; the bot also commits each row to its journal before, and lets half of its old orders rest
until the first new ones are known to. Counted from the first action's beginning to the last one's answer.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from eth_account import Account
from hyperliquid.exchange import Exchange

from core.domain.cloid import make_cloid
from core.domain.commands import Action, Command, Origin
from core.domain.events import CommandReceived, PlaceOutcome, Resting
from core.domain.orders import Order, Side
from core.exchange.nonces import NonceAllocator
from core.exchange.order_router import OrderRouter
from core.exchange.reads import read_instruments
from core.exchange.rest import Rest
from core.exchange.sender import Sender
from core.exchange.signing import Signer
from core.exchange.venue_clock import VenueClock
from core.runtime.plan import RunPlan
from tests.bench.report import Row, row
from tests.bench.server import serving
from tests.unit.exchange.samples import order, until
from tests.unit.runtime.stage import Run, plan, running, settings

LEVELS = 30
_ROUNDS, _SLOW_ROUNDS = 5, 3
_SPACINGS = ("0.0010", "0.0012")
_CENTER, _NARROW, _WIDE = 1_097_550, 1_100, 1_320
"""Of the plain client's grid, in units of 0.1 USD."""
_STRANGER = "0x" + "77" * 32


@dataclass(frozen=True, slots=True)
class Call:
    """One action on its way. Seconds of ``perf_counter``."""

    began_s: float
    ended_s: float
    items: int


@dataclass(frozen=True, slots=True)
class Requote:
    """What one change of the whole grid took."""

    actions: int
    took_ms: float
    waited_ms: float
    """In which nothing was on its way: for the answer to be read, the rest to be decided on, and its rows to be on disk."""


def rows() -> list[Row]:
    found: list[Row] = []
    for block_ms, words in ((10, "blocks of 10 ms"), (0, "no blocks")):
        with serving(f"paper:{block_ms}") as url:
            ours, theirs, at_once = asyncio.run(_compare(url))
            with_sdk = [_with_sdk(url) for _ in range(_SLOW_ROUNDS)]
        name = f"{2 * LEVELS} levels to another spacing, {words}"
        found += [
            row(
                f"{name}: actions",
                _median("actions", ours),
                "",
                "one order an action",
                _median("actions", theirs),
                20,
                less_is_better=True,
            ),
            row(
                f"{name}: first byte to last answer",
                _median("took_ms", ours),
                "ms",
                "one order an action",
                _median("took_ms", theirs),
                10,
                less_is_better=True,
            ),
            row(
                f"{name}: the same",
                _median("took_ms", ours),
                "ms",
                "one order an action, the SDK",
                median(with_sdk),
                10,
                less_is_better=True,
            ),
            row(
                f"{name}: the same",
                _median("took_ms", ours),
                "ms",
                "two batches that wait for no proof",
                _median("took_ms", at_once),
                less_is_better=True,
            ),
            row(f"{name}: of it between two actions", _median("waited_ms", ours), "ms"),
        ]
    return found


def _median(what: str, found: Sequence[Requote]) -> float:
    return float(median(getattr(each, what) for each in found))


async def _compare(url: str) -> tuple[list[Requote], list[Requote], list[Requote]]:
    with (
        _watched() as calls,
        tempfile.TemporaryDirectory(prefix="gridbot-requote-", dir=_on_disk()) as home,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("XDG_STATE_HOME", home)
        ours = await _bot(plan(Path(home), url), calls)
        async with _plain(url) as client:
            theirs = [await client.one_by_one(calls) for _ in range(_ROUNDS)]
            at_once = [await client.in_two_batches(calls) for _ in range(_ROUNDS)]
    return ours, theirs, at_once


def _on_disk() -> Path:
    """Where commits wait for a disk, as they do in earnest."""
    build = Path.cwd() / "build"
    build.mkdir(exist_ok=True)
    return build


@contextmanager
def _watched() -> Iterator[list[Call]]:
    """Every action of this process, from before it is signed to after its answer is read."""
    calls: list[Call] = []
    send = Sender.send

    async def noted(
        self: Sender, lane: Any, action: Any, expires_ms: int, items: int, *rest: Any, **named: Any
    ) -> Any:
        began_s = time.perf_counter()
        try:
            return await send(self, lane, action, expires_ms, items, *rest, **named)
        finally:
            calls.append(Call(began_s, time.perf_counter(), items))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sender, "send", noted)
        yield calls


def _requote(calls: list[Call]) -> Requote:
    """What was sent since the last one, which is forgotten."""
    began = sorted(calls, key=lambda call: call.began_s)
    calls.clear()
    ends_s, waited_s = began[0].began_s, 0.0
    for call in began:
        waited_s += max(0.0, call.began_s - ends_s)
        ends_s = max(ends_s, call.ended_s)
    return Requote(len(began), 1000 * (ends_s - began[0].began_s), 1000 * waited_s)


# -- the bot ---------------------------------------------------------------------------------------------------------


async def _bot(of: RunPlan, calls: list[Call]) -> list[Requote]:
    wished = settings(
        num_grids=LEVELS, grid_spacing_pct=Decimal(_SPACINGS[0]), investment_usd=Decimal(20_000)
    )
    async with running(replace(of, settings=wished)) as run:
        await run.resting(2 * LEVELS)
        found = []
        for number in range(_ROUNDS):
            calls.clear()
            await _spread(run, _SPACINGS[(number + 1) % 2], number)
            found.append(_requote(calls))
        return found


async def _spread(run: Run, spacing: str, number: int) -> None:
    before = run.snapshots[-1].coins[0].grid.generation
    run.session.inbox.force(
        CommandReceived(Command(f"spacing {number}", Action.SET_SPACING, "BTC", Origin.CLI, spacing))
    )
    await until(lambda: run.snapshots[-1].coins[0].grid.generation > before, 10)
    await run.resting(2 * LEVELS)


# -- a plain client --------------------------------------------------------------------------------------------------


@dataclass
class _Plain:
    """An account of its own whose sixty orders move to other prices. Nothing is written down, nothing is decided on."""

    router: OrderRouter
    clock: VenueClock
    resting: list[Order] = field(default_factory=list)
    counter: int = 0

    async def one_by_one(self, calls: list[Call]) -> Requote:
        """The nearest first: each is cancelled and placed anew."""
        moved = self._moved()
        calls.clear()
        for number, (old, new) in enumerate(zip(self.resting, moved, strict=True)):
            assert (await self.router.cancel([(old.coin, old.cloid)])).results == ((old.cloid, ""),)
            self.resting[number] = _placed(await self.router.place([new]), [new])[0]
        return _requote(calls)

    async def in_two_batches(self, calls: list[Call]) -> Requote:
        """All at once, in batches as the bot's."""
        pairs = list(zip(self.resting, self._moved(), strict=True))
        halves = pairs[:LEVELS], pairs[LEVELS:]
        calls.clear()
        outcomes = await asyncio.gather(*(self.router.modify(half) for half in halves))
        self.resting = [
            order
            for half, outcome in zip(halves, outcomes, strict=True)
            for order in _placed(outcome, [new for _, new in half])
        ]
        return _requote(calls)

    def _moved(self) -> list[Order]:
        was_narrow = bool(self.resting) and abs(self.resting[0].price - _CENTER) == _NARROW
        step = _WIDE if was_narrow else _NARROW
        return [
            self._order(side, _CENTER + direction * step * (level + 1))
            for level in range(LEVELS)
            for side, direction in ((Side.BUY, -1), (Side.SELL, 1))
        ]

    def _order(self, side: Side, price: int) -> Order:
        self.counter += 1
        name = make_cloid("0badcafe", "b0070002", self.counter)
        expires_ms = self.clock.now().venue_ms + 60_000
        return order(cloid=name, side=side, price=price, expires_ms=expires_ms, slot=None)


def _placed(outcome: PlaceOutcome, orders: Sequence[Order]) -> list[Order]:
    found = []
    for sent, (_, result) in zip(orders, outcome.results, strict=True):
        assert isinstance(result, Resting), result
        found.append(replace(sent, order_id=result.order_id))
    return found


@asynccontextmanager
async def _plain(url: str) -> AsyncIterator[_Plain]:
    """With its first sixty orders resting."""
    clock = VenueClock()
    rest = Rest(url, clock)
    await rest.open()
    try:
        sender = Sender(rest, Signer(_STRANGER, False), NonceAllocator(0, _kept), clock)
        client = _Plain(OrderRouter(sender, clock, await read_instruments(rest)), clock)
        first = client._moved()
        client.resting = _placed(await client.router.place(first), first)
        yield client
    finally:
        await rest.close()


async def _kept(_ceiling: int) -> bool:
    return True


# -- what most bots are made of ----------------------------------------------------------------------------------------


def _with_sdk(url: str) -> float:
    """Milliseconds that the official SDK's client needs to move sixty orders, each cancelled and placed anew."""
    client = Exchange(Account.create(), url)
    cells = [(is_buy, level) for level in range(LEVELS) for is_buy in (True, False)]
    oids = [_sdk_order(client, is_buy, level, _NARROW) for is_buy, level in cells]
    began_s = time.perf_counter()
    for oid, (is_buy, level) in zip(oids, cells, strict=True):
        client.cancel("BTC", oid)
        _sdk_order(client, is_buy, level, _WIDE)
    return 1000 * (time.perf_counter() - began_s)


def _sdk_order(client: Exchange, is_buy: bool, level: int, step: int) -> int:
    price = (_CENTER + (-1 if is_buy else 1) * step * (level + 1)) / 10
    answer = client.order("BTC", is_buy, 0.0003, price, {"limit": {"tif": "Alo"}})
    oid: int = answer["response"]["data"]["statuses"][0]["resting"]["oid"]
    return oid
