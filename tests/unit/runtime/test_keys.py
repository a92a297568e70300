"""Keys: made 0600, refused if others may read them, and in no text of ours."""

from __future__ import annotations

import os
import stat
import traceback
from pathlib import Path

import pytest

from core.exchange.signing import Signer
from core.runtime.keys import Identity, account_hint, load_identity
from core.runtime.statedir import StateDir, UsageError
from tests.unit.exchange.samples import KEY

_OWN = Signer(KEY, False).address
_USER = "0x" + "ab" * 20


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    state = StateDir(tmp_path / "state")
    state.prepare()
    return state


def test_a_paper_key_is_made_once_for_this_user_alone(state: StateDir) -> None:
    before = os.umask(0)
    try:
        first = load_identity("paper", state, {})
    finally:
        os.umask(before)
    assert stat.S_IMODE(state.key.stat().st_mode) == 0o600
    assert not state.key.with_suffix(".new").exists()
    assert load_identity("paper", state, {}).account == first.account == first.signer.address
    other = StateDir(state.path / "other")
    other.prepare()
    assert load_identity("paper", other, {}).account != first.account


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o601])
def test_a_paper_key_that_others_may_read_is_refused_with_the_fix(state: StateDir, mode: int) -> None:
    load_identity("paper", state, {})
    state.key.chmod(mode)
    with pytest.raises(UsageError, match=f"may be read by others; fix: chmod 600 {state.key}"):
        load_identity("paper", state, {})


def test_a_half_written_key_of_a_killed_start_is_begun_anew(state: StateDir) -> None:
    state.key.with_suffix(".new").write_text("0x12")
    assert load_identity("paper", state, {}).account


@pytest.mark.parametrize("content", [b"", b"0x12", b"\xff\xfe\x00", KEY.encode()[:-1] + b"g"])
def test_a_damaged_paper_key_is_named_by_its_file(state: StateDir, content: bytes) -> None:
    state.key.write_bytes(content)
    state.key.chmod(0o600)
    with pytest.raises(UsageError, match=r"paper\.key can't be used"):
        load_identity("paper", state, {})


def test_on_paper_an_agent_key_alone_is_its_own_account(state: StateDir) -> None:
    identity = load_identity("paper", state, {"HL_AGENT_KEY": f" {KEY}\n"})
    assert identity.account == _OWN
    assert not state.key.exists()


@pytest.mark.parametrize("name", ["HL_AGENT_KEY", "HL_PRIVATE_KEY"])
@pytest.mark.parametrize("network", ["paper", "testnet", "mainnet"])
def test_an_agent_signs_for_the_account_it_is_told(state: StateDir, network: str, name: str) -> None:
    identity = load_identity(
        network, state, {name: KEY, "HL_USER_ADDRESS": _USER.upper().replace("0X", "0x")}
    )
    assert (identity.account, identity.signer.address) == (_USER, _OWN)


@pytest.mark.parametrize("network", ["testnet", "mainnet"])
@pytest.mark.parametrize("user", ["", _OWN, _OWN.upper().replace("0X", "0x")])
def test_on_a_real_network_the_accounts_own_key_is_refused(state: StateDir, network: str, user: str) -> None:
    with pytest.raises(UsageError, match=f"on {network} GridBot refuses the account's own key"):
        load_identity(network, state, {"HL_AGENT_KEY": KEY, "HL_USER_ADDRESS": user})


@pytest.mark.parametrize("environ", [{}, {"HL_AGENT_KEY": ""}, {"HL_PRIVATE_KEY": ""}])
def test_on_a_real_network_no_key_is_made_up(state: StateDir, environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="testnet needs an agent wallet: set HL_AGENT_KEY"):
        load_identity("testnet", state, environ)
    assert not state.key.exists()


@pytest.mark.parametrize("environ", [{"HL_AGENT_KEY": ""}, {"HL_PRIVATE_KEY": ""}])
def test_an_empty_key_variable_is_as_good_as_none(state: StateDir, environ: dict[str, str]) -> None:
    assert load_identity("paper", state, environ).account == load_identity("paper", state, {}).account
    assert account_hint(environ) == ""


@pytest.mark.parametrize("user", ["0x12", "ab" * 21, "0x" + "zz" * 20, "../../elsewhere", _USER + "0"])
def test_an_address_is_checked_before_it_names_anything(state: StateDir, user: str) -> None:
    environ = {"HL_USER_ADDRESS": user, "HL_AGENT_KEY": KEY}
    with pytest.raises(UsageError, match="HL_USER_ADDRESS is not an address"):
        load_identity("paper", state, environ)
    with pytest.raises(UsageError, match="HL_USER_ADDRESS is not an address"):
        account_hint(environ)


def test_the_hint_is_the_account_as_far_as_the_environment_tells() -> None:
    assert account_hint({}) == ""
    assert account_hint({"HL_AGENT_KEY": KEY}) == _OWN
    assert account_hint({"HL_AGENT_KEY": KEY, "HL_USER_ADDRESS": _USER}) == _USER


@pytest.mark.parametrize("damage", [KEY[:-1], KEY + "0", "0x" + "g" + KEY[3:], KEY[2:40]])
def test_no_error_contains_the_key_not_even_its_traceback(state: StateDir, damage: str) -> None:
    for attempt in (lambda e: load_identity("paper", state, e), account_hint):
        with pytest.raises(UsageError) as caught:
            attempt({"HL_AGENT_KEY": damage})
        told = "".join(traceback.format_exception(caught.value))
        assert damage[4:20] not in told
        assert "HL_AGENT_KEY can't be used" in str(caught.value)


def test_no_text_of_an_identity_contains_the_key() -> None:
    identity = Identity(_OWN, Signer(KEY, False))
    for text in (repr(identity), str(identity), f"{identity}"):
        assert KEY[2:20] not in text
