"""What everybody else sees of the engine: nothing hidden, nothing invented, ready for JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from decimal import Decimal

import pytest

from core.domain.commands import Action
from core.domain.effects import AskFundingRates, Backfill
from core.domain.events import (
    BackfillDone,
    FeedChanged,
    FillsCommitted,
    FundingRatesObserved,
    Refused,
    RequestFailed,
    StopRequested,
)
from core.domain.instrument import Instrument
from core.domain.margin import HeldMargin, Leverage, MarginMode
from core.domain.orders import Side
from core.engine.overrides import Overrides
from core.engine.snapshot import build_snapshot
from core.view import LevelState, RunState, Severity, Snapshot, to_plain
from tests.unit.engine.builders import (
    MID,
    SOL,
    Bench,
    account,
    fill,
    make_engine,
    of_kind,
    placed,
    quote,
)

ETH = Instrument("ETH", 1, 4, 25)


def shot(bench: Bench) -> Snapshot:
    return build_snapshot(bench.engine, "paper", bench.now)


def alerts(bench: Bench) -> list[str]:
    return [alert.text for alert in shot(bench).alerts]


def drifting(bench: Bench, position: int) -> None:
    for ms in (40_000, 45_000):
        bench.ms = ms
        for read in of_kind(Backfill, bench.step(account(position, bench.now))):
            bench.step(BackfillDone(read.ticket, 0, 0, 0))


WORLDS: dict[str, Callable[[Bench], object]] = {
    "nothing seen": lambda b: None,
    "in flight": lambda b: b.start(),
    "running": lambda b: b.started(),
    "refused": lambda b: b.answer(placed(b.start()), lambda o: Refused("Post only order")),
    "halted": lambda b: b.started().ask(Action.HALT),
    "halted and cancelled": lambda b: b.settle_cancels(b.started().ask(Action.HALT)),
    "feed down with a hole": lambda b: (b.started(), b.step(FeedChanged(False, 1)), b.trade(b.live[0])),
    "one side of the market gone": lambda b: (b.started(), b.after(9_000, quote(MID - 25_000))),
    "stopping": lambda b: b.settle_cancels([*b.started().step(StopRequested("SIGTERM"))]),
    "over the cap": lambda b: b.started().step(FillsCommitted((fill(Side.BUY, 500),))),
}


@pytest.mark.parametrize("world", WORLDS)
def test_every_wanted_level_has_an_order_or_a_reason(world: str) -> None:
    bench = Bench()
    WORLDS[world](bench)
    levels = shot(bench).coins[0].grid.levels
    for level in levels:
        stopped = level.state in (LevelState.MISSING, LevelState.WAITING)
        assert [stopped] * 3 == [bool(level.blocked_by), bool(level.rule), bool(level.frees)], level
    assert len(levels) >= len(bench.coin.wanted)
    prices = [level.price for level in levels]
    assert prices == sorted(prices, reverse=True)


@pytest.mark.parametrize("world", WORLDS)
def test_a_snapshot_is_plain_json_and_comes_back_the_same(world: str) -> None:
    bench = Bench()
    WORLDS[world](bench)
    plain = to_plain(shot(bench))
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_a_snapshot_cannot_be_changed_and_does_not_change_with_the_engine() -> None:
    bench = Bench().started()
    before = shot(bench)
    plain = to_plain(before)
    bench.trade(bench.live[0])
    assert to_plain(before) == plain
    with pytest.raises(FrozenInstanceError):
        before.version = 9  # type: ignore[misc]


def test_taking_a_snapshot_changes_nothing_that_trades() -> None:
    bench = Bench().started()
    one = shot(bench)
    assert shot(bench) == one


def test_numbers_on_screen_are_the_engines_own() -> None:
    bench = Bench().started()
    bench.step(FillsCommitted((fill(Side.BUY, 10, closed="1.5", fee="0.25", price=MID - 10_000),)))
    coin = shot(bench).coins[0]
    assert (coin.position, coin.entry, coin.mid) == (Decimal("0.1"), Decimal(199), Decimal(200))
    assert (coin.realized_usd, coin.fees_usd, coin.unrealized_usd) == (
        Decimal("1.5"),
        Decimal("0.25"),
        Decimal("0.1"),
    )
    assert coin.daily_usd == Decimal("1.35")
    assert (coin.fills.total, coin.fills.external, coin.fills.from_ws) == (1, 1, 1)
    assert coin.grid.orders_target == 6
    assert coin.position_cap == Decimal("1.5")
    assert coin.worst_long == coin.position + sum(
        (level.remaining for level in coin.grid.levels if level.side == "buy" and not level.blocked_by),
        Decimal(0),
    )


def test_a_reason_that_holds_now_is_shown_and_not_an_older_one() -> None:
    bench = Bench()
    bench.answer(placed(bench.start()), lambda o: Refused("Post only order"))
    bench.ask(Action.HALT)
    assert {level.blocked_by for level in shot(bench).coins[0].grid.levels} == {"halted: operator"}


def test_an_order_outside_the_wanted_grid_is_shown_as_an_orphan() -> None:
    bench = Bench().started()
    assert bench.coin.plan is not None
    bench.coin.plan.wants.popitem()
    states = [level.state for level in shot(bench).coins[0].grid.levels]
    assert states.count(LevelState.ORPHAN) == 1


# -- states --------------------------------------------------------------------------------------------------


def test_the_account_is_halted_only_if_every_coin_is() -> None:
    bench = Bench(make_engine(SOL, ETH))
    assert shot(bench).state is RunState.STARTING
    bench.start()
    assert shot(bench).state is RunState.RUNNING
    bench.ask(Action.HALT, "ETH", id_="one")
    assert shot(bench).state is RunState.RUNNING
    assert [c.state for c in shot(bench).coins] == [RunState.RUNNING, RunState.HALTED]
    bench.ask(Action.HALT, id_="all")
    assert shot(bench).state is RunState.HALTED


def test_flattening_and_stopping_are_states_of_their_own() -> None:
    bench = Bench().started()
    bench.ask(Action.FLATTEN, "SOL")
    assert shot(bench).state is RunState.FLATTENING
    bench.step(StopRequested("q"))
    assert shot(bench).state is RunState.STOPPING


# -- alerts -----------------------------------------------------------------------------------------------------


def test_a_quiet_engine_has_no_alerts() -> None:
    assert alerts(Bench().started()) == []


def test_a_declared_drift_is_an_alert_with_the_key_that_treats_it() -> None:
    bench = Bench(make_engine(position=10_000, cap_micro=10**12)).started(10_000)
    drifting(bench, 10_050)
    (alert,) = shot(bench).alerts
    assert (alert.text, alert.key, alert.severity) == ("POSITION DRIFT -0.5 SOL (0.50%)", "R", Severity.WARN)
    drift = shot(bench).coins[0].drift
    assert (drift.amount, drift.exchange_position) == (Decimal("-0.5"), Decimal("100.5"))


def test_a_rules_halt_is_an_alert_and_an_operators_own_is_not() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.ask(Action.HALT))
    assert alerts(bench) == []
    drifting(bench, 100)
    assert [a.split(":")[0] for a in alerts(bench)] == ["POSITION DRIFT -1 SOL (100.00% > 1%)", "SOL HALTED"]


def test_a_halt_for_a_drift_asks_for_what_is_left_to_do() -> None:
    """``A`` is refused once both sides agree: then the line that names the key must not name that one."""
    bench = Bench().started()
    drifting(bench, 100)
    halt = next(a for a in shot(bench).alerts if a.id == "halt:SOL")
    assert (halt.key, halt.fix) == ("A", "R resyncs, A accepts what stays, then U")
    bench.step(FillsCommitted((fill(Side.BUY, 100, 0, trade_id=5),)))
    bench.ms += 5_000
    bench.step(account(100, bench.now))
    halt = next(a for a in shot(bench).alerts if a.id == "halt:SOL")
    assert (halt.key, halt.fix) == ("U", "the drift is gone: U resumes")


def test_settings_without_a_possible_grid_are_an_alert_that_says_what_to_change() -> None:
    bench = Bench(make_engine(size_micro=5_000_000))
    bench.start()
    (text,) = alerts(bench)
    assert text.startswith("NO GRID: SOL: a level of 5.00 USD is below")


def test_silence_of_the_feed_failures_and_a_missing_fill_are_alerts_that_go_when_they_end() -> None:
    bench = Bench().started()
    bench.after(0)
    for _ in range(5):
        bench.step(RequestFailed("account", "time-out"))
    bench.step(FillsCommitted((fill(Side.BUY, 1, start=9, ms=1, trade_id=2),)))
    bench.ms += 21_000
    assert alerts(bench) == [
        "A FILL OF SOL IS MISSING",
        "NO MARKET DATA FOR 21 s (limit 20 s)",
        "CIRCUIT BREAKER INFO HALF-OPEN: time-out",
    ]
    since = {a.id: a.since_ms for a in shot(bench).alerts}
    bench.step(account(0, bench.now))
    bench.step(FillsCommitted((fill(Side.BUY, 9, start=0, trade_id=1),)))
    bench.after(0)
    assert alerts(bench) == []
    assert len(set(since.values())) == 1


def test_the_worst_alerts_come_first_and_keep_when_they_began() -> None:
    bench = Bench().started()
    for _ in range(5):
        bench.step(RequestFailed("account", "time-out"))
    first = shot(bench).alerts[0]
    bench.ms += 3_000
    assert shot(bench).alerts[0].since_ms == first.since_ms
    bench.coin.halted = "overfill"
    bench.ms += 8_000
    assert [a.severity for a in shot(bench).alerts] == [Severity.CRIT, Severity.WARN]


def test_commands_are_shown_with_what_became_of_them() -> None:
    bench = Bench().started()
    bench.ask(Action.RESUME, id_="r")
    (shown,) = shot(bench).commands
    assert (shown.action, shown.status, shown.text) == ("resume", "refused", "nothing is halted")


def test_an_override_hides_no_alert_that_is_younger() -> None:
    bench = Bench().started()
    bench.coin.overrides = Overrides(7_500_000, 0, 1, "cli")
    assert [a.id for a in shot(bench).alerts] == ["override:SOL"]
    bench.ms += 3_000
    bench.coin.leaving.side = 1
    assert [a.id for a in shot(bench).alerts] == ["range:SOL", "override:SOL"]


def test_a_position_out_of_range_has_its_funding_and_its_distances() -> None:
    bench = Bench().started()
    bench.coin.config = replace(bench.coin.config, stop_low=1_900_000)
    bench.step(FillsCommitted((fill(Side.BUY, 50, price=MID),)))
    assert shot(bench).coins[0].grid.funding_per_hour_usd is None
    bench.coin.leaving.side = -1
    asked = [e for _ in range(3) for e in of_kind(AskFundingRates, bench.after(1_000))]
    assert len(asked) <= 1
    bench.step(FundingRatesObserved((("SOL", Decimal("0.0001")), ("ETH", Decimal(1)))))
    coin = shot(bench).coins[0]
    assert coin.grid.funding_per_hour_usd == Decimal("-0.01"), "long pays a positive rate: 0.01 % of 100 USD"
    assert (coin.stop.distance, coin.stop.distance_pct) == (Decimal(10), Decimal(5))
    assert (coin.margin.distance, coin.margin.distance_pct) == (None, None)
    held = Leverage(MarginMode.ISOLATED, 3)
    bench.coin.held = HeldMargin("SOL", held, Decimal("0.5"), Decimal(100), Decimal(33), Decimal(150))
    margin = shot(bench).coins[0].margin
    assert (margin.distance, margin.distance_pct) == (Decimal(50), Decimal(25))


def test_after_a_flip_of_side_the_liquidation_price_of_the_other_side_is_nobodys() -> None:
    bench = Bench().started()
    bench.step(FillsCommitted((fill(Side.BUY, 50, price=MID),)))
    leverage = Leverage(MarginMode.ISOLATED, 3)
    long = HeldMargin("SOL", leverage, Decimal("0.5"), Decimal(100), Decimal(33), Decimal(150))
    seen = replace(account(50, bench.now), held=(long,), liquidations=(("SOL", Decimal(150)),))
    bench.step(seen)
    coin = shot(bench).coins[0]
    assert (coin.margin.liquidation, coin.liquidation, coin.margin.is_read) == (
        Decimal(150),
        Decimal(150),
        True,
    )
    bench.step(FillsCommitted((fill(Side.SELL, 100, start=50, price=MID, trade_id=2),)))
    coin = shot(bench).coins[0]
    assert coin.position == Decimal("-0.5")
    assert (coin.margin.liquidation, coin.margin.distance_pct, coin.liquidation) == (None, None, None)
    assert (coin.margin.mode, coin.margin.leverage, coin.margin.is_read) == ("isolated", 3, False)
    bench.coin.leaving.side = 1
    assert any("liq. not read since" in text for text in alerts(bench))
    short = replace(long, size=Decimal("-0.5"), liquidation=Decimal(250))
    again = replace(account(-50, bench.now), held=(short,), liquidations=(("SOL", Decimal(250)),))
    bench.step(again)
    coin = shot(bench).coins[0]
    assert (coin.margin.liquidation, coin.liquidation, coin.margin.is_read) == (
        Decimal(250),
        Decimal(250),
        True,
    )


def test_a_command_has_not_ended_for_anybody_before_its_end_is_in_the_journal() -> None:
    bench = Bench().started()
    bench.ask(Action.RESUME, id_="r")
    desk = bench.engine.desk
    desk.unwritten = frozenset({"r"})
    (shown,) = shot(bench).commands
    assert (shown.status, shown.text) == (
        "running",
        "refused, but not in the journal yet: nothing is halted",
    )
    assert desk.told("?") is None
    desk.unwritten = frozenset()
    assert desk.told("r") == desk.outcomes["r"]
