"""Fills that are more than a trade: liquidation, deleveraging, settlement, odd times, odd fees, contradictions; and funding."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.effects import Notify, SaveGrid
from core.domain.events import FillConflict, FillsCommitted, FundingCommitted
from core.domain.fills import FillKind, ForeignFill, Funding
from core.domain.orders import Side
from tests.unit.engine.builders import (
    ACCOUNT,
    VENUE_0,
    Bench,
    account,
    at,
    fill,
    notices,
    of_kind,
    placed,
    quote,
)

SELL = Side.SELL
HOUR_MS = 3_600_000


def test_a_liquidation_moves_the_ledger_halts_the_coin_and_nothing_is_bought_back() -> None:
    bench = Bench().started()
    effects = bench.step(FillsCommitted((replace(fill(SELL, 40, 0), kind=FillKind.LIQUIDATION),)))
    assert bench.coin.ledger.lots == -40
    assert bench.coin.halted.startswith("liquidation")
    (told,) = [e for e in of_kind(Notify, effects) if e.name == "liquidation"]
    assert told.severity == "crit"
    assert placed(bench.after(1_000, quote())) == []


def test_deleveraging_moves_the_ledger_and_a_new_grid_is_planned() -> None:
    bench = Bench().started()
    effects = bench.step(FillsCommitted((replace(fill(SELL, 40, 0, trade_id=0), kind=FillKind.ADL),)))
    assert bench.coin.ledger.lots == -40
    assert bench.coin.halted == ""
    assert "adl" in notices(effects)
    assert of_kind(SaveGrid, effects)


@pytest.mark.parametrize(("ms", "type_"), [(120_000, "future"), (-2 * 86_400_000, "old")])
def test_a_fill_with_an_odd_time_is_told_of_and_moves_the_position(ms: int, type_: str) -> None:
    bench = Bench().started()
    effects = bench.step(FillsCommitted((fill(SELL, 4, 0, ms=ms),)))
    (told,) = [e for e in of_kind(Notify, effects) if e.name == "fill_timestamp_anomaly"]
    assert dict(told.fields)["type"] == type_
    assert bench.coin.ledger.lots == -4


def test_a_fee_in_another_token_is_counted_apart_and_a_rebate_is_a_negative_fee() -> None:
    bench = Bench().started()
    odd = replace(fill(SELL, 1, 0, trade_id=1, fee="0.5"), fee_token="HYPE")
    bench.step(FillsCommitted((odd, fill(SELL, 1, -1, trade_id=2, fee="-0.25"))))
    assert bench.coin.ledger.current.fees == Decimal("-0.25")
    assert bench.coin.ledger.other_fees == {"HYPE": Decimal("0.5")}


def test_a_fill_that_is_told_in_two_ways_halts_its_coin() -> None:
    bench = Bench().started()
    known = fill(SELL, 4, 0)
    effects = bench.step(FillsCommitted((), conflicts=(FillConflict(known, replace(known, lots=5)),)))
    assert "fill_conflict" in notices(effects)
    assert "two ways" in bench.coin.halted


def test_a_foreign_fill_is_told_of_and_moves_nothing() -> None:
    bench = Bench().started()
    effects = bench.step(FillsCommitted((), foreign=(ForeignFill(ACCOUNT, "@107", VENUE_0, 5, 6, "{}"),)))
    assert "foreign_fill" in notices(effects)
    assert bench.coin.ledger.version == 0


# -- funding ----------------------------------------------------------------------------------------------------------


def payment(usd: str, hours: int) -> Funding:
    return Funding(ACCOUNT, "SOL", VENUE_0 + hours * HOUR_MS, Decimal(usd), "0x0", "{}")


def bled(*usd: str, equity: str = "1000") -> Bench:
    """A bench whose limit is 2 % of ``equity`` a day, after hourly payments."""
    bench = Bench().started()
    bench.coin.config = replace(bench.coin.config, funding_bleed_ppb=20_000_000)
    bench.step(account(0, bench.now, value=equity))
    for hour, each in enumerate(usd):
        bench.ms = hour * HOUR_MS
        bench.step(FundingCommitted((payment(each, hour),)))
    return bench


def test_funding_that_was_paid_past_the_limit_within_a_day_halts_the_coin() -> None:
    bench = bled(*["-1"] * 20)
    assert bench.coin.halted == ""
    assert bench.coin.ledger.funding.total == -20
    bench.ms += HOUR_MS
    bench.step(FundingCommitted((payment("-1", 20),)))
    assert bench.coin.halted.startswith("funding_bleed: 21.00 USD paid within a day")


def test_funding_that_was_received_never_halts() -> None:
    assert bled(*["50"] * 24).coin.halted == ""


def test_payments_older_than_a_day_no_longer_count() -> None:
    bench = bled(*["-0.5"] * 100)
    assert bench.coin.ledger.funding.total == -50
    assert bench.coin.ledger.funding.paid_last_day(at(bench.ms)) <= Decimal("12.5")
    assert bench.coin.halted == ""


def test_funding_of_the_day_is_in_the_days_profit() -> None:
    bench = bled("-3")
    assert bench.coin.ledger.day_realized_at(at(0)) == -3


def test_a_fill_that_won_or_lost_unusually_much_is_told_of() -> None:
    bench = Bench().started()
    bench.coin.config = replace(bench.coin.config, odd_profit_usd=Decimal(500))
    usual, odd = fill(closed="-500"), fill(start=10, trade_id=2, ms=1, closed="-500.01")
    assert "unusual_pnl_fill" not in notices(bench.step(FillsCommitted((usual,))))
    assert "unusual_pnl_fill" in notices(bench.step(FillsCommitted((odd,))))
