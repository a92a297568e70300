"""Keys: where they come from and in what order, refused if others may read them, and in no text of ours."""

from __future__ import annotations

import json
import os
import secrets
import stat
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from core.exchange.signing import Signer
from core.runtime.keys import Identity, KeyQuery, account_hint, keystore, load_identity
from core.runtime.keys.places import KeyPlace
from core.runtime.statedir import StateDir, UsageError
from tests.unit.exchange.samples import KEY

_OWN = Signer(KEY, False).address
_USER = "0x" + "ab" * 20
_REAL = ["testnet", "mainnet"]
PASSPHRASE = "correct horse"


@pytest.fixture(autouse=True)
def _own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(keystore, "WORK", 2)


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    state = StateDir(tmp_path / "state")
    state.prepare()
    return state


def made_key() -> tuple[str, str]:
    """A throwaway key and its address."""
    key = "0x" + secrets.token_hex(32)
    return key, Signer(key, False).address


def private(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


# -- paper's own key ----------------------------------------------------------------------------------------------


def test_a_paper_key_is_made_once_for_this_user_alone(state: StateDir) -> None:
    before = os.umask(0)
    try:
        first = load_identity(KeyQuery("paper"), state, {})
    finally:
        os.umask(before)
    assert stat.S_IMODE(state.key.stat().st_mode) == 0o600
    assert not state.key.with_name("paper.key.new").exists()
    assert load_identity(KeyQuery("paper"), state, {}).account == first.account == first.signer.address
    other = StateDir(state.path / "other")
    other.prepare()
    assert load_identity(KeyQuery("paper"), other, {}).account != first.account


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o601])
def test_a_paper_key_that_others_may_read_is_refused_with_the_fix(state: StateDir, mode: int) -> None:
    load_identity(KeyQuery("paper"), state, {})
    state.key.chmod(mode)
    with pytest.raises(UsageError, match=f"may be read by others; fix: chmod 600 {state.key}"):
        load_identity(KeyQuery("paper"), state, {})


def test_a_half_written_key_of_a_killed_start_is_begun_anew(state: StateDir) -> None:
    state.key.with_name("paper.key.new").write_text("0x12")
    assert load_identity(KeyQuery("paper"), state, {}).account


@pytest.mark.parametrize("content", [b"", b"0x12", b"\xff\xfe\x00", KEY.encode()[:-1] + b"g"])
def test_a_damaged_paper_key_is_named_by_its_file(state: StateDir, content: bytes) -> None:
    state.key.write_bytes(content)
    state.key.chmod(0o600)
    with pytest.raises(UsageError, match=r"paper\.key can't be used"):
        load_identity(KeyQuery("paper"), state, {})


def test_on_paper_an_agent_key_alone_is_its_own_account(state: StateDir) -> None:
    identity = load_identity(KeyQuery("paper"), state, {"HL_AGENT_KEY": f" {KEY}\n"})
    assert identity.account == _OWN
    assert identity.warnings == ()
    assert not state.key.exists()


def test_settings_of_a_real_account_still_trade_paper_by_its_own_key_and_say_so(state: StateDir) -> None:
    identity = load_identity(KeyQuery("paper", _USER), state, {})
    assert identity.account == identity.signer.address != _USER
    assert f"user_address {_USER} has no key on paper" in identity.warnings[0]


# -- real networks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["HL_AGENT_KEY", "HL_PRIVATE_KEY"])
@pytest.mark.parametrize("network", ["paper", *_REAL])
def test_an_agent_signs_for_the_account_it_is_told(state: StateDir, network: str, name: str) -> None:
    identity = load_identity(KeyQuery(network, _USER), state, {name: KEY})
    assert (identity.account, identity.signer.address, identity.source) == (_USER, _OWN, name)
    assert bool(identity.warnings) is (network != "paper"), "an environment is read by others"


@pytest.mark.parametrize("network", _REAL)
@pytest.mark.parametrize("user", ["", _OWN])
def test_on_a_real_network_the_accounts_own_key_is_refused(state: StateDir, network: str, user: str) -> None:
    with pytest.raises(UsageError, match=f"on {network} GridBot refuses the account's own key"):
        load_identity(KeyQuery(network, user), state, {"HL_AGENT_KEY": KEY})


