"""A keystore's passphrase: typed up to three times, read from a descriptor once, never shown."""

from __future__ import annotations

import getpass
import io
import os
import sys

import pytest

from core.runtime.keys import keystore
from core.runtime.keys.key_text import ATTEMPTS, key_in
from core.runtime.statedir import UsageError
from gridbot_tui.passphrase import passphrase_of
from tests.unit.runtime.agents import Wallet

RIGHT, NAME = "correct horse", "the.json"


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A key, and the keystore that it is in."""
    monkeypatch.setattr(keystore, "WORK", 2)
    key = Wallet().key
    return key, keystore.lock(key, RIGHT)


def typing(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """Somebody at a terminal who types these; the questions that he was asked."""
    asked, left = list[str](), list(words)

    def answer(question: str) -> str:
        asked.append(question)
        if not left:
            raise EOFError
        return left.pop(0)

    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr(getpass, "getpass", answer)
    return asked


@pytest.mark.parametrize("mistyped", range(ATTEMPTS))
def test_it_may_be_mistyped_twice(
    kept: tuple[str, str], monkeypatch: pytest.MonkeyPatch, mistyped: int
) -> None:
    asked = typing(monkeypatch, *["not this one"] * mistyped, RIGHT)
    passphrase = passphrase_of(None, {})
    assert key_in(kept[1], NAME, passphrase) == kept[0]
    assert len(asked) == mistyped + 1
    assert all("That is not the one" in question for question in asked[1:])
    assert key_in(kept[1], NAME, passphrase) == kept[0]
    assert len(asked) == mistyped + 1, "another keystore under the same is opened without asking"


def test_wrong_three_times_it_is_refused_and_nobody_is_asked_again(
    kept: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = typing(monkeypatch, "one", "two", "three", RIGHT)
    with pytest.raises(UsageError, match="the passphrase is not the one"):
        key_in(kept[1], NAME, passphrase_of(None, {}))
    assert len(asked) == ATTEMPTS


def test_who_goes_away_in_between_is_a_sentence(
    kept: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typing(monkeypatch, "one")
    with pytest.raises(UsageError, match="needs its passphrase: start in a terminal, or give it with"):
        key_in(kept[1], NAME, passphrase_of(None, {}))


@pytest.mark.parametrize("word", [RIGHT, "not this one"])
def test_from_a_descriptor_it_is_read_once_and_a_wrong_one_is_refused_at_once(
    kept: tuple[str, str], monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    asked = typing(monkeypatch, RIGHT)
    reads, writes = os.pipe()
    os.write(writes, f"{word}\n".encode())
    os.close(writes)
    passphrase = passphrase_of(reads, {})
    if word == RIGHT:
        assert key_in(kept[1], NAME, passphrase) == key_in(kept[1], NAME, passphrase) == kept[0]
    else:
        with pytest.raises(UsageError, match="the passphrase is not the one"):
            key_in(kept[1], NAME, passphrase)
    assert not asked
    os.close(reads)
