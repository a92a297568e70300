"""What was found by running the predecessor, about fills and the position, as X1 to X24 of its defects number them.

Over real sockets where it was found that way; the paper exchange knows what is true.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.commands import Action
from core.domain.effects import Effect, Notify
from core.domain.events import AccountObserved, Event, FeedChanged, FillsCommitted
from core.domain.fills import FillSource
from core.domain.orders import OrderState, Side
from core.engine.engine import Engine
from core.paper.market.step import MarketStep, MarketTrade
from tests.hardening.watch import Watch, plan_for, watched
from tests.unit.runtime.stage import venue

BUY, SELL = Side.BUY, Side.SELL
NO_STREAM_OF_FILLS = {"kind": "ws_drop", "channel": "userFills"}


@pytest.fixture
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exchange's position is read every 0.3 seconds instead of every five."""
    monkeypatch.setattr("core.engine.schedule.ACCOUNT_EVERY_MS", 300)


@dataclass
class DiskWatch(Watch):
    """Also looks into the file, as another process, when the engine is told of fills."""

    file: Path = Path()
    on_disk: list[bool] = field(default_factory=list)

    def note(self, engine: Engine, event: Event, effects: list[Effect]) -> None:
        super().note(engine, event, effects)
        if isinstance(event, FillsCommitted) and event.fills:
            db = sqlite3.connect(self.file)
            found = {row[0] for row in db.execute("SELECT trade_id FROM fills")}
            db.close()
            self.on_disk.append({fill.trade_id for fill in event.fills} <= found)


def drifts(watch: Watch) -> list[str]:
    """Every word of drift that was told."""
    told = [effect.name for _, effects in watch.log for effect in effects if isinstance(effect, Notify)]
    return [name for name in told if "drift" in name]


async def test_x1_a_fill_that_only_a_poll_tells_moves_the_position_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue() as exchange:
        watch = Watch(exchange)
        async with watched(plan_for(tmp_path, exchange.url), watch, monkeypatch) as bout:
            await bout.whole()
            await watch.faults(NO_STREAM_OF_FILLS)
            watch.trade(watch.of(BUY)[0])
            bout.ask(Action.POLL)
            await bout.agrees()
            assert watch.held > 0
            assert (watch.counts.from_rest, watch.counts.from_ws, watch.counts.external) == (1, 0, 0)


async def test_x2_and_x3_a_fill_is_in_the_file_before_the_engine_knows_it_and_counts_once_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue() as exchange:
        mine = plan_for(tmp_path, exchange.url)
        watch = DiskWatch(exchange, file=mine.state.journal)
        async with watched(mine, watch, monkeypatch) as bout:
            await bout.whole()
            watch.trade(watch.of(BUY)[0])
            watch.trade(watch.of(SELL)[0], 100)
            await bout.agrees()
            await bout.settled()
            report = await bout.run.stop()
        assert watch.on_disk
        assert all(watch.on_disk)
        found = report.summary["coins"]["BTC"]
        held = Decimal(watch.held).scaleb(-5)
        assert Decimal(found["position"]) == Decimal(found["exchange_position"]) == held
        assert bout.run.snapshots[-1].coins[0].position == held
        assert (found["fills"], found["drift"]) == (2, "0")


@pytest.mark.usefixtures("_looks_often")
async def test_x5_neither_looks_nor_a_resync_nor_a_reconcile_set_the_position_or_forget_the_profit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue() as exchange:
        watch = Watch(exchange)
        async with watched(plan_for(tmp_path, exchange.url), watch, monkeypatch) as bout:
            await bout.whole()
            await exchange.trade("B", "0.005")
            await exchange.trade("A", "0.002")
            await bout.agrees()
            kept = (
                watch.coin.ledger.lots,
                watch.coin.ledger.current.realized,
                watch.coin.ledger.current.fees,
            )
            assert kept[0] == 300
            assert kept[1] != 0
            looks = len(watch.events(AccountObserved))
            for action in (Action.RESYNC, Action.RECONCILE):
                bout.ask(action)
                await bout.until(lambda action=action: bout.told(action.value) == "done")
            await bout.until(lambda: len(watch.events(AccountObserved)) > looks + 5)
            now = watch.coin.ledger.current
            assert (now.lots, now.realized, now.fees) == kept


async def test_x11_the_quote_comes_from_the_stream_as_the_exchange_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue() as exchange:
        watch = Watch(exchange)
        await watch.faults(*({"kind": "http_500", "action": name} for name in ("allMids", "l2Book")))
        async with watched(plan_for(tmp_path, exchange.url), watch, monkeypatch) as bout:
            await bout.whole()
            for mid in (1_097_700, 1_097_300):
                watch.move(mid)
                await bout.until(lambda mid=mid: watch.coin.mid_twice == 2 * mid)
            assert await watch.strikes() == [0, 0], "nothing was asked for over REST"


