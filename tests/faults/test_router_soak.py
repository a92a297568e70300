"""Half an hour of everything that befalls a router at once: storms of 429, a spent address budget, clocks that are off, answers
that are lost, late or damaged, and an operator who halts and flattens in the midst of it (I5, I7, I11).

In virtual time, at the program's own pace, against the exchange's own counters.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
import pytest
from aiohttp import web

from core.domain.commands import Action, Command, Origin
from core.domain.events import CommandReceived
from core.paper.config import PaperConfig
from core.paper.server import pacing
from core.paper.server.faults import faults
from core.paper.server.ip_limits import exchange_weight, info_weight
from core.paper.server.routes import Routes
from core.paper.venue import budget
from core.paper.venue.accounts import Account
from core.paper.venue.budget import request_cap, requests_used
from core.paper.venue.refusals import RefusedError
from core.runtime import account_loop, pulse
from core.view import CommandStatus
from tests.faults.pace import pace
from tests.faults.world import GRID, World
from tests.unit.runtime.stage import venue
from tests.virtual_time import run_virtually

MINUTES = 30
STEPS = 15
"""In a minute: how often the market does something."""

BEGINS_MS = 1_767_270_960_000
FIRST_CANCEL_MS = 500
"""Of a halt or a flatten, until it reaches the exchange (I7)."""

WEIGHT_A_MINUTE = 1_200
FIRST_PAUSE_MS = 2_000
"""After a 429 that names no time."""
ON_ITS_WAY_MS = 100
"""What comes so soon after one was sent before it."""

SEDATE: dict[ModuleType, dict[str, Any]] = {
    pacing: {"_TICK_S": 1.0, "_MAX_LAG_S": 5.0},
    account_loop: {"PUBLISH_EVERY_MS": 2_000, "TICK_MS": 1_000},
    pulse: {"BEAT_S": 10.0},
    faults: {"_LOOK_EVERY_S": 0.5},
}
"""The market stands still unless it is moved, and what only looks at the clock does so each second."""

Row = dict[str, Any]

WEATHER: dict[str, list[Row]] = {
    "calm": [],
    "storm of 429": [{"kind": "http_429", "probability": 0.5}],
    "429 on reads": [{"kind": "http_429", "action": "/info", "probability": 0.9}],
    "clock ahead": [{"kind": "clock_skew", "delay_ms": 90_000}],
    "clock behind": [{"kind": "clock_skew", "delay_ms": -90_000}],
    "lost answers": [
        {"kind": "answer_lost", "probability": 0.3},
        {"kind": "request_lost", "action": "/exchange", "probability": 0.2},
    ],
    "late actions": [
        {"kind": "action_late", "probability": 0.4, "delay_ms": 4_000, "status": 504},
        {"kind": "http_delay", "action": "/exchange", "probability": 0.3, "delay_ms": 1_500},
    ],
    "bad answers": [
        *(
            {"kind": "http_corrupt", "action": "/exchange", "mode": mode, "probability": 0.2}
            for mode in ("short", "types", "garble", "truncate")
        ),
        {"kind": "http_html", "action": "/exchange", "probability": 0.2},
        {"kind": "http_empty", "action": "/exchange", "probability": 0.2},
    ],
    "deaf": [
        {"kind": "ws_drop", "channel": "orderUpdates", "probability": 0.5},
        {"kind": "ws_drop", "channel": "userFills", "probability": 0.3},
    ],
}


@dataclass
class Count:
    """What the exchange has seen arrive, before any fault strikes it."""

    cancels_ms: list[int] = field(default_factory=list)
    heaviest: int = 0
    """Weight within a minute."""
    actions: Counter[str] = field(default_factory=Counter)
    too_many: int = 0
    """Requests that the exchange's own limit has refused."""
    refused_for_budget: int = 0
    over_budget: int = 0
    """Requests of anything but cancels that it has let pass beyond the budget."""
    impatient: list[tuple[int, str]] = field(default_factory=list)
    """What can wait, and came within the first pause after a 429: when (ms), and what."""
    nonces: Counter[int] = field(default_factory=Counter)
    fell: list[tuple[int, int]] = field(default_factory=list)
    """Nonces that weren't above all that had come before they were sent: the highest of those, and the nonce."""
    _recent: deque[tuple[int, int]] = field(default_factory=deque)
    _total: int = 0
    _refused_ms: int = -60_000
    _highest: tuple[int, int] = (0, 0)
    """Nonce, and when it came (ms)."""

    def saw(self, path: str, body: Any, now_ms: int) -> None:
        weight = info_weight(body) if path == "/info" else exchange_weight(body)
        self._recent.append((now_ms, weight))
        self._total += weight
        while self._recent[0][0] <= now_ms - 60_000:
            self._total -= self._recent.popleft()[1]
        self.heaviest = max(self.heaviest, self._total)
        kind, is_urgent = what(body)
        if not is_urgent and ON_ITS_WAY_MS <= now_ms - self._refused_ms < FIRST_PAUSE_MS:
            self.impatient.append((now_ms, kind))
        if path == "/exchange":
            self.actions[kind] += 1
            if kind == "cancelByCloid":
                self.cancels_ms.append(now_ms)
            self._saw_nonce(body["nonce"], now_ms)

    def _saw_nonce(self, nonce: int, now_ms: int) -> None:
        self.nonces[nonce] += 1
        highest, at_ms = self._highest
        if nonce > highest:
            self._highest = nonce, now_ms
        elif now_ms - at_ms >= ON_ITS_WAY_MS:
            self.fell.append((highest, nonce))

    def refused(self, body: Any, now_ms: int) -> None:
        """With a 429. What waits for nobody may meet one in a pause, which it doesn't begin anew."""
        if not what(body)[1]:
            self._refused_ms = now_ms


