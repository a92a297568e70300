"""What nobody typed is no key: pastes, marked or not, unasked answers, and marks that come in pieces."""

from __future__ import annotations

import random

import pytest
from textual import events
from textual._xterm_parser import XTermParser

from gridbot_tui.driver import is_known
from gridbot_tui.typing_guard import PASTE_END, PASTE_START, QUIET_MS, TYPED_AT_ONCE, UNENDED_MS, TypingGuard

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
