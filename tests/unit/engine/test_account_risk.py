"""Limits of the account: drawdown, unrealized loss, the day's profit; and a coin's stop-loss."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from core.domain.clock import Instant
from core.domain.commands import Action
from core.domain.effects import Effect, LiftHalt, SaveDay, SaveHalt, SavePnlPeak
from core.domain.events import FillsCommitted, PlaceOutcome, StopRequested, Traded
from core.domain.margin import HeldMargin, Leverage, MarginMode
from core.domain.orders import Purpose, Side, Tif
from core.engine.account_risk import SAVE_PEAK_EVERY_MS, AccountLimits, AccountLook, AccountRisk, day_name
from core.engine.standing import restore_standing
from core.engine.steady_mid import HOLD_MS
from core.engine.stop_loss import AGAIN_MS, StopLoss
from tests.unit.engine.builders import (
    MID,
    SOL,
    VENUE_0,
    Bench,
    account,
    at,
    cancelled,
    fill,
    make_engine,
    notices,
    of_kind,
    placed,
    quote,
)

DAY_MS = 86_400_000
LIMITS = AccountLimits(Decimal("0.12"), Decimal("0.15"), Decimal(-50), Decimal(80))


def look(pnl: str, value: str = "1000", unrealized: str = "0", today: str = "0") -> AccountLook:
    return AccountLook(Decimal(value), Decimal(pnl), Decimal(unrealized), Decimal(today))


def reason(risk: AccountRisk, seen: AccountLook, ms: int) -> str:
    """After two looks that are as far apart as a limit must be passed for."""
    risk.look(seen, at(ms))
    return risk.look(seen, at(ms + HOLD_MS))[1]


def kept(effects: list[Effect], kind: type[Any]) -> list[Any]:
    return of_kind(kind, effects)


# -- the numbers ------------------------------------------------------------------------------------------------------


def test_a_drawdown_is_measured_from_the_highest_profit_in_money_that_is_there() -> None:
    risk = AccountRisk(LIMITS)
    risk.look(look("200", "1200"), at(0))
    risk.look(look("80", "1080"), at(1))
    assert (risk.drawdown_usd, risk.high_usd) == (Decimal(120), Decimal(1200))
    assert risk.drawdown == Decimal("0.1")


@pytest.mark.parametrize("moved", ["-700", "5000"], ids=["withdrawn", "deposited"])
def test_money_that_comes_or_goes_is_no_profit_and_no_loss(moved: str) -> None:
    risk = AccountRisk(LIMITS)
    risk.look(look("10", "1000"), at(0))
    value = str(Decimal(1000) + Decimal(moved))
    assert reason(risk, look("10", value), 1) == ""
    assert risk.drawdown_usd == risk.day_pnl == Decimal(0)


def test_a_limit_counts_at_its_edge_and_names_its_numbers() -> None:
    risk = AccountRisk(AccountLimits(max_drawdown=Decimal("0.12")))
    risk.look(look("0"), at(0))
    assert reason(risk, look("-119.9", "880.1"), 1) == ""
    assert reason(risk, look("-120", "880"), 5_000).startswith(
        "drawdown: 120.00 USD below the highest profit, 12.00 % of the account (limit 12.00 %)"
    )


def test_one_odd_quote_halts_nothing() -> None:
    risk = AccountRisk(LIMITS)
    for ms in range(0, 10_000, 2 * HOLD_MS):
        assert risk.look(look("0"), at(ms))[1] == ""
        assert risk.look(look("-500", "500", "-500"), at(ms + HOLD_MS - 1))[1] == ""


def test_a_gain_that_is_not_realized_is_no_loss() -> None:
    """X9: the predecessor halted at an unrealized gain of 20 %."""
    risk = AccountRisk(AccountLimits(max_unrealized=Decimal("0.15")))
    assert reason(risk, look("200", "1200", "200"), 0) == ""
    assert reason(risk, look("-150", "850", "-150"), 5_000) == "", "15 % of 1000 and not more"
    assert reason(risk, look("-151", "849", "-151"), 9_000).startswith("unrealized_dd: ")


def test_the_day_begins_at_midnight_utc_and_halts_at_its_loss_and_its_gain() -> None:
    risk = AccountRisk(replace(LIMITS, max_drawdown=None))
    first, _ = risk.look(look("30", today="20"), at(0))
    assert kept(first, SaveDay) == [SaveDay("2026-01-01", Decimal(10), Decimal(1000))]
    assert risk.day_pnl == 20, "what was realized since midnight counts, whenever the first look is"
    assert reason(risk, look("-40"), 10).startswith("daily_pnl_stop: -50.00 USD since 00:00 UTC (limit -50)")
    assert reason(risk, look("90"), 5_000).startswith("daily_pnl_take: 80.00 USD")
    midnight = DAY_MS - VENUE_0 % DAY_MS
    assert not kept(risk.look(look("90"), at(midnight - 1))[0], SaveDay)
    begun, _ = risk.look(look("90"), at(midnight))
    assert kept(begun, SaveDay) == [SaveDay("2026-01-02", Decimal(90), Decimal(1000))]
    assert reason(risk, look("90"), midnight + 1) == ""


def test_a_rising_profit_is_saved_now_and_then_and_a_falling_one_never() -> None:
    risk = AccountRisk(LIMITS)
    saved = [kept(risk.look(look(str(n)), at(1_000 * n))[0], SavePnlPeak) for n in range(30)]
    assert [n for n, each in enumerate(saved) if each] == [0, SAVE_PEAK_EVERY_MS // 1_000, 20]
    falling = [kept(risk.look(look(str(30 - n)), at(60_000 + 1_000 * n))[0], SavePnlPeak) for n in range(30)]
    assert sum(map(bool, falling)) == 1, "the newest high, and no more"


def test_two_thirds_of_the_way_to_the_drawdown_are_told_once() -> None:
    risk = AccountRisk(LIMITS)
    told = [notices(risk.look(look(str(pnl)), at(n))[0]) for n, pnl in enumerate((0, -79, -90, -95, 0, -90))]
    assert told == [[], [], ["drawdown_warning"], [], [], ["drawdown_warning"]]


def test_without_limits_nothing_is_judged() -> None:
    assert reason(AccountRisk(), look("-999", "1", "-999"), 0) == ""


# -- in the engine ----------------------------------------------------------------------------------------------------


def bench(limits: AccountLimits = LIMITS, low: int = 0, high: int = 0) -> Bench:
    """A grid that rests, and 100 lots (200 USD) of it traded: long 1 SOL at 199 USD or so."""
    made = Bench(make_engine(cap_micro=900_000_000))
    made.engine.risk.limits = limits
    made.coin.stop_loss = StopLoss(low, high)
    made.started()
    for each in [o for o in made.live if o.side is Side.BUY][:2]:
        made.trade(each)
    made.step(account(made.coin.ledger.lots, made.now))
    made.after(200)
    return made


def fall(made: Bench, mid: int) -> list[Effect]:
    """The price goes to ``mid`` and stays there for as long as a limit must be passed for, and a little more."""
    out = made.step(quote(mid))
    for _ in range(8):
        out += made.after(200, quote(mid))
    return out


def test_a_drawdown_halts_all_and_cancels_and_what_is_held_stays() -> None:
    made = bench(AccountLimits(max_drawdown=Decimal("0.05")))
    out = fall(made, MID * 70 // 100)
    assert made.engine.halted.startswith("drawdown: ")
    assert kept(out, SaveHalt) == [SaveHalt("", made.engine.halted)]
    assert notices(out).count("risk_halt") == 1
    assert {o.side for o in cancelled(out)} == {Side.BUY, Side.SELL}
    assert [o for o in placed(out) if o.purpose is Purpose.FLATTEN] == []


def test_to_resume_after_a_drawdown_is_to_measure_the_next_one_from_here() -> None:
    made = bench(AccountLimits(max_drawdown=Decimal("0.05")))
    fall(made, MID * 70 // 100)
    out = made.ask(Action.RESUME)
    assert made.outcome()[0] == "done"
    assert [bool(kept(out, kind)) for kind in (LiftHalt, SavePnlPeak)] == [True, True]
    assert "drawdown_accepted" in notices(out)
    fall(made, MID * 70 // 100)
    assert made.engine.halted == ""


def test_a_day_that_lost_too_much_is_not_resumed_before_it_is_over() -> None:
    made = bench(AccountLimits(daily_stop=Decimal(-20)))
    fall(made, MID * 70 // 100)
    assert made.engine.halted.startswith("daily_pnl_stop: ")
    made.ask(Action.RESUME)
    status, text = made.outcome()
    assert status == "refused"
    assert "it counts anew at 00:00 UTC" in text
    made.ms += DAY_MS
    made.after(200, quote(MID * 70 // 100))
    made.ask(Action.RESUME, id_="next day")
    assert made.outcome("next day")[0] == "done"


@pytest.mark.parametrize(
    ("low", "high", "mid", "side"),
    [(MID * 9 // 10, 0, MID * 8 // 10, Side.SELL), (0, MID * 11 // 10, MID * 12 // 10, Side.SELL)],
    ids=["below", "above"],
)
def test_outside_its_band_a_coin_halts_and_is_flattened(low: int, high: int, mid: int, side: Side) -> None:
    made = bench(AccountLimits(), low, high)
    out = fall(made, mid)
    assert made.coin.halted.startswith("stop_loss: the mid ")
    halts = [each.reason for each in kept(out, SaveHalt)]
    assert halts[-1] == made.coin.halted, "the newest reason is the one in force: the rule, not the flatten"
    made.settle_cancels(out)
    made.listed(ticket=_flatten_id(made))
    closing = out + made.shows(made.coin.ledger.lots, _flatten_id(made))
    (order,) = [o for o in placed(closing) if o.purpose is Purpose.FLATTEN]
    assert (order.side, order.tif, order.reduce_only, order.lots) == (side, Tif.IOC, True, 100)


def test_inside_its_band_and_for_one_odd_quote_nothing_happens() -> None:
    made = bench(AccountLimits(), MID * 9 // 10, MID * 11 // 10)
    for _ in range(5):
        made.after(200, quote(MID * 5 // 10))
        made.after(600, quote(MID))
    assert made.coin.halted == ""


def test_a_stop_that_was_passed_is_carried_out_again_until_nothing_is_held() -> None:
    made = bench(AccountLimits(), MID * 9 // 10)
    fall(made, MID * 8 // 10)
    first = _flatten_id(made)
    for _ in range(62_000 // 200 + 2 * AGAIN_MS // 200):
        made.after(200, quote(MID))
    assert made.engine.desk.outcomes[first].status == "failed"
    assert _flatten_id(made) != first, "the price is back, and what is held must still go"
    made.ask(Action.RESUME, id_="too soon")
    assert made.outcome("too soon")[0] == "refused"


def test_a_coin_that_holds_nothing_only_halts_and_resumes_when_the_price_is_back() -> None:
    made = Bench()
    made.coin.stop_loss = StopLoss(MID * 9 // 10, 0)
    made.started()
    fall(made, MID * 8 // 10)
    assert made.coin.halted.startswith("stop_loss: ")
    assert not made.engine.desk.outcomes
    made.ask(Action.RESUME, id_="outside")
    assert "resume when the price is back inside" in made.outcome("outside")[1]
    fall(made, MID)
    made.ask(Action.RESUME, id_="inside")
    assert made.outcome("inside")[0] == "done"


def test_a_stop_of_the_program_is_not_disturbed_by_a_stop_loss() -> None:
    made = bench(AccountLimits(), MID * 9 // 10)
    made.step(StopRequested("SIGTERM"))
    fall(made, MID * 8 // 10)
    assert made.coin.halted == ""


def test_an_account_that_was_not_seen_or_a_price_that_is_not_known_judges_nothing() -> None:
    made = bench(AccountLimits(max_drawdown=Decimal("0.01")))
    made.coin.quote = None
    for _ in range(10):
        made.after(200)
    assert made.engine.halted == ""
    assert SOL.coin in made.engine.coins


def _flatten_id(made: Bench) -> str:
    return [id_ for id_, o in made.engine.desk.outcomes.items() if o.command.action is Action.FLATTEN][-1]


# -- what an attack on them found -------------------------------------------------------------------------------------


def test_a_coin_whose_market_shows_one_side_is_worth_its_last_price_and_switches_no_limit_off() -> None:
    made = bench(AccountLimits(max_drawdown=Decimal("0.05")))
    fall(made, MID * 70 // 100)
    assert made.engine.halted
    other = bench(AccountLimits(max_drawdown=Decimal("0.05")))
    other.step(quote(MID * 70 // 100))
    for _ in range(8):
        other.after(200, replace(quote(MID * 70 // 100), bid=None))
    assert other.engine.halted.startswith("drawdown: ")


def test_after_a_restart_a_market_that_shows_one_side_is_valued_at_its_mark_and_switches_no_limit_off() -> (
    None
):
    made = bench()
    made.coin.quote, made.coin.known_mid_twice, made.engine.risk.now = None, 0, None
    made.engine.started_wall_ms = made.now.wall_ms
    lots = made.coin.ledger.lots
    size = Decimal(lots) / 100
    leverage = Leverage(MarginMode.ISOLATED, 3)
    held = HeldMargin("SOL", leverage, size, abs(size) * 140, Decimal(10), None)
    for _ in range(9):
        made.after(1_000, replace(account(lots, made.now), held=(held,)))
    assert made.engine.risk.now is None, "a quote may come yet"
    for _ in range(4):
        made.after(1_000, replace(account(lots, made.now), held=(held,)))
    assert made.coin.known_mid_twice == 2 * 1_400_000
    assert made.engine.halted


def test_an_account_that_is_worth_nothing_is_judged() -> None:
    risk = AccountRisk(LIMITS)
    risk.look(look("0"), at(0))
    assert reason(risk, look("-1000", "0", "-1000"), 10).startswith("drawdown: ")


def test_before_the_missed_fills_are_read_nothing_is_judged() -> None:
    """A position that was closed while the bot was down looks like a loss until its fills are here."""
    made = Bench(make_engine(position=100, cap_micro=900_000_000))
    made.engine.risk.limits = AccountLimits(max_drawdown=Decimal("0.01"))
    made.engine.risk.peak = Decimal(0)
    made.step(account(100), quote(MID * 70 // 100))
    for _ in range(10):
        made.after(200, quote(MID * 70 // 100))
    assert made.engine.halted == ""
    made.connect()
    fall(made, MID * 70 // 100)
    assert made.engine.halted.startswith("drawdown: ")


def test_two_limits_that_are_near_each_other_do_not_reset_each_others_hold() -> None:
    risk = AccountRisk(LIMITS)
    risk.look(look("0"), at(0))
    halts = [risk.look(look("-130" if n % 2 else "-60"), at(400 * n))[1] for n in range(1, 8)]
    assert halts[-1].startswith("daily_pnl_stop: "), halts


def test_a_drawdown_that_is_past_does_not_hide_the_days_loss_from_a_resume() -> None:
    made = bench(AccountLimits(max_drawdown=Decimal("0.05"), daily_stop=Decimal(-20)))
    fall(made, MID * 70 // 100)
    assert made.engine.halted.startswith("drawdown: ")
    made.ask(Action.RESUME)
    assert made.outcome()[0] == "refused"
    assert "daily_pnl_stop" in made.outcome()[1]


def test_a_day_far_ahead_is_of_a_clock_that_was_wrong() -> None:
    risk = AccountRisk(LIMITS, day="2026-03-01")
    begun, _ = risk.look(look("5"), at(0))
    assert kept(begun, SaveDay) == [SaveDay("2026-01-01", Decimal(5), Decimal(1000))]
    back, _ = risk.look(look("5"), at(-DAY_MS))
    assert not kept(back, SaveDay), "a clock that was set back begins no day"


def test_a_stop_loss_stays_the_reason_whatever_else_halts_and_names_what_was_before() -> None:
    made = bench(AccountLimits(), MID * 9 // 10)
    made.engine.latch(made.coin, "the exchange tells fill 7 in two ways; compare, then resume")
    fall(made, MID * 8 // 10)
    assert made.coin.halted.startswith("stop_loss: ")
    assert "halted before: the exchange tells fill 7 in two ways" in made.coin.halted
    made.engine.latch(made.coin, "something else")
    made.ask(Action.FLATTEN, "SOL", id_="by hand")
    assert made.coin.halted.startswith("stop_loss: ")


def test_between_two_flattens_of_a_stop_loss_an_operator_has_time_for_his_own() -> None:
    made = bench(AccountLimits(), MID * 9 // 10)
    fall(made, MID * 8 // 10)
    running = 0
    for _ in range(600_000 // 200):
        made.after(200, quote(MID))
        running += made.engine.desk.is_flattening("SOL")
    assert running < 600_000 // 200 * 0.85
    assert "refused" not in {o.status for o in made.engine.desk.outcomes.values()}, (
        "none was begun beside another"
    )


def test_a_position_that_the_exchange_has_not_is_flattened_no_more() -> None:
    made = bench(AccountLimits(), MID * 9 // 10)
    made.ms += 40_000
    made.step(account(0, made.now))
    fall(made, MID * 8 // 10)
    assert not made.engine.desk.outcomes
    assert made.coin.halted.startswith("stop_loss: ")


def test_what_traded_after_the_last_look_at_a_flat_account_is_closed() -> None:
    made = Bench(make_engine(cap_micro=900_000_000))
    made.coin.stop_loss = StopLoss(MID * 9 // 10, 0)
    made.started()
    assert made.coin.ledger.drift.exchange_lots == 0
    made.trade(next(o for o in made.live if o.side is Side.BUY))
    fall(made, MID * 8 // 10)
    assert made.engine.desk.outcomes, "though no look has shown the position yet"


def _closed() -> Bench:
    """The stop-loss was passed, and what was held has been proven closed."""
    made = bench(AccountLimits(), MID * 9 // 10)
    made.settle_cancels(fall(made, MID * 8 // 10))
    ticket, held = _flatten_id(made), made.coin.ledger.lots
    made.listed(ticket=ticket)
    (close,) = placed(made.shows(held, ticket))
    made.step(PlaceOutcome(((close.cloid, Traded(1, held)),)))
    made.step(FillsCommitted((fill(lots=held, start=held, ms=made.ms, of=close),)))
    made.after(600, quote(MID))
    made.step(account(0, made.now, ticket))
    made.listed(ticket=ticket)
    made.step(account(0, made.now, ticket))
    made.after(200)
    assert made.outcome(ticket)[0] == "done"
    return made


def _stays(made: Bench, lots: int) -> None:
    """Nothing closes what is held, for five minutes."""
    made.step(account(lots, made.now))
    made.done.clear()
    for _ in range(600):
        made.after(500, quote(MID))
    assert not made.engine.desk.is_flattening("SOL")
    assert not [o for o in placed(made.done) if not o.trigger]
    assert made.coin.halted.startswith("stop_loss: ")


@pytest.mark.parametrize("is_new_start", [False, True])
def test_what_an_operator_opens_after_a_stop_loss_was_proven_closed_is_his(is_new_start: bool) -> None:
    """Days may lie between: the halt stays latched until he resumes, and closed at once whatever he opened by hand."""
    made = _closed()
    assert made.coin.saved_standing == "closed new_grid"
    if is_new_start:
        reason, made = made.coin.halted, Bench(make_engine())
        restore_standing(made.coin, "closed new_grid")
        made.coin.halted = reason
        made.start()
    made.step(FillsCommitted((fill(lots=30, start=0, ms=made.ms, trade_id=77),)))
    _stays(made, 30)


def test_a_stop_loss_after_a_resume_closes_again() -> None:
    made = _closed()
    made.coin.stop_loss.low = 0
    made.ask(Action.RESUME, id_="resume")
    assert made.outcome("resume")[0] == "done"
    assert not made.coin.is_closed
    made.after(200)
    assert "closed" not in made.coin.saved_standing


def _stopped_before() -> Bench:
    """A start that finds the halt of a stop-loss whose flatten had not ended; nothing is read yet."""
    made = Bench(make_engine(position=40))
    made.coin.halted = "stop_loss: the mid 160 is below 180 (HL_STOP_LOSS_LOW)"
    restore_standing(made.coin, "flattening new_grid")
    return made


def test_what_was_opened_by_hand_while_nothing_ran_is_not_closed_for_a_stop_loss_of_before() -> None:
    made = _stopped_before()
    made.step(account(-30, made.now), quote(MID))
    made.after(200, quote(MID))
    assert not made.engine.desk.is_flattening("SOL"), "the fills since are not read yet"
    told = made.step(
        FillsCommitted((fill(Side.SELL, 40, 40, 1, 50), fill(Side.SELL, 30, 0, 2, 51, order_id=9_001)))
    )
    assert "flatten_not_resumed" in notices(told)
    made.start(-30)
    _stays(made, -30)


def test_a_stop_that_fired_while_nothing_ran_closes_nothing_that_was_opened_by_hand_after_it() -> None:
    made = Bench(make_engine(position=40))
    made.coin.config = replace(made.coin.config, stop_low=MID * 9 // 10)
    made.started(40)
    (stop,) = [o for o in placed(made.done) if o.purpose is Purpose.STOP]
    made.rest([stop])
    told = made.step(
        FillsCommitted(
            (
                fill(lots=40, start=40, ms=made.ms, trade_id=50, of=stop),
                fill(lots=30, start=0, ms=made.ms, trade_id=51, order_id=9_001),
            )
        )
    )
    assert made.coin.halted.startswith("stop_loss: the stop at 180")
    assert "flatten_not_resumed" in notices(told)
    _stays(made, 30)


def test_a_start_goes_on_with_a_stop_loss_that_nobody_has_traded_against() -> None:
    made = _stopped_before()
    made.start(40)
    made.after(200, quote(MID))
    assert made.engine.desk.is_flattening("SOL")


def test_quotes_of_one_side_between_do_not_keep_a_stop_loss_from_passing() -> None:
    made = bench(AccountLimits(), MID * 9 // 10)
    for n in range(10):
        made.after(400, replace(quote(MID * 8 // 10), ask=None) if n % 2 else quote(MID * 8 // 10))
    assert made.coin.halted.startswith("stop_loss: ")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-01-31", "2026-02-01"),
        ("2026-02-28", "2026-03-01"),
        ("2028-02-28", "2028-02-29"),
        ("2028-02-29", "2028-03-01"),
        ("2026-03-29", "2026-03-30"),
        ("2026-10-25", "2026-10-26"),
        ("2026-12-31", "2027-01-01"),
    ],
    ids=["month", "february", "leap", "after leap", "DST begins", "DST ends", "year"],
)
def test_p27_a_day_is_one_of_utc_and_ends_at_midnight_whatever_the_calendar(before: str, after: str) -> None:
    midnight_ms = int(datetime.fromisoformat(f"{after}T00:00:00+00:00").timestamp() * 1000)
    assert (day_name(midnight_ms - 1), day_name(midnight_ms)) == (before, after)
    risk = AccountRisk()
    last, first = (Instant(ms - midnight_ms + 10**9, ms, ms) for ms in (midnight_ms - 1, midnight_ms))
    risk.look(AccountLook(Decimal(1000), Decimal(-30), Decimal(0), Decimal(-30)), last)
    assert (risk.day, risk.day_pnl) == (before, Decimal(-30))
    risk.look(AccountLook(Decimal(1000), Decimal(-30), Decimal(0), Decimal(0)), first)
    assert (risk.day, risk.day_pnl) == (after, Decimal(0))
