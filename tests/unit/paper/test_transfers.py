"""Money that users move, and the rows that tell of it."""

from __future__ import annotations

from typing import Any

import pytest

from core.paper.config import PaperConfig, RequestSettings
from tests.unit.paper.desk import OK, Desk, address, refused
from tests.unit.paper.paper_client import new_wallet, order
from tests.unit.paper.world import FUNDS_MICRO

STRANGER = "0x" + "5e" * 20
USD = 1_000_000
NOT_ENOUGH = refused("Insufficient balance for withdrawal.")
NO_TOKENS = refused("Insufficient balance for token transfer")


@pytest.fixture
def desk() -> Desk:
    return Desk(PaperConfig(requests=RequestSettings(sub_account_volume_usd=0)))


def _rows(desk: Desk, user: str) -> list[Any]:
    return [row.delta for row in desk.venue.see(user).history]


def _class_transfer(amount: str, to_perp: bool) -> dict[str, Any]:
    return {"type": "usdClassTransfer", "amount": amount, "toPerp": to_perp}


def _send(to: str, source: str = "", target: str = "", **changes: Any) -> dict[str, Any]:
    return {
        "type": "sendAsset",
        "destination": to,
        "sourceDex": source,
        "destinationDex": target,
        "token": "USDC",
        "amount": "5",
        "fromSubAccount": "",
        **changes,
    }


def test_usdc_moves_between_spot_and_perps(desk: Desk) -> None:
    wallet = new_wallet()
    account = desk.account(wallet)
    assert desk.act(wallet, _class_transfer("100.5", False)) == OK
    assert (account.spot, account.cash[""]) == (100_500_000, FUNDS_MICRO - 100_500_000)
    assert desk.act(wallet, _class_transfer("100.6", True)) == NO_TOKENS
    assert desk.act(wallet, _class_transfer("100.5", True)) == OK
    assert (account.spot, account.cash[""], account.deposits) == (0, FUNDS_MICRO, FUNDS_MICRO)
    assert _rows(desk, account.user) == [
        {"type": "accountClassTransfer", "usdc": "100.5", "toPerp": False},
        {"type": "accountClassTransfer", "usdc": "100.5", "toPerp": True},
    ]


def test_a_unified_account_knows_no_classes(desk: Desk) -> None:
    wallet = new_wallet()
    desk.account(wallet).abstraction = "unifiedAccount"
    answer = desk.act(wallet, _class_transfer("1", False))
    assert answer == refused("Action disabled when unified account is active")


@pytest.mark.parametrize("amount", ["10000.000001", "0"])
def test_what_is_not_there_cannot_be_sent(desk: Desk, amount: str) -> None:
    wallet = new_wallet()
    send = {"type": "usdSend", "destination": STRANGER, "amount": amount}
    assert desk.act(wallet, send) == NOT_ENOUGH
    assert desk.act(wallet, {**send, "type": "withdraw3"}) == NOT_ENOUGH
    assert desk.act(wallet, _class_transfer(amount, False)) == NOT_ENOUGH
    assert desk.act(wallet, _send(STRANGER, amount=amount)) == NO_TOKENS
    assert not desk.venue.knows(STRANGER)


