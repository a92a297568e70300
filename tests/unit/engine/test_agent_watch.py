"""An agent that ends: told of in time, reduce-only on its last day, quoting again when another signs."""

from __future__ import annotations

import pytest

from core.domain.agent import AgentObserved, left_text, warned_of
from core.domain.clock import Instant
from core.domain.effects import Notify
from core.engine.agent_watch import AgentWatch
from core.view import AgentView

HOUR = 3_600_000
DAY = 24 * HOUR
NOW = 1_769_814_589_170


def at(ms: int = 0) -> Instant:
    return Instant(ms, NOW + ms, NOW + ms)


def agent(left_ms: int, address: str = "0xa1", name: str = "grid") -> AgentObserved:
    return AgentObserved(address, True, name, NOW + left_ms)


def names(effects: list[object]) -> list[str]:
    return [effect.name for effect in effects if isinstance(effect, Notify)]


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (31 * DAY, 0),
        (30 * DAY, 30),
        (15 * DAY, 30),
        (14 * DAY, 14),
        (7 * DAY, 7),
        (3 * DAY, 3),
        (DAY, 1),
        (0, 1),
        (-DAY, 1),
    ],
)
def test_the_days_that_are_told_of(left: int, days: int) -> None:
    assert warned_of(left) == days


@pytest.mark.parametrize(
    ("left", "text"), [(30 * DAY - 1, "29 days"), (47 * HOUR, "47 h"), (90 * 60_000, "90 min"), (-5, "0 min")]
)
def test_what_is_left_is_rounded_down(left: int, text: str) -> None:
    assert left_text(left) == text


def test_each_number_of_days_is_told_once_the_last_as_grave() -> None:
    watch = AgentWatch()
    assert watch.saw(agent(40 * DAY), at()) == []
    told = []
    for hour in range(41 * 24):
        told += [(hour, each.severity) for each in watch.look(at(hour * HOUR)) if isinstance(each, Notify)]
    assert told == [(24 * (40 - days), "warn") for days in (30, 14, 7, 3)] + [(24 * 39, "warn")]
    assert watch.is_ending(at(39 * DAY + 1))


def test_a_start_late_tells_the_present_number_alone_and_again_after_a_restart() -> None:
    for _ in range(2):
        (told,) = AgentWatch().saw(agent(5 * DAY), at())
        assert isinstance(told, Notify)
        assert (told.name, dict(told.fields)["left"]) == ("agent_expiring", "5 days")
        assert "keys rotate" in str(dict(told.fields)["reason"])


def test_less_than_a_day_is_reduce_only_and_another_agent_ends_it() -> None:
    watch = AgentWatch()
    watch.saw(agent(2 * DAY), at())
    assert watch.reduces_because(at()) is None
    assert watch.reduces_because(at(DAY)) is None
    why = watch.reduces_because(at(DAY + 1))
    assert why is not None
    assert "runs out in 23 h" in why.reason
    assert "only what reduces the position is quoted" in why.reason
    watch.saw(agent(90 * DAY, "0xb2", "next"), at(DAY + 1))
    assert watch.reduces_because(at(DAY + 1)) is None
    assert not watch.warns(at(DAY + 1))


def test_one_that_is_approved_anew_before_its_end_quotes_on() -> None:
    watch = AgentWatch()
    watch.saw(agent(DAY - 1), at())
    assert watch.reduces_because(at()) is not None
    watch.saw(agent(90 * DAY), at())
    assert watch.reduces_because(at()) is None


def test_one_that_was_listed_and_is_no_more_is_told_once_and_reduces() -> None:
    watch = AgentWatch()
    watch.saw(agent(90 * DAY), at())
    gone = AgentObserved("0xa1")
    assert names([*watch.saw(gone, at(HOUR)), *watch.saw(gone, at(2 * HOUR))]) == ["agent_gone"]
    why = watch.reduces_because(at(2 * HOUR))
    assert why is not None
    assert "listed no more" in why.reason
    watch.saw(agent(90 * DAY), at(3 * HOUR))
    assert watch.reduces_because(at(3 * HOUR)) is None


@pytest.mark.parametrize("seen", [AgentObserved("0xa1"), AgentObserved("0xa1", True, "grid", None)])
def test_without_an_end_that_is_known_nothing_is_told_and_nothing_reduces(seen: AgentObserved) -> None:
    watch = AgentWatch()
    assert watch.saw(seen, at()) == []
    assert watch.look(at(10**12)) == []
    assert watch.reduces_because(at(10**12)) is None


def test_what_is_shown_of_it_is_its_address_its_name_and_its_end() -> None:
    watch = AgentWatch()
    assert watch.view == AgentView()
    watch.saw(agent(9 * DAY), at())
    assert watch.view == AgentView("0xa1", "grid", NOW + 9 * DAY)
    watch.saw(AgentObserved("0xa1"), at(HOUR))
    assert watch.view.is_gone
    watch.saw(AgentObserved("0xb2"), at(HOUR))
    assert watch.view == AgentView("0xb2")


def test_the_accounts_own_key_has_no_end() -> None:
    watch = AgentWatch()
    assert watch.look(at()) == []
    assert watch.reduces_because(at()) is None
