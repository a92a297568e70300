"""A bug in whatever a coin's part of a step calls: that coin halts, nothing of its grid rests, and one key gets out of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any

import pytest

from core.domain.commands import Action
from core.domain.effects import Cancel, Effect, Place, ReportBug, SaveHalt
from core.domain.orders import Purpose
from core.engine import acting, guard
from core.engine.engine import Engine
from core.engine.order_manager import OrderManager
from tests.unit.engine.builders import MID, Bench, cancelled, make_engine, notices, of_kind, placed
from tests.unit.engine.callables import FUNCTIONS, break_it, seen_under_the_guard
from tests.unit.engine.storm import SPACING, Storm

HALTED = "internal error: ValueError: a bug"

ENDS_THE_RUN = frozenset(
    [
        "account_risk.day_name",
        "account_risk.is_day",
        "agent_watch.AgentWatch.left_ms",
        "coin.Coin.name",
        "coin.Coin.unrealized_usd",
        "day_mark.made_today",
        "engine.Engine.halt_reason",
        "engine.Engine.is_blind",
        "feed_age.FeedAge.age_ms",
        "feed_age.FeedAge.is_lost",
        "fold.Fold.unrealized_micro",
        "funding.FundingBook._since",
        "funding.FundingBook.today",
        "halts.HaltRule.closes_position",
        "halts._begins",
        "halts.closes_position",
        "halts.rule_of",
        "operator_desk.OperatorDesk.stopping",
        "order_index.OrderIndex.find",
        "own_orders.GridSide._first",
        "position_age.PositionAge.is_late",
        "position_age.PositionAge.is_lost",
        "shadow_ledger.ShadowLedger.day_realized_at",
        "shadow_ledger.ShadowLedger.drift",
        "shadow_ledger.ShadowLedger.lots",
        "shadow_ledger.ShadowLedger.lots_at_midnight",
        "shadow_ledger.ShadowLedger.net_usd",
    ]
)
"""Those that the account itself calls too, for its loss, its halts, its link, its position: without them no coin is safe. The
run ends, and its withdrawal takes back what the books call live.
"""


def _weather(storm: Storm) -> None:
    """A fill, a way out and back, some ticks."""
    storm.venue.move(MID - SPACING - 200)
    storm.venue.settle(1_000)
    storm.venue.move(MID)
    storm.venue.settle(2_000)


def _grown() -> Storm:
    storm = Storm(cap=1_000)
    storm.venue.settle(1_000)
    return storm


def _called() -> dict[str, set[CodeType]]:
    """Each function that runs under the guard from a first quote to a fill and after it, and what calls it."""
    found: dict[CodeType, set[CodeType]] = {}
    with seen_under_the_guard(found):
        _weather(_grown())
    by_code = {function.__code__: name for name, function in FUNCTIONS.items()}
    return {by_code[code]: callers for code, callers in found.items() if code in by_code}


CALLED = _called()
BY_ROOM: dict[str, list[str]] = defaultdict(list)
for _name in sorted(CALLED):
    if not _name.endswith("__repr__"):
        BY_ROOM[_name.split(".")[0]].append(_name)

_OF_ACTING = {f.__code__ for name, f in FUNCTIONS.items() if name.startswith("acting.")}
FLATTEN_CALLS = frozenset(
    [
        "circuit_breaker.Breakers.probed_by_placing",
        "intents.cancel",
        "operator_desk.OperatorDesk.is_flattening",
        "operator_desk.OperatorDesk.of_session",
        "order_index.OrderIndex.live_of",
    ]
)
"""Those that halt and flatten call as well: with a bug there, the run ends."""
BY_ACTING = sorted(
    n for n, callers in CALLED.items() if callers & _OF_ACTING and n not in ENDS_THE_RUN | FLATTEN_CALLS
)


@dataclass
class Bug:
    """One in a function of the engine, while it steps; what the harness itself calls is well."""

    struck: int = 0
    is_stepping: bool = False

    def strikes(self) -> bool:
        self.struck += self.is_stepping
        return self.is_stepping


@contextmanager
def _broken(name: str) -> Iterator[Bug]:
    bug, real = Bug(), Engine.steps

    def steps(engine: Engine, *rest: Any) -> list[Effect]:
        bug.is_stepping = True
        try:
            return real(engine, *rest)
        finally:
            bug.is_stepping = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "steps", steps)
        break_it(patch, name, bug.strikes)
        yield bug


def _told_against(name: str) -> str:
    """What is wrong of a run with that bug; empty if nothing is."""
    storm = _grown()
    assert storm.venue.resting()
    with _broken(name) as bug:
        ended = _raises(lambda: _weather(storm))
    if not bug.struck:  # it is for the first grid alone
        with _broken(name) as bug:
            storm, ended = _begun()
    coin, rests = storm.bench.coin, {booked.order.cloid for booked in storm.venue.resting()}
    if not bug.struck:
        return "never called"
    if ended:
        lost = rests - {order.cloid for order in coin.orders.live()}
        return f"unknown to the books: {lost}" if lost else "" if name in ENDS_THE_RUN else "ends the run"
    if name in ENDS_THE_RUN:
        return "doesn't end the run any more"
    if coin.halted != HALTED:
        return f"halted: {coin.halted!r}"
    return f"{len(rests)} orders rest" if rests else ""


def _begun() -> tuple[Storm, bool]:
    """One that has the bug from its first event on."""
    storm = Storm.__new__(Storm)

    def run() -> None:
        Storm.__init__(storm, cap=1_000)
        _weather(storm)

    return storm, _raises(run)


def _raises(work: Callable[[], object]) -> bool:
    try:
        work()
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("room", BY_ROOM)
def test_a_bug_in_any_function_under_the_guard_leaves_nothing_of_the_grid_resting(room: str) -> None:
    found = {name: wrong for name in BY_ROOM[room] if (wrong := _told_against(name))}
    assert not found


def test_the_lists_name_what_runs_under_the_guard() -> None:
    assert set(CALLED) > ENDS_THE_RUN | FLATTEN_CALLS
    assert {"idleness.idleness", "protection.protect", "thrift.holds_back", "breaker_watch.stopped_by"} < set(
        BY_ACTING
    )


@pytest.mark.parametrize("name", BY_ACTING)
def test_halt_and_flatten_get_a_coin_out_whose_every_step_raises(name: str) -> None:
    storm = Storm(cap=1_000, position=60)
    storm.venue.settle(1_000)
    with _broken(name):
        storm.venue.settle(1_000)
        for action in (Action.HALT, Action.FLATTEN):
            storm.venue.take(storm.bench.ask(action, "SOL", id_=action.value))
        storm.venue.settle(12_000)
        outcomes = {action: storm.bench.outcome(action) for action in ("halt", "flatten")}
    assert storm.venue.position == 0, outcomes
    assert not storm.venue.resting()
    assert outcomes["flatten"][0] == "done", outcomes


def _a_bug(*_: Any, **__: Any) -> Any:
    raise ValueError("a bug")


def _another_bug(*_: Any, **__: Any) -> Any:
    raise KeyError("another bug")


def test_a_bug_is_told_of_and_reported_once_and_halts_durably(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench().started()
    monkeypatch.setattr(acting, "idleness", _a_bug)
    out = bench.after(250)
    assert of_kind(SaveHalt, out) == [SaveHalt("SOL", HALTED)]
    assert {"coin_failed", "risk_halt"} <= set(notices(out))
    (report,) = of_kind(ReportBug, out)
    assert (report.where, str(report.error)) == ("SOL", "a bug")
    assert "ReportBug" not in Counter(type(effect).__name__ for effect in bench.after(250))
    monkeypatch.setattr(acting, "idleness", _another_bug)
    out = bench.after(250)
    assert [str(bug.error) for bug in of_kind(ReportBug, out)] == ["'another bug'"]
    assert not of_kind(SaveHalt, out)
    assert bench.coin.halted == HALTED, "the first bug is the one to look at"


@pytest.mark.parametrize("reason", ["operator", "stop_loss: passed", HALTED])
def test_orders_of_a_coin_that_is_halted_already_go_too(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    bench = Bench().started()
    bench.coin.halted = reason
    monkeypatch.setattr(acting, "idleness", _a_bug)
    assert len(cancelled(bench.after(250))) == 6


def test_cancels_that_nothing_confirms_are_sent_again_and_ever_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench().started()
    monkeypatch.setattr(acting, "idleness", _a_bug)
    monkeypatch.setattr(acting, "protect", _a_bug)
    sent_ms = [bench.ms for _ in range(600) if of_kind(Cancel, bench.after(200))]
    assert sent_ms == [200, 2_200, 6_200, 14_200, 30_200, 60_200, 90_200, 120_000 + 200][: len(sent_ms)]
    assert len(sent_ms) >= 6


def test_cancels_go_also_when_the_book_cannot_note_them(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench().started()
    monkeypatch.setattr(acting, "idleness", _a_bug)
    monkeypatch.setattr(OrderManager, "start_cancel", _another_bug)
    out = bench.after(200)
    assert len(cancelled(out)) == 6
    assert len(of_kind(ReportBug, out)) == 2
    assert [bench.ms for _ in range(60) if of_kind(Cancel, bench.after(200))] == [2_200, 6_200]


def test_what_gets_a_coin_out_asks_nothing_else_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench().started()
    monkeypatch.setattr(acting, "heed_alarm", _a_bug)
    monkeypatch.setattr(acting, "_keep_protected", _a_bug)
    monkeypatch.setattr(acting, "_quote_or_clear", _a_bug)
    found: dict[CodeType, set[CodeType]] = {}
    with seen_under_the_guard(found):
        taken_back = guard.guarded(bench.engine, bench.coin, bench.now, _a_bug)
    assert len(cancelled(taken_back)) == 6
    called = {name for name, function in FUNCTIONS.items() if function.__code__ in found}
    rooms = {
        name.split(".")[0]
        for name in called
        if not name.startswith(("guard.", "engine.Engine.latch", "halts."))
    }
    assert rooms <= {"order_manager", "order_index", "own_orders", "coin"}


@pytest.mark.parametrize("name", ["idleness", "holds_back", "stopped_by", "cancel_grid"])
def test_the_stop_is_placed_and_stays_whatever_else_of_the_coin_raises(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    bench = Bench(make_engine(position=50))
    bench.coin.config = replace(bench.coin.config, stop_low=1_800_000)
    monkeypatch.setattr(acting, name, _a_bug)
    bench.coin.halted = "operator"
    bench.start(position=50)
    (stop,) = placed(bench.done)
    assert stop.purpose is Purpose.STOP
    bench.rest([stop])
    assert not [e for _ in range(40) for e in bench.after(250) if isinstance(e, Cancel | Place)]


def test_a_bug_in_the_stop_takes_the_grid_back_and_leaves_the_stop_that_rests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(make_engine(position=50))
    bench.coin.config = replace(bench.coin.config, stop_low=1_800_000)
    bench.start(position=50)
    bench.rest(placed(bench.done))
    assert bench.live
    monkeypatch.setattr(acting, "protect", _a_bug)
    gone = cancelled(bench.after(250))
    assert {order.purpose for order in gone} == {Purpose.GRID}
    assert len(gone) == len(bench.live)


def test_nothing_of_a_step_is_given_a_coin_without_the_guard_but_what_ends_the_run() -> None:
    storm, outside = _grown(), set[CodeType]()
    with seen_under_the_guard({}, outside):
        _weather(storm)
    bare = {name for name, function in FUNCTIONS.items() if function.__code__ in outside}
    assert bare - ENDS_THE_RUN <= {"acting.act", "coin.Coin.grid"}, (
        "the guard's own, and what the venue here reads"
    )
