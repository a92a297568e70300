"""Signatures and actions against the official SDK: its own vectors, its own functions, its own way to write an order."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from eth_account import Account
from hyperliquid.exchange import Exchange
from hyperliquid.utils.signing import float_to_wire, order_request_to_order_wire, order_wires_to_order_action
from hyperliquid.utils.signing import sign_l1_action as official
from hyperliquid.utils.types import Cloid
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.margin import Leverage, MarginMode
from core.domain.orders import Order, Side, Tif
from core.exchange.actions import cancel_action, leverage_action, margin_action, order_action
from core.exchange.signing import BadKeyError, Signer
from tests.unit.exchange.samples import BTC, INSTRUMENTS, KEY, cloid, order

_VECTORS = orjson.loads((Path(__file__).parent / "data" / "client" / "signing_vectors.json").read_bytes())


def _cases() -> list[Any]:
    """The vectors of L1 actions, as (case, network)."""
    return [
        pytest.param(case, network, id=f"{case['name']} {network}")
        for case in _VECTORS["cases"]
        for network in ("mainnet", "testnet")
        if "nonce" in case and network in case
    ]


def test_there_are_vectors_to_compare_with() -> None:
    assert len(_cases()) >= 10


@pytest.mark.parametrize(("case", "network"), _cases())
def test_a_vector_of_the_sdk_is_reproduced(case: dict[str, Any], network: str) -> None:
    signer = Signer(_VECTORS["private_key"], is_mainnet=network == "mainnet")
    assert signer.address == _VECTORS["address"]
    signature = signer.sign(case["action"], case["nonce"], case["expiresAfter"], case["vaultAddress"])
    assert signature == {name: case[network][name] for name in ("r", "s", "v")}


_ORDERS = st.builds(
    lambda counter, side, tif, price, lots, reduce_only, trigger: order(
        counter,
        side=side,
        tif=tif,
        price=price * 10,
        lots=lots,
        reduce_only=reduce_only,
        trigger=trigger * 10,
    ),
    st.integers(0, 2**32 - 1),
    st.sampled_from(Side),
    st.sampled_from(Tif),
    st.integers(1, 99_999),
    st.integers(1, 10**7),
    st.booleans(),
    st.integers(0, 3).flatmap(lambda n: st.just(0) if n else st.integers(1, 99_999)),
)


def _kind(each: Order) -> Any:
    """The SDK's ``order_type``."""
    if not each.trigger:
        return {"limit": {"tif": each.tif.value}}
    price = float(BTC.price_decimal(each.trigger))
    return {"trigger": {"isMarket": True, "triggerPx": price, "tpsl": "sl"}}


_NONCES = st.integers(1, 2**48)


@settings(deadline=None)
@given(st.lists(_ORDERS, min_size=1, max_size=4), _NONCES, st.none() | _NONCES, st.booleans())
def test_any_order_action_is_written_and_signed_as_the_sdk_does(
    orders: list[Order], nonce: int, expires: int | None, is_mainnet: bool
) -> None:
    action = order_action(orders, INSTRUMENTS)
    wires = [
        order_request_to_order_wire(
            {
                "coin": each.coin,
                "is_buy": each.side is Side.BUY,
                "sz": float(BTC.size_decimal(each.lots)),
                "limit_px": float(BTC.price_decimal(each.price)),
                "order_type": _kind(each),
                "reduce_only": each.reduce_only,
                "cloid": Cloid(each.cloid),
            },
            BTC.asset_id,
        )
        for each in orders
    ]
    theirs = order_wires_to_order_action(wires)
    assert action == theirs
    assert [list(o) for o in action["orders"]] == [list(o) for o in theirs["orders"]], "hashed in this order"
    assert [[list(v) for v in o["t"].values()] for o in action["orders"]] == [
        [list(v) for v in o["t"].values()] for o in theirs["orders"]
    ]
    assert list(action) == list(theirs)
    wallet = Account.from_key(KEY)
    expected = official(wallet, theirs, None, nonce, expires, is_mainnet)
    assert Signer(KEY, is_mainnet).sign(action, nonce, expires) == expected


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5), _NONCES)
def test_any_cancel_action_is_signed_as_the_sdk_does(counters: list[int], nonce: int) -> None:
    action = cancel_action([("BTC", cloid(n)) for n in counters], INSTRUMENTS)
    assert action == {
        "type": "cancelByCloid",
        "cancels": [{"asset": 0, "cloid": Cloid(cloid(n)).to_raw()} for n in counters],
    }
    expected = official(Account.from_key(KEY), action, None, nonce, nonce + 5, False)
    assert Signer(KEY, is_mainnet=False).sign(action, nonce, nonce + 5) == expected


