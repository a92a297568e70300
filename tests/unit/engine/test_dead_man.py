"""The dead man's switch: when it is asked for, what its answers mean, and that a stop waits for it."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

from core.domain.clock import DAY_MS
from core.domain.effects import ArmDeadMan, DisarmDeadMan, Effect, Notify, SaveDeadMan
from core.domain.events import Event, OrderUpdate, Tick
from core.domain.router_events import DeadManAnswered
from core.engine.dead_man import (
    ANSWER_WITHIN_MS,
    CLEARS_WITHIN_MS,
    LANDS_WITHIN_MS,
    REFUSED_MS,
    RETRY_MS,
    SELDOM_MS,
    DeadMan,
)
from core.engine.engine import Engine
from core.engine.left_armed import LeftArmed
from core.engine.stop import Phase
from core.view import DeadManState
from tests.unit.engine.builders import at

AFTER_MS = 60_000
POOR = "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: $12066.75."
TICK = Tick(0, 0.0)


class Bench:
    """A switch and the little of an engine that it looks at."""

    def __init__(self, after_ms: int = AFTER_MS) -> None:
        self.switch = DeadMan(after_ms)
        self.engine: Any = SimpleNamespace(saw_account=True, desk=SimpleNamespace(stopping=None))
        self.told: list[Notify] = []
        self.saved = 0

    def step(self, event: Event, ms: int) -> list[Effect]:
        out = self.switch.advance(cast(Engine, self.engine), event, at(ms))
        self.told += [effect for effect in out if isinstance(effect, Notify)]
        saved = [effect.until_ms for effect in out if isinstance(effect, SaveDeadMan)]
        self.saved = saved[-1] if saved else self.saved
        asked = [effect.until_ms for effect in out if isinstance(effect, ArmDeadMan)]
        assert not asked or asked == saved, "the time is in the journal before it is asked for"
        return [effect for effect in out if not isinstance(effect, Notify | SaveDeadMan)]

    def asks(self, ms: int) -> int:
        """The time that a tick asks for."""
        (arm,) = self.step(TICK, ms)
        assert isinstance(arm, ArmDeadMan)
        return arm.until_ms

    def armed(self, ms: int = 0) -> int:
        until = self.asks(ms)
        assert self.step(DeadManAnswered(until), ms + 10) == []
        return until

    def stopping(self, phase: Phase, failed: bool = False) -> None:
        self.engine.desk.stopping = SimpleNamespace(phase=phase, failed=failed)

    def holds(self, ms: int) -> bool:
        left = self.left(ms)
        return left is not None and left.is_awaited

    def left(self, ms: int) -> LeftArmed | None:
        return self.switch.left(self.engine.desk.stopping, at(ms))

    def names(self) -> list[str]:
        return [notice.name for notice in self.told]


def test_it_is_off_unless_it_is_wanted() -> None:
    bench = Bench(after_ms=0)
    assert bench.step(TICK, 0) == []
    assert bench.switch.view(at(0)).state is DeadManState.OFF
    bench.stopping(Phase.READ)
    assert not bench.holds(0)


def test_it_is_armed_ahead_and_moved_on_three_times_before_it_would_fire() -> None:
    bench = Bench()
    assert bench.armed() == at(AFTER_MS).venue_ms
    view = bench.switch.view(at(10))
    assert (view.state, view.armed_until_ms) == (DeadManState.ARMED, at(AFTER_MS).wall_ms)
    assert bench.step(TICK, 19_999) == []
    assert bench.armed(20_000) == at(20_000 + AFTER_MS).venue_ms
    assert bench.names() == ["dead_man_switch_active"], "once: it says what it would cancel"
    assert "the stops that protect the position" in str(dict(bench.told[0].fields)["reason"])


def test_nothing_is_asked_before_the_account_is_read_nor_while_an_answer_is_awaited() -> None:
    bench = Bench()
    bench.engine.saw_account = False
    assert bench.step(TICK, 0) == []
    bench.engine.saw_account = True
    bench.asks(1)
    assert bench.step(TICK, ANSWER_WITHIN_MS) == []
    bench.asks(1 + 20_000)


def test_an_account_that_has_traded_too_little_is_told_once_what_it_lacks_and_asked_for_again_rarely() -> (
    None
):
    bench = Bench()
    bench.step(DeadManAnswered(bench.asks(0), POOR), 10)
    view = bench.switch.view(at(10))
    assert view.state is DeadManState.NOT_ELIGIBLE
    assert (view.traded_usd, view.required_usd) == (Decimal("12066.75"), Decimal(1_000_000))
    assert bench.step(TICK, SELDOM_MS) == []
    bench.step(DeadManAnswered(bench.asks(10 + SELDOM_MS), POOR), 20 + SELDOM_MS)
    assert bench.names() == ["dead_man_switch_activation_error"]


def test_another_refusal_is_told_and_tried_again_soon_while_the_old_time_runs() -> None:
    bench = Bench()
    until = bench.armed()
    bench.step(DeadManAnswered(bench.asks(20_000), "Scheduled cancel has already been triggered"), 20_010)
    view = bench.switch.view(at(20_010))
    assert (view.state, view.armed_until_ms) == (DeadManState.REFUSED, until + 400)
    assert bench.names()[-1] == "dead_man_switch_refresh_error"
    bench.step(DeadManAnswered(bench.asks(20_010 + RETRY_MS), "no"), 26_000)
    assert bench.step(TICK, 26_000 + RETRY_MS - 1) == []


def test_refused_from_the_start_it_is_asked_for_ever_less_often() -> None:
    bench = Bench()
    asked_ms = [ms for ms in range(0, 2_000_000, 1_000) if _is_refused(bench, ms)]
    gaps = [after - before for before, after in pairwise(asked_ms)]
    assert gaps[:4] == [RETRY_MS, 2 * RETRY_MS, 4 * RETRY_MS, 8 * RETRY_MS]
    assert max(gaps) == gaps[-1] == REFUSED_MS
    assert bench.names() == ["dead_man_switch_activation_error"]


def _is_refused(bench: Bench, ms: int) -> bool:
    asked = bench.step(TICK, ms)
    if asked:
        bench.step(DeadManAnswered(1, "no"), ms)
    return bool(asked)


def test_without_an_answer_the_old_time_is_shown_and_the_new_one_is_feared() -> None:
    bench = Bench()
    until = bench.armed()
    bench.step(DeadManAnswered(bench.asks(20_000), "no answer", is_definite=False), 20_010)
    assert bench.switch.view(at(20_010)).armed_until_ms == until + 400
    bench.stopping(Phase.READ)
    assert bench.holds(70_000), "it may fire at 80 s"
    assert bench.step(TICK, 70_000) == [DisarmDeadMan()]


def test_a_firing_is_counted_once_told_loudly_and_armed_again_at_once() -> None:
    bench = Bench()
    bench.armed()
    for number in range(3):
        update = OrderUpdate("SOL", None, number, "scheduledCancel", 5, 5, at(60_000).venue_ms + number)
        bench.step(update, 60_500)
    (fired,) = [notice for notice in bench.told if notice.name == "dead_man_switch_fired"]
    assert fired.severity == "crit"
    assert dict(fired.fields)["firings_left_today"] == 9
    assert bench.switch.view(at(60_500)).state is DeadManState.FIRED
    bench.armed(60_600)
    assert bench.switch.view(at(60_700)).firings_left == 9
    assert bench.switch.view(at(DAY_MS)).firings_left == 10, "the next day"


def test_a_stop_clears_it_after_our_orders_are_cancelled_and_waits_for_the_answer() -> None:
    bench = Bench()
    bench.armed()
    bench.stopping(Phase.CANCEL)
    assert bench.step(TICK, 5_000) == []
    assert bench.holds(5_000)
    bench.stopping(Phase.READ)
    assert bench.step(TICK, 6_000) == [DisarmDeadMan()]
    bench.step(DeadManAnswered(0, "no answer", is_definite=False), 6_100)
    assert bench.holds(6_200)
    assert bench.step(TICK, 7_100) == [DisarmDeadMan()]
    bench.step(DeadManAnswered(0), 7_200)
    assert not bench.holds(7_300)
    assert bench.step(TICK, 7_400) == []
    assert bench.names()[-1] == "dead_man_switch_deactivated"
    assert bench.saved == 0, "no start has to take it back"


def test_what_an_earlier_run_has_left_armed_is_taken_back_where_it_is_not_wanted() -> None:
    bench = Bench(after_ms=0)
    bench.switch.was_left(at(40_000).venue_ms)
    bench.engine.saw_account = False
    assert bench.step(TICK, 0) == [], "what time it is there isn't known yet"
    bench.engine.saw_account = True
    assert bench.step(TICK, 100) == [DisarmDeadMan()]
    assert bench.names() == ["dead_man_switch_left_armed"]
    bench.step(DeadManAnswered(0, "no answer", is_definite=False), 200)
    assert bench.names()[-1] == "dead_man_switch_deactivation_error"
    assert "in 39 s: no answer" in str(dict(bench.told[-1].fields)["reason"])
    assert bench.step(TICK, 100 + RETRY_MS - 1) == []
    assert bench.step(TICK, 100 + RETRY_MS) == [DisarmDeadMan()]
    bench.step(DeadManAnswered(0), 200 + RETRY_MS)
    assert bench.names()[-1] == "dead_man_switch_deactivated"
    assert bench.step(TICK, 30_000) == []


def test_what_was_left_armed_and_whose_time_has_passed_is_none_any_more() -> None:
    bench = Bench(after_ms=0)
    bench.switch.was_left(at(40_000).venue_ms)
    assert bench.step(TICK, 40_400) == []
    assert not bench.told


def test_a_run_that_wants_it_moves_on_what_an_earlier_one_has_left() -> None:
    bench = Bench()
    bench.switch.was_left(at(40_000).venue_ms)
    assert bench.armed() == at(AFTER_MS).venue_ms
    assert bench.saved == at(AFTER_MS).venue_ms


def test_a_stop_that_cannot_clear_it_says_when_it_fires_and_ends() -> None:
    bench = Bench()
    bench.armed()
    bench.stopping(Phase.READ)
    bench.step(TICK, 6_000)
    bench.step(TICK, 6_000 + CLEARS_WITHIN_MS)
    assert not bench.holds(6_000 + CLEARS_WITHIN_MS)
    (told,) = [notice for notice in bench.told if notice.name == "dead_man_switch_deactivation_error"]
    assert told.severity == "crit"
    assert "in 42 s" in str(dict(told.fields)["reason"])
    left = bench.left(6_000 + CLEARS_WITHIN_MS)
    assert left == LeftArmed(at(AFTER_MS).wall_ms, "no answer"), "and a run that ends says so"
    assert bench.left(AFTER_MS) is None, "its time has passed"


def test_a_stop_that_could_not_cancel_our_orders_leaves_it_armed() -> None:
    bench = Bench()
    bench.armed()
    bench.stopping(Phase.READ, failed=True)
    assert bench.step(TICK, 6_000) == []
    assert bench.left(6_000) == LeftArmed(
        at(AFTER_MS).wall_ms, "left armed, since orders of the grid may rest"
    )


def test_a_lost_answer_is_asked_for_again_within_the_time_of_a_stop() -> None:
    """Each is known to be lost after five seconds."""
    bench = Bench()
    bench.armed()
    bench.stopping(Phase.READ)
    for asked_ms in (6_000, 11_000, 16_000):
        assert bench.step(TICK, asked_ms) == [DisarmDeadMan()]
        assert bench.step(TICK, asked_ms + 1_900) == []
        bench.step(DeadManAnswered(0, "no answer", is_definite=False), asked_ms + 5_000)
    assert bench.step(TICK, 21_100) == []
    assert not bench.holds(21_100)


def test_a_request_to_arm_it_whose_answer_was_lost_may_overtake_the_one_to_be_off() -> None:
    bench = Bench()
    bench.armed()
    bench.step(DeadManAnswered(bench.asks(20_000), "HTTP 502", is_definite=False), 20_100)
    bench.stopping(Phase.READ)
    assert bench.step(TICK, 21_100) == [DisarmDeadMan()]
    bench.step(DeadManAnswered(0), 21_200)
    assert bench.holds(21_200), "it may still come to be armed"
    assert "dead_man_switch_deactivated" not in bench.names()
    assert bench.step(TICK, 20_100 + LANDS_WITHIN_MS - 1) == []
    assert bench.step(TICK, 20_100 + LANDS_WITHIN_MS) == [DisarmDeadMan()]
    bench.step(DeadManAnswered(0), 25_200)
    assert bench.left(25_200) is None
    assert bench.saved == 0


def test_the_first_request_to_arm_it_is_waited_for_as_if_it_had_come_to_something() -> None:
    bench = Bench()
    until = bench.asks(0)
    bench.stopping(Phase.READ)
    assert bench.holds(100)
    bench.step(DeadManAnswered(until, "no answer", is_definite=False), 5_000)
    assert bench.step(TICK, 5_100) == [DisarmDeadMan()]
