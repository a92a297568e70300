from __future__ import annotations

import pytest

from core.domain.commands import Action
from core.view import Severity
from gridbot_tui.keymap import BY_ID
from gridbot_tui.screens.command_desk import ANSWER_MS, CommandDesk
from tests.tui.factory import FakeClock, FakeCore, snapshot


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def core() -> FakeCore:
    return FakeCore(snapshot())


@pytest.fixture
def desk(core: FakeCore, clock: FakeClock) -> CommandDesk:
    return CommandDesk(core, clock)


def texts(desk: CommandDesk) -> list[str]:
    return [toast.text for toast in desk.toasts]


def test_halt_is_never_debounced(desk: CommandDesk, core: FakeCore) -> None:
    for _ in range(3):
        desk.send(BY_ID["halt"], Action.HALT)
    assert core.submitted == [(Action.HALT, "")] * 3


@pytest.mark.parametrize(("action_id", "debounce_s"), [("resync", 2.0), ("reconnect", 5.0), ("poll", 5.0)])
def test_the_others_are_debounced_and_say_so(
    desk: CommandDesk, core: FakeCore, clock: FakeClock, action_id: str, debounce_s: float
) -> None:
    action = BY_ID[action_id]
    desk.send(action, Action(action_id))
    clock.advance(debounce_s - 0.1)
    desk.send(action, Action(action_id))
    assert len(core.submitted) == 1
    assert texts(desk)[-1].endswith(f"refused: sent {debounce_s - 0.1:.1f}s ago, again in 0.1s")
    clock.advance(0.1)
    desk.send(action, Action(action_id))
    assert len(core.submitted) == 2


def test_a_full_inbox_is_a_refusal_and_does_not_debounce(desk: CommandDesk, core: FakeCore) -> None:
    core.takes_commands = False
    desk.send(BY_ID["resync"], Action.RESYNC)
    assert "R Resync refused: the engine takes no command now" in texts(desk)[0]
    core.takes_commands = True
    desk.send(BY_ID["resync"], Action.RESYNC)
    assert len(core.submitted) == 1


@pytest.mark.parametrize(
    ("status", "text", "severity"),
    [
        ("done", "H Halt: 30 sent, 30 confirmed", Severity.INFO),
        ("refused", "H Halt refused: 30 sent, 30 confirmed", Severity.WARN),
        ("failed", "H Halt failed: 30 sent, 30 confirmed", Severity.CRIT),
    ],
)
def test_the_outcome_replaces_the_sent_toast(
    desk: CommandDesk, core: FakeCore, status: str, text: str, severity: Severity
) -> None:
    desk.send(BY_ID["halt"], Action.HALT)
    core.answer("running", "cancelling")
    desk.settle(core.latest())
    assert texts(desk) == ["H Halt: sent"]
    core.answer(status, "30 sent, 30 confirmed")
    desk.settle(core.latest())
    desk.settle(core.latest())
    assert texts(desk) == [text]
    assert desk.toasts[0].severity is severity


def test_commands_of_others_are_not_answered_here(desk: CommandDesk, core: FakeCore) -> None:
    core.submit(Action.HALT)
    core.answer("done", "by the command line")
    desk.settle(core.latest())
    assert texts(desk) == []


def test_a_command_without_an_answer_is_said_to_have_none(
    desk: CommandDesk, core: FakeCore, clock: FakeClock
) -> None:
    desk.send(BY_ID["halt"], Action.HALT)
    clock.now_ms += ANSWER_MS
    desk.settle(core.latest())
    assert texts(desk) == ["H Halt: no answer after 15s, look at the events"]


def test_toasts_last_four_seconds_and_are_never_more_than_three(desk: CommandDesk, clock: FakeClock) -> None:
    for number in range(4):
        desk.say(f"toast {number}")
    assert texts(desk) == ["toast 1", "toast 2", "toast 3"]
    clock.advance(3.9)
    assert len(texts(desk)) == 3
    clock.advance(0.1)
    assert texts(desk) == []
