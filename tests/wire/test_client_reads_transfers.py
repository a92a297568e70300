"""Rows of ``userNonFundingLedgerUpdates``: what each moved, from real answers and from the kinds that the documents name."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.domain.transfers import SPOT
from core.exchange.wire import WireError
from core.exchange.wire_transfers import decode_transfer

ME, OTHER = "0x2ba553d9f990a3b66b03b2dc0d030dfc1c061036", "0xaaa0c2769cb990f4f37db951a9e48de2385c2733"
_RECORDED = Path(__file__).parent / "data/recorded/info_userNonFundingLedgerUpdates_noEnd__sdk.json"


def row(**delta: Any) -> dict[str, Any]:
    return {"time": 5, "hash": "0x" + "ab" * 32, "delta": delta}


def moved(**delta: Any) -> dict[str, str] | None:
    found = decode_transfer(row(**delta), ME)
    return {place: str(usd.normalize()) for place, usd in found.moves} if found.understood else None


def test_the_rows_of_a_real_account_are_all_understood() -> None:
    found = [decode_transfer(each, ME) for each in json.loads(_RECORDED.read_text())]
    assert [(each.kind, str(each.into(""))) for each in found] == [
        ("deposit", "2703997.450000"),
        ("accountClassTransfer", "-12.000000"),
        ("spotTransfer", "0"),
        ("accountClassTransfer", "-2684105.010000"),
        ("deposit", "1099994.980000"),
    ], "rounded to the micro-USDC: the exchange writes 2703997.4500000002"
    assert all(each.understood for each in found)
    assert found[1].into(SPOT) == 12


_SEND = {"type": "send", "token": "USDC", "amount": "7.0", "fee": "0.0", "feeToken": ""}


@pytest.mark.parametrize(
    ("delta", "moves"),
    [
        ({"type": "withdraw", "usdc": "9.0", "fee": "1.0", "nonce": 1}, {"": "-1E+1"}),
        ({"type": "accountClassTransfer", "usdc": "3.0", "toPerp": True}, {"": "3", SPOT: "-3"}),
        (
            {
                "type": "internalTransfer",
                "usdc": "5.0",
                "user": ME.upper(),
                "destination": OTHER,
                "fee": "1.0",
            },
            {"": "-6"},
        ),
        (
            {"type": "internalTransfer", "usdc": "5.0", "user": OTHER, "destination": ME, "fee": "1.0"},
            {"": "5"},
        ),
        ({"type": "subAccountTransfer", "usdc": "5.0", "user": ME, "destination": OTHER}, {"": "-5"}),
        (
            {**_SEND, "user": ME, "destination": ME, "sourceDex": "", "destinationDex": "xyz"},
            {"": "-7", "xyz": "7"},
        ),
        (
            {**_SEND, "user": OTHER, "destination": ME, "sourceDex": SPOT, "destinationDex": "xyz"},
            {"xyz": "7"},
        ),
        ({**_SEND, "token": "HYPE", "user": ME, "destination": OTHER}, {}),
        ({"type": "vaultDeposit", "vault": OTHER, "usdc": "4.0"}, {"": "-4"}),
        ({"type": "vaultWithdraw", "netWithdrawnUsd": "4.5"}, {"": "4.5"}),
        ({"type": "liquidation", "accountValue": "1.0", "liquidatedPositions": []}, {}),
        ({"type": "somethingNew", "usdc": "4.0"}, None),
        ({"type": "deposit", "usdc": "a lot"}, None),
        ({"type": "withdraw", "usdc": "9.0"}, None),
        ({"type": "internalTransfer", "usdc": "5.0", "user": OTHER, "destination": OTHER}, None),
    ],
)
def test_each_kind_moves_what_it_says(delta: dict[str, Any], moves: dict[str, str] | None) -> None:
    assert moved(**delta) == moves


def test_a_row_without_time_hash_or_kind_is_refused() -> None:
    for broken in ({"time": 5, "hash": "0x"}, {"hash": "0x", "delta": {"type": "deposit"}}, {"time": 5}):
        with pytest.raises(WireError):
            decode_transfer(broken, ME)


def test_rows_of_the_system_have_no_hash_so_their_content_tells_them_apart() -> None:
    zero = {"hash": "0x" + "0" * 64}
    one, two = (
        decode_transfer({**row(type="vaultDistribution", usdc=usd), **zero}, ME) for usd in ("1.0", "2.0")
    )
    assert one.key != two.key
    assert decode_transfer(row(type="deposit", usdc="1.0"), ME).key.discriminator == ""
    assert one.into("") == Decimal(1)
