"""The paper exchange recovers signers as the venue does: vectors of the official SDK, and its signing functions."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import orjson
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hyperliquid.utils import signing

from core.paper.jsonio import MalformedRequestError
from core.paper.requests.actions import decode_action
from core.paper.requests.payloads import L1Payload, UserPayload
from core.paper.requests.signatures import (
    Signature,
    UnrecoverableError,
    decode_signature,
    recover,
    recover_slowly,
)
from core.paper.requests.signers import choose_signer

VECTORS: dict[str, Any] = orjson.loads(
    (Path(__file__).parent / "data" / "paper" / "signing_vectors.json").read_bytes()
)
CASES: list[dict[str, Any]] = VECTORS["cases"]
HASHED_ONLY = ("dummy", "dummy_vault")
"""Their action doesn't exist."""
AGENT = "0x5e9ee1089755c3435139848e47e6635505d5a13a"
_WALLET = Account.from_key(VECTORS["private_key"])


def _recover(case: dict[str, Any], payload: L1Payload, source: str) -> str:
    digest = payload.digest(
        case["nonce"], case["vaultAddress"], case["expiresAfter"], is_mainnet=source == "mainnet"
    )
    return recover(digest, decode_signature(case[source]))


def _l1(action: dict[str, Any]) -> L1Payload:
    _, payload = decode_action(action)
    assert isinstance(payload, L1Payload)
    return payload


@pytest.mark.parametrize("source", ["mainnet", "testnet"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_both_sources_recover_the_address_that_signed(case: dict[str, Any], source: str) -> None:
    assert _recover(case, L1Payload(case["action"]), source) == VECTORS["address"].lower()


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["name"] not in HASHED_ONLY], ids=lambda case: str(case["name"])
)
def test_the_canonical_form_of_a_decoded_action_hashes_as_what_was_signed(case: dict[str, Any]) -> None:
    assert _recover(case, _l1(case["action"]), "testnet") == VECTORS["address"].lower()


@pytest.mark.parametrize(
    ("expected", "has_vault", "has_expiry"),
    [
        ("plain", False, False),
        ("with_vault", True, False),
        ("with_expiry", False, True),
        ("with_both", True, True),
    ],
)
def test_vault_and_expiry_go_into_the_hash(expected: str, has_vault: bool, has_expiry: bool) -> None:
    case = VECTORS["hashes"]
    vault = case["vaultAddress"] if has_vault else None
    expires_ms = case["expiresAfter"] if has_expiry else None
    found = _l1(case["action"]).action_hash(case["nonce"], vault, expires_ms)
    assert "0x" + found.hex() == case[expected]


@pytest.mark.parametrize("source", ["mainnet", "testnet"])
def test_another_sdks_signatures_recover_who_signed(source: str) -> None:
    case = {**VECTORS["hashes"], "vaultAddress": None, "expiresAfter": None}
    signer = Account.from_key(case["private_key"]).address.lower()
    assert _recover(case, _l1(case["action"]), source) == signer


def test_key_order_padding_and_the_case_of_a_cloid_do_not_matter() -> None:
    case = next(c for c in CASES if c["name"] == "order_cloid")
    order = dict(reversed(case["action"]["orders"][0].items()))
    order.update(p=order["p"] + ".00", s=order["s"] + ".0", c="0x" + order["c"][2:].upper())
    payload = _l1({"grouping": "na", "orders": [order], "type": "order"})
    assert payload.action == case["action"]
    assert _recover(case, payload, "testnet") == VECTORS["address"].lower()


def test_the_wrong_source_recovers_somebody_else() -> None:
    case = CASES[0]
    swapped = {**case, "testnet": case["mainnet"]}
    assert _recover(swapped, L1Payload(case["action"]), "testnet") != VECTORS["address"].lower()


@pytest.mark.parametrize(
    ("known", "chosen"),
    [({"of-a", "of-b"}, "of-b"), ({"of-b"}, "of-b"), ({"of-a"}, "of-a"), (set(), "of-b")],
)
def test_a_known_account_is_preferred_and_a_newcomer_is_taken_from_source_b(
    known: set[str], chosen: str
) -> None:
    assert choose_signer(lambda is_mainnet: "of-a" if is_mainnet else "of-b", known.__contains__) == chosen


@pytest.mark.parametrize(
    "broken",
    [
        {"r": "0x1", "s": "0x1", "v": 5},
        {"r": "0xzz", "s": "0x1", "v": 27},
        {"r": "1", "s": "0x1", "v": 27},
        {"r": "0x" + "1" * 65, "s": "0x1", "v": 27},
    ],
)
def test_what_cannot_be_a_signature_is_told_from_a_wrong_one(broken: dict[str, Any]) -> None:
    with pytest.raises(UnrecoverableError):
        decode_signature(broken)


@pytest.mark.parametrize("recover_with", [recover, recover_slowly])
@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (2**256 - 1, 1), (5, 5)])
def test_what_is_no_point_of_the_curve_has_no_signer(recover_with: Any, r: int, s: int) -> None:
    with pytest.raises(UnrecoverableError):
        recover_with(b"\7" * 32, Signature(r, s, 27))


def test_signers_are_recovered_as_eth_account_recovers_them() -> None:
    for number in range(60):
        wallet = Account.from_key(secrets.token_bytes(32))
        connection_id = secrets.token_bytes(32)
        message = encode_typed_data(
            full_message=signing.l1_payload({"source": "b", "connectionId": connection_id})
        )
        signed = wallet.sign_message(message)
        other = signed.v if number % 2 else 55 - signed.v
        wire = {"r": hex(signed.r), "s": hex(signed.s), "v": other - 27 if number % 3 else other}
        digest = signing.keccak(b"\x19" + message.version + message.header + message.body)
        expected = Account.recover_message(message, vrs=(other, signed.r, signed.s)).lower()
        signature = decode_signature(wire)
        assert recover(digest, signature) == recover_slowly(digest, signature) == expected
        assert (expected == wallet.address.lower()) == bool(number % 2)