def what(body: Any) -> tuple[str, bool]:
    """What is asked for or done, and whether it may wait for nobody: cancels, what reduces, and what a flatten reads."""
    action = body.get("action", body)
    kind = action["type"]
    if kind == "order":
        return kind, all(row["r"] for row in action["orders"])
    return kind, kind in ("clearinghouseState", "l2Book") or ("action" in body and kind != "batchModify")


@contextmanager
def counting() -> Iterator[Count]:
    """Begun before the server is."""
    count = Count()
    boundary, too_many, charge = Routes._boundary, Routes._too_many, budget.charge

    @web.middleware
    async def seen(self: Routes, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path in ("/info", "/exchange"):
            count.saw(request.path, orjson.loads(await request.read()), now_ms())
        answer = await boundary(self, request, handler)
        if answer.status == 429:
            count.refused(orjson.loads(await request.read()), now_ms())
        return answer

    def refused(self: Routes) -> web.Response:
        count.too_many += 1
        return too_many(self)

    def charged(account: Account, weight: int, at_ms: int, **kwargs: Any) -> None:
        try:
            charge(account, weight, at_ms, **kwargs)
        except RefusedError:
            count.refused_for_budget += 1
            raise
        if requests_used(account) > request_cap(account) and not kwargs["is_cancel"]:
            count.over_budget += weight

    def now_ms() -> int:
        return int(asyncio.get_running_loop().time() * 1000)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Routes, "_boundary", seen)
        patch.setattr(Routes, "_too_many", refused)
        for module in (
            "core.paper.requests.exchange_api",
            "core.paper.requests.trading",
            "core.paper.venue.budget",
        ):
            patch.setattr(f"{module}.charge", charged, raising=False)
        yield count


