"""What an event costs doesn't depend on what rests: no step looks at every order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.domain.orders import Order, Side
from core.engine.order_manager import OrderManager
from tests.unit.engine.builders import Bench, placed, quote


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
