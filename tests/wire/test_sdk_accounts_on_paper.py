"""The official SDK, unmodified, manages accounts on the paper exchange."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.error import ClientError

from core.paper.config import RequestSettings
from tests.unit.paper.paper_client import new_wallet, running

OK = {"status": "ok", "response": {"type": "default"}}
BUILDER = "0x8c967e73e7b15087c42a10d344cff4c96d877f1d"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(requests=RequestSettings(sub_account_volume_usd=0)) as url:
        yield url


@pytest.fixture
def wallet() -> LocalAccount:
    return new_wallet()


@pytest.fixture
def exchange(url: str, wallet: LocalAccount) -> Exchange:
    return Exchange(wallet, url)


@pytest.fixture
def info(url: str) -> Info:
    return Info(url, skip_ws=True)


def _rest(exchange: Exchange, info: Info, **changes: Any) -> Any:
    """What a post-only order far from the market is answered."""
    price = round(float(info.all_mids()["BTC"]) - 500)
    answer = exchange.order("BTC", True, 0.002, price, {"limit": {"tif": "Alo"}}, **changes)
    return answer["response"]["data"]["statuses"][0] if answer["status"] == "ok" else answer["response"]


@pytest.mark.parametrize("name", [None, "grid"])
def test_an_agent_that_the_sdk_approved_trades_for_its_master(
    url: str, exchange: Exchange, info: Info, wallet: LocalAccount, name: str | None
) -> None:
    answer, key = exchange.approve_agent(name)
    assert answer == OK
    agent = Account.from_key(key)
    trader = Exchange(agent, url, account_address=wallet.address)
    assert "resting" in _rest(trader, info)
    assert len(info.open_orders(wallet.address)) == 1
    assert info.user_role(agent.address) == {"role": "agent", "data": {"user": wallet.address.lower()}}
    listed = info.extra_agents(wallet.address)
    assert [(row["name"], row["address"]) for row in listed] == (
        [(name, agent.address.lower())] if name else []
    )
    refused = trader.approve_agent("mine")[0]["response"]
    assert refused == f"Must deposit before performing actions. User: {agent.address.lower()}"


def test_a_sub_account_that_the_sdk_made_trades_apart(
    url: str, exchange: Exchange, info: Info, wallet: LocalAccount
) -> None:
    answer = exchange.create_sub_account("sub")
    user = answer["response"]["data"]
    assert info.user_role(user) == {"role": "subAccount", "data": {"master": wallet.address.lower()}}
    trader = Exchange(wallet, url, vault_address=user)
    assert _rest(trader, info)["error"].startswith("Insufficient margin to place order.")
    stranger = Exchange(new_wallet(), url, vault_address=user)
    assert _rest(stranger, info).startswith(f"Sub-account {user} is not registered to 0x")


def test_the_sdk_moves_money(url: str, exchange: Exchange, info: Info, wallet: LocalAccount) -> None:
    user = exchange.create_sub_account("sub")["response"]["data"]
    other = new_wallet().address.lower()
    assert exchange.sub_account_transfer(user, True, 100_000_000) == OK
    assert exchange.usd_transfer(10, other) == OK
    assert exchange.usd_class_transfer(20, False) == OK
    assert exchange.spot_transfer(5, other, "USDC") == OK
    assert exchange.send_asset(wallet.address.lower(), "spot", "", "USDC", 5) == OK
    assert exchange.withdraw_from_bridge(50, wallet.address.lower()) == OK
    assert float(info.user_state(user)["marginSummary"]["accountValue"]) == 100
    assert float(info.user_state(wallet.address)["marginSummary"]["accountValue"]) == 9825
    assert info.spot_user_state(wallet.address)["balances"][0]["total"] == "10.0"
    rows = info.user_non_funding_ledger_updates(wallet.address, 0)
    assert [row["delta"]["type"] for row in rows] == [
        "subAccountTransfer",
        "internalTransfer",
        "accountClassTransfer",
        "send",
        "send",
        "withdraw",
    ]
    trader = Exchange(wallet, url, vault_address=user)
    assert trader.usd_class_transfer(1, False) == OK
    assert info.spot_user_state(user)["balances"][0]["total"] == "1.0"


def test_a_builder_is_paid_only_after_approval(exchange: Exchange, info: Info, wallet: LocalAccount) -> None:
    builder = {"b": BUILDER, "f": 10}
    assert _rest(exchange, info, builder=builder) == {"error": "Builder fee has not been approved."}
    assert exchange.approve_builder_fee(BUILDER, "0.01%") == OK
    assert "resting" in _rest(exchange, info, builder=builder)
    assert info.post("/info", {"type": "maxBuilderFee", "user": wallet.address, "builder": BUILDER}) == 10


def test_an_account_chooses_its_mode(exchange: Exchange, info: Info, wallet: LocalAccount) -> None:
    assert exchange.user_set_abstraction(wallet.address, "unifiedAccount") == OK
    assert info.query_user_abstraction_state(wallet.address) == "unifiedAccount"
    assert exchange.agent_set_abstraction("i") == OK
    assert info.query_user_abstraction_state(wallet.address) == "disabled"
    assert exchange.user_dex_abstraction(wallet.address, True) == OK
    assert info.query_user_dex_abstraction_state(wallet.address) is True


def test_an_action_that_has_expired_is_refused(exchange: Exchange, info: Info) -> None:
    exchange.set_expires_after(int(time.time() * 1000) - 1000)
    assert _rest(exchange, info) == "Action already expired"
    exchange.set_expires_after(int(time.time() * 1000) + 60_000)
    assert "resting" in _rest(exchange, info)


def test_noop_takes_a_nonce_so_that_what_is_in_flight_with_it_dies(exchange: Exchange) -> None:
    nonce = int(time.time() * 1000) + 5000
    assert exchange.noop(nonce) == OK
    assert exchange.noop(nonce)["response"] == f"Invalid nonce: duplicate nonce {nonce}"


def test_what_does_not_exist_here_is_refused_as_there(exchange: Exchange) -> None:
    assert exchange.set_referrer("NOSUCHCODE")["response"] == "Referral code not registered"
    vault = exchange.vault_usd_transfer(BUILDER, True, 5_000_000)
    assert vault["response"] == f"Vault not registered: {BUILDER}"
    with pytest.raises(ClientError) as refused:
        exchange.use_big_blocks(True)
    assert refused.value.args[:3] == (422, None, "Failed to deserialize the JSON body into the target type")
