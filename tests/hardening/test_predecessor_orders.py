"""What was found by running the predecessor, about orders, plans, limits and settings, as X1 to X24 of its defects number them.

X14 and X4 are in ``tests/test_production_hardening.py``: they are the faults C-2 and C-6.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.commands import Action
from core.domain.events import FillsCommitted, FundingCommitted, PlaceOutcome, Unsettled
from core.domain.fills import Funding
from core.domain.instrument import Instrument
from core.domain.orders import OrderState, Side
from core.engine.grid_sizing import GridImpossibleError
from core.exchange.actions import order_action
from core.runtime.report import status
from core.runtime.restore import coin_config
from core.runtime.settings import Loaded, load_settings
from core.runtime.statedir import UsageError
from core.view import to_plain
from tests.hardening.watch import GRID, Watch, plan_for, watched
from tests.unit.engine.builders import (
    ACCOUNT,
    MID,
    SOL,
    Bench,
    account,
    fill,
    grid_of,
    make_engine,
    placed,
    quote,
)
from tests.unit.engine.builders import (
    coin_config as engine_config,
)
from tests.unit.engine.storm import SPACING, Storm
from tests.unit.engine.venue import Venue
from tests.unit.exchange.samples import KEY
from tests.unit.runtime.stage import venue

BUY, SELL = Side.BUY, Side.SELL
WIDE = {"levels": 30, "spacing_ppb": 1_000_000, "cap_micro": 10**12}
"""Thirty levels a side, a tenth of a percent apart."""


def load(**environ: str) -> Loaded:
    return load_settings({}, environ, None, default_file=Path("there is no such file"))


def test_x6_any_number_of_rebuilds_within_a_minute_leaves_sixty_orders_each_time() -> None:
    bench = Bench(make_engine(**WIDE))
    bench.coin.config = replace(engine_config(SOL, **WIDE), recenter_interval_ms=0)
    exchange = Venue(bench)
    exchange.take(bench.start())
    for build in range(1, 6):
        exchange.settle(4_000)
        assert len(exchange.resting()) == len(bench.live) == 60
        assert bench.coin.grid is not None
        assert bench.coin.grid.generation == build
        bench.coin.wants_new_grid = True
    assert bench.ms < 60_000


def test_x7_in_a_steady_downtrend_no_own_orders_cross_and_the_grid_follows() -> None:
    storm = Storm(cap=10_000)
    storm.venue.settle(1_000)
    for _ in range(40):
        storm.venue.move(storm.venue.mid - SPACING)
        storm.check()
        for _ in range(12):
            storm.reads_catch_up(0)
            storm.an_action_arrives(0)
            storm.check()
        storm.venue.take(storm.bench.after(700, quote(storm.venue.mid)))
    storm.end()
    assert storm.venue.mid < MID * 85 // 100
    assert storm.bench.coin.grid is not None
    assert storm.bench.coin.grid.generation > 3


def test_x8_the_defaults_load_and_the_names_and_values_of_before_are_taken() -> None:
    assert list(load().by_coin) == ["BTC"]
    old = load(HL_COINS="xyz:NVDA,xyz:TSLA", HL_HTTP_TIMEOUT="2.0", HL_NUM_GRIDS="30")
    assert list(old.by_coin) == ["xyz:NVDA", "xyz:TSLA"]
    assert old.warnings == ("HL_HTTP_TIMEOUT is set and has no effect in this version",)


def test_x9_a_gain_halts_nothing_nor_does_funding_that_was_received_and_what_was_paid_does() -> None:
    def funded(usd: str) -> tuple[str, str]:
        bench = Bench()
        bench.coin.config = replace(bench.coin.config, funding_bleed_ppb=20_000_000)
        bench.started()
        bench.step(account(0, bench.now, value="1200"))
        payment = Funding(ACCOUNT, "SOL", bench.now.venue_ms, Decimal(usd), "0x0", "{}")
        bench.step(FundingCommitted((payment,)))
        return bench.engine.halted, bench.coin.halted

    assert funded("36") == ("", "")
    assert funded("-36")[1].startswith("funding_bleed: 36.00 USD paid")


def test_x9_an_order_that_reduces_is_placed_while_the_position_is_over_its_cap() -> None:
    bench = Bench()
    bench.connect()
    bench.step(FillsCommitted((fill(BUY, 400, 0, trade_id=5),)))
    orders = placed(bench.start(400))
    assert {o.side for o in orders} == {SELL}
    assert bench.coin.exposure.worst_long > 150


async def test_x16_a_placement_whose_answer_is_late_is_sent_once_and_settled_by_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.exchange.rest.ACTION_TIMEOUT_S", 0.15)
    monkeypatch.setattr("core.engine.order_manager.ASK_AGAIN_MS", 200)
    monkeypatch.setattr("core.engine.intents.EXPIRES_AFTER_MS", 2_000)
    async with venue() as exchange:
        watch = Watch(exchange)
        mute = {"kind": "ws_drop", "channel": "orderUpdates"}
        await watch.faults({"kind": "http_delay", "action": "order", "delay_ms": 500, "count": 1}, mute)
        async with watched(plan_for(tmp_path, exchange.url), watch, monkeypatch) as bout:
            await bout.until(lambda: watch.events(PlaceOutcome))
            results = [result for _, result in watch.events(PlaceOutcome)[0].results]
            assert [type(result) for result in results] == [Unsettled] * GRID
            assert {o.state for o in watch.live.values()} == {OrderState.UNKNOWN}
            await bout.whole()
            assert watch.broken == []
            book = exchange.server.exchange.venue.see(exchange.user)
            assert (len(book.open_orders), len(book.terminal_orders)) == (GRID, 0)


async def test_x19_an_order_known_by_its_cloid_alone_is_kept_and_learns_its_id_from_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue() as exchange:
        watch = Watch(exchange)
        mute = {"kind": "ws_drop", "channel": "orderUpdates"}
        await watch.faults({"kind": "answer_lost", "action": "order", "count": 1}, mute)
        async with watched(plan_for(tmp_path, exchange.url), watch, monkeypatch) as bout:
            await bout.until(lambda: watch.events(PlaceOutcome))
            assert [o.order_id for o in watch.live.values()] == [None] * GRID
            bout.ask(Action.RESYNC)
            await bout.whole()
            assert {o.order_id for o in watch.live.values()} == {o.oid for o in watch.resting}
            assert watch.broken == []


@given(st.integers(0, 5), st.integers(11_000_000, 10**9), st.integers(1, 99))
def test_x20_every_size_that_is_sent_is_whole_lots_also_after_a_part_has_traded(
    decimals: int, size_micro: int, percent: int
) -> None:
    instrument = Instrument("SOL", 5, decimals, 20)
    mid = 200 * 10**instrument.price_decimals
    bench = Bench(make_engine(instrument, size_micro=size_micro, cap_micro=10**12))
    bench.connect()
    bench.step(account())
    bench.engine.saw_open_orders = True
    bench.rest(placed(bench.step(quote(mid, half=instrument.tick(mid)))))
    for order in bench.live[:2]:
        bench.trade(order, max(1, order.remaining * percent // 100))
    for order in placed(bench.done):
        sent = Decimal(order_action([order], {"SOL": instrument})["orders"][0]["s"])
        assert sent > 0
        assert sent == sent.quantize(Decimal(1).scaleb(-decimals))


def test_x21_the_bids_of_a_plan_from_flat_add_up_to_no_more_than_the_cap_and_so_do_the_asks() -> None:
    bench = Bench(make_engine(**WIDE, cap_lots=200))
    bench.rest(placed(bench.start()))
    for side in Side:
        assert 150 < sum(o.lots for o in bench.live if o.side is side) <= 200
    assert len(bench.coin.blocked) == 60 - len(bench.live)


@pytest.mark.parametrize(
    ("text", "decimals"), [("0.3", 5), ("0.7", 5), ("1.1", 5), ("83959", 5), ("0.0123", 2)]
)
def test_x22_a_price_on_the_tick_is_rounded_to_itself_in_both_directions(text: str, decimals: int) -> None:
    instrument = Instrument("X", 0, decimals, 5)
    price = instrument.parse_price(text)
    assert instrument.round_price_up(price) == instrument.round_price_down(price) == price
    assert instrument.price_text(price) == text


def test_x23_a_grid_of_one_level_keeps_the_largest_spacing_or_is_refused() -> None:
    loaded = load(HL_NUM_GRIDS="1", HL_GRID_SPACING_MAX_PCT="0.002")
    config = coin_config(loaded.by_coin["BTC"], SOL)
    assert grid_of(config.grid).spacing_ppb <= 2_000_000
    with pytest.raises(UsageError, match="grid_spacing_max_pct"):
        load(HL_NUM_GRIDS="1", HL_GRID_SPACING_MAX_PCT="0.0004")
    with pytest.raises(GridImpossibleError, match="HL_GRID_SPACING_MAX_PCT"):
        grid_of(replace(config.grid, round_trip_fee_ppb=3_000_000))


async def test_x24_the_key_is_in_no_setting_event_snapshot_or_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue() as exchange:
        watch = Watch(exchange)
        mine = plan_for(tmp_path, exchange.url)
        async with watched(mine, watch, monkeypatch) as bout:
            await bout.whole()
            watch.trade(watch.of(BUY)[0])
            await bout.until(lambda: "fill" in bout.run.told())
            assert watch.engine is not None
            snapshot = bout.run.snapshots[-1]
            shown = [
                repr(mine),
                repr(bout.run.session),
                orjson.dumps(to_plain(snapshot), default=str).decode(),
                orjson.dumps(status(snapshot), default=str).decode(),
                *(repr(event) for event in bout.run.bus.tail()),
                load(HL_AGENT_KEY=KEY).common.model_dump_json(),
            ]
            report = await bout.run.stop()
        shown.append(repr(report))
        for text in shown:
            assert KEY.removeprefix("0x") not in text
        written = b"".join(path.read_bytes() for path in mine.state.path.rglob("*") if path.is_file())
        assert KEY.removeprefix("0x").encode() not in written
