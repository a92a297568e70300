"""The line of a key is the line where it stands, however TOML lets it be written."""

from __future__ import annotations

import pytest

from core.runtime.settings.file import key_lines


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a = 1\nb = 2", ("b",), 2),
        ("# a = 1\n\na = 1", ("a",), 3),
        ("a = '''\nb = 1\n'''\nb = 2", ("b",), 4),
        ("a = [\n  1, # b = 1\n  2,\n]\nb = 2", ("b",), 5),
        ("b = 1\na = [\n1,\n2]\n", ("a",), 2),
        ("[x]\na = 1\n[coins.BTC]\na = 1", ("coins", "BTC", "a"), 4),
        ('[coins."xyz:TSLA"]\na = 1', ("coins", "xyz:TSLA", "a"), 2),
        ("[ coins . 'xyz:TSLA' ] # here\n\n'a' = 1", ("coins", "xyz:TSLA", "a"), 3),
        ("[coins]\nBTC.a = 1\nETH.a = 2", ("coins", "ETH", "a"), 3),
        ("[coins]\n\nBTC = { a = 1, b = 2 }", ("coins", "BTC", "b"), 3),
        ("coins.BTC.a = 1\ncoins.ETH.a = 1", ("coins", "ETH"), 2),
        ('x = """\n[coins.BTC]\n"""\na = 1', ("a",), 4),
        ("[[x]]\na = 1\n[[x]]\na = 2", ("x", "a"), 2),
        ('"a b" = 1\n"c\\u0064" = 2', ("cd",), 2),
        ("a = 1\nb = '\u2028'\nc = 1", ("c",), 3),
    ],
)
def test_a_key_is_found_on_its_line(text: str, path: tuple[str, ...], line: int) -> None:
    assert key_lines(text)[path] == line


def test_a_statement_without_an_end_in_sight_ends_the_search() -> None:
    text = "a = 1\nb = [\n" + "1,\n" * 1_000 + "]\nc = 1"
    assert key_lines(text) == {("a",): 1}
