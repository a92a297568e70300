"""POST /exchange: what is checked in which order, in whose words, and what a refusal leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from core.paper.config import PaperConfig
from core.paper.jsonio import MalformedRequestError
from core.paper.requests.envelope import decode_envelope
from tests.unit.paper.desk import NOOP, OK, Desk, address, orders, refused
from tests.unit.paper.paper_client import new_wallet, order
from tests.unit.paper.world import NOW_MS

STRANGER = "0x" + "5e" * 20
_DAY_MS = 86_400_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_nonce_inside_a_user_signed_action_has_to_be_the_envelopes(desk: Desk) -> None:
    wallet = new_wallet()
    body = desk.body(wallet, {"type": "usdSend", "destination": STRANGER, "amount": "1"}, nonce=NOW_MS)
    body["nonce"] = NOW_MS + 1
    assert desk.send(body) == refused("Nonce mismatch.")
    body["signature"]["v"] = 99
    assert desk.send(body) == refused("Nonce mismatch.")
    assert not desk.venue.knows(address(wallet))


def test_a_signature_that_cannot_be_one_comes_before_the_nonce(desk: Desk) -> None:
    body = desk.body(new_wallet(), NOOP, nonce=1)
    body["signature"]["r"] = "0xzz"
    assert desk.send(body) == refused("Unable to recover signer.")
    body["signature"]["r"] = "0x0"
    assert desk.send(body) == refused("Unable to recover signer.")


def test_an_unknown_signer_comes_before_the_nonce_which_stays_unused() -> None:
    desk, wallet = Desk(PaperConfig(open_accounts=False)), new_wallet()
    body = desk.body(wallet, NOOP, nonce=NOW_MS)
    assert desk.send(body) == refused(f"User or API Wallet {address(wallet)} does not exist.")
    desk.venue.fund(address(wallet), 1)
    assert desk.send(body) == OK


def test_a_refused_nonce_stays_unused_and_any_later_refusal_uses_it_up(desk: Desk) -> None:
    wallet = new_wallet()
    early = NOW_MS - 2 * _DAY_MS
    answer = desk.act(wallet, NOOP, nonce=early)
    assert answer == refused(f"Invalid nonce: nonce too low {early} < {early + 120_000}")
    late = NOW_MS + _DAY_MS
    answer = desk.act(wallet, NOOP, nonce=late)
    assert answer == refused(f"Invalid nonce: nonce too high {late} > {late - 120_000}")
    assert desk.account(wallet).requests == 0
    refusal = desk.act(wallet, {"type": "setReferrer", "code": "X"}, nonce=NOW_MS)
    assert refusal == refused("Referral code not registered")
    assert desk.act(wallet, NOOP, nonce=NOW_MS) == refused(f"Invalid nonce: duplicate nonce {NOW_MS}")


def test_an_agent_has_nonces_of_its_own(desk: Desk) -> None:
    master, agent = new_wallet(), new_wallet()
    desk.approve(master, agent)
    assert desk.act(master, NOOP, nonce=NOW_MS + 9) == OK
    assert desk.act(agent, NOOP, nonce=NOW_MS + 9) == OK


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": None},
        {"nonce": -1},
        {"nonce": "1"},
        {"signature": None},
        {"signature": {"r": 1, "s": "0x1", "v": 27}},
        {"vaultAddress": "0x12"},
        {"expiresAfter": "soon"},
        {"isFrontend": True},
        {"action": {"type": "multiSig"}},
        {"action": {"type": "evmUserModify", "usingBigBlocks": True}},
    ],
)
def test_an_envelope_of_the_wrong_shape_is_malformed(desk: Desk, changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedRequestError):
        decode_envelope({**desk.body(new_wallet(), NOOP), **changes})


def test_user_signed_actions_know_no_expiry_and_ignore_the_vault(desk: Desk) -> None:
    body = desk.body(new_wallet(), {"type": "usdSend", "destination": STRANGER, "amount": "1"})
    with pytest.raises(MalformedRequestError):
        decode_envelope({**body, "expiresAfter": NOW_MS})
    wallet, agent = new_wallet(), new_wallet()
    body = desk.body(wallet, {"type": "approveAgent", "agentAddress": agent.address, "agentName": ""})
    assert desk.send({**body, "vaultAddress": STRANGER}) == OK
    assert desk.account(wallet).agents[""].address == address(agent)


def test_a_builders_fee_is_approved_up_to_a_tenth_of_a_percent(desk: Desk) -> None:
    wallet = new_wallet()
    action = {"type": "approveBuilderFee", "maxFeeRate": "0.05%", "builder": STRANGER}
    assert desk.act(wallet, action) == OK
    assert desk.account(wallet).builder_fees == {STRANGER: 50}
    refusal = desk.act(wallet, {**action, "maxFeeRate": "0.101%"})
    assert refusal == refused("Builder fee rate cannot exceed 0.1%")


@pytest.mark.parametrize(("fee", "is_fine"), [(50, True), (51, False)])
def test_a_builder_gets_at_most_what_was_approved(desk: Desk, fee: int, is_fine: bool) -> None:
    wallet = new_wallet()
    desk.act(wallet, {"type": "approveBuilderFee", "maxFeeRate": "0.05%", "builder": STRANGER})
    action = {**orders(order(True, "99000", "0.1")), "builder": {"b": STRANGER, "f": fee}}
    (status,) = desk.act(wallet, action)["response"]["data"]["statuses"]
    assert ("resting" in status) is is_fine
    assert is_fine or status == {"error": "Builder fee has not been approved."}


def test_an_account_chooses_its_mode_itself_or_through_an_agent(desk: Desk) -> None:
    wallet, agent = new_wallet(), new_wallet()
    desk.approve(wallet, agent)
    account = desk.account(wallet)
    unified = {"type": "userSetAbstraction", "user": address(wallet), "abstraction": "unifiedAccount"}
    assert desk.act(wallet, unified) == OK
    assert account.abstraction == "unifiedAccount"
    assert desk.act(agent, {"type": "agentSetAbstraction", "abstraction": "i"}) == OK
    assert account.abstraction == "disabled"
    assert desk.act(agent, {"type": "agentEnableDexAbstraction"}) == OK
    assert account.abstraction == "dexAbstraction"
    off = {"type": "userDexAbstraction", "user": address(wallet), "enabled": False}
    assert desk.act(wallet, off) == OK
    assert account.abstraction == "disabled"
    words = f"Sub-account {STRANGER} is not registered to {address(wallet)}"
    assert desk.act(wallet, {**unified, "user": STRANGER}) == refused(words)


@pytest.mark.parametrize(
    ("minutes", "error"),
    [
        (1, "Invalid TWAP duration: 1 min(s)"),
        (1441, "Invalid TWAP duration: 1441 min(s)"),
    ],
)
def test_a_twap_is_refused_in_its_own_shape(desk: Desk, minutes: int, error: str) -> None:
    twap = {"a": 0, "b": True, "s": "1", "r": False, "m": minutes, "t": True}
    answer = desk.act(new_wallet(), {"type": "twapOrder", "twap": twap})
    assert answer == {
        "status": "ok",
        "response": {"type": "twapOrder", "data": {"status": {"error": error}}},
    }
    answer = desk.act(new_wallet(), {"type": "twapCancel", "a": 0, "t": 1})
    words = "TWAP was never placed, already canceled, or filled."
    assert answer["response"] == {"type": "twapCancel", "data": {"status": {"error": words}}}


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"type": "setReferrer", "code": "ASDFASDF"}, "Referral code not registered"),
        (
            {"type": "vaultTransfer", "vaultAddress": STRANGER, "isDeposit": True, "usd": 5},
            f"Vault not registered: {STRANGER}",
        ),
    ],
)
def test_what_does_not_exist_here_is_refused_in_the_venues_words(
    desk: Desk, action: dict[str, Any], words: str
) -> None:
    assert desk.act(new_wallet(), action) == refused(words)