@pytest.mark.parametrize("environ", [{}, {"HL_AGENT_KEY": ""}, {"HL_PRIVATE_KEY": ""}])
def test_on_a_real_network_no_key_is_made_up(state: StateDir, environ: dict[str, str]) -> None:
    with pytest.raises(
        UsageError, match="testnet needs an agent wallet and the account that it signs for: `gridbot init"
    ):
        load_identity(KeyQuery("testnet"), state, environ)
    with pytest.raises(UsageError, match=f"there is no key for {_USER}: `gridbot init` makes one"):
        load_identity(KeyQuery("testnet", _USER), state, environ)
    assert not state.key.exists()


def test_no_network_and_no_account_inherits_the_key_of_another(state: StateDir) -> None:
    KeyPlace("testnet", _USER).keep(KEY)
    assert load_identity(KeyQuery("testnet", _USER), state, {}).signer.address == _OWN
    for network, account in (("mainnet", _USER), ("testnet", "0x" + "cd" * 20)):
        with pytest.raises(UsageError, match=f"there is no key for {account}"):
            load_identity(KeyQuery(network, account), state, {})


# -- sources ------------------------------------------------------------------------------------------------------


def test_the_first_source_of_the_order_is_used_if_all_are_of_one_key(state: StateDir, tmp_path: Path) -> None:
    environ, query = {"HL_AGENT_KEY": KEY}, KeyQuery("testnet", _USER)
    assert load_identity(query, state, environ).source == "HL_AGENT_KEY"
    file = KeyPlace("testnet", _USER).keep(KEY)
    assert load_identity(query, state, environ).source == str(file)
    kept = KeyPlace("testnet", _USER).keep(keystore.lock(KEY, PASSPHRASE))
    assert not file.exists(), "a key is in one file"
    assert load_identity(query, state, environ, lambda *_: PASSPHRASE).source == str(kept)
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "agent_key").write_text(f"{KEY}\n")
    environ["CREDENTIALS_DIRECTORY"] = str(tmp_path / "credentials")
    found = load_identity(query, state, environ)
    assert (found.source, found.warnings) == ("the systemd credential agent_key", ())


def test_two_sources_of_different_keys_are_refused_whichever_comes_first(
    state: StateDir, tmp_path: Path
) -> None:
    other, address = made_key()
    named = private(tmp_path / "named.key", other)
    for query, environ in (
        (KeyQuery("testnet", _USER, named), {"HL_AGENT_KEY": KEY}),
        (KeyQuery("paper", _USER, named), {"HL_AGENT_KEY": KEY}),
    ):
        with pytest.raises(
            UsageError, match=r"two keys are there: .*; take away the one that isn't meant"
        ) as caught:
            load_identity(query, state, environ)
        assert address in str(caught.value)
        assert _OWN in str(caught.value)


def test_a_keystore_opens_with_its_passphrase_alone(state: StateDir) -> None:
    place = KeyPlace("testnet", _USER)
    place.keep(keystore.lock(KEY, PASSPHRASE))
    assert KEY[2:] not in place.keystore.read_text()
    query = KeyQuery("testnet", _USER)
    assert load_identity(query, state, {}, lambda *_: PASSPHRASE).signer.address == _OWN
    with pytest.raises(UsageError, match="can't be opened: the passphrase is not the one"):
        load_identity(query, state, {}, lambda *_: "another one")
    with pytest.raises(UsageError, match="needs its passphrase: start in a terminal, or give it with"):
        load_identity(query, state, {})


def test_a_keystore_that_holds_another_key_than_it_says_is_refused(state: StateDir) -> None:
    place, kept = KeyPlace("testnet", _USER), json.loads(keystore.lock(KEY, PASSPHRASE))
    place.keep(json.dumps({**kept, "address": "11" * 20}))
    with pytest.raises(UsageError, match="holds another key"):
        load_identity(KeyQuery("testnet", _USER), state, {}, lambda *_: PASSPHRASE)


