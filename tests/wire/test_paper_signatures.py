"""The paper exchange recovers signers as the venue does: vectors of the official SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from core.paper.requests.actions import decode_action
from core.paper.requests.signatures import (
    UnrecoverableError,
    choose_signer,
    decode_signature,
    recover_signer,
)

VECTORS: dict[str, Any] = orjson.loads(
    (Path(__file__).parent / "data" / "paper" / "signing_vectors.json").read_bytes()
)
CASES: list[dict[str, Any]] = VECTORS["cases"]
KNOWN = ("order_gtc", "order_cloid", "order_tpsl", "phantom", "sched", "sched_t", "cancel", "cancel_exp")


def _recover(case: dict[str, Any], action: dict[str, Any], source: str) -> str:
    return recover_signer(
        action,
        decode_signature(case[source]),
        case["nonce"],
        vault=case["vaultAddress"],
        expires_ms=case["expiresAfter"],
        is_mainnet=source == "mainnet",
    )


@pytest.mark.parametrize("source", ["mainnet", "testnet"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_both_sources_recover_the_address_that_signed(case: dict[str, Any], source: str) -> None:
    assert _recover(case, case["action"], source) == VECTORS["address"].lower()


@pytest.mark.parametrize("case", [c for c in CASES if c["name"] in KNOWN], ids=lambda case: str(case["name"]))
def test_the_canonical_form_of_a_decoded_action_hashes_as_what_was_signed(case: dict[str, Any]) -> None:
    _, canonical = decode_action(case["action"])
    assert _recover(case, canonical, "testnet") == VECTORS["address"].lower()


def test_key_order_padding_and_the_case_of_a_cloid_do_not_matter() -> None:
    case = next(c for c in CASES if c["name"] == "order_cloid")
    order = dict(reversed(case["action"]["orders"][0].items()))
    order.update(p=order["p"] + ".00", s=order["s"] + ".0", c="0x" + order["c"][2:].upper())
    _, canonical = decode_action({"grouping": "na", "orders": [order], "type": "order"})
    assert canonical == case["action"]
    assert _recover(case, canonical, "testnet") == VECTORS["address"].lower()


def test_the_wrong_source_recovers_somebody_else() -> None:
    case = CASES[0]
    signature = decode_signature(case["mainnet"])
    other = recover_signer(
        case["action"], signature, case["nonce"], vault=None, expires_ms=None, is_mainnet=False
    )
    assert other != VECTORS["address"].lower()


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
