"""The operator's log: every action leaves its rows and one event, with who asked, by what, and how things stood."""

from __future__ import annotations

import pytest

from core.domain.commands import OF_THE_DOOR, PREVIEWS, Action, Command, Operator, Origin
from core.domain.effects import Effect, Notify, SaveAction
from core.domain.events import CommandReceived
from tests.unit.engine.builders import Bench, of_kind, quote

ALICE = Operator("alice", "203.0.113.7", "key F", "pts/3")
VALUES = {
    Action.SET_SPACING: "0.002",
    Action.SET_SPACING_PREVIEW: "0.002",
    Action.SET_LEVELS: "4",
    Action.SET_LEVELS_PREVIEW: "4",
    Action.MARGIN_ADD: "5",
    Action.MARGIN_PREVIEW: "5",
}
MORE_THAN_ANY_PROCEDURE_S = 400
ENDED = ("done", "refused", "failed")
AND_THEN_S = 60
"""So long nothing more may come of a command that has ended."""


def told(bench: Bench, command: Command) -> tuple[list[SaveAction], list[dict[str, object]]]:
    """The rows and the operator events of a command, once all it began has ended."""
    found: list[Effect] = list(bench.step(CommandReceived(command)))
    ended_s = 0
    for _ in range(MORE_THAN_ANY_PROCEDURE_S):
        found += bench.after(1_000, quote())
        ended_s += bench.outcome(command.id)[0] in ENDED
        if ended_s > AND_THEN_S:
            break
    rows = [row for row in of_kind(SaveAction, found) if row.command.id == command.id]
    events: list[dict[str, object]] = [
        dict(each.fields) for each in of_kind(Notify, found) if each.name == "operator"
    ]
    return rows, [event for event in events if event["id"] == command.id]


@pytest.mark.parametrize("action", sorted(PREVIEWS))
@pytest.mark.parametrize("refusal", ["", "view only: bob@pts/1 acts"])
def test_a_look_before_an_action_is_answered_and_is_in_no_log(action: Action, refusal: str) -> None:
    """A dialog looks again and again while it is open."""
    bench = Bench().started(50)
    command = Command("one", action, "SOL", Origin.TUI, VALUES.get(action, ""), ALICE, refusal)
    assert told(bench, command) == ([], [])
    status, text = bench.outcome("one")
    assert status in ENDED
    assert text


@pytest.mark.parametrize("action", [each for each in Action if each not in PREVIEWS])
def test_every_action_leaves_its_rows_and_one_event_that_say_who_and_what(action: Action) -> None:
    value = VALUES.get(action, "")
    command = Command("one", action, "SOL", Origin.TUI, value, ALICE)
    rows, events = told(Bench().started(50), command)
    *begun, ended = rows
    assert [row.outcome for row in begun] in ([], ["started"])
    assert ended.outcome.split(":")[0] in ENDED
    assert {row.command.by for row in rows} == {ALICE}
    (event,) = events
    asked = {"action": action.value, "origin": "tui", "value": value}
    who = {"user": "alice", "client": "203.0.113.7", "tty": "pts/3", "via": "key F"}
    assert event.items() >= {**asked, **who}.items()
    assert f"{event['outcome']}: {event['text']}" == ended.outcome
    assert (event["before"], event["after"]) == (ended.before, ended.after)
    if action not in OF_THE_DOOR:
        assert {row.before for row in rows} == {ended.before}
        assert ended.before
        assert ended.after


def test_a_halt_and_a_resume_say_from_what_to_what() -> None:
    bench = Bench().started()
    rows, _ = told(bench, Command("h", Action.HALT, "", Origin.TUI, by=ALICE))
    assert rows[0].before == rows[-1].before == "SOL flat, 6 orders, not halted"
    assert rows[-1].after.endswith("halted: operator")
    rows, _ = told(bench, Command("r", Action.RESUME, "", Origin.TUI, by=ALICE))
    assert rows[0].before.endswith("halted: operator")
    assert rows[0].after.endswith("not halted")


def test_a_setting_says_what_it_was_and_what_it_is() -> None:
    (row,), _ = told(Bench().started(), Command("s", Action.SET_LEVELS, "SOL", Origin.CLI, "4", ALICE))
    assert (row.before, row.after) == ("SOL as configured", "SOL 4 levels a side (configured 3)")


def test_one_who_may_not_act_changes_nothing_and_is_written_down() -> None:
    bench = Bench().started(50)
    command = Command("f", Action.FLATTEN, "SOL", Origin.TUI, by=ALICE, refusal="view only: bob@pts/1 acts")
    rows, (event,) = told(bench, command)
    assert [row.outcome for row in rows] == ["refused: view only: bob@pts/1 acts"]
    assert event["outcome"] == "refused"
    assert not bench.coin.halted
    assert bench.outcome("f") == ("refused", "view only: bob@pts/1 acts")


def test_the_same_command_twice_leaves_its_rows_once() -> None:
    bench = Bench().started()
    command = Command("p", Action.POLL, "", Origin.CLI, by=ALICE)
    first, _ = told(bench, command)
    again, events = told(bench, command)
    assert len(first) == 2
    assert (again, events) == ([], [])
