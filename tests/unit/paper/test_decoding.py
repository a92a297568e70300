"""Reading what is posted: well formed, or malformed, and nothing else happens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.paper.jsonio import MalformedRequestError
from core.paper.requests.actions import decode_action
from core.paper.requests.envelope import decode_envelope
from tests.unit.paper.desk import orders
from tests.unit.paper.paper_client import order

STRANGER = "0x" + "5e" * 20

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
