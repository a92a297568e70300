"""One screen acts, the others look on; who takes over says so, and whoever goes frees it."""

from __future__ import annotations

import pytest

from core.domain.commands import LOOKS, OF_THE_DOOR, Action, Command, Operator
from core.runtime.control.viewers import HOST, MOST_VIEWERS, Viewers, refusal_for

ALICE = Operator("alice", "203.0.113.7", "gridbot run", "pts/3")
BOB = Operator("bob", "", "gridbot attach", "pts/4")


class Door:
    """Viewers, and what they had written down."""

    def __init__(self) -> None:
        self.told: list[Command] = []
        self.viewers = Viewers(self.told.append)

    def lines(self) -> list[str]:
        return [f"{command.action.value}: {command.value}" for command in self.told]

    def ask(self, viewer: str, action: Action = Action.RESYNC, by: Operator = BOB) -> Command:
        return self.viewers.admit(viewer, Command("c", action, by=by))


@pytest.fixture
def door() -> Door:
    made = Door()
    assert made.viewers.arrive(HOST, ALICE) == ""
    assert made.viewers.arrive("b", BOB) == ""
    return made


def test_the_first_acts_and_all_are_told_of(door: Door) -> None:
    view = door.viewers.view
    assert (view.holder, view.holder_id) == ("alice@pts/3 from 203.0.113.7", HOST)
    assert view.viewers == ("alice@pts/3 from 203.0.113.7", "bob@pts/4")
    assert door.lines() == [
        "attach: alice@pts/3 from 203.0.113.7 hosts the core and acts",
        "attach: bob@pts/4 looks on; alice@pts/3 from 203.0.113.7 acts",
    ]


@pytest.mark.parametrize("action", [a for a in Action if a not in OF_THE_DOOR])
def test_who_looks_on_may_look_and_halt_and_nothing_else(door: Door, action: Action) -> None:
    refusal = door.ask("b", action).refusal
    if action is Action.HALT or action in LOOKS:
        assert refusal == ""
    else:
        assert refusal == "view only: alice@pts/3 from 203.0.113.7 acts, K takes over"
    assert door.ask(HOST, action, ALICE).refusal == ""


def test_taking_over_names_both_and_turns_the_right_around(door: Door) -> None:
    taken = door.ask("b", Action.TAKE_CONTROL)
    assert taken.value == "bob@pts/4 acts now, in place of alice@pts/3 from 203.0.113.7"
    assert (taken.refusal, taken.by) == ("", BOB)
    assert door.ask("b").refusal == ""
    assert door.ask(HOST, by=ALICE).refusal == "view only: bob@pts/4 acts, K takes over"
    assert door.ask("b", Action.TAKE_CONTROL).refusal == "this screen acts already"


def test_one_that_goes_frees_it_and_the_first_who_acts_has_it(door: Door) -> None:
    door.viewers.leave(HOST, "detached")
    assert door.viewers.view.holder_id == ""
    assert door.lines()[-1] == (
        "detach: alice@pts/3 from 203.0.113.7 detached; nobody acts now, the first who does may"
    )
    assert door.ask("b").refusal == ""
    assert door.viewers.view.holder_id == "b"
    assert door.lines()[-1] == "take_control: bob@pts/4 acts now, in place of nobody"


def test_one_that_looked_on_and_goes_changes_nothing(door: Door) -> None:
    door.viewers.leave("b")
    door.viewers.leave("b")
    assert door.viewers.view.holder_id == HOST
    assert door.lines()[2:] == ["detach: bob@pts/4 left"]


def test_there_is_a_bound_to_how_many_look_on(door: Door) -> None:
    for number in range(MOST_VIEWERS - 2):
        assert door.viewers.arrive(str(number), BOB) == ""
    assert door.viewers.arrive("one too many", BOB) == f"{MOST_VIEWERS} screens look on already; close one"


def test_a_core_without_a_screen_obeys_its_own_process() -> None:
    assert Door().ask(HOST).refusal == ""


def test_a_screen_reads_in_the_snapshot_whether_it_may_act(door: Door) -> None:
    view = door.viewers.view
    assert refusal_for(HOST, view) == ""
    assert refusal_for("b", view).startswith("view only: alice@pts/3")
    door.viewers.leave(HOST)
    assert refusal_for("b", door.viewers.view) == ""
