"""Secrets that are typed at a real terminal: taken, never shown, and asked for again if mistyped."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.exchange.signing import Signer
from core.runtime.keys import keystore
from core.runtime.keys.places import KeyPlace
from core.runtime.private_file import write_private
from tests.e2e.program import trading_pid, wait_until
from tests.e2e.terminal import Terminal

PASSPHRASE = "correct horse battery"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Terminals with gridbot in them, whose state is apart."""
    terminals: list[Terminal] = []

    def open_(*arguments: str, **env: str) -> Terminal:
        apart = {"XDG_STATE_HOME": str(tmp_path / "xdg"), **env}
        terminals.append(Terminal(tmp_path, 100, 30, *arguments, env=apart))
        return terminals[-1]

    yield open_
    for each in terminals:
        each.end()


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, KeyPlace]:
    """A throwaway key on paper, and where its keystore would be."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    key = "0x" + secrets.token_hex(32)
    return key, KeyPlace("paper", Signer(key, False).address)


def put(text: str, keystore: Path) -> None:
    """By hand: no command keeps the key of the account itself, which paper signs with all the same."""
    keystore.parent.mkdir(mode=0o700, parents=True)
    write_private(keystore, text)


def test_a_key_and_its_passphrase_are_typed_without_being_shown(
    opened: Callable[..., Terminal], made: tuple[str, KeyPlace]
) -> None:
    key, _ = made
    account = "0x" + "ab" * 20
    terminal = opened("keys", "import", "--network", "testnet", "--account", account)
    for question, answer in (
        ("private key (nothing is shown)", key),
        ("A passphrase for the keystore", PASSPHRASE),
        ("The same once more", PASSPHRASE),
    ):
        terminal.wait_for(question)
        assert not terminal.is_echoing()
        terminal.type(f"{answer}\r")
    assert terminal.process.wait(30) == 0
    terminal.wait_for("is in ")
    assert key[2:] not in terminal.sent()
    assert PASSPHRASE not in terminal.sent()
    assert terminal.is_echoing()
    text = KeyPlace("testnet", account).keystore.read_text()
    assert keystore.unlock(text, PASSPHRASE, "it") == key


def test_a_start_asks_for_the_passphrase_and_again_if_it_is_mistyped(
    opened: Callable[..., Terminal],
    made: tuple[str, KeyPlace],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On the screen, which is drawn when the key is there."""
    monkeypatch.setattr(keystore, "WORK", 2)
    key, place = made
    put(keystore.lock(key, PASSPHRASE), place.keystore)
    state = tmp_path / "xdg" / "gridbot" / "paper" / place.account
    terminal = opened("run", "--network", "paper", HL_USER_ADDRESS=place.account)
    terminal.wait_for("Passphrase of ")
    terminal.type("mistyped\r")
    terminal.wait_for("That is not the one")
    assert not terminal.is_echoing()
    terminal.type(f"{PASSPHRASE}\r")
    terminal.wait_for("System health")
    wait_until(lambda: bool(trading_pid(state)), 30, "it trades")
    assert "mistyped" not in terminal.sent()
    assert PASSPHRASE not in terminal.sent()
    assert terminal.stop() == 0
    terminal.assert_given_back()


def test_a_start_with_the_wrong_passphrase_three_times_is_refused_in_a_sentence(
    opened: Callable[..., Terminal], made: tuple[str, KeyPlace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keystore, "WORK", 2)
    key, place = made
    put(keystore.lock(key, PASSPHRASE), place.keystore)
    terminal = opened("run", "--network", "paper", "--no-ui", HL_USER_ADDRESS=place.account)
    for attempt in range(3):
        terminal.wait_for("That is not the one" if attempt else "Passphrase of ")
        terminal.forget()
        terminal.type(f"wrong {attempt}\r")
    assert terminal.process.wait(30) == 2
    terminal.wait_for("the passphrase is not the one")
    assert "Traceback" not in terminal.sent()
    assert terminal.is_echoing()
