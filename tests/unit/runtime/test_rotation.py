"""Another agent takes the signer's place while the bot runs: orders rest, no fill is lost, a refused one changes nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.domain.commands import Operator
from core.domain.orders import Side
from core.runtime.control_client import ask
from core.runtime.keys.handover import handed_over, take_over
from core.runtime.statedir import UsageError
from core.view import Snapshot
from tests.unit.exchange.samples import until
from tests.unit.runtime.agents import DAY_MS, Wallet, plan_of_agent
from tests.unit.runtime.stage import Run, Venue, running, venue

GRID = 6
HOUR_MS = 3_600_000


@dataclass
class Scene:
    exchange: Venue
    run: Run
    account: Wallet
    first: Wallet
    directory: Path

    async def approve(self, agent: Wallet, name: str, left_ms: int = 0) -> None:
        told = await self.account.approve(self.exchange.http, self.exchange.url, agent, name, left_ms)
        assert told["status"] == "ok", told

    async def hand_over(self, agent: Wallet) -> dict[str, Any]:
        """As ``gridbot keys rotate`` does."""
        state = self.run.session._plan.state

        def hand() -> dict[str, Any]:
            with handed_over(agent.key, state.path) as path:
                return ask(state, "rotate_key", value=str(path), by=Operator("alice"))

        return await asyncio.to_thread(hand)

    async def orders(self) -> dict[int, str]:
        return {row["oid"]: row["cloid"] for row in (await self.exchange.truth())["orders"]}

    async def fill_nearest(self, side: Side) -> int:
        """Somebody else trades through the book as far as the grid's nearest order; how many fills there are then.

        In one step of the loop, once one rests there: the bot can't move its orders between the look and the trade.
        """
        exchange = self.exchange.server.exchange
        venue, stranger = exchange.venue, "0x" + "77" * 20
        venue.fund(stranger, 10**14)
        half = venue.ledger.books["BTC"].side(side.opposite)
        orders = venue.see(self.account.address).open_orders

        def reach() -> bool:
            ours = {order.price for order in orders.values() if order.side is half.side}
            nearest = next((price for price in half.from_best() if price in ours), None)
            if nearest is None:
                return False
            lots = sum(half.levels[price].lots for price in (*half.better_than(nearest), nearest))
            venue.market_order(stranger, "BTC", side, lots, exchange.now_ms())
            exchange.settle()
            return True

        before = len((await self.exchange.truth())["fills"])
        await until(reach, 10)
        after = len((await self.exchange.truth())["fills"])
        assert after > before
        return after

    async def newest(self, is_so: Any) -> Snapshot:
        """The first Snapshot from now on of which that is so."""
        seen = len(self.run.snapshots)

        def found() -> Snapshot | None:
            return next((each for each in self.run.snapshots[seen:] if is_so(each)), None)

        snapshot: Snapshot = await until(found, 20)
        return snapshot


@asynccontextmanager
async def scene(directory: Path, left_ms: int = 0) -> AsyncIterator[Scene]:
    account, first = Wallet(), Wallet()
    async with venue() as exchange:
        exchange.server.exchange.venue.see(account.address)
        exchange.user = account.address
        told = await account.approve(exchange.http, exchange.url, first, "one", left_ms)
        assert told["status"] == "ok", told
        async with running(plan_of_agent(directory, exchange.url, account, first)) as run:
            yield Scene(exchange, run, account, first, directory)


async def test_the_same_orders_rest_after_a_rotation_while_fills_arrive_and_none_is_lost(
    tmp_path: Path,
) -> None:
    second = Wallet()
    async with scene(tmp_path) as on:
        before = await on.run.resting(GRID)
        assert before.account == on.account.address
        orders = await on.orders()
        await on.approve(second, "two")
        told, *_ = await asyncio.gather(on.hand_over(second), on.fill_nearest(Side.SELL))
        assert told["ok"], told
        assert told["text"] == f"{second.address} signs now, in place of {on.first.address}"
        gone = await on.account.approve(on.exchange.http, on.exchange.url, None, "one")
        assert gone["status"] == "ok", "the first agent can't sign any more"
        truth = await on.exchange.truth()
        filled = {row["oid"] for row in truth["fills"]}
        assert orders.keys() - filled <= (await on.orders()).keys(), (
            "the others are the same, none was placed anew"
        )
        fills = await on.fill_nearest(Side.BUY)
        found = await on.newest(lambda s: s.coins and s.coins[0].fills.total >= fills)
        assert found.coins[0].fills.total == fills
        assert found.coins[0].drift.amount == 0
        assert not found.api.breaker_open
        assert "key_rotated" in on.run.told()
        (logged,) = [each for each in found.commands if each.action == "rotate_key"]
        assert logged.text == told["text"], "the operator's log has both addresses"
        report = await on.run.stop()
        assert report.exit_code == 0, report
        assert not (await on.exchange.truth())["orders"], "the second agent's cancels are taken"


async def test_an_agent_that_is_not_approved_leaves_the_first_one_signing(tmp_path: Path) -> None:
    stranger = Wallet()
    async with scene(tmp_path) as on:
        await on.run.resting(GRID)
        orders = await on.orders()
        told = await on.hand_over(stranger)
        assert not told["ok"]
        assert (
            f"{stranger.address} is an account of its own, not an agent of {on.account.address}"
            in told["text"]
        )
        told = await on.hand_over(on.account)
        assert "is an account of its own" in told["text"]
        assert await on.orders() == orders
        assert "key_rotated" not in on.run.told()
        assert (await on.run.stop()).exit_code == 0
        assert not (await on.exchange.truth())["orders"], "the first agent's cancels are taken"


async def test_an_agent_whose_first_action_is_refused_leaves_the_first_one_signing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = Wallet()
    async with scene(tmp_path) as on:
        await on.run.resting(GRID)
        await on.approve(second, "two")
        agents = on.exchange.server.exchange.venue.agents
        known, asked = agents.master_of, list[str]()

        def forgotten(address: str, at_ms: int) -> Any:
            """Once it has said who the second is, it knows it no more."""
            asked.append(address)
            return known(address, at_ms) if address != second.address or asked.count(address) == 1 else None

        monkeypatch.setattr(agents, "master_of", forgotten)
        told = await on.hand_over(second)
        assert not told["ok"], told
        assert "takes nothing of" in told["text"]
        assert (await on.run.stop()).exit_code == 0
        assert not (await on.exchange.truth())["orders"]


async def test_the_key_that_signs_already_is_no_rotation(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        await on.run.resting(GRID)
        told = await on.hand_over(on.first)
        assert told["ok"]
        assert "signs already" in told["text"]
        assert "key_rotated" not in on.run.told()


async def test_an_agents_last_day_quotes_nothing_for_a_flat_coin_and_says_why_until_another_signs(
    tmp_path: Path,
) -> None:
    second = Wallet()
    async with scene(tmp_path, left_ms=5 * HOUR_MS) as on:

        def is_told(each: Snapshot) -> bool:
            return any(alert.id == "agent" for alert in each.alerts)

        seen = await on.newest(is_told)
        (alert,) = [each for each in seen.alerts if each.id == "agent"]
        assert "THE AGENT one runs out in 4 h" in alert.text
        assert "only what reduces is quoted" in alert.text
        assert "keys rotate" in alert.fix
        assert "agent_expiring" in on.run.told()
        seen = await on.newest(lambda s: s.coins and "the agent runs out" in s.coins[0].idle_reason)
        assert not await on.orders()
        await on.approve(second, "two", 60 * DAY_MS)
        assert (await on.hand_over(second))["ok"]
        seen = await on.run.resting(GRID)
        assert not is_told(seen)


async def test_an_agents_last_day_leaves_what_reduces_the_position(tmp_path: Path) -> None:
    second = Wallet()
    async with scene(tmp_path) as on:
        await on.run.resting(GRID)
        await on.fill_nearest(Side.SELL)
        await on.newest(lambda s: s.coins and s.coins[0].position > 0)
        await on.approve(second, "two", 5 * HOUR_MS)
        assert (await on.hand_over(second))["ok"]

        def only_reduces(each: Snapshot) -> bool:
            sells = [order.size - order.filled for order in each.orders if order.side == "sell"]
            is_all = len(sells) == len(each.orders) > 0
            return (
                is_all and any(a.id == "agent" for a in each.alerts) and sum(sells) <= each.coins[0].position
            )

        seen = await on.newest(only_reduces)
        await on.newest(lambda s: s.time_ms > seen.time_ms + 1_000 and only_reduces(s))


# -- handing over -------------------------------------------------------------------------------------------------


def test_a_key_is_handed_over_once_through_a_pipe_that_is_gone_afterwards(tmp_path: Path) -> None:
    with handed_over("0xkey", tmp_path) as path:
        assert os.stat(path).st_mode & 0o777 == 0o600
        assert take_over(path) == "0xkey"
        with pytest.raises(UsageError, match="nothing is in"):
            take_over(path)
    with pytest.raises(UsageError, match="no key is handed over at"):
        take_over(path)
    assert not list(tmp_path.iterdir())


def test_a_file_or_a_pipe_of_others_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("0xkey")
    with pytest.raises(UsageError, match="is no pipe of this user's alone"):
        take_over(file)
    with handed_over("0xkey", tmp_path) as path:
        path.chmod(0o644)
        with pytest.raises(UsageError, match="is no pipe of this user's alone"):
            take_over(path)
        link = tmp_path / "link"
        link.symlink_to(path)
        with pytest.raises(UsageError, match="no key is handed over"):
            take_over(link)


def test_a_pipe_of_another_user_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = os.getuid()
    with handed_over("0xkey", tmp_path) as path:
        monkeypatch.setattr(os, "getuid", lambda: mine + 1)
        with pytest.raises(UsageError, match="is no pipe of this user's alone"):
            take_over(path)
        monkeypatch.undo()
        assert take_over(path) == "0xkey", "nothing of it was taken"
