"""A rotation that was broken off: of the two keys that are there, the one that the exchange knows as an agent signs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.domain.agent import AgentObserved
from core.runtime.agents import NotAnAgentError
from core.runtime.keys import Identity, KeyQuery, keystore, load_identity
from core.runtime.keys.places import KeyPlace
from core.runtime.keys.succession import Check, Settled, settle
from core.runtime.statedir import StateDir, UsageError
from tests.unit.runtime.agents import Wallet

PASSPHRASE = "correct horse"
ACCOUNT, FIRST, SECOND = Wallet(), Wallet(), Wallet()


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(keystore, "WORK", 2)


@pytest.fixture
def place() -> KeyPlace:
    found = KeyPlace("testnet", ACCOUNT.address)
    found.keep(FIRST.key)
    found.keep_next(SECOND.key)
    return found


def identity(tmp_path: Path, passphrase: str = PASSPHRASE, query: KeyQuery | None = None) -> Identity:
    state = StateDir(tmp_path / "state")
    state.prepare()
    return load_identity(query or KeyQuery("testnet", ACCOUNT.address), state, {}, lambda *_: passphrase)


def approved(*wallets: Wallet) -> Check:
    async def check(signer: str) -> AgentObserved:
        if signer not in [wallet.address for wallet in wallets]:
            raise NotAnAgentError(f"{signer} is not approved")
        return AgentObserved(signer, True, "grid")

    return check


def settled(of: Identity, *wallets: Wallet) -> Settled:
    return asyncio.run(settle(of, approved(*wallets)))


@pytest.mark.parametrize(
    ("who", "signs"),
    [((FIRST,), FIRST), ((SECOND,), SECOND), ((FIRST, SECOND), SECOND)],
    ids=["the present", "the next", "both"],
)
def test_the_one_that_is_approved_signs_and_of_two_the_next(
    tmp_path: Path, place: KeyPlace, who: tuple[Wallet, ...], signs: Wallet
) -> None:
    found = settled(identity(tmp_path), *who)
    assert found.identity.signer.address == signs.address
    assert found.agent is not None
    assert found.agent.address == signs.address
    assert bool(found.waits) is (signs is FIRST)
    assert place.present is not None
    assert place.present.read_text() == FIRST.key, "asking writes nothing"


def test_if_neither_is_approved_both_are_told_of(tmp_path: Path, place: KeyPlace) -> None:
    with pytest.raises(NotAnAgentError) as caught:
        settled(identity(tmp_path))
    assert FIRST.address in str(caught.value)
    assert SECOND.address in str(caught.value)


def test_kept_it_is_the_present_one_and_once_more_does_no_harm(tmp_path: Path, place: KeyPlace) -> None:
    successor = identity(tmp_path).successor
    assert successor is not None
    assert [successor.keep(), successor.keep()] == ["", ""]
    assert place.plain.read_text() == SECOND.key
    assert not place.next.exists()
    assert identity(tmp_path).successor is None


def test_one_that_another_has_taken_the_place_of_is_not_kept(tmp_path: Path, place: KeyPlace) -> None:
    successor, third = identity(tmp_path).successor, Wallet()
    place.keep_next(third.key)
    assert successor is not None
    assert f"is of {third.address} now" in successor.keep()
    assert place.plain.read_text() == FIRST.key


def test_in_a_keystore_it_opens_by_the_same_passphrase_and_else_the_present_one_signs_and_says_so(
    tmp_path: Path, place: KeyPlace
) -> None:
    place.keep(keystore.lock(FIRST.key, PASSPHRASE))
    place.keep_next(keystore.lock(SECOND.key, PASSPHRASE))
    assert settled(identity(tmp_path), SECOND).identity.signer.address == SECOND.address
    place.keep_next(keystore.lock(SECOND.key, "another of them"))
    found = identity(tmp_path)
    assert found.successor is None
    assert "the passphrase is not the one" in found.warnings[0]
    assert "the present one signs" in found.warnings[0]


def test_beside_a_key_file_of_the_settings_it_is_found_too_and_no_other_accounts(
    tmp_path: Path, place: KeyPlace
) -> None:
    named = KeyPlace("testnet", "0x" + "cd" * 20, tmp_path / "named.key")
    named.keep(FIRST.key)
    query = KeyQuery("testnet", named.account, named.file)
    assert identity(tmp_path, query=query).successor is None
    named.keep_next(SECOND.key)
    found = identity(tmp_path, query=query).successor
    assert found is not None
    assert found.signer.address == SECOND.address


def test_one_that_others_may_read_is_not_used(tmp_path: Path, place: KeyPlace) -> None:
    place.next.chmod(0o644)
    found = identity(tmp_path)
    assert found.successor is None
    assert "may be read by others" in found.warnings[0]
    with pytest.raises(UsageError, match="may be read by others"):
        place.promote(SECOND.address)
