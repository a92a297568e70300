"""POST /exchange: what is checked in which order, in whose words, and what a refusal leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.paper.config import PaperConfig, RequestSettings
from core.paper.jsonio import MalformedRequestError
from core.paper.requests.actions import decode_action
from core.paper.requests.envelope import decode_envelope
from tests.unit.paper.desk import NOOP, OK, Desk, address, new_wallet, order, orders, refused
from tests.unit.paper.world import NOW_MS

STRANGER = "0x" + "5e" * 20
_OPEN = PaperConfig(requests=RequestSettings(sub_account_volume_usd=0))
_DAY_MS = 86_400_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


# -- the order of checks ----------------------------------------------------------------------------------------------


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


# -- sub-accounts -----------------------------------------------------------------------------------------------------


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


# -- settings ---------------------------------------------------------------------------------------------------------


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
        (30, "TWAP orders are not available on this paper exchange."),
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


# -- anything at all --------------------------------------------------------------------------------------------------

_NAMES = [
    "type",
    "orders",
    "cancels",
    "modifies",
    "grouping",
    "a",
    "b",
    "p",
    "s",
    "r",
    "t",
    "c",
    "f",
    "o",
    "oid",
    "order",
    "asset",
    "cloid",
    "isCross",
    "leverage",
    "time",
    "limit",
    "tif",
    "trigger",
    "isMarket",
    "triggerPx",
    "tpsl",
    "nonce",
    "signatureChainId",
    "hyperliquidChain",
    "destination",
    "amount",
    "agentAddress",
    "agentName",
    "builder",
    "maxFeeRate",
    "toPerp",
    "user",
    "abstraction",
    "enabled",
    "name",
    "subAccountUser",
    "isDeposit",
    "usd",
    "ntli",
    "isBuy",
    "weight",
    "code",
    "twap",
    "m",
    "token",
    "sourceDex",
    "destinationDex",
    "fromSubAccount",
    "vaultAddress",
]
_VALUES = (
    STRANGER,
    "0x" + "1" * 32,
    "Testnet",
    "0x66eee",
    "0x",
    "na",
    "Gtc",
    "sl",
    "1",
    "-1",
    "0.000000001",
    "1e5",
    "0.01%",
    "",
    "i",
    "1 subaccount:0x",
)
_scalars = (
    st.sampled_from(_VALUES)
    | st.integers(-(2**70), 2**70)
    | st.booleans()
    | st.none()
    | st.floats()
    | st.text(max_size=8)
)
_json = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=9),
    max_leaves=12,
)
_CHAIN = {"signatureChainId": "0x66eee", "hyperliquidChain": "Testnet"}
_SEND = {"destination": STRANGER, "amount": "1", **_CHAIN}
_FINE: list[dict[str, Any]] = [
    orders(order(True, "1", "1", c="0x" + "1" * 32)),
    orders({**order(True, "1", "1"), "t": {"trigger": {"isMarket": True, "triggerPx": "1", "tpsl": "sl"}}}),
    {"type": "cancel", "cancels": [{"a": 0, "o": 1}], "f": True},
    {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": "0x" + "1" * 32}]},
    {"type": "batchModify", "modifies": [{"oid": 1, "order": order(True, "1", "1")}]},
    {"type": "modify", "oid": "0x" + "1" * 32, "order": order(True, "1", "1"), "a": True},
    {"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 3},
    {"type": "updateIsolatedMargin", "asset": 0, "isBuy": True, "ntli": -5},
    {"type": "topUpIsolatedOnlyMargin", "asset": 0, "leverage": "2.5"},
    {"type": "scheduleCancel", "time": 5},
    {"type": "createSubAccount", "name": "sub"},
    {"type": "subAccountTransfer", "subAccountUser": STRANGER, "isDeposit": True, "usd": 5},
    {"type": "twapOrder", "twap": {"a": 0, "b": True, "s": "1", "r": False, "m": 5, "t": True}},
    {"type": "approveAgent", "agentAddress": STRANGER, "agentName": "a", "nonce": 5, **_CHAIN},
    {"type": "approveBuilderFee", "maxFeeRate": "0.01%", "builder": STRANGER, "nonce": 5, **_CHAIN},
    {"type": "usdClassTransfer", "amount": "1", "toPerp": True, "nonce": 5, **_CHAIN},
    {"type": "withdraw3", "time": 5, **_SEND},
    {
        "type": "sendAsset",
        "nonce": 5,
        "token": "USDC",
        "sourceDex": "",
        "destinationDex": "",
        "fromSubAccount": "",
        **_SEND,
    },
    {"type": "userSetAbstraction", "user": STRANGER, "abstraction": "disabled", "nonce": 5, **_CHAIN},
]


def _spoil(value: Any, path: list[int], instead: object) -> Any:
    """``value`` with one thing inside it replaced, or taken away if ``instead`` is a dot."""
    if not path or not isinstance(value, dict | list) or not value:
        return instead
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[path[0] % len(keys)]
    inner = _spoil(value[key], path[1:], instead)
    pairs = [(k, inner if k == key else value[k]) for k in keys if k != key or inner != "."]
    return dict(pairs) if isinstance(value, dict) else [item for _, item in pairs]


_actions = st.builds(
    _spoil, st.sampled_from(_FINE), st.lists(st.integers(0, 20), min_size=1, max_size=6), _json | st.just(".")
)


@pytest.mark.parametrize("action", _FINE, ids=lambda action: str(action["type"]))
def test_what_is_well_formed_is_read(action: dict[str, Any]) -> None:
    decode_action(action)


@settings(max_examples=500, deadline=None)
@given(_actions | _json)
def test_whatever_is_sent_as_an_action_is_read_or_malformed(action: object) -> None:
    try:
        decode_action(action)
    except MalformedRequestError:
        pass


@settings(max_examples=200, deadline=None)
@given(_json)
def test_whatever_is_posted_is_read_or_malformed(body: object) -> None:
    try:
        decode_envelope(body)
    except MalformedRequestError:
        pass