def test_what_positions_and_orders_need_stays(desk: Desk) -> None:
    """A tenth of the position's value stays even at twenty times leverage."""
    wallet = new_wallet()
    desk.place(wallet, order(True, "100010", "0.5", "Ioc"))
    account = desk.account(wallet)
    free = desk.venue.margin.withdrawable(account, "")
    assert FUNDS_MICRO - free > 5_000 * USD
    send = {"type": "usdSend", "destination": STRANGER}
    assert desk.act(wallet, {**send, "amount": str(free // USD + 1)}) == NOT_ENOUGH
    assert desk.act(wallet, {**send, "amount": str(free // USD)}) == OK


def test_who_is_sent_money_has_an_account(desk: Desk) -> None:
    wallet = new_wallet()
    assert desk.act(wallet, {"type": "usdSend", "destination": STRANGER, "amount": "7"}) == OK
    receiver = desk.venue.see(STRANGER)
    assert receiver.cash[""] == receiver.deposits == FUNDS_MICRO + 7 * USD
    assert desk.account(wallet).deposits == FUNDS_MICRO - 7 * USD
    row = {
        "type": "internalTransfer",
        "usdc": "7.0",
        "user": address(wallet),
        "destination": STRANGER,
        "fee": "0.0",
    }
    assert _rows(desk, STRANGER) == _rows(desk, address(wallet)) == [row]


def test_who_is_sent_money_where_none_is_given_has_just_that() -> None:
    desk, wallet = Desk(PaperConfig(open_accounts=False)), new_wallet()
    desk.venue.fund(address(wallet), 100 * USD)
    assert desk.act(wallet, {"type": "usdSend", "destination": STRANGER, "amount": "7"}) == OK
    assert desk.venue.see(STRANGER).deposits == 7 * USD


def test_a_withdrawal_leaves_the_exchange_and_pays_for_the_bridge(desk: Desk) -> None:
    wallet = new_wallet()
    withdrawal = {"type": "withdraw3", "destination": STRANGER, "amount": "50"}
    assert desk.act(wallet, withdrawal, nonce=desk.now_ms - 1) == OK
    assert desk.account(wallet).deposits == FUNDS_MICRO - 50 * USD
    assert not desk.venue.knows(STRANGER)
    row = {"type": "withdraw", "usdc": "49.0", "nonce": desk.now_ms - 1, "fee": "1.0"}
    assert _rows(desk, address(wallet)) == [row]
    assert desk.act(wallet, {**withdrawal, "amount": "1"}) == NOT_ENOUGH


def test_assets_go_from_any_place_to_any_other(desk: Desk) -> None:
    wallet = new_wallet()
    account = desk.account(wallet)
    assert desk.act(wallet, _send(account.user, "", "spot"), nonce=desk.now_ms - 1) == OK
    assert account.spot == 5 * USD
    assert desk.act(wallet, _send(STRANGER, "spot", "spot", amount="2")) == OK
    assert (account.spot, desk.venue.see(STRANGER).spot) == (3 * USD, 2 * USD)
    spot_send = {"type": "spotSend", "destination": STRANGER, "token": "USDC", "amount": "1"}
    assert desk.act(wallet, spot_send) == OK
    assert desk.venue.see(STRANGER).spot == 3 * USD
    assert _rows(desk, account.user)[0] == {
        "type": "send",
        "user": account.user,
        "destination": account.user,
        "sourceDex": "",
        "destinationDex": "spot",
        "token": "USDC",
        "amount": "5.0",
        "usdcValue": "5.0",
        "fee": "0.0",
        "nativeTokenFee": "0.0",
        "nonce": desk.now_ms - 1,
        "feeToken": "",
    }


def test_tokens_and_dexs_that_do_not_exist_are_named(desk: Desk) -> None:
    wallet = new_wallet()
    assert desk.act(wallet, _send(STRANGER, token="HYPE:0x1")) == refused("Unknown token HYPE:0x1")
    assert desk.act(wallet, _send(STRANGER, target="xyz")) == refused("Invalid perp DEX")


def test_an_agent_sends_to_its_masters_own_accounts_alone(desk: Desk) -> None:
    master, agent = new_wallet(), new_wallet()
    desk.approve(master, agent)
    created = desk.act(agent, {"type": "createSubAccount", "name": "sub"})
    sub_account = created["response"]["data"]

    def send(to: str, nonce: int) -> Any:
        return desk.act(agent, {**_send(to), "type": "agentSendAsset", "nonce": nonce}, nonce=nonce)

    words = "Agent can only send asset to same user or their sub-accounts."
    assert send(STRANGER, desk.now_ms - 1) == refused(words)
    assert send(sub_account, desk.now_ms - 2) == OK
    assert desk.venue.see(sub_account).cash[""] == 5 * USD
    inner = {**_send(sub_account), "type": "agentSendAsset", "nonce": 1}
    assert desk.act(agent, inner) == refused("Nonce mismatch.")


def test_a_master_moves_money_to_its_sub_account_and_back(desk: Desk) -> None:
    master = new_wallet()
    sub_account = desk.act(master, {"type": "createSubAccount", "name": "sub"})["response"]["data"]
    transfer = {"type": "subAccountTransfer", "subAccountUser": sub_account}
    assert desk.act(master, {**transfer, "isDeposit": True, "usd": 9 * USD}) == OK
    assert desk.act(master, {**transfer, "isDeposit": False, "usd": 4 * USD}) == OK
    assert desk.venue.see(sub_account).cash[""] == 5 * USD
    row = {"type": "subAccountTransfer", "usdc": "9.0", "user": address(master), "destination": sub_account}
    assert _rows(desk, sub_account)[0] == row
    answer = desk.act(master, {**transfer, "isDeposit": False, "usd": 6 * USD})
    assert answer == refused(f"Invalid sub-account transfer from {sub_account} to {address(master)}")
    other = new_wallet()
    answer = desk.act(other, {**transfer, "isDeposit": False, "usd": USD})
    assert answer == refused(f"Sub-account {sub_account} is not registered to {address(other)}")
    spot = _class_transfer(f"2 subaccount:{sub_account}", False)
    assert desk.act(master, spot) == OK
    assert desk.venue.see(sub_account).spot == 2 * USD
    back = _send(address(master), "spot", "", amount="2", fromSubAccount=sub_account)
    assert desk.act(master, back) == OK
    assert desk.venue.see(sub_account).spot == 0


def test_requests_are_bought_from_the_perps_balance(desk: Desk) -> None:
    wallet = new_wallet()
    account = desk.account(wallet)
    account.requests = 10_000
    assert desk.act(wallet, {"type": "reserveRequestWeight", "weight": 100}) == OK
    assert (account.reserved_requests, account.cash[""]) == (100, FUNDS_MICRO - 50_000)
    assert desk.venue.ledger.counters.fees == 50_000
    assert desk.act(wallet, {"type": "noop"}) == OK
    assert desk.act(wallet, {"type": "reserveRequestWeight", "weight": 2**63}) == NOT_ENOUGH


def test_isolated_margin_is_moved_in_and_out(desk: Desk) -> None:
    wallet = new_wallet()
    update = {"type": "updateIsolatedMargin", "asset": 0, "isBuy": True}
    answer = desk.act(wallet, {**update, "ntli": USD})
    assert answer == refused("Position does not use isolated margin.")
    desk.act(wallet, {"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": 10})
    answer = desk.act(wallet, {**update, "ntli": USD})
    assert answer == refused("Cannot update margin for empty position.")
    desk.place(wallet, order(True, "100010", "0.1", "Ioc"))
    margin = desk.account(wallet).positions["BTC"].margin
    assert desk.act(wallet, {**update, "ntli": 50 * USD}) == OK
    assert desk.act(wallet, {**update, "ntli": -20 * USD}) == OK
    assert desk.account(wallet).positions["BTC"].margin == margin + 30 * USD
    assert desk.act(wallet, {**update, "ntli": 0}) == refused("Update to isolated margin cannot be zero.")
    answer = desk.act(wallet, {**update, "ntli": 10_000 * USD})
    assert answer == refused("Account does not have sufficient margin available for increase.")
    answer = desk.act(wallet, {**update, "ntli": -500 * USD})
    assert answer == refused("Position does not have sufficient margin for reduction.")
    assert desk.act(wallet, {"type": "topUpIsolatedOnlyMargin", "asset": 0, "leverage": "2.5"}) == OK
    assert desk.account(wallet).positions["BTC"].margin > 3_000 * USD