@settings(deadline=None)
@given(st.integers(1, 10**9), st.integers(1, 10**12))
def test_prices_and_sizes_are_written_in_the_canonical_form(price: int, lots: int) -> None:
    (wire,) = order_action([order(1, price=price, lots=lots)], INSTRUMENTS)["orders"]
    assert Decimal(wire["p"]) == BTC.price_decimal(price)
    assert Decimal(wire["s"]) == BTC.size_decimal(lots)
    for text in (wire["p"], wire["s"]):
        assert "e" not in text.lower()
        assert text == "0" or not (text.endswith("0") and "." in text)
    if lots < 10**10:
        assert wire["s"] == float_to_wire(float(BTC.size_decimal(lots)))


def test_mainnet_and_testnet_signatures_differ() -> None:
    action = order_action([order(1)], INSTRUMENTS)
    assert Signer(KEY, True).sign(action, 1, None) != Signer(KEY, False).sign(action, 1, None)


def test_the_key_is_in_no_text_of_the_signer() -> None:
    signer = Signer(KEY, is_mainnet=False)
    for text in (repr(signer), str(signer), f"{signer!r:.200}", repr([signer])):
        assert KEY[2:] not in text
    assert not hasattr(signer, "__dict__")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "0x",
        "zz" * 32,
        KEY + "00",
        KEY[:-2],
        KEY[:-1],
        "0x" + "0" * 64,
        "0x" + "f" * 64,
        "correct horse",
        "é" * 32,
    ],
)
def test_a_key_that_cannot_be_used_is_refused_in_words_without_it(key: str) -> None:
    with pytest.raises(BadKeyError) as caught:
        Signer(key, is_mainnet=False)
    assert str(caught.value) == "the key is not 32 bytes of hex (0x and 64 digits)"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_leverage_and_margin_are_written_as_the_sdk_does(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    sdk = Exchange.__new__(Exchange)
    sdk.info = SimpleNamespace(name_to_asset=lambda _: BTC.asset_id)
    sdk.wallet, sdk.vault_address, sdk.expires_after = Account.from_key(KEY), None, None
    sdk.base_url = "http://127.0.0.1:1"
    monkeypatch.setattr(Exchange, "_post_action", lambda _, action, *rest: sent.append(action))
    sdk.update_leverage(3, "BTC", is_cross=False)
    sdk.update_leverage(20, "BTC")
    sdk.update_isolated_margin(12.5, "BTC")
    ours = [
        leverage_action(BTC, Leverage(MarginMode.ISOLATED, 3)),
        leverage_action(BTC, Leverage(MarginMode.CROSS, 20)),
        margin_action(BTC, 12_500_000),
    ]
    assert ours == sent
    assert [list(action) for action in ours] == [list(action) for action in sent], "hashed in this order"


@pytest.mark.parametrize("vault", [None, "0x1719884eb866cb12b2287399b15f7db5e7d775ea"])
@pytest.mark.parametrize("expires", [None, 1_700_000_000_000])
def test_the_body_of_a_request_is_the_one_that_the_sdk_posts(vault: str | None, expires: int | None) -> None:
    action = order_action([order(1), order(2, side=Side.SELL)], INSTRUMENTS)
    signature = official(Account.from_key(KEY), action, vault, 7, expires, False)
    posted = {
        "action": action,
        "nonce": 7,
        "signature": signature,
        "vaultAddress": vault,
        "expiresAfter": expires,
    }
    assert Signer(KEY, is_mainnet=False).body(action, 7, expires, vault) == orjson.dumps(posted)
