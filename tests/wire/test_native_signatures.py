"""The native signatures and requests against the official SDK's, bit for bit; and what signs without the libraries."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import orjson
import pytest
from eth_account import Account
from hyperliquid.utils.signing import sign_l1_action as official
from hypothesis import given, settings
from hypothesis import strategies as st

from core.exchange import action_bytes, signing, signing_native
from core.exchange.signing import Signer, native_fault
from core.exchange.signing_native import LibraryError, NativeKey
from core.runtime.doctor import examine
from core.runtime.statedir import StateDir
from tests.unit.exchange.samples import KEY

_VAULT = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
_ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
_ASSETS = st.integers(0, 300) | st.integers(110_000, 180_000)
_OIDS = st.integers(1, 2**53)
_CLOIDS = st.binary(min_size=16, max_size=16).map(lambda raw: "0x" + raw.hex())
_NUMBERS = st.from_regex(r"[1-9][0-9]{0,6}(\.[0-9]{0,5}[1-9])?", fullmatch=True)
_KINDS = st.one_of(
    st.sampled_from(["Alo", "Ioc", "Gtc"]).map(lambda tif: {"limit": {"tif": tif}}),
    st.builds(
        lambda market, price, kind: {"trigger": {"isMarket": market, "triggerPx": price, "tpsl": kind}},
        st.booleans(),
        _NUMBERS,
        st.sampled_from(["tp", "sl"]),
    ),
)
_ORDERS = st.builds(
    lambda a, b, p, s, r, t, c: {"a": a, "b": b, "p": p, "s": s, "r": r, "t": t, **({"c": c} if c else {})},
    _ASSETS,
    st.booleans(),
    _NUMBERS,
    _NUMBERS,
    st.booleans(),
    _KINDS,
    st.none() | _CLOIDS,
)


def _some(item: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(item, min_size=1, max_size=20)


_ACTIONS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(lambda orders: {"type": "order", "orders": orders, "grouping": "na"}, _some(_ORDERS)),
    st.builds(
        lambda cancels: {"type": "cancel", "cancels": cancels},
        _some(st.fixed_dictionaries({"a": _ASSETS, "o": _OIDS})),
    ),
    st.builds(
        lambda cancels: {"type": "cancelByCloid", "cancels": cancels},
        _some(st.fixed_dictionaries({"asset": _ASSETS, "cloid": _CLOIDS})),
    ),
    st.builds(
        lambda modifies: {"type": "batchModify", "modifies": modifies},
        _some(st.fixed_dictionaries({"oid": _OIDS | _CLOIDS, "order": _ORDERS})),
    ),
    st.builds(
        lambda asset, cross, times: {
            "type": "updateLeverage",
            "asset": asset,
            "isCross": cross,
            "leverage": times,
        },
        _ASSETS,
        st.booleans(),
        st.integers(1, 50),
    ),
    st.builds(
        lambda asset, ntli: {"type": "updateIsolatedMargin", "asset": asset, "isBuy": True, "ntli": ntli},
        _ASSETS,
        st.integers(-(2**40), 2**40),
    ),
    st.integers(0, 2**48).map(lambda time: {"type": "scheduleCancel", "time": time}),
    st.just({"type": "scheduleCancel"}),
    st.just({"type": "noop"}),
)
_NONCES = st.integers(0, 2**63)


@pytest.fixture(scope="module", autouse=True)
def _native() -> None:
    assert native_fault() == "", "what is compared is the native path"


def _posted(
    action: dict[str, Any], nonce: int, expires: int | None, vault: str | None, is_mainnet: bool
) -> bytes:
    """What the SDK would post."""
    signature = official(Account.from_key(KEY), action, vault, nonce, expires, is_mainnet)
    return orjson.dumps(
        {
            "action": action,
            "nonce": nonce,
            "signature": signature,
            "vaultAddress": vault,
            "expiresAfter": expires,
        }
    )


@settings(deadline=None, max_examples=200)
@given(_ACTIONS, _NONCES, st.none() | _NONCES, st.none() | _ADDRESSES, st.booleans())
def test_the_request_of_any_action_is_the_sdks_to_the_bit(
    action: dict[str, Any], nonce: int, expires: int | None, vault: str | None, is_mainnet: bool
) -> None:
    signer = Signer(KEY, is_mainnet)
    theirs = _posted(action, nonce, expires, vault, is_mainnet)
    assert signer.body(action, nonce, expires, vault) == theirs
    prepared = signer.prepare(action)
    assert prepared.body(nonce ^ 1, expires, vault) != theirs
    assert prepared.body(nonce, expires, vault) == theirs, "what is prepared may be used again"


@settings(deadline=None, max_examples=30)
@given(st.binary(min_size=32, max_size=32).filter(lambda raw: 0 < int.from_bytes(raw, "big") < 2**255))
def test_any_key_has_the_address_and_the_signature_that_the_sdk_finds(secret: bytes) -> None:
    signer, wallet = Signer(secret.hex(), is_mainnet=True), Account.from_key(secret)
    assert signer.address == wallet.address.lower()
    assert signer.sign({"type": "noop"}, 1, None) == official(wallet, {"type": "noop"}, None, 1, None, True)


@pytest.mark.parametrize("part", ["r", "s"])
@pytest.mark.parametrize("zeros", [1, 2])
def test_leading_zeros_of_a_signature_are_left_out_as_the_sdk_does(part: str, zeros: int) -> None:
    signer, action = Signer(KEY, is_mainnet=False), {"type": "noop"}
    prepared = signer.prepare(action)
    place = "rs".index(part)
    nonces = [n for n in range(4_000) if len(prepared.sign(n, None)[:2][place]) == 64 - zeros][:8]
    assert len(nonces) >= 4
    for nonce in nonces:
        ours = signer.body(action, nonce, None)
        assert ours == _posted(action, nonce, None, None, False)
        assert len(orjson.loads(ours)["signature"][part]) == 66 - zeros


_WITHOUT = """
import json, sys
from pathlib import Path
for name in sys.argv[3:]:
    sys.modules[name] = None
