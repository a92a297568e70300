"""Sub-accounts: accounts of their own for which their master signs."""

from __future__ import annotations

from typing import Any

import pytest

from core.paper.config import PaperConfig, RequestSettings
from tests.unit.paper.desk import NOOP, Desk, address, refused
from tests.unit.paper.paper_client import new_wallet, order

STRANGER = "0x" + "5e" * 20
_OPEN = PaperConfig(requests=RequestSettings(sub_account_volume_usd=0))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def _sub_account(desk: Desk, master: Any, name: str = "sub") -> str:
    answer = desk.act(master, {"type": "createSubAccount", "name": name})
    assert answer["response"]["type"] == "createSubAccount"
    user: str = answer["response"]["data"]
    return user


def test_a_sub_account_needs_a_hundred_thousand_of_volume(desk: Desk) -> None:
    wallet = new_wallet()
    desk.account(wallet).volume = 12_066_750_000
    answer = desk.act(wallet, {"type": "createSubAccount", "name": "sub"})
    assert answer == refused(
        "Cannot create sub-accounts until enough volume traded. Required: $100000. Traded: $12066.75."
    )
    desk.account(wallet).volume = 100_000_000_000
    assert desk.act(wallet, {"type": "createSubAccount", "name": "sub"})["status"] == "ok"


def test_a_sub_account_is_an_account_of_its_own_for_which_its_master_and_agents_sign() -> None:
    desk = Desk(_OPEN)
    master, agent = new_wallet(), new_wallet()
    user = _sub_account(desk, master)
    sub = desk.venue.see(user)
    assert (sub.name, sub.master, sub.cash) == ("sub", address(master), {})
    assert desk.account(master).sub_accounts == [user]
    desk.approve(master, agent)
    desk.venue.fund(user, 10_000_000_000)
    for signer in (master, agent):
        (status,) = desk.place(signer, order(True, "99000", "0.1"), vaultAddress=user)
        assert "resting" in status
    assert (len(sub.open_orders), len(desk.account(master).open_orders)) == (2, 0)
    assert sub.requests == 2


def test_a_master_and_its_sub_account_trade_with_each_other() -> None:
    """Self-trade prevention is per address."""
    desk, master = Desk(_OPEN), new_wallet()
    user = _sub_account(desk, master)
    desk.venue.fund(user, 10_000_000_000)
    desk.place(master, order(False, "100005", "0.1", "Alo"))
    (status,) = desk.place(master, order(True, "100005", "0.1", "Ioc"), vaultAddress=user)
    assert status["filled"]["avgPx"] == "100005.0"


def test_sub_accounts_get_addresses_of_their_own_even_if_someone_asked_about_one_before() -> None:
    desk, twin, master = Desk(_OPEN), Desk(_OPEN), new_wallet()
    first = _sub_account(desk, master)
    twin.venue.see(first)
    second = _sub_account(twin, master)
    assert first != second
    assert twin.venue.see(first).master == ""


def test_a_vault_that_is_none_of_the_signers_is_refused() -> None:
    desk, master, other = Desk(_OPEN), new_wallet(), new_wallet()
    user = _sub_account(desk, master)
    assert desk.act(other, NOOP, vaultAddress=STRANGER) == refused(f"Vault not registered: {STRANGER}")
    assert desk.act(other, NOOP, vaultAddress=address(master)) == refused(
        f"Vault not registered: {address(master)}"
    )
    assert desk.act(other, NOOP, vaultAddress=user) == refused(
        f"Sub-account {user} is not registered to {address(other)}"
    )


@pytest.mark.parametrize("name", ["", "seventeen letters"])
def test_a_sub_accounts_name_has_one_to_sixteen_letters(name: str) -> None:
    answer = Desk(_OPEN).act(new_wallet(), {"type": "createSubAccount", "name": name})
    assert answer == refused("Sub-account name must be between 1 and 16 characters long")


def test_a_sub_account_has_none_of_its_own() -> None:
    desk, master = Desk(_OPEN), new_wallet()
    user = _sub_account(desk, master)
    answer = desk.act(master, {"type": "createSubAccount", "name": "sub"}, vaultAddress=user)
    assert answer == refused(f"Sub-account {user} cannot create sub-accounts.")
