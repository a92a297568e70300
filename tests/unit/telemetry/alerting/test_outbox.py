"""What waits for a target: bounded, in order, tried again; and a target that hangs is waited for by nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from core.telemetry.alerting.delivery import UNREACHED
from core.telemetry.alerting.message import Letter, Message
from core.telemetry.alerting.outbox import PATIENCE, WAITING_MOST, Outbox
from core.telemetry.alerting.target import Target
from core.view import Severity
from tests.unit.telemetry.alerting.sink import until

TARGET = Target("json://127.0.0.1:1/secret", "line 1 of urls", "JSON")


def message(key: str, severity: Severity = Severity.WARN, time_ms: int = 0) -> Message:
    return Message(key, severity, key.upper(), time_ms)


class Post:
    """Takes letters; ``reason`` is why it doesn't, and ``gate`` holds it up."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.attempts = 0
        self.reason = ""
        self.refused = ""
        """What it takes in no letter."""
        self.gate = threading.Event()
        self.gate.set()
        self.told: list[str] = []
        self.made: list[Outbox] = []

    def deliver(self, target: Target, letter: Letter) -> str:
        self.attempts += 1
        self.gate.wait()
        reason = "it answers 400" if self.refused and self.refused in letter.body else self.reason
        if not reason:
            self.letters.append(letter)
        return reason

    def outbox(
        self, pace_s: float = 0.0, retry_s: float = 0.002, mono: Callable[[], float] = time.monotonic
    ) -> Outbox:
        made = Outbox(
            TARGET, "GridBot", self.deliver, lambda _, reason: self.told.append(reason), pace_s, retry_s, mono
        )
        self.made.append(made)
        return made


@pytest.fixture
def post() -> Iterator[Post]:
    one = Post()
    yield one
    one.gate.set()
    for made in one.made:
        made.close(time.monotonic() + 5)


def test_what_comes_while_a_delivery_is_out_leaves_together_as_one(post: Post) -> None:
    post.gate.clear()
    box = post.outbox()
    box.offer(message("first"))
    until(lambda: post.attempts, "the first is out")
    for n in range(50):
        box.offer(message(f"later {n}", time_ms=n))
    post.gate.set()
    until(lambda: len(post.letters) == 2, "two letters")
    assert post.letters[1].title == "GridBot: 50 messages, 0 critical"


def test_thousands_are_bounded_and_the_critical_ones_are_kept(post: Post) -> None:
    post.gate.clear()
    box = post.outbox()
    box.offer(message("first"))
    until(lambda: post.attempts, "the first is out")
    box.offer(message("grave", Severity.CRIT))
    for n in range(5_000):
        box.offer(message(f"n {n}", time_ms=n))
    for _ in range(5_000):
        box.offer(message("grave", Severity.CRIT))
    assert box.waiting == WAITING_MOST
    assert box.lost == 5_001 - WAITING_MOST
    post.gate.set()
    until(lambda: len(post.letters) == 2, "two letters")
    assert post.letters[1].body.startswith("✖ 00:00:00Z GRAVE (5001 times)")
    assert f"{box.lost} more came while this could not be delivered" in post.letters[1].body


def test_what_fails_is_tried_again_and_told_once_shown_meanwhile_and_told_when_it_is_over(post: Post) -> None:
    post.reason = UNREACHED
    box = post.outbox()
    box.offer(message("one"))
    until(lambda: post.attempts >= 3, "it is tried again")
    assert post.told == [UNREACHED]
    alert = box.alert()
    assert alert is not None
    assert alert.text.startswith(f"ALERTS DON'T REACH JSON (line 1 of urls): {UNREACHED}; ")
    assert "secret" not in alert.text + alert.fix
    box.offer(message("two", Severity.CRIT))
    post.reason = ""
    until(lambda: box.alert() is None, "it goes through")
    assert post.told == [UNREACHED, ""]
    assert [line.split("Z ")[1] for line in post.letters[-1].body.splitlines()] == ["TWO", "ONE"]


def test_it_waits_longer_after_each_failure(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    def rest(_: Outbox, pause_s: float) -> None:
        rests.append(pause_s)
        time.sleep(0.001)

    monkeypatch.setattr(Outbox, "_rest", rest)
    post.reason = "it answers 500"
    box = post.outbox(retry_s=2.0)
    box.offer(message("one"))
    until(lambda: len(rests) >= 7, "seven attempts")
    post.reason = ""
    assert rests[:7] == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_a_delivery_that_hangs_is_shown_and_its_end_keeps_nobody_waiting(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    post.gate.clear()
    box = post.outbox(mono=lambda: now[0])
    box.offer(message("one"))
    until(lambda: post.attempts, "it is out")
    now[0] += 29.9
    assert box.alert() is None
    now[0] = 130.0
    alert = box.alert()
    assert alert is not None
    assert "no answer for 30 s" in alert.text
    waited: list[float | None] = []
    monkeypatch.setattr(box._thread, "join", waited.append)
    box.close(time.monotonic() + 0.05)
    assert waited[0] is not None
    assert waited[0] <= 0.05
    monkeypatch.undo()
    assert not post.gate.is_set()


def test_at_the_end_what_waits_is_tried_once_more_without_its_pause(post: Post) -> None:
    post.reason = "it answers 500"
    box = post.outbox(retry_s=3_600.0)
    box.offer(message("one"))
    until(lambda: post.told, "it has failed")
    post.reason = ""
    box.close(time.monotonic() + 15)
    assert [letter.body for letter in post.letters] == ["▲ 00:00:00Z ONE"]


def test_a_target_is_not_told_that_it_can_not_be_reached(post: Post) -> None:
    box = post.outbox()
    box.offer(Message("alerting:line 1 of urls", Severity.WARN, "X", 0, about="line 1 of urls"))
    assert box.waiting == 0


def bodies(post: Post) -> list[str]:
    return [letter.body.split("Z ", 1)[1] for letter in post.letters]


@pytest.mark.parametrize(
    ("refused", "instead"),
    [
        ("'<'", "TypeError: not supported"),
        ("TypeError", "One message, crit, was refused here: see gridbot events"),
    ],
)
def test_a_text_that_a_target_refuses_keeps_no_other_from_it(post: Post, refused: str, instead: str) -> None:
    post.refused = refused
    post.gate.clear()
    box = post.outbox()
    box.offer(message("first"))
    until(lambda: post.attempts, "the first is out")
    box.offer(Message("bad", Severity.CRIT, "TypeError: '<' not supported", 0))
    box.offer(message("one"))
    box.offer(message("two", time_ms=1))
    post.gate.set()
    until(lambda: len(post.letters) == 3 and not box.waiting, "all of them are told")
    assert bodies(post) == ["FIRST", instead, "ONE\n▲ 00:00:00Z TWO"]
    assert box.alert() is None


def test_a_target_that_refuses_everything_keeps_all_of_it_waiting(post: Post) -> None:
    post.refused = "00:00:00Z"
    box = post.outbox(retry_s=3_600.0)
    box.offer(message("one"))
    until(lambda: post.told, "it is told")
    assert (post.told, post.attempts, box.waiting) == (["it answers 400"], 3, 1)


def test_one_that_is_busy_is_left_alone_until_it_has_answered_so_five_times(post: Post) -> None:
    post.reason = "it answers 503"
    box = post.outbox()
    box.offer(message("one"))
    until(lambda: box.failed >= PATIENCE, "five letters")
    post.refused, post.reason = "ONE", ""
    until(lambda: post.letters, "another text goes through")
    assert bodies(post) == ["One message, warn, was refused here: see gridbot events"]
