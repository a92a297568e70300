"""What nobody typed is no key: pastes, marked or not, unasked answers, and marks that come in pieces."""

from __future__ import annotations

import random

import pytest
from textual import events
from textual._xterm_parser import XTermParser

from gridbot_tui.driver import is_known
from gridbot_tui.typing_guard import (
    PASTE_END,
    PASTE_START,
    QUIET_MS,
    TYPED_AT_ONCE,
    UNENDED_MS,
    UNENDED_STRING_MS,
    TypingGuard,
)

LONG = "a letter from home, with H and F and U and RESUME in it\n" * 3


def guard() -> TypingGuard:
    return TypingGuard(is_known)


@pytest.mark.parametrize("keys", ["H", "btc\r", "RESUME\r", "\x1b[A", "\x1bOP", "\x18", "H" * 200, "é"])
def test_what_is_typed_goes_on_as_it_is(keys: str) -> None:
    assert guard().take(keys, 0) == (keys, 0)


def test_a_flood_is_dropped_and_so_is_its_tail_until_it_has_been_quiet() -> None:
    it = guard()
    assert it.take(LONG, 0) == ("", len(LONG))
    assert it.take("H", QUIET_MS - 1) == ("", 1)
    assert it.take("H", 2 * QUIET_MS - 2) == ("", 1), "the tail goes on"
    assert it.take("H", 3 * QUIET_MS - 2) == ("H", 0)


def test_the_border_of_a_flood_is_exact() -> None:
    assert guard().take("ab" * (TYPED_AT_ONCE // 2), 0)[1] == 0
    assert guard().take("ab" * (TYPED_AT_ONCE // 2) + "c", 0)[0] == ""


def test_a_marked_paste_passes_marked_in_whatever_pieces_it_comes() -> None:
    whole = PASTE_START + LONG + PASTE_END
    for cut in range(1, len(whole)):
        it = guard()
        passed = it.take(whole[:cut], 0)[0] + it.take(whole[cut:], 1)[0]
        assert passed == whole, cut


def test_a_marked_paste_has_no_escape_sequence_in_it_that_the_parser_could_type_out() -> None:
    hidden = PASTE_START + "a\x1bH and \x1b[999X\x18 more than fits in one sequence, H" + PASTE_END
    passed, _ = guard().take(hidden, 0)
    keys = [event for event in XTermParser(False).feed(passed) if isinstance(event, events.Key)]
    assert keys == []
    unguarded = [event for event in XTermParser(False).feed(hidden) if isinstance(event, events.Key)]
    assert any(event.key in ("H", "upper_h") for event in unguarded), "this is what it is for"


def test_what_follows_a_paste_at_once_belongs_to_it_even_after_a_false_end() -> None:
    it = guard()
    assert it.take(f"{PASTE_START}abc{PASTE_END}H{PASTE_START}F{PASTE_END}", 0) == (
        f"{PASTE_START}abc{PASTE_END}{PASTE_START}F{PASTE_END}",
        1,
    )
    assert it.take("H", QUIET_MS) == ("H", 0)


def test_a_paste_whose_end_was_lost_ends_by_itself() -> None:
    it = guard()
    it.take(PASTE_START + "abc", 0)
    assert it.idle(UNENDED_MS - 1) == ""
    assert it.idle(UNENDED_MS) == PASTE_END
    assert it.take("H", UNENDED_MS + 1) == ("H", 0)


@pytest.mark.parametrize("begun", ["\x1b", "\x1b[", "\x1b[20"])
def test_the_beginning_of_a_mark_is_held_back_and_let_go(begun: str) -> None:
    it = guard()
    assert it.take(begun, 0) == ("", 0)
    assert it.idle(100) == begun
    assert it.idle(200) == ""


@pytest.mark.parametrize(
    "answer",
    [
        "\x1b[999X",
        "\x1b[>0;276;0c",
        "\x1b]10;rgb:0000/HHHH/FFFF\x07",
        "\x1bP1$rH\x1b\\",
        "\x1b_Gi=1;OK H\x1b\\",
    ],
)
def test_an_answer_that_nobody_asked_for_types_nothing(answer: str) -> None:
    assert guard().take(answer, 0)[0] == ""


ANSWERS = [
    "\x1b]11;rgb:FFFF/HHHH/FPRW\x1b\\",
    "\x1b]10;rgb:0000/HHHH/FFFF\x07",
    "\x1bP>|XTerm HFRW\x1b\\",
    "\x1bP1$rH\x1b\\",
    "\x1b_Gi=1;OK H\x1b\\",
    "\x1b[99U",
    "\x1b[?62;1;4c",
    "\x1bO5R",
    "\x1b[M HF",
]


def typed(reads: list[str], apart_ms: int) -> list[str]:
    """The keys that an application gets of these reads, with an idle look after each tenth of a second."""
    it, parser, now_ms, passed = guard(), XTermParser(False), 0, ""
    for read in reads:
        passed += it.take(read, now_ms)[0]
        for quiet_ms in range(100, apart_ms + 1, 100):
            passed += it.idle(now_ms + quiet_ms)
        now_ms += apart_ms
    passed += it.take("", now_ms)[0]
    found = [event.key for event in parser.feed(passed + "|") if isinstance(event, events.Key)]
    return [key for key in found if len(key) == 1]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_types_nothing_in_whatever_pieces_it_comes(answer: str) -> None:
    for cut in range(1, len(answer)):
        assert typed([answer[:cut], answer[cut:]], 20) == [], cut
    assert typed(list(answer), 20) == [], "one by one"


@pytest.mark.parametrize("answer", ANSWERS[:5])
def test_a_slow_link_may_bring_the_pieces_of_a_string_far_apart(answer: str) -> None:
    for cut in range(4, len(answer)):
        assert typed([answer[:cut], answer[cut:]], UNENDED_STRING_MS - 100) == [], cut


def test_a_string_without_an_end_takes_no_key_for_long_and_never_ctrl_x() -> None:
    it = guard()
    assert it.take("\x1b]11;rgb:", 0)[0] == ""
    assert it.take("H", 10) == ("", 1)
    assert it.take("\x18", 20) == ("\x18", 0)
    assert it.take("\x1b]11;rgb:", 30)[0] == ""
    assert it.take("H", 30 + UNENDED_STRING_MS) == ("H", 0)


def test_alt_and_a_letter_is_no_string() -> None:
    it = guard()
    assert it.take("\x1bP", 0) == ("", 0)
    assert it.idle(100) == "\x1bP"
    assert it.take("H", 200) == ("H", 0)


@pytest.mark.parametrize(
    "known", ["\x1b[H", "\x1b[1;5H", "\x1b[I", "\x1b[97;;97u", "\x1b[15~", "\x1b[?2026;2$y"]
)
def test_what_textual_knows_passes(known: str) -> None:
    assert guard().take(known, 0) == (known, 0)


def test_100_kb_of_noise_let_no_key_through() -> None:
    noise = random.Random(7)
    for _ in range(20):
        it = guard()
        text = "".join(chr(noise.randrange(256)) for _ in range(100_000))
        pieces = [it.take(text[at : at + 4096], at // 4096)[0] for at in range(0, len(text), 4096)]
        assert "".join(pieces).strip("".join(map(chr, range(0x80, 0xA0)))) == ""
