from __future__ import annotations

import pytest

from gridbot_tui.screens.typed_guard import DEAF_MS, OPEN_MS, TypedGuard, Verdict


def typed(guard: TypedGuard, text: str, now_ms: int = DEAF_MS) -> None:
    for character in text:
        guard.press(character, character, now_ms)


@pytest.mark.parametrize("text", ["TSLA", "tsla", "xyz:TSLA", "XYZ:tsla", " tsla "])
def test_the_coin_counts_in_any_case_and_with_or_without_its_dex(text: str) -> None:
    guard = TypedGuard(("xyz:TSLA", "TSLA"), 0)
    typed(guard, text)
    assert guard.press("enter", "\r", DEAF_MS) is Verdict.CONFIRMED


@pytest.mark.parametrize("text", ["", "TSL", "TSLAA", "BTC", "xyz"])
def test_anything_else_is_wrong_and_is_cleared(text: str) -> None:
    guard = TypedGuard(("xyz:TSLA", "TSLA"), 0)
    typed(guard, text)
    assert guard.press("enter", "\r", DEAF_MS) is Verdict.WRONG
    assert guard.text == ""


def test_keys_of_the_first_400_ms_are_not_meant_for_it() -> None:
    guard = TypedGuard(("BTC",), 0)
    typed(guard, "BTC", DEAF_MS - 1)
    assert guard.text == ""
    assert guard.press("enter", "\r", DEAF_MS - 1) is Verdict.NOTHING


def test_escape_is_heard_from_the_first_millisecond() -> None:
    assert TypedGuard(("BTC",), 0).press("escape", None, 0) is Verdict.CANCELLED


def test_no_repeated_key_spells_a_coin() -> None:
    guard = TypedGuard(("BTC",), 0)
    typed(guard, "F" * 100)
    assert guard.press("enter", "\r", DEAF_MS) is Verdict.WRONG


def test_backspace_takes_back_one_character_and_control_keys_type_nothing() -> None:
    guard = TypedGuard(("BTC",), 0)
    typed(guard, "BTX")
    guard.press("backspace", "\x7f", DEAF_MS)
    guard.press("ctrl+a", "\x01", DEAF_MS)
    guard.press("left", None, DEAF_MS)
    assert guard.text == "BT"


def test_it_is_over_after_20_seconds_and_rearming_begins_anew() -> None:
    guard = TypedGuard(("BTC",), 0)
    assert guard.left_s(0) == 20
    assert guard.left_s(OPEN_MS - 1) == 1
    assert guard.left_s(OPEN_MS) == 0
    typed(guard, "BTC")
    guard.rearm(OPEN_MS - 1)
    assert (guard.text, guard.left_s(OPEN_MS - 1)) == ("", 20)
    assert guard.press("B", "B", OPEN_MS) is Verdict.NOTHING
    assert guard.text == ""
