"""What an event costs doesn't depend on what rests: no step looks at every order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from core.domain.clock import Instant
from core.domain.effects import Effect
from core.domain.orders import Order, OrderState, Side
from core.domain.request_limits import RequestBudget, RequestBudgetObserved
from core.engine.acting import act
from core.engine.coin import Coin
from core.engine.engine import Engine
from core.engine.order_manager import OrderManager
from core.engine.request_pace import RequestPace
from tests.unit.engine.builders import SOL, Bench, make_engine, placed, quote, update


def test_a_quote_a_fill_an_answer_and_a_tick_look_at_what_changed_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench, looks = Bench().started(), list[str]()
    whole = OrderManager.live

    def counted(orders: OrderManager) -> Iterator[Order]:
        looks.append("all that rests")
        return whole(orders)

    best = max((o for o in bench.live if o.side is Side.BUY), key=lambda o: o.price)
    bench.after(250)
    monkeypatch.setattr(OrderManager, "live", counted)
    bench.step(quote(half=101))
    (refill,) = placed(bench.trade(best))
    bench.rest([refill])
    bench.after(250)
    assert looks == []


def test_a_quote_of_one_coin_looks_at_no_other_that_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    traded = [replace(SOL, coin=name) for name in ("SOL", "BTC", "ETH")]
    bench, looks = Bench(make_engine(*traded)), list[str]()
    for one in traded:
        bench.rest(placed(bench.start() if one.coin == "SOL" else bench.step(quote(coin=one.coin))))

    def counted(engine: Engine, coin: Coin, now: Instant) -> list[Effect]:
        looks.append(coin.name)
        return act(engine, coin, now)

    monkeypatch.setattr("core.engine.engine.act", counted)
    bench.step(quote(half=101))
    assert looks == ["SOL", "ETH"], "and at what has just changed"
    looks.clear()
    bench.step(quote(half=102), quote(half=102, coin="ETH"))
    assert looks == ["SOL", "ETH"]


def test_a_quote_does_not_reckon_how_long_the_requests_last(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, looks = Bench().started(), list[str]()
    bench.step(RequestBudgetObserved(RequestBudget(10_000, 6)))

    def counted(pace: RequestPace, left: int, now: Instant) -> None:
        looks.append("an hour's pace")

    monkeypatch.setattr(RequestPace, "empty_in_ms", counted)
    bench.step(quote(half=101))
    assert looks == []
    bench.after(250)
    assert looks, "but time alone may change the mode"


def test_updates_in_a_row_are_each_noted_and_acted_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    together, apart, acts = Bench().started(), Bench().started(), list[str]()

    def counted(*args: Any) -> list[Effect]:
        acts.append("act")
        return act(*args)

    monkeypatch.setattr("core.engine.engine.act", counted)
    gone = [update(o, "canceled", o.lots) for o in together.live]
    together.step(*gone, quote(half=101))
    assert len(acts) == 2, "for all updates, and for the quote"
    assert not together.live
    for one in [update(o, "canceled", o.lots) for o in apart.live]:
        apart.step(one)
    apart.step(quote(half=101))
    again = [(o.slot, o.price, o.lots) for o in placed(together.after(1_000))]
    assert len(again) == 6
    assert again == [(o.slot, o.price, o.lots) for o in placed(apart.after(1_000))]
    rows = [o.state for bench in (together, apart) for o in bench.coin.orders.by_cloid.values()]
    assert rows.count(OrderState.CANCELLED) == 12
