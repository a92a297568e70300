"""What a coin has made today, and that it is what the account's limits count."""

from __future__ import annotations

from decimal import Decimal

from core.domain.clock import DAY_MS
from core.domain.effects import SaveDay, SaveDayMark
from core.engine.day_mark import DayMark, made_today
from core.engine.snapshot import build_snapshot
from tests.unit.engine.builders import MID, VENUE_0, Bench, of_kind, quote
from tests.unit.engine.test_account_risk import bench

MIDNIGHT = DAY_MS - VENUE_0 % DAY_MS


def days(made: Bench) -> tuple[Decimal, Decimal, Decimal]:
    """Of the account, of its one coin, and the profit since the journal began."""
    shown = build_snapshot(made.engine, "paper", made.now)
    return shown.risk.day_usd, shown.coins[0].daily_usd, shown.pnl.total_usd


def fall_to(made: Bench, pct: int) -> None:
    """The price, and a look at the account with it."""
    made.step(quote(MID * pct // 100))
    made.after(200)


def test_an_account_that_began_today_has_made_all_of_its_profit_today() -> None:
    made = bench()
    fall_to(made, 99)
    account, coin, total = days(made)
    assert account == coin == total
    assert total < 0, "the position that was opened today has lost"


def test_what_is_carried_over_midnight_counts_from_there_on_for_the_coin_and_the_account() -> None:
    made = bench()
    fall_to(made, 99)
    lost_before = days(made)[2]
    out = made.after(MIDNIGHT - made.ms, quote(MID * 99 // 100))
    assert len(of_kind(SaveDay, out)) == len(of_kind(SaveDayMark, out)) == 1
    assert days(made)[:2] == (Decimal(0), Decimal(0))
    fall_to(made, 98)
    account, coin, total = days(made)
    assert account == coin == total - lost_before


def test_a_restart_goes_on_with_the_days_beginning_that_was_saved() -> None:
    made = bench()
    made.after(MIDNIGHT - made.ms, quote(MID * 99 // 100))
    saved = of_kind(SaveDayMark, made.done)[-1].text
    fall_to(made, 98)
    before = made_today(made.coin, made.now)
    made.coin.day_mark = DayMark.restored(saved)
    assert made_today(made.coin, made.now) == before != 0
    assert DayMark.restored("") == DayMark()
