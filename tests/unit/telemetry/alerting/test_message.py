"""A letter: one message as it is, many as a list with the gravest first, and never longer than a service takes."""

from __future__ import annotations

from core.telemetry.alerting.message import MOST_CHARS, Message, letter
from core.view import Severity

T0 = 1_767_276_183_000


def message(n: int, severity: Severity = Severity.WARN, is_resolved: bool = False, text: str = "") -> Message:
    return Message(f"k{n}", severity, text or f"NUMBER {n}", T0 + n, is_resolved)


def test_a_single_message_is_told_with_its_time_and_its_sign() -> None:
    one = letter("GridBot MAINNET 0x14…25", [message(0, Severity.CRIT)])
    assert (one.title, one.body) == ("GridBot MAINNET 0x14…25", "✖ 14:03:03Z NUMBER 0")
    assert (one.severity, one.is_resolved) == (Severity.CRIT, False)


def test_of_many_the_gravest_come_first_and_what_is_over_last() -> None:
    many = letter(
        "GridBot", [message(1, Severity.CRIT, is_resolved=True), message(2), message(3, Severity.CRIT)]
    )
    assert many.title == "GridBot: 3 messages, 1 critical"
    assert [line[0] for line in many.body.splitlines()] == ["✖", "▲", "✓"]
    assert not many.is_resolved


def test_good_news_alone_is_good_news() -> None:
    assert letter("GridBot", [message(1, Severity.CRIT, is_resolved=True)]).is_resolved


def test_hundreds_fit_into_what_a_service_takes_and_it_says_how_many_are_left_out() -> None:
    many = letter("GridBot", [message(n, text="x" * 90) for n in range(300)], lost=7)
    assert len(many.body) <= MOST_CHARS
    *listed, more, lost = many.body.splitlines()
    assert f"… and {300 - len(listed)} more" in more
    assert lost.startswith("7 more came while this could not be delivered")
    assert len(letter("GridBot", [message(0, text="y" * 5_000)]).body) <= MOST_CHARS
