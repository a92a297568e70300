"""What is written to a terminal can't act on it, whatever an exchange put into it; and JSON keeps its data."""

from __future__ import annotations

import json

import pytest

from core.domain.effects import notify
from core.printable import escaped, printable
from core.runtime.event_bus import EventRecord
from core.telemetry.event_log import json_line
from core.view import Severity
from gridbot_tui.headless import print_event
from gridbot_tui.lines import print_line, tell

CLEAR, C1, NEXT_LINE, DELETE, RIGHT_TO_LEFT, TAG = "\x1b[2J", "\x9b2J", "\x85", "\x7f", "\u202e", "\U000e0041"
EVIL = f"no {CLEAR} {C1} {NEXT_LINE} {DELETE} {RIGHT_TO_LEFT} {TAG} ü 中"


def is_harmless(line: str) -> bool:
    return line.isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ü and 中", "plain, ü and 中"),
        ("two\nlines", "two\nlines"),
        ("a\tb\rc\x85d\xa0e", "a b c d e"),
        (EVIL, "no ?[2J ?2J   ? ? ? ü 中"),
    ],
)
def test_for_the_eye_there_are_line_breaks_blanks_and_what_prints(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_line_of_json_prints_and_says_the_same() -> None:
    line = json_line({"event": "x", "reason": EVIL})
    assert is_harmless(line)
    assert json.loads(line) == {"event": "x", "reason": EVIL}
    assert "ü 中" in line, "what prints stays readable"


def test_blanks_between_the_parts_of_json_stay_blanks() -> None:
    assert escaped('{"a":\t"\x9b"}\r') == '{"a": "\\u009b"} '


def test_an_event_on_standard_output_does_not_act_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    told = notify("order_rejected", "warn", "BTC", reason=EVIL)
    print_event(EventRecord(1, 2, Severity.WARN, told.name, told.coin, told.fields), 0)
    line = capsys.readouterr().out.removesuffix("\n")
    assert is_harmless(line)
    assert json.loads(line)["reason"] == EVIL


def test_neither_do_lines_and_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(EVIL)
    tell(f"it said {EVIL}, and password=hunter2222")
    told = capsys.readouterr()
    assert is_harmless(told.out.removesuffix("\n"))
    assert is_harmless(told.err.removesuffix("\n"))
    assert told.err.endswith(", and password=[masked]\n")