async def test_x12_a_socket_that_the_exchange_closes_is_followed_by_one_that_tells_everything_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue() as exchange:
        watch = Watch(exchange)
        async with watched(plan_for(tmp_path, exchange.url), watch, monkeypatch) as bout:
            await bout.whole()
            for generation in (2, 3):
                await watch.faults({"kind": "ws_close", "scope": "all", "count": 1})
                watch.trade(watch.of(BUY)[0])
                await bout.until(lambda n=generation: FeedChanged(True, n) in watch.events(FeedChanged))
                await bout.agrees()
                await bout.settled()
            await bout.until(lambda: watch.engine is not None and watch.engine.feed.ready)
            before, start = watch.counts, len(watch.log)
            watch.trade(watch.of(SELL)[0])
            await bout.agrees()
            await bout.settled()
            told = [f for e, _ in watch.log[start:] if isinstance(e, FillsCommitted) for f in e.fills]
            assert [f.source for f in told] == [FillSource.WS], "the third connection streams, once"
            assert watch.counts.from_ws == before.from_ws + 1
            watch.move(1_097_600)
            await bout.until(lambda: watch.coin.mid_twice == 2 * 1_097_600)


async def test_x13_three_fills_of_one_order_alike_but_for_their_ids_are_three(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue() as exchange:
        watch = Watch(exchange)
        async with watched(plan_for(tmp_path, exchange.url), watch, monkeypatch) as bout:
            await bout.whole()
            nearest = watch.of(BUY)[0]
            print_ = MarketTrade(nearest.price - 10, 50, SELL)
            exchange.server.exchange.apply(MarketStep("BTC", (print_, print_, print_), None, None))
            await bout.agrees()
            rows = (await exchange.truth())["fills"]
            assert len({(row["time"], row["px"], row["sz"], row["oid"]) for row in rows}) == 1
            assert (watch.coin.ledger.lots, watch.counts.total) == (150, 3)


async def test_x15_after_an_hour_away_the_fills_are_read_from_where_the_last_run_had_read_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange lives an hour ago for the first run and for what trades after its crash; then an hour passes at once."""
    async with venue() as exchange:
        watch = Watch(exchange)
        await watch.faults({"kind": "clock_skew", "delay_ms": -3_600_000})
        async with watched(plan_for(tmp_path, exchange.url), watch, monkeypatch) as bout:
            await bout.whole()
            watch.trade(watch.of(BUY)[0])
            await bout.agrees()
            await bout.settled()
        watch.trade(watch.of(BUY)[0])
        watch.trade(watch.of(SELL)[0])
        await watch.faults(NO_STREAM_OF_FILLS)
        async with watched(plan_for(tmp_path, exchange.url), watch, monkeypatch) as bout:
            await bout.settled()
            await bout.agrees()
            assert (watch.counts.total, watch.counts.external) == (3, 0)


@pytest.mark.usefixtures("_looks_often")
@pytest.mark.parametrize("late", ["the position", "the fill"])
async def test_x17_a_fill_beside_a_look_at_the_position_counts_once_whichever_is_late(
    late: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue() as exchange:
        watch = Watch(exchange)
        async with watched(plan_for(tmp_path, exchange.url), watch, monkeypatch) as bout:
            await bout.whole()
            if late == "the position":
                slow = {"kind": "http_delay", "action": "clearinghouseState", "delay_ms": 1_500, "count": 1}
                await watch.faults(slow)
                await watch.has_struck()
            else:
                await watch.faults({"kind": "ws_delay", "channel": "userFills", "delay_ms": 3_000})
            start = len(watch.log)
            watch.trade(watch.of(BUY)[0])
            lots = watch.held
            told = {"the position": 0, "the fill": lots}[late]
            await bout.until(lambda: told in watch.looks(start))
            before = [e for e, _ in watch.log[start:] if isinstance(e, FillsCommitted | AccountObserved)]
            is_fill = isinstance(before[0], FillsCommitted)
            assert is_fill is (late == "the position"), "what was to be late was"
            await bout.agrees()
            await watch.faults()
            start = len(watch.log)
            await bout.until(lambda: len(watch.looks(start)) > 5)
            assert watch.positions == [0, lots], "and never anything else"
            assert watch.coin.ledger.drift.lots == 0
            assert drifts(watch) == []


async def test_x18_what_a_round_trip_earned_is_what_the_exchange_says_less_its_fees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue() as exchange:
        watch = Watch(exchange)
        async with watched(plan_for(tmp_path, exchange.url), watch, monkeypatch) as bout:
            await bout.whole()
            bought = watch.of(BUY)[0]
            watch.trade(bought)
            await bout.agrees()
            await bout.settled()
            sold = watch.of(SELL)[0]
            assert sold.price > bought.price
            watch.trade(sold)
            await bout.agrees()
            rows = (await exchange.truth())["fills"]
            money = watch.coin.ledger.current
            assert money.realized == sum(Decimal(row["closedPnl"]) for row in rows)
            assert money.realized == Decimal(
                min(bought.lots, sold.lots) * (sold.price - bought.price)
            ).scaleb(-6)
            assert money.fees == sum(Decimal(row["fee"]) for row in rows) > 0
            assert watch.known(str(sold.cloid)).state is OrderState.FILLED
