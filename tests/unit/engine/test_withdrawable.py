"""What may leave with every grid intact: equity less the worst case of all coins at once."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.domain.events import AccountObserved, Quote, Tick
from core.domain.orders import Order, OrderState, Side, Slot
from core.engine.engine import Engine
from core.engine.snapshot import build_snapshot
from core.engine.withdrawable import EdgeCase, Need, coin_need, edges_of, portfolio_need, withdrawable
from tests.unit.engine.builders import MID, at, make_engine, order

usd = st.decimals(0, 10**6, places=2)
needs = st.builds(Need, usd, usd)


def resting(number: int, side: Side, lots: int, price: int) -> Order:
    return order(number, side, lots, price=price, state=OrderState.OPEN, slot=Slot(1, side, number))


def test_at_the_lower_edge_all_bids_have_traded_and_what_was_held_has_fallen_with_the_price() -> None:
    bids = [resting(1, Side.BUY, 10, 1_900_000), resting(2, Side.BUY, 10, 1_800_000)]
    now, low, high = edges_of(5, Decimal(2_000_000), bids)
    assert now == EdgeCase(Decimal(0), Decimal(47)), "10 are held, and 37 bid for"
    assert low.loss == Decimal("5") * Decimal("0.2") + 1, "5 lots from 2 to 1.8, 10 lots from 1.9 to 1.8"
    assert low.notional == Decimal(25) * Decimal("1.8")
    assert high == EdgeCase(Decimal(0), Decimal(10)), "without an ask nothing trades above"


def test_orders_of_both_sides_reserve_but_what_they_close_needs_nothing() -> None:
    both = [resting(1, Side.BUY, 10, 1_900_000), resting(2, Side.SELL, 10, 2_100_000)]
    assert edges_of(0, Decimal(2_000_000), both)[0].notional == 19 + 21
    assert edges_of(8, Decimal(2_000_000), both)[0].notional == 16 + 19 + 0
    assert edges_of(-3, Decimal(2_000_000), both)[0].notional == 6 + (19 - 12) + 21


def test_a_short_loses_at_the_upper_edge() -> None:
    asks = [resting(1, Side.SELL, 10, 2_100_000), resting(2, Side.SELL, 10, 2_200_000)]
    _, low, high = edges_of(-5, Decimal(2_000_000), asks)
    assert high.loss == 1 + 1
    assert high.notional == Decimal(25) * Decimal("2.2")
    assert low.loss == 0


def test_the_need_is_that_of_the_worse_edge_and_never_under_a_tenth_of_the_notional() -> None:
    edges = [EdgeCase(Decimal(5), Decimal(90)), EdgeCase(Decimal(1), Decimal(300))]
    assert coin_need(edges, Decimal(3)) == Need(Decimal(1), Decimal(300) / 3)
    assert coin_need(edges, Decimal(40)).margin == 30


@given(st.lists(needs, max_size=5), needs, usd)
def test_a_coin_more_never_lets_more_leave_and_what_stays_covers_the_need(
    coins: list[Need], another: Need, equity: Decimal
) -> None:
    need, more = portfolio_need(coins), portfolio_need([*coins, another])
    assert withdrawable(equity, more) <= withdrawable(equity, need)
    leaves = withdrawable(equity, need)
    assert leaves == 0 or equity - leaves == need.usd
    assert need.usd == sum((each.usd for each in coins), Decimal(0))


def looked(value: str, **changes: object) -> tuple[Engine, list[str]]:
    """An engine that holds 100 SOL at 200 USD and has looked once at an account of so much."""
    engine = make_engine(position=10_000)
    names = []
    for event in (
        AccountObserved((("SOL", 10_000),), Decimal(value), Decimal(0), at(0).venue_ms, at(0).mono_ms),
        Quote("SOL", MID - 100, MID + 100, at(0).venue_ms),
        Tick(at(0).wall_ms, 0.0),
    ):
        names += [getattr(effect, "name", "") for effect in engine.step(event, at(0))]
    return engine, names


def test_an_account_that_cannot_carry_its_worst_case_is_told_of_once() -> None:
    engine, names = looked("19999")
    assert "worst_case_uncovered" in names
    shown = build_snapshot(engine, "paper", at(0))
    assert (shown.risk.worst_case_usd, shown.risk.withdrawable_usd) == (Decimal(20_000), Decimal(0))
    (alert,) = (f"{each.text}: {each.fix}" for each in shown.alerts if each.id == "worst_case")
    assert alert.startswith("THE WORST CASE NEEDS 20000.00 USD, THE ACCOUNT HAS 19999.00: pay in")
    again = [getattr(effect, "name", "") for effect in engine.step(Tick(at(200).wall_ms, 0.0), at(200))]
    assert "worst_case_uncovered" not in again
    engine.account_value = Decimal(20_100)
    assert not engine.portfolio.look(engine), "within 2 % it isn't told of as covered"
    engine.account_value = Decimal(21_000)
    (told,) = engine.portfolio.look(engine)
    assert getattr(told, "name", "") == "worst_case_covered"


def test_what_is_above_the_need_can_leave() -> None:
    engine, names = looked("20500")
    assert "worst_case_uncovered" not in names
    assert engine.portfolio.withdrawable == 500, "100 SOL at 200 USD, unlevered in this engine"


def test_before_the_account_was_seen_nothing_is_known_to_be_free() -> None:
    assert make_engine().portfolio.withdrawable == 0