def test_stripped_leading_zeros_are_put_back() -> None:
    case = CASES[0]
    assert len(case["mainnet"]["r"]) < 66
    assert _recover(case, L1Payload(case["action"]), "mainnet") == VECTORS["address"].lower()


USER_SIGNED: list[tuple[str, Any, dict[str, Any]]] = [
    ("usdSend", signing.sign_usd_transfer_action, {"destination": AGENT, "amount": "1", "time": 5}),
    (
        "withdraw3",
        signing.sign_withdraw_from_bridge_action,
        {"destination": AGENT, "amount": "1.5", "time": 5},
    ),
    ("usdClassTransfer", signing.sign_usd_class_transfer_action, {"amount": "1", "toPerp": True, "nonce": 5}),
    (
        "usdClassTransfer",
        signing.sign_usd_class_transfer_action,
        {"amount": f"1 subaccount:{AGENT}", "toPerp": False, "nonce": 5},
    ),
    (
        "sendAsset",
        signing.sign_send_asset_action,
        {
            "destination": AGENT,
            "sourceDex": "",
            "destinationDex": "xyz",
            "token": "USDC",
            "amount": "7",
            "fromSubAccount": "",
            "nonce": 5,
        },
    ),
    ("approveAgent", signing.sign_agent, {"agentAddress": AGENT, "agentName": "grid", "nonce": 5}),
    ("approveAgent", signing.sign_agent, {"agentAddress": AGENT, "agentName": "", "nonce": 5}),
    (
        "approveBuilderFee",
        signing.sign_approve_builder_fee,
        {"maxFeeRate": "0.001%", "builder": AGENT, "nonce": 5},
    ),
    (
        "userSetAbstraction",
        signing.sign_user_set_abstraction_action,
        {"user": AGENT, "abstraction": "unifiedAccount", "nonce": 5},
    ),
    (
        "userDexAbstraction",
        signing.sign_user_dex_abstraction_action,
        {"user": AGENT, "enabled": True, "nonce": 5},
    ),
]


@pytest.mark.parametrize("is_mainnet", [True, False])
@pytest.mark.parametrize(("kind", "sign", "fields"), USER_SIGNED, ids=lambda value: str(value)[:24])
def test_user_signed_actions_recover_who_signed_with_the_sdk(
    kind: str, sign: Any, fields: dict[str, Any], is_mainnet: bool
) -> None:
    action = {"type": kind, **fields}
    signature = decode_signature(sign(_WALLET, action, is_mainnet))
    _, payload = decode_action(action)
    assert isinstance(payload, UserPayload)
    assert payload.nonce == 5
    assert recover(payload.digest(), signature) == _WALLET.address.lower()


@pytest.mark.parametrize("case", VECTORS["user_signed"], ids=lambda case: str(case["name"]))
def test_recorded_user_signatures_recover_who_signed(case: dict[str, Any]) -> None:
    action = {**case["action"], "type": case["name"], "signatureChainId": "0x66eee"}
    for source in ("mainnet", "testnet"):
        if source in case:
            _, payload = decode_action({**action, "hyperliquidChain": source.title()})
            assert isinstance(payload, UserPayload)
            assert recover(payload.digest(), decode_signature(case[source])) == VECTORS["address"].lower()


@pytest.mark.parametrize("chain", ["0xa4b1", "0x1", "0xffffffffffffffff"])
def test_any_chain_may_be_signed_on(chain: str) -> None:
    action: dict[str, Any] = {"destination": AGENT, "amount": "1", "time": 5, "hyperliquidChain": "Testnet"}
    action["signatureChainId"] = chain
    typed = signing.user_signed_payload("HyperliquidTransaction:UsdSend", signing.USD_SEND_SIGN_TYPES, action)
    signature = decode_signature(signing.sign_inner(_WALLET, typed))
    _, payload = decode_action({**action, "type": "usdSend"})
    assert isinstance(payload, UserPayload)
    assert recover(payload.digest(), signature) == _WALLET.address.lower()


@pytest.mark.parametrize(
    "changes",
    [
        {"hyperliquidChain": "Devnet"},
        {"signatureChainId": "66eee"},
        {"signatureChainId": "0x" + "f" * 17},
        {"amount": "1e3"},
        {"amount": "-1"},
        {"amount": "0.0000001"},
        {"extra": 1},
        {"destination": "0x12"},
        {"time": None},
    ],
)
def test_a_user_signed_action_of_the_wrong_shape_is_malformed(changes: dict[str, Any]) -> None:
    action = {
        "type": "usdSend",
        "signatureChainId": "0x66eee",
        "hyperliquidChain": "Testnet",
        "destination": AGENT,
        "amount": "1",
        "time": 5,
    }
    with pytest.raises(MalformedRequestError):
        decode_action({**action, **changes})


def test_a_missing_agent_name_was_signed_as_an_empty_one() -> None:
    action: dict[str, Any] = {"type": "approveAgent", "agentAddress": AGENT, "agentName": "", "nonce": 5}
    signature = decode_signature(signing.sign_agent(_WALLET, action, False))
    del action["agentName"]
    _, payload = decode_action(action)
    assert isinstance(payload, UserPayload)
    assert recover(payload.digest(), signature) == _WALLET.address.lower()
