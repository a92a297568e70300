"""A market that closes: what of the grid goes on, by each policy, and that the open needs nobody."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from core.domain.commands import Action
from core.domain.effects import Notify, SaveFeatures, SaveHalt
from core.domain.events import FillsCommitted, Quote
from core.domain.grid import PPB, GridRow
from core.domain.orders import Purpose, Side
from core.domain.sessions import CALENDARS, NEVER_MS, Session
from core.engine.engine import Engine
from core.engine.features import Features, FeatureSettings
from core.engine.session_watch import ClosedSession, SessionSettings
from core.engine.snapshot import build_snapshot
from core.engine.why_not import frees, slots_without_order
from core.view import CoinView, RunState, SessionState
from tests.unit.engine.builders import MID, SOL, VENUE_0, Bench, fill, make_engine, notices, of_kind, placed
from tests.unit.engine.venue import Venue

CLOSES, OPENS = 240_000, 480_000
"""After the start of the test, in ms: open, closed for four minutes, open for long."""
MARGIN = 60_000
STEP = 1_000
LATE = OPENS + 90_000
"""Some way into the second session."""


def made_up(ms: int) -> Session:
    edges = [VENUE_0 - 3_600_000, VENUE_0 + CLOSES, VENUE_0 + OPENS, VENUE_0 + 90_000_000, NEVER_MS]
    number = next(n for n, (since, until) in enumerate(pairwise(edges)) if since <= ms < until)
    is_open = number % 2 == 0
    return Session(is_open, edges[number], edges[number + 1], "regular hours" if is_open else "overnight")


@pytest.fixture(autouse=True)
def _hours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CALENDARS, "us_equities", made_up)


def made(policy: ClosedSession, position: int = 0, **changes: Any) -> Engine:
    engine = make_engine(position=position, **changes)
    coin = engine.coins["SOL"]
    sessions = SessionSettings("us_equities", policy, MARGIN, 3 * PPB)
    coin.config = replace(coin.config, sessions=sessions, recenter_interval_ms=0)
    return engine


class Market:
    """An engine before a small exchange that does what it is asked, and a price that is told every second."""

    def __init__(self, policy: ClosedSession, position: int = 0, ms: int = 0, **changes: Any) -> None:
        self.bench = Bench(made(policy, position, **changes), ms)
        self.venue = Venue(self.bench, position)
        self.is_quiet = False
        self.venue.take(self.bench.start(position))
        self.work()

    def work(self) -> None:
        while self.venue.requests or self.venue.inbox:
            while self.venue.requests:
                self.venue.serve()
            while self.venue.inbox:
                self.venue.deliver()

    def to(self, ms: int) -> Market:
        """On to so many ms after the start of the test."""
        while self.bench.ms < ms:
            mid, now = self.venue.mid, self.bench.now.venue_ms + STEP
            quotes = () if self.is_quiet else (Quote("SOL", mid - 100, mid + 100, now),)
            self.venue.take(self.bench.after(STEP, *quotes))
            self.work()
            self.check()
        return self

    def check(self) -> None:
        """While only what reduces is quoted, no order that rests could open a position or turn it round."""
        coin = self.bench.coin
        if coin.config.sessions.policy is ClosedSession.REDUCE and coin.session.is_frozen:
            buys, sells = self.resting(Side.BUY), self.resting(Side.SELL)
            assert buys <= max(0, -self.venue.position), (buys, self.venue.position)
            assert sells <= max(0, self.venue.position), (sells, self.venue.position)

    def resting(self, side: Side) -> int:
        return sum(b.remaining for b in self.venue.resting(side))

    def move(self, mid: int) -> None:
        self.venue.move(mid)
        self.work()

    def buy_by_hand(self, lots: int) -> None:
        bought = fill(Side.BUY, lots, self.venue.position, self.bench.ms, trade_id=77_000)
        self.venue.fills.append(bought)
        self.venue.position += lots
        self.venue.tell(FillsCommitted((bought,)))
        self.work()

    @property
    def grid(self) -> GridRow:
        assert self.bench.coin.grid is not None
        return self.bench.coin.grid

    @property
    def view(self) -> CoinView:
        return build_snapshot(self.bench.engine, "paper", self.bench.now).coins[0]

    def told(self, name: str) -> list[dict[str, Any]]:
        return [dict(e.fields) for e in of_kind(Notify, self.bench.done) if e.name == name]


def test_the_close_and_the_open_are_told_once_each_with_their_times() -> None:
    market = Market(ClosedSession.KEEP).to(LATE)
    told = [name for name in notices(market.bench.done) if name.startswith("session_")]
    assert told == ["session_closing", "session_closed", "session_opened"]
    assert market.told("session_closing")[0] == {
        "why": "regular hours",
        "opens": "2026-01-01 14:08 UTC",
        "policy": "keep",
        "closes": "2026-01-01 14:04 UTC",
    }


def test_a_market_that_never_closes_tells_nothing_of_sessions() -> None:
    bench = Bench().started()
    bench.after(1_000)
    assert not [name for name in notices(bench.done) if name.startswith("session_")]
    view = build_snapshot(bench.engine, "paper", bench.now).coins[0]
    assert (view.session, view.session_policy, view.session_opens_ms) == ("open", "", 0)
    assert view.session_state is SessionState.OPEN


def test_a_start_just_after_the_open_tells_of_no_close_and_waits_for_its_quote() -> None:
    bench = Bench(made(ClosedSession.REDUCE), OPENS + 5_000)
    bench.connect()
    bench.after(STEP)
    view = build_snapshot(bench.engine, "paper", bench.now).coins[0]
    assert (view.session, view.session_opens_ms) == ("open, waiting for its first quote", VENUE_0 + OPENS)
    assert view.session_state is SessionState.OPENING
    assert not [name for name in notices(bench.done) if name.startswith("session_")]


# -- keep -----------------------------------------------------------------------------------------------------------


def test_kept_a_grid_rests_as_it_is_and_does_not_follow_the_price_until_the_open() -> None:
    market = Market(ClosedSession.KEEP).to(CLOSES + 10_000)
    market.move(MID * 105 // 100)
    market.to(OPENS - STEP)
    assert (market.grid.generation, market.grid.center) == (1, MID)
    assert market.resting(Side.BUY), "its other side still rests"
    market.to(LATE)
    assert market.grid.generation > 1
    assert abs(market.grid.center - market.venue.mid) < MID // 100


def test_kept_what_trades_is_quoted_again() -> None:
    market = Market(ClosedSession.KEEP).to(CLOSES + 10_000)
    lots = market.resting(Side.SELL)
    market.move(market.grid.line(1) + 500)
    market.to(CLOSES + 20_000)
    assert market.venue.position == -market.grid.lots
    assert market.resting(Side.BUY) == lots + market.grid.lots


# -- widen ----------------------------------------------------------------------------------------------------------


def test_widened_the_lines_move_apart_around_the_same_center_and_back_at_the_open() -> None:
    market = Market(ClosedSession.WIDEN)
    usual = market.grid
    market.to(CLOSES - MARGIN - 1_000)
    assert market.grid == usual
    market.move(MID + 2_000)
    market.to(CLOSES + 10_000)
    wide = market.grid
    assert (wide.center, wide.spacing_ppb, wide.lots) == (usual.center, 3 * usual.spacing_ppb, usual.lots)
    assert len(market.venue.resting()) == 6, "and it rests whole"
    market.to(LATE)
    assert (market.grid.spacing_ppb, market.grid.generation) == (usual.spacing_ppb, 3)
    assert len(market.venue.resting()) == 6


def test_a_grid_is_widened_past_its_maximum_spacing_too() -> None:
    market = Market(ClosedSession.WIDEN, spacing_ppb=10_000_000, spacing_max_ppb=20_000_000).to(
        CLOSES + 10_000
    )
    assert market.grid.spacing_ppb == 30_000_000


def test_a_restart_while_closed_knows_a_widened_grid_from_its_own_settings() -> None:
    market = Market(ClosedSession.WIDEN).to(CLOSES + 10_000)
    engine = made(ClosedSession.WIDEN)
    engine.coins["SOL"].start_grid(market.grid)
    bench = Bench(engine, CLOSES + 20_000)
    bench.start()
    assert bench.coin.grid == market.grid
    bench = Bench(engine := made(ClosedSession.WIDEN), LATE)
    engine.coins["SOL"].start_grid(market.grid)
    bench.start()
    assert bench.coin.grid is not None
    assert bench.coin.grid.spacing_ppb == market.grid.spacing_ppb // 3


# -- reduce ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("position", [170, -170])
def test_reduced_a_position_is_closed_bit_by_bit_with_nothing_that_could_turn_it_round(position: int) -> None:
    market = Market(ClosedSession.REDUCE, position).to(CLOSES - MARGIN - STEP)
    assert market.venue.position == position
    seen = []
    while market.bench.ms < CLOSES:
        market.to(market.bench.ms + STEP)
        seen.append(abs(market.venue.position))
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) > 4, "in parts"
    assert seen[-1] == 0, "before the close"
    parts = [o for o in placed(market.bench.done) if o.purpose is Purpose.REDUCE]
    assert all(o.reduce_only for o in parts)
    assert market.venue.resting() == []


@pytest.mark.parametrize("lots", [4, 8, 9, 12])
def test_reduced_a_position_that_is_one_part_alone_is_closed_and_not_turned_round(lots: int) -> None:
    market = Market(ClosedSession.REDUCE).to(CLOSES - MARGIN - 5_000)
    market.buy_by_hand(lots)
    market.to(CLOSES + 60_000)
    assert market.bench.coin.ledger.lots == market.venue.position == 0


def test_reduced_the_side_that_adds_is_gone_and_the_other_one_still_earns() -> None:
    market = Market(ClosedSession.REDUCE, 170).to(CLOSES - MARGIN + 1_000)
    assert market.resting(Side.BUY) == 0
    assert 0 < market.resting(Side.SELL) < market.venue.position
    before = market.venue.position
    market.move(market.grid.line(1) + 500)
    assert 0 < market.venue.position < before


def test_no_part_is_closed_before_what_could_turn_the_position_round_is_cancelled() -> None:
    market = Market(ClosedSession.REDUCE, 170).to(CLOSES - MARGIN - STEP)
    for _ in range(3):  # cancels are asked for, and not answered yet
        wanted = market.bench.after(
            STEP, Quote("SOL", MID - 100, MID + 100, market.bench.now.venue_ms + STEP)
        )
        assert [o for o in placed(wanted) if o.purpose is Purpose.REDUCE] == []
        market.venue.take(wanted)
    market.work()
    market.to(CLOSES - MARGIN + 5_000)
    assert market.venue.position < 170


def test_a_flat_coin_says_why_nothing_is_quoted_and_when_it_will_be() -> None:
    market = Market(ClosedSession.REDUCE).to(CLOSES + 10_000)
    assert market.venue.resting() == []
    view = market.view
    assert view.state is RunState.RUNNING, "nothing halts"
    assert (
        view.idle_reason == "session closed (overnight) until 2026-01-01 14:08 UTC (HL_CLOSED_SESSION reduce)"
    )
    assert (view.session, view.session_policy) == ("closed (overnight) until 2026-01-01 14:08 UTC", "reduce")
    assert view.session_state is SessionState.CLOSED
    assert view.session_opens_ms == VENUE_0 + OPENS
    blocked = slots_without_order(market.bench.coin, market.bench.now)
    assert len(blocked) == 6
    assert {each.why.rule.value for each in blocked} == {"session"}
    assert {frees(each, SOL, market.bench.now) for each in blocked} == {"the open at 2026-01-01 14:08 UTC"}


def test_a_level_that_could_turn_the_position_round_names_the_session_as_its_rule() -> None:
    market = Market(ClosedSession.REDUCE, 120).to(CLOSES - MARGIN + 1_000)
    blocked = [
        each
        for each in slots_without_order(market.bench.coin, market.bench.now)
        if each.level.slot.side is Side.SELL
    ]
    assert blocked
    assert {each.why.rule.value for each in blocked} == {"session"}
    assert "only what reduces the position is quoted" in blocked[0].reason


def test_at_the_open_a_new_grid_is_built_around_the_price_and_nobody_is_needed() -> None:
    market = Market(ClosedSession.REDUCE, 170).to(OPENS - STEP)
    market.venue.mid = MID * 102 // 100
    market.to(LATE)
    assert market.view.idle_reason == ""
    assert len(market.venue.resting()) == 6
    assert abs(market.grid.center - market.venue.mid) < MID // 1_000
    assert of_kind(SaveHalt, market.bench.done) == []


def test_a_restart_after_the_open_does_not_take_the_cells_of_before_for_full() -> None:
    market = Market(ClosedSession.REDUCE, 170).to(CLOSES + 10_000)
    engine = made(ClosedSession.REDUCE)
    engine.coins["SOL"].start_grid(market.grid, {-1: 50})
    bench = Bench(engine, LATE)
    bench.start()
    assert bench.coin.grid is not None
    assert bench.coin.grid.generation == market.grid.generation + 1
    bench.after(STEP)
    assert bench.coin.grid.generation == market.grid.generation + 1, "once"


def test_a_position_without_a_grid_is_reduced_too_and_the_first_grid_waits_for_the_open() -> None:
    market = Market(ClosedSession.REDUCE, 170, ms=CLOSES + 10_000).to(CLOSES + 120_000)
    assert market.venue.position == 0
    assert market.bench.coin.grid is None
    market.to(LATE)
    assert len(market.venue.resting()) == 6


def test_kept_the_first_grid_waits_for_the_open_and_says_so() -> None:
    market = Market(ClosedSession.KEEP, ms=CLOSES + 10_000).to(CLOSES + 20_000)
    assert market.venue.resting() == []
    assert market.view.idle_reason == (
        "session closed (overnight) until 2026-01-01 14:08 UTC: the first grid is built once it has opened"
    )


# -- flatten --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("position", [170, -170, 0])
def test_flattened_it_is_proven_flat_before_the_close_and_quoted_again_at_the_open(position: int) -> None:
    market = Market(ClosedSession.FLATTEN, position).to(CLOSES - MARGIN + 10_000)
    assert market.venue.position == 0
    assert market.venue.resting() == []
    assert market.view.idle_reason.startswith("session closes at 2026-01-01 14:04 UTC")
    assert market.view.session_state is SessionState.CLOSING
    outcomes = [(o.command.origin, o.status) for o in market.bench.engine.desk.outcomes.values()]
    assert outcomes == ([("session", "done")] if position else [])
    market.to(LATE)
    assert market.view.idle_reason == ""
    assert len(market.venue.resting()) == 6
    assert of_kind(SaveHalt, market.bench.done) == []
    assert market.bench.coin.halted == market.bench.engine.halted == ""


def test_a_restart_while_closed_flattens_what_is_held() -> None:
    market = Market(ClosedSession.FLATTEN, 170, ms=CLOSES + 10_000).to(CLOSES + 20_000)
    assert market.venue.position == 0
    assert market.bench.coin.halted == ""


def test_what_is_held_after_a_flatten_is_flattened_again() -> None:
    market = Market(ClosedSession.FLATTEN, 170).to(CLOSES + 10_000)
    market.buy_by_hand(30)
    market.to(CLOSES + 60_000)
    assert market.venue.position == 0
    assert len(market.bench.engine.desk.outcomes) == 2


def test_a_coin_that_an_operator_halted_is_left_alone_and_stays_halted_past_the_open() -> None:
    for policy in (ClosedSession.FLATTEN, ClosedSession.REDUCE):
        market = Market(policy, 170).to(10_000)
        market.venue.take(market.bench.ask(Action.HALT))
        market.work()
        market.to(LATE)
        assert market.venue.position == 170
        assert market.bench.coin.halted or market.bench.engine.halted
        assert market.venue.resting() == []


def test_an_operator_who_flattens_takes_it_over_and_it_stays_halted() -> None:
    market = Market(ClosedSession.FLATTEN, 170).to(CLOSES - MARGIN - STEP)
    market.venue.take(market.bench.after(STEP))
    assert market.bench.engine.desk.is_flattening("SOL")
    market.venue.take(market.bench.ask(Action.FLATTEN))
    assert market.bench.coin.halted == "flatten"
    market.to(LATE)
    assert market.bench.outcome()[0] == "done"
    assert market.venue.position == 0
    assert market.venue.resting() == []
    assert market.bench.coin.halted == "flatten"


# -- the open, and what the market is like --------------------------------------------------------------------------


def test_the_grid_waits_for_the_first_quote_of_the_session_and_no_longer_than_a_minute() -> None:
    market = Market(ClosedSession.REDUCE).to(OPENS - STEP)
    market.is_quiet = True
    market.to(OPENS + 30_000)
    assert market.view.idle_reason.startswith("session open, waiting for its first quote")
    assert market.venue.resting() == []
    market.to(OPENS + 62_000)
    assert market.view.idle_reason == ""
    assert len(market.venue.resting()) == 6


def test_no_bars_are_made_of_what_is_quoted_while_closed_and_the_gap_is_none() -> None:
    market = Market(ClosedSession.KEEP)
    market.bench.coin.features.settings = FeatureSettings(bar_ms=4_000, atr_bars=5, sigma=4)
    market.to(CLOSES - STEP)
    features = market.bench.coin.features
    before = features.bars, features.volatility_ppb, features.atr_ppb
    assert before[0] > 50
    count = len(of_kind(SaveFeatures, market.bench.done))
    market.venue.mid = MID * 110 // 100
    market.to(OPENS - STEP)
    assert (features.bars, features.volatility_ppb, features.atr_ppb) == before
    assert len(of_kind(SaveFeatures, market.bench.done)) == count
    market.to(LATE)
    assert features.bars > before[0]
    assert features.volatility_ppb <= before[1], "the open is no shock"
    assert "vol_circuit" not in notices(market.bench.done)


def test_after_a_closure_bars_begin_anew_and_a_trend_is_what_it_was() -> None:
    features = Features(FeatureSettings(bar_ms=1_000, fast_bars=2, slow_bars=4))
    for second in range(20):
        features.note(2 * (1_000_000 + 1_000 * second), 1_000 * second)
    trend, volatility = features.trend_ppb, features.volatility_ppb
    assert features.is_before(50_000)
    assert not features.is_before(19_500)
    features.resume(2 * 1_500_000, 50_000)
    assert not features.is_before(50_000)
    assert features.volatility_ppb == volatility
    assert abs(features.trend_ppb - trend) <= 1 + trend // 1_000
