"""Who may sign for whom, for how long, and what the others are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from core.paper.config import PaperConfig, RequestSettings
from core.paper.exchange import PaperExchange
from core.paper.store import PaperStore
from core.paper.venue.agents import Agents
from tests.unit.paper.desk import NOOP, OK, Desk, QuotedMarket, address, refused
from tests.unit.paper.paper_client import new_wallet, order

_DAY_MS = 86_400_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


def _unknown(wallet: LocalAccount) -> dict[str, str]:
    return refused(f"User or API Wallet {address(wallet)} does not exist.")


@pytest.mark.parametrize("name", ["", "grid", "sixteen letters!"])
def test_an_agent_trades_for_its_master(desk: Desk, name: str) -> None:
    master, agent = new_wallet(), new_wallet()
    assert desk.approve(master, agent, name) == OK
    (status,) = desk.place(agent, order(True, "99000", "0.1"))
    assert list(desk.account(master).open_orders) == [status["resting"]["oid"]]
    assert address(agent) not in desk.venue.ledger.accounts
    assert desk.act(agent, {"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 3}) == OK
    assert desk.account(master).leverages["BTC"].value == 3


def test_a_key_that_was_never_an_agent_trades_for_its_own_address(desk: Desk) -> None:
    wallet = new_wallet()
    desk.place(wallet, order(True, "99000", "0.1"))
    assert desk.account(wallet).open_orders


def test_an_agent_cannot_do_what_needs_the_accounts_own_key(desk: Desk) -> None:
    master, agent = new_wallet(), new_wallet()
    desk.approve(master, agent)
    words = refused(f"Must deposit before performing actions. User: {address(agent)}")
    assert desk.approve(agent, new_wallet(), "mine") == words
    assert desk.act(agent, {"type": "usdSend", "destination": address(agent), "amount": "1"}) == words
    assert desk.act(agent, {"type": "reserveRequestWeight", "weight": 10}) == words


def test_an_address_that_was_asked_about_before_can_still_become_an_agent(desk: Desk) -> None:
    master, agent = new_wallet(), new_wallet()
    desk.venue.see(address(agent))
    assert desk.approve(master, agent) == OK
    desk.place(agent, order(True, "99000", "0.1"))
    assert desk.account(master).open_orders


def test_asking_about_an_agents_address_makes_no_account_of_it(desk: Desk) -> None:
    master, agent = new_wallet(), new_wallet()
    desk.approve(master, agent)
    assert desk.venue.see(address(agent)).cash == {}
    assert not desk.venue.knows(address(agent))


def test_a_new_agent_of_the_same_name_takes_the_place_of_the_old_one(desk: Desk) -> None:
    master, old, new = new_wallet(), new_wallet(), new_wallet()
    desk.approve(master, old, "grid")
    assert desk.approve(master, new, "grid") == OK
    assert desk.act(old, NOOP) == _unknown(old)
    assert desk.act(new, NOOP) == OK


def test_the_zero_address_removes_the_agent_of_that_name(desk: Desk) -> None:
    master, agent = new_wallet(), new_wallet()
    desk.approve(master, agent, "grid")
    assert desk.approve(master, None, "grid") == OK
    assert desk.act(agent, NOOP) == _unknown(agent)
    assert desk.approve(master, new_wallet(), "grid") == refused("User has pending agent removal")
    desk.now_ms += 5_000
    assert desk.approve(master, new_wallet(), "grid") == OK


def test_three_agents_may_have_names_and_two_more_for_every_sub_account() -> None:
    desk = Desk()
    master = new_wallet()
    desk.approve(master, new_wallet())
    for name in ("a", "b", "c"):
        assert desk.approve(master, new_wallet(), name) == OK
    assert desk.approve(master, new_wallet(), "d") == refused(
        "Too many extra agents for cumulative volume traded. Current limit is 3"
    )
    desk.venue.create_sub_account(desk.account(master), "sub", 0)
    assert desk.approve(master, new_wallet(), "d") == OK
    assert desk.approve(master, new_wallet(), "e") == OK
    assert desk.approve(master, new_wallet(), "f") == refused(
        "Too many extra agents for cumulative volume traded. Current limit is 5"
    )


def test_an_expired_agent_leaves_its_place_to_another(desk: Desk) -> None:
    master = new_wallet()
    for name in ("a", "b", f"c valid_until {desk.now_ms + 1000}"):
        desk.approve(master, new_wallet(), name)
    desk.now_ms += 1000
    assert desk.approve(master, new_wallet(), "d") == OK


def test_an_address_serves_one_account_under_one_name(desk: Desk) -> None:
    master, agent = new_wallet(), new_wallet()
    desk.approve(master, agent, "grid")
    used = refused("Extra agent already used.")
    assert desk.approve(master, agent, "other") == used
    assert desk.approve(master, agent) == used
    assert desk.approve(new_wallet(), agent, "grid") == used
    assert desk.approve(master, master, "me") == used
    assert desk.approve(master, agent, "grid") == OK


@pytest.mark.parametrize("name", ["seventeen letters", " valid_until 1800000000000"])
def test_a_name_has_one_to_sixteen_letters(desk: Desk, name: str) -> None:
    words = "Extra agent name must be between 1 and 16 characters long"
    assert desk.approve(new_wallet(), new_wallet(), name) == refused(words)


@pytest.mark.parametrize(
    ("until_ms", "is_fine"), [(0, False), (1, True), (180 * _DAY_MS, True), (180 * _DAY_MS + 1, False)]
)
def test_an_approval_lasts_half_a_year_at_most(desk: Desk, until_ms: int, is_fine: bool) -> None:
    answer = desk.approve(new_wallet(), new_wallet(), f"grid valid_until {desk.now_ms + until_ms}")
    assert answer == (OK if is_fine else refused("Agent valid_until already expired."))


def test_an_end_that_is_no_time_is_over(desk: Desk) -> None:
    answer = desk.approve(new_wallet(), new_wallet(), "grid valid_until soon")
    assert answer == refused("Agent valid_until already expired.")


@pytest.mark.parametrize(("suffix", "life_ms"), [(" valid_until {}", 7_000), ("", 90 * _DAY_MS)])
def test_an_agent_ends_with_its_approval(desk: Desk, suffix: str, life_ms: int) -> None:
    master, agent = new_wallet(), new_wallet()
    desk.approve(master, agent, "grid" + suffix.format(desk.now_ms + life_ms))
    desk.now_ms += life_ms - 1
    assert desk.act(agent, NOOP, nonce=desk.now_ms) == OK
    desk.now_ms += 1
    assert desk.act(agent, NOOP, nonce=desk.now_ms) == _unknown(agent)


def test_an_agent_that_has_ended_never_gets_an_account_of_its_own(desk: Desk) -> None:
    master, agent = new_wallet(), new_wallet()
    desk.approve(master, agent)
    desk.venue.agents.expire(address(agent), desk.now_ms)
    assert desk.act(agent, NOOP) == _unknown(agent)
    assert not desk.venue.knows(address(agent))


def test_an_agent_that_was_removed_may_be_approved_again(desk: Desk) -> None:
    master, agent = new_wallet(), new_wallet()
    desk.approve(master, agent, "grid")
    desk.approve(master, None, "grid")
    desk.now_ms += 5_000
    assert desk.approve(new_wallet(), agent, "grid") == OK
    assert desk.act(agent, NOOP) == OK


def test_an_unknown_signer_is_told_so_where_accounts_are_not_opened_by_themselves() -> None:
    desk = Desk(PaperConfig(open_accounts=False))
    wallet = new_wallet()
    assert desk.act(wallet, NOOP) == _unknown(wallet)
    words = f"Must deposit before performing actions. User: {address(wallet)}"
    assert desk.approve(wallet, new_wallet()) == refused(words)
    assert not desk.venue.ledger.accounts
    desk.venue.fund(address(wallet), 1_000_000)
    assert desk.act(wallet, NOOP) == OK
    assert desk.account(wallet).deposits == 1_000_000


def test_the_index_is_rebuilt_from_the_accounts(desk: Desk) -> None:
    master, old, new = new_wallet(), new_wallet(), new_wallet()
    desk.approve(master, old, "grid")
    desk.approve(master, new, "grid")
    agents = Agents()
    agents.load(desk.venue.ledger.accounts.values())
    assert agents.master_of(address(new), desk.now_ms) is desk.account(master)
    assert agents.master_of(address(old), desk.now_ms) is None
    assert agents.knows(address(old))


async def test_agents_and_sub_accounts_outlive_a_restart(tmp_path: Path) -> None:
    desk, master, agent, old = Desk(), new_wallet(), new_wallet(), new_wallet()
    config = PaperConfig(requests=RequestSettings(sub_account_volume_usd=0), block_ms=0)

    def start() -> tuple[PaperExchange, PaperStore]:
        store = PaperStore(tmp_path / "paper.db")
        return PaperExchange(config, QuotedMarket(), store, lambda: desk.now_ms), store

    first, store = start()
    for key in (old, agent):
        await first.act(desk.body(master, desk.approval(key, "grid")))
    created: Any = await first.act(desk.body(agent, {"type": "createSubAccount", "name": "sub"}))
    store.close()
    second, store = start()
    sub_account = created["response"]["data"]
    assert await second.act(desk.body(agent, NOOP, vaultAddress=sub_account)) == OK
    assert await second.act(desk.body(old, NOOP)) == _unknown(old)
    assert second.venue.see(sub_account).name == "sub"
    store.close()
