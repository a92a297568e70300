"""What the exchange says of a coin by now: the steps of its orders, the look that a refusal brings forward, the halts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.domain.causes import Cause
from core.domain.effects import AskListings, SaveHalt
from core.domain.events import PlaceOutcome, Refused
from core.domain.instrument import Instrument
from core.domain.listing import Listed, ListingsObserved
from core.engine.deferrals import LASTING_MAX_MS
from core.engine.listing_watch import ASK_AGAIN_MS, LISTINGS_EVERY_MS
from core.exchange.wire import WireError
from core.exchange.wire_orders import decode_listings
from tests.unit.engine.builders import SOL, Bench, cancelled, make_engine, notices, of_kind, placed, quote


def listed(decimals: int, *, is_delisted: bool = False) -> ListingsObserved:
    return ListingsObserved((Listed("SOL", decimals, is_delisted),))


@pytest.mark.parametrize(
    ("decimals", "step", "least"), [(2, 1, 5), (1, 10, 10), (0, 100, 100), (3, 1, 5), (None, 1, 5)]
)
def test_orders_come_in_the_exchanges_steps_and_lots_stay_what_they_are(
    decimals: int | None, step: int, least: int
) -> None:
    traded = SOL if decimals is None else SOL.traded_with(decimals)
    assert traded.lot_step == step
    assert traded.min_lots(2_000_000) == least
    assert traded.whole_lots(257) == 257 // step * step
    assert traded.size_text(257) == SOL.size_text(257)
    assert traded.traded_with(2) == SOL


def test_a_grid_follows_new_steps_and_what_is_odd_by_them_is_replaced() -> None:
    bench = Bench(make_engine(size_micro=102_000_000)).started()
    assert {o.lots for o in bench.live} == {51}
    effects = bench.step(listed(1))
    assert "instrument_changed" in notices(effects)
    assert bench.coin.instrument_version == 2
    again = placed(effects)
    gone = cancelled(effects)
    assert {o.lots for o in gone} == {51}
    assert {o.lots for o in again} <= {50}
    bench.settle_cancels(effects)
    bench.rest(again)
    bench.after(300, quote())
    assert all(o.remaining % 10 == 0 for o in bench.live if o.state.value in ("sent", "open"))
    assert notices(bench.step(listed(1))) == []


def test_a_position_that_is_no_multiple_of_the_step_halts() -> None:
    bench = Bench(make_engine(position=13)).started(position=13)
    effects = bench.step(listed(1))
    (halt,) = of_kind(SaveHalt, effects)
    assert halt.reason.startswith(
        "size_decimals: 0.13 SOL are held, and the exchange trades in steps of 0.1 now"
    )
    assert {o.cloid for o in cancelled(effects)} == {o.cloid for o in bench.live}


def test_a_coin_that_trades_more_finely_than_the_journal_counts_halts() -> None:
    bench = Bench().started()
    (halt,) = of_kind(SaveHalt, bench.step(listed(3)))
    assert "trades SOL in 3 decimals and this journal counts 2" in halt.reason


def test_a_delisted_coin_halts_once_and_another_coin_stays() -> None:
    other: Instrument = replace(SOL, coin="ETH", asset_id=1)
    bench = Bench(make_engine(SOL, other)).started()
    effects = bench.step(listed(2, is_delisted=True))
    assert notices(effects).count("coin_delisted") == 1
    (halt,) = of_kind(SaveHalt, effects)
    assert (halt.coin, halt.reason.split(":")[0]) == ("SOL", "delisted")
    assert bench.step(listed(2, is_delisted=True)) == []
    assert not bench.engine.coins["ETH"].halted


@pytest.mark.parametrize(
    ("cause", "is_telling"),
    [(Cause.TICK, True), (Cause.SIZE, True), (Cause.NOT_TRADED, True), (Cause.MARGIN, False)],
)
def test_a_refusal_that_a_change_would_explain_brings_the_look_forward_but_no_storm_of_looks(
    cause: Cause, is_telling: bool
) -> None:
    bench = Bench()
    orders = placed(bench.start())
    bench.after(1)
    refused = PlaceOutcome(tuple((o.cloid, Refused("no", cause)) for o in orders))
    bench.step(refused)
    assert bool(of_kind(AskListings, bench.after(1))) is is_telling
    again = PlaceOutcome(tuple((o.cloid, Refused("no", cause)) for o in placed(bench.after(300, quote()))))
    assert again.results
    bench.step(again)
    assert not of_kind(AskListings, bench.after(200))
    assert bool(of_kind(AskListings, bench.after(ASK_AGAIN_MS))) is is_telling
    assert of_kind(AskListings, bench.after(LISTINGS_EVERY_MS))


def test_what_the_coins_rules_forbid_is_tried_ever_less_often_up_to_once_a_minute() -> None:
    bench = Bench()
    orders = placed(bench.start())
    bench.rest(orders[1:])
    waiting, tries = orders[:1], []
    while bench.ms < 600_000:
        if waiting:
            tries.append(bench.ms)
            bench.answer(waiting, lambda _: Refused("too small", Cause.MIN_NOTIONAL))
        waiting = placed(bench.after(200, quote()))
    assert tries[-1] - tries[-2] == LASTING_MAX_MS
    assert len(tries) < 20


def test_an_entry_of_meta_that_cannot_be_read_says_nothing_and_the_others_do() -> None:
    answer = {
        "universe": [
            {"name": "SOL", "szDecimals": 1, "maxLeverage": 20},
            {"name": "ETH", "szDecimals": "4"},
            {"name": "BTC", "szDecimals": 5, "isDelisted": True},
            {"name": ["SOL"]},
            None,
            {"name": "DOGE", "szDecimals": 0},
        ]
    }
    ours = dict.fromkeys(("SOL", "ETH", "BTC"), SOL)
    assert decode_listings(answer, ours) == ListingsObserved((Listed("SOL", 1), Listed("BTC", 5, True)))
    shapes: tuple[Any, ...] = ({}, {"universe": {}}, [], None)
    for bad in shapes:
        with pytest.raises(WireError):
            decode_listings(bad, ours)