from core.exchange.signing import Signer
from core.runtime.doctor import examine
from core.runtime.statedir import StateDir
signer = Signer(sys.argv[1], is_mainnet=True)
bodies = [signer.body({"type": "noop"}, 5, None), signer.prepare({"type": "noop"}).body(6, 9, "{VAULT}")]
row = next(each for each in examine(StateDir(Path(sys.argv[2]))) if each.name == "signing")
print(json.dumps([[body.decode() for body in bodies], signer.address, row.as_dict(), row.exit_code]))
""".replace("{VAULT}", _VAULT)


@pytest.mark.parametrize("missing", [("sha3",), ("coincurve", "coincurve._libsecp256k1", "sha3")])
def test_without_its_libraries_the_sdk_signs_the_same_and_doctor_says_so(
    missing: tuple[str, ...], tmp_path: Path
) -> None:
    told = subprocess.run(
        [sys.executable, "-c", _WITHOUT, KEY, str(tmp_path / "state"), *missing],
        timeout=120,
        check=True,
        capture_output=True,
        text=True,
    )
    bodies, address, row, exit_code = json.loads(told.stdout)
    signer = Signer(KEY, is_mainnet=True)
    noop = {"type": "noop"}
    assert [body.encode() for body in bodies] == [
        signer.body(noop, 5, None),
        signer.body(noop, 6, 9, _VAULT),
    ]
    assert address == signer.address
    assert row["ok"] is False
    assert "by the SDK" in row["text"]
    assert missing[0] in row["text"]
    assert "pip install coincurve safe-pysha3" in row["fix"]
    assert exit_code == 0, "a start goes on"


def test_doctor_says_that_orders_are_signed_natively_and_what_one_costs(tmp_path: Path) -> None:
    row = next(each for each in examine(StateDir(tmp_path / "state")) if each.name == "signing")
    assert row.ok
    assert re.fullmatch(r"natively, [0-9,]+ µs an order", row.says)


@pytest.mark.parametrize(
    ("name", "value"),
    [("_CHECK_SIGNATURE", ("1", "1", 27)), ("_CHECK_ADDRESS", "0x" + "0" * 40), ("_sign", lambda *_: 0)],
)
def test_libraries_that_sign_otherwise_are_not_used(
    name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Signer(KEY, is_mainnet=True).sign({"type": "noop"}, 1, None)
    monkeypatch.setattr(signing_native, name, value)
    signer = Signer(KEY, is_mainnet=True)
    assert signer.slow_because
    assert signer.sign({"type": "noop"}, 1, None) == expected


def test_a_signature_that_was_not_made_is_an_error_and_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    signer = Signer(KEY, is_mainnet=True)
    monkeypatch.setattr(signing_native, "_sign", lambda *_: 0)
    with pytest.raises(LibraryError, match="didn't sign") as caught:
        signer.body({"type": "noop"}, 1, None)
    assert KEY[2:] not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(32), b"\xff" * 32])
def test_a_secret_that_is_none_is_refused(secret: bytes) -> None:
    with pytest.raises(ValueError, match="secp256k1"):
        NativeKey(secret, is_mainnet=True)


def test_the_key_is_in_no_text_and_no_global() -> None:
    key = "5e" * 32
    signer = Signer(key, is_mainnet=True)
    prepared = signer.prepare({"type": "noop"})
    secret = bytes.fromhex(key)
    fields = [getattr(signer._key, name) for name in NativeKey.__slots__]
    texts = [repr(each) for each in (signer, signer._key, prepared, *fields)]
    assert not [text for text in texts if key in text or str(secret)[2:-1] in text]
    for module in (signing, signing_native, action_bytes):
        kept = list(vars(module).values())
        assert key not in kept
        assert secret not in kept
    with pytest.raises(TypeError):
        pickle.dumps(signer)