@pytest.mark.parametrize("text", ["{", "{}", '{"address": 1, "version": 3}', "[1]"])
def test_a_damaged_keystore_is_a_sentence(state: StateDir, text: str) -> None:
    private(KeyPlace("testnet", _USER).keystore, text)
    with pytest.raises(UsageError, match=r"keystore|can't be used"):
        load_identity(KeyQuery("testnet", _USER), state, {}, lambda *_: PASSPHRASE)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_file_that_others_may_touch_is_refused(state: StateDir, tmp_path: Path, mode: int) -> None:
    file = private(tmp_path / "agent.key", KEY)
    query = KeyQuery("testnet", _USER, file)
    assert load_identity(query, state, {}).source == str(file)
    file.chmod(mode)
    with pytest.raises(UsageError, match=f"may be read by others; fix: chmod 600 {file}"):
        load_identity(query, state, {})


def test_a_link_a_directory_another_users_file_and_none_at_all_are_refused(
    state: StateDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, link = private(tmp_path / "agent.key", KEY), tmp_path / "link"
    link.symlink_to(file)
    for path, says in (
        (link, "is a symbolic link"),
        (tmp_path, "is not a file"),
        (tmp_path / "nowhere", "can't be read"),
    ):
        with pytest.raises(UsageError, match=says):
            load_identity(KeyQuery("testnet", _USER, path), state, {"HL_AGENT_KEY": KEY})
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    with pytest.raises(UsageError, match="belongs to another user"):
        load_identity(KeyQuery("testnet", _USER, file), state, {})


@pytest.mark.parametrize("environ", [{"HL_AGENT_KEY": ""}, {"HL_PRIVATE_KEY": ""}])
def test_an_empty_key_variable_is_as_good_as_none(state: StateDir, environ: dict[str, str]) -> None:
    paper = KeyQuery("paper")
    assert load_identity(paper, state, environ).account == load_identity(paper, state, {}).account
    assert account_hint(environ) == ""


def test_the_hint_is_the_account_as_far_as_it_is_told() -> None:
    assert account_hint({}) == ""
    assert account_hint({"HL_AGENT_KEY": KEY}) == _OWN
    assert account_hint({"HL_AGENT_KEY": KEY}, _USER) == _USER


# -- the next key -------------------------------------------------------------------------------------------------


def test_the_next_key_takes_the_place_of_the_present_one_whatever_form_either_has() -> None:
    place = KeyPlace("testnet", _USER)
    place.keep(KEY)
    place.keep_next(keystore.lock(KEY, PASSPHRASE))
    assert place.present == place.plain
    assert place.promote(_OWN) == place.keystore == place.present
    assert not place.plain.exists()
    assert not place.next.exists()
    place.keep_next(KEY)
    assert place.promote(_OWN) == place.plain == place.present
    for path in place.directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.directory.stat().st_mode) == 0o700


# -- silence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [KEY[:-1], KEY + "0", "0x" + "g" + KEY[3:], KEY[2:40]])
def test_no_error_contains_the_key_not_even_its_traceback(state: StateDir, damage: str) -> None:
    for attempt in (lambda e: load_identity(KeyQuery("testnet", _USER), state, e), account_hint):
        with pytest.raises(UsageError) as caught:
            attempt({"HL_AGENT_KEY": damage})
        told = "".join(traceback.format_exception(caught.value))
        assert damage[4:20] not in told
        assert "HL_AGENT_KEY can't be used" in str(caught.value)


def test_no_text_of_an_identity_or_a_source_contains_the_key(state: StateDir) -> None:
    from core.runtime.keys import find_sources

    KeyPlace("testnet", _USER).keep(KEY)
    sources = find_sources(KeyQuery("testnet", _USER), {"HL_AGENT_KEY": KEY})
    identity = Identity(_OWN, Signer(KEY, False))
    assert len(sources) == 2
    for told in (identity, *sources):
        for text in (repr(told), str(told), f"{told}"):
            assert KEY[2:20] not in text


def test_once_a_real_key_may_be_in_memory_no_other_program_may_read_it() -> None:
    """In a process of its own: it can't be undone."""
    code = (
        "import ctypes\n"
        "from core.runtime.keys import KeyQuery, find_sources\n"
        "readable = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)\n"
        "find_sources(KeyQuery('paper'), {})\n"
        "before = readable()\n"
        "find_sources(KeyQuery('testnet'), {})\n"
        "print(before, readable())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "1 0"
