"""A coin waits for no other coin's answer; a re-quote waits a moment for what the market says next, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.causes import Cause, Failure
from core.domain.effects import Cancel, Effect, Modify, Notify
from core.domain.events import PlaceOutcome, Refused, Resting
from core.domain.orders import OrderState, Side
from core.engine.circuit_breaker import BreakerName
from core.engine.features import Features, FeatureSettings
from core.engine.pacing import WINDOW_MAX_MS, Pacing, RoundTrip
from tests.unit.engine.builders import (
    MID,
    SOL,
    Bench,
    at,
    cancelled,
    make_engine,
    notices,
    of_kind,
    placed,
    quote,
    update,
)

ETH = replace(SOL, coin="ETH", asset_id=1)
SLOW = RoundTrip(160.0)
"""A quarter of it is a window."""


def two_coins() -> Bench:
    """Both quoted, and neither answered."""
    bench = Bench(make_engine(SOL, ETH))
    bench.start()
    bench.step(quote(coin="ETH"))
    return bench


def live(bench: Bench, coin: str) -> list[str]:
    return [o.cloid for o in bench.engine.coins[coin].live_grid_orders()]


# -- one coin doesn't wait for another's answer ---------------------------------------------------------------------


def test_a_coin_sends_while_another_ones_batch_is_unanswered() -> None:
    bench = two_coins()
    assert len(live(bench, "SOL")) == len(live(bench, "ETH")) == 6
    assert bench.coin.placing
    eth = bench.engine.coins["ETH"]
    bench.rest(list(eth.live_grid_orders()))
    assert not eth.placing
    assert bench.coin.placing, "its own answer hasn't come"
    best = max((o for o in eth.live_grid_orders() if o.side is Side.BUY), key=lambda o: o.price)
    bench.step(update(best, "canceled", 50))
    again = placed(bench.after(300))
    assert [o.coin for o in again] == ["ETH"], "the one goes on, the other waits"


def test_while_a_breaker_is_half_open_one_order_of_all_coins_is_the_probe() -> None:
    bench = two_coins()
    for coin in bench.engine.coins.values():
        orders = coin.live_grid_orders()
        bench.step(PlaceOutcome(tuple((o.cloid, Refused("no", Cause.MARGIN)) for o in orders)))
    breaker = bench.engine.breakers[BreakerName.PLACE]
    breaker.failure(Cause.SERVER, "HTTP 500", bench.now, at_once=True)
    assert not placed(bench.after(1_000, quote(), quote(coin="ETH")))
    (probe,) = placed(bench.after(15_000, quote(), quote(coin="ETH")))
    assert not placed(bench.after(200, quote(), quote(coin="ETH")))
    told = bench.answer([probe], lambda _: Resting(bench.next_oid()))
    later = bench.after(6_000, quote(), quote(coin="ETH"))
    assert {o.coin for o in placed([*told, *later])} == {"SOL", "ETH"}


# -- an order that wasn't sent --------------------------------------------------------------------------------------


def test_an_order_kept_back_at_the_last_look_is_put_off_and_counts_as_nothing_sent() -> None:
    bench = Bench()
    orders = placed(bench.start())
    bench.rest(orders[1:])
    sent = bench.engine.orders_sent
    told = bench.answer(orders[:1], lambda _: Refused("not sent: the ask had come to 1", Cause.CROSSED))
    (rejected,) = [e for e in of_kind(Notify, told) if e.name == "order_rejected"]
    assert rejected.severity == "info"
    assert "api_error" not in notices(bench.done)
    assert bench.engine.orders_sent == sent
    assert bench.coin.velocity.orders.used(bench.now) == 5
    assert placed(bench.after(100)) == [], "put off"
    assert len(placed(bench.after(150))) == 1, "for as long as a post-only refusal"


def test_an_order_kept_back_closes_no_breaker_and_lets_another_probe_go() -> None:
    bench = Bench()
    orders = placed(bench.start())
    failure = Failure(Cause.SERVER, "HTTP 500")
    results = tuple((o.cloid, Refused("HTTP 500", Cause.SERVER)) for o in orders)
    breaker = bench.engine.breakers[BreakerName.PLACE]
    breaker.failure(Cause.SERVER, "HTTP 500", bench.now, at_once=True)
    bench.step(PlaceOutcome(results, failure))
    (probe,) = placed(bench.after(30_000, quote()))
    told = bench.answer([probe], lambda _: Refused("not sent", Cause.CROSSED))
    assert breaker.opened_mono_ms, "nothing is known of the exchange"
    assert len(placed(told)) == 1, "the next one is the probe"


# -- windows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("round_trip_ms", "window_ms"), [(0, 0), (5, 0), (39, 0), (40, 10), (160, 40), (900, WINDOW_MAX_MS)]
)
def test_a_window_is_a_part_of_the_round_trip_up_to_a_cap(round_trip_ms: int, window_ms: int) -> None:
    seen = RoundTrip()
    for _ in range(50):
        seen.note(round_trip_ms)
    assert seen.window_ms == window_ms


def test_the_round_trip_is_measured_from_the_decision_to_its_answer() -> None:
    bench = Bench()
    orders = placed(bench.start())
    bench.ms += 160
    bench.rest(orders)
    assert bench.engine.round_trip.ms == 160


def a_level_is_missing(bench: Bench, mid: int = MID) -> list[Effect]:
    """Not through a fill: the exchange has cancelled an order, and its deferral is over."""
    best = max((o for o in bench.live if o.side is Side.BUY), key=lambda o: o.price)
    bench.step(update(best, "canceled", 50))
    bench.ms += 201
    return bench.step(quote(mid))


def calm() -> Bench:
    bench = Bench().started()
    bench.engine.round_trip = replace(SLOW)
    bench.after(2_000, quote())
    return bench


def test_a_re_quote_waits_for_the_end_of_its_window_and_says_when_that_is() -> None:
    bench = calm()
    assert placed(a_level_is_missing(bench)) == []
    assert bench.engine.wakes_at(bench.now) == bench.now.mono_ms + 40
    bench.ms += 39
    assert placed(bench.step(quote(MID + 1))) == [], "another quote doesn't begin it anew"
    bench.ms += 1
    assert len(placed(bench.step(quote()))) == 1
    assert bench.engine.wakes_at(bench.now) == 0


def test_the_order_that_follows_a_fill_waits_for_nothing() -> None:
    bench = calm()
    best = max((o for o in bench.live if o.side is Side.BUY), key=lambda o: o.price)
    assert len(placed(bench.trade(best))) == 1


def test_the_other_half_of_a_new_grid_waits_for_the_proof_and_for_no_window() -> None:
    bench = Bench(make_engine(cap_micro=10**9)).started()
    bench.engine.round_trip = replace(SLOW)
    bench.coin.overrides = replace(bench.coin.overrides, spacing_ppb=8_000_000)
    assert not of_kind(Modify, bench.after(61_000, quote())), "its window has begun"
    first = [new for change in of_kind(Modify, bench.after(40, quote())) for _, new in change.pairs]
    assert len(first) == 3
    bench.ms += 5
    second = bench.step(
        PlaceOutcome(
            tuple((new.cloid, Resting(bench.next_oid())) for new in first),
            None,
            tuple((old.cloid, "") for old in bench.live if old.state is OrderState.CANCELLING),
        )
    )
    assert sum(len(change.pairs) for change in of_kind(Modify, second)) == 3


def test_cancels_of_a_new_grid_do_not_wait_for_the_window() -> None:
    bench = calm()
    bench.coin.parked.slots.add((Side.BUY, bench.live[0].slot.index))  # type: ignore[union-attr]
    bench.step(quote())
    assert placed(a_level_is_missing(bench)) == []
    bench.coin.halted = "operator"
    gone = bench.step(quote())
    assert of_kind(Cancel, gone)
    assert len(cancelled(gone)) == len(bench.live)


def test_there_is_no_window_while_the_market_moves() -> None:
    bench = calm()
    bench.ms += 1_000
    bench.step(quote())
    assert len(placed(a_level_is_missing(bench, MID + MID // 500))) == 1


@pytest.mark.parametrize(("sigmas", "left_ms"), [(0, 40), (1, 40), (2, 20), (3, 0), (9, 0)])
def test_a_window_shrinks_with_how_far_the_price_has_moved_within_a_second(sigmas: int, left_ms: int) -> None:
    features = Features(FeatureSettings(bar_ms=1_000))
    features.note(2 * 10**9, 0)
    sigma = features.volatility_ppb
    pacing = Pacing()
    pacing.sent(goes_on=False)
    pacing.saw_mid(2 * 10**9, at(0))
    pacing.saw_mid(2 * 10**9 + 2 * sigmas * sigma, at(500))
    assert pacing.waits(40, True, features, at(500)) == bool(left_ms)
    assert pacing.until_mono_ms == pytest.approx(at(500 + left_ms).mono_ms, abs=1)