@dataclass
class Soak:
    world: World
    count: Count
    chance: random.Random
    asked: list[tuple[str, int, int]] = field(default_factory=list)
    """Halts and flattens: which, when (ms), and how many orders rested then."""
    _numbers: int = 0

    @property
    def now_ms(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)

    def command(self, action: Action) -> str:
        self._numbers += 1
        name = f"{action.value}-{self._numbers}"
        self.world.run.session.inbox.force(CommandReceived(Command(name, action, "BTC", Origin.TUI)))
        return name

    def status(self, name: str) -> CommandStatus | None:
        shown = [command for command in self.world.snapshot.commands if command.id == name]
        return shown[-1].status if shown else None

    async def market(self) -> None:
        """Somebody trades with us, or the price moves."""
        world = self.world
        sides = {order.side for order in world.ours()}
        dice = self.chance.random()
        if dice < 0.5 and sides:
            side = self.chance.choice(sorted(sides))
            best = max((o for o in world.ours() if o.side is side), key=lambda o: o.price * side.sign)
            lots = best.remaining if dice < 0.35 else max(1, best.remaining // 3)
            world.hit(lots, side=side.opposite)
        elif dice < 0.8:
            world.move(self.chance.uniform(-0.08, 0.08))

    async def way_out(self, action: Action, weather: list[Row]) -> None:
        """Ask for it, and see its first cancel arrive; then wait until nothing of ours rests, and go on: a resume is refused
        while a circuit breaker is open, so the sky clears for it.
        """
        for _ in range(400):
            if self.world.ours():
                break
            await asyncio.sleep(0.1)
        rested = len(self.world.ours())
        began = self.now_ms
        self.asked.append((action.value, began, rested))
        await self.ended(self.command(action), 90)
        await self.world.faults()
        for _ in range(12):
            if await self.ended(self.command(Action.RESUME), 10) is CommandStatus.DONE:
                return await self.world.faults(*weather)
            await asyncio.sleep(10)
        raise AssertionError(f"not resumed after {self.asked[-1]}: {self.world.snapshot.commands[-1]}")

    async def ended(self, name: str, within_s: int) -> CommandStatus | None:
        for _ in range(within_s):
            await asyncio.sleep(1)
            if (found := self.status(name)) not in (None, CommandStatus.RUNNING):
                return found
        return None

    def first_cancel_ms(self, began: int) -> int | None:
        return next((at - began for at in self.count.cancels_ms if at >= began), None)


def budget_is_spent(world: World) -> None:
    """By far: every dollar traded earns a request."""
    world.account.requests = request_cap(world.account) + 30_000


async def soak(directory: Path, done: list[Soak]) -> None:
    """Into ``done``: what a task returns is shown, at length, where its signal handlers are set back."""
    config = PaperConfig(speed=1e-6, limits=True)
    settings = {"num_grids": 3, "investment_usd": Decimal(1_000), "recenter_interval_sec": Decimal(5)}
    with pace(SEDATE), counting() as count:
        async with venue(config) as exchange:
            world = World(exchange, directory, settings)
            run = Soak(world, count, random.Random(20))
            await world.start(resting=None)
            await world.until(lambda: len(world.ours()) == GRID, "the grid rests", 30)
            names = [*WEATHER, *WEATHER, *WEATHER][: MINUTES - 3]
            run.chance.shuffle(names)
            for minute, name in enumerate(names):
                await world.faults(*WEATHER[name])
                if minute in (9, 19):
                    budget_is_spent(world)
                if minute in (12, 22):
                    world.account.requests = 0
                out_at = run.chance.randrange(STEPS // 2) if minute % 3 == 1 else -1
                for step in range(STEPS):
                    await asyncio.sleep(60 / STEPS)
                    await run.market()
                    if step == STEPS // 2:
                        await world.faults()
                    if step == out_at:
                        await run.way_out(Action.FLATTEN if minute % 2 else Action.HALT, WEATHER[name])
            await world.faults()
            run.command(Action.RESUME)
            await world.until(world.is_whole, "the grid is whole", 180, 1.0)
            await world.check()
            await world.crash()
    world.watch.close()
    done.append(run)


def test_half_an_hour_of_storms_leaves_nothing_unknown_and_no_limit_passed(tmp_path: Path) -> None:
    done: list[Soak] = []
    run_virtually(lambda: soak(tmp_path, done), BEGINS_MS)
    (run,) = done
    world, count = run.world, run.count
    assert not world.watch.breaches, world.watch.breaches[:5]
    # I11
    assert count.heaviest <= WEIGHT_A_MINUTE
    assert count.too_many == 0, "the exchange's own limit was never met"
    assert 0 < count.refused_for_budget <= 30, "it learns by few refusals that the budget is gone"
    assert count.over_budget <= 2 * 3 * 6, "one request in ten seconds at most, twice for three minutes"
    assert not count.impatient, "what can wait waits after a 429"
    # I5
    assert max(count.nonces.values()) == 1
    assert not count.fell, count.fell[:5]
    # I7
    late = [
        (what, at, ms)
        for what, at, n in run.asked
        if n and (ms := run.first_cancel_ms(at) or 10**9) > FIRST_CANCEL_MS
    ]
    assert not late, late
    assert {what for what, _, n in run.asked if n} == {"halt", "flatten"}
    # The run was what it says.
    assert count.actions["order"] > 100
    assert len(world.told("fill")) > 100
    assert {"order_unknown", "circuit_break", "api_error", "halt"} <= {event.name for event in world.events}
