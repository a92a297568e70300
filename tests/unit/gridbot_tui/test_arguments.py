"""A key among the arguments is refused without being repeated, also one with a slip of a finger in it."""

from __future__ import annotations

import pytest

from gridbot_tui.cli import run_cli

KEY = "0x" + "5aC3" * 16


@pytest.mark.parametrize("word", [KEY, KEY[2:], f"{KEY}1", f"{KEY}g", f"x{KEY[2:]}", f"--coin={KEY}"])
def test_a_key_with_whatever_around_it_is_not_repeated(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["bogus", word]) == 2
    said = capsys.readouterr()
    assert "an argument looks like a private key" in said.err
    assert KEY[2:20] not in said.out + said.err
