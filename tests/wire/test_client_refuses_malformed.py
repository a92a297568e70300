"""Recorded payloads, damaged: each is refused with a ``WireError``, never read as something else, never another exception."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.fills import FillSource
from core.exchange.wire import (
    WireError,
    decode_bbo,
    decode_book,
    decode_fill,
    decode_foreign_fill,
    decode_meta,
    decode_open_orders,
    decode_order_status,
    decode_order_update,
    sample,
)
from core.exchange.wire_account import decode_account, decode_entry_prices
from core.exchange.wire_history import decode_funding
from tests.unit.exchange.samples import ACCOUNT, INSTRUMENTS

_DATA = Path(__file__).parent / "data" / "client"
_MISSING = object()
Path_ = tuple[str | int, ...]


def _recorded(name: str) -> Any:
    return orjson.loads((_DATA / f"{name}.json").read_bytes())


_STATE = {**_recorded("clearinghouse_state_2023"), "time": 1679940322000}
_BOOK = {"coin": "BTC", "time": 1, "levels": [[{"px": "83958.0"}], [{"px": "83959.0"}]]}
_PAYMENT = {"time": 1, "hash": "0x", "delta": {"type": "funding", "coin": "BTC", "usdc": "-0.000001"}}
_DECODERS: dict[str, tuple[Any, Callable[[Any], object]]] = {
    "fill": (
        _recorded("user_fills_made")[0],
        lambda row: decode_fill(row, ACCOUNT, FillSource.WS, INSTRUMENTS),
    ),
    "update": (
        _recorded("ws_order_updates_canceled")["data"][0],
        lambda row: decode_order_update(row, INSTRUMENTS),
    ),
    "status": (_recorded("order_status_filled"), lambda v: decode_order_status(v, INSTRUMENTS)),
    "open": (
        _recorded("frontend_open_orders_reduce_only_shrunk"),
        lambda v: decode_open_orders(v, INSTRUMENTS),
    ),
    "account": (_STATE, lambda v: decode_account(v, INSTRUMENTS, 0, "")),
    "entries": (_STATE, lambda v: decode_entry_prices(v, INSTRUMENTS)),
    "bbo": (_recorded("ws_bbo_made")["data"], lambda v: decode_bbo(v, INSTRUMENTS)),
    "book": (_BOOK, lambda v: decode_book(v, "BTC", INSTRUMENTS)),
    "foreign": (_recorded("user_fills_made")[2], lambda row: decode_foreign_fill(row, ACCOUNT)),
    "funding": (_PAYMENT, lambda row: decode_funding(row, ACCOUNT, INSTRUMENTS)),
    "meta": (
        {"universe": [{"szDecimals": 5, "name": "BTC", "maxLeverage": 40}]},
        lambda v: decode_meta(v),
    ),
}

_NOT_DECIMAL = ["NaN", "nan", "Infinity", "1e5", "1E-3", "", " ", "+1", "0x10", "1,5", "1.", ".5", "١"]
_NOT_TEXT = [None, True, 1, 1.5, [], {}, _MISSING]
_NOT_COUNT = [None, True, False, "1", 1.0, -1, 2**63, [], {}, _MISSING]

_EXACT: list[tuple[str, Path_, list[Any]]] = [
    ("fill", ("px",), [*_NOT_DECIMAL, *_NOT_TEXT, "-83959.0", "0.0", "83959.05", "9" * 24]),
    ("fill", ("sz",), [*_NOT_DECIMAL, *_NOT_TEXT, "-0.0003", "0.0", "0.000301", "9" * 24]),
    ("fill", ("startPosition",), [*_NOT_DECIMAL, *_NOT_TEXT, "9" * 24]),
    ("fill", ("closedPnl",), [*_NOT_DECIMAL, *_NOT_TEXT]),
    ("fill", ("fee",), [*_NOT_DECIMAL, *_NOT_TEXT]),
    ("fill", ("time",), _NOT_COUNT),
    ("fill", ("tid",), _NOT_COUNT),
    ("fill", ("oid",), _NOT_COUNT),
    ("fill", ("side",), [*_NOT_TEXT, "buy", "b", ""]),
    ("fill", ("crossed",), ["false", "true", 0, 1, None, [], _MISSING]),
    ("fill", ("cloid",), [1, True, [], {}]),
    ("fill", ("coin",), _NOT_TEXT),
    ("fill", ("feeToken",), _NOT_TEXT),
    ("fill", ("dir",), _NOT_TEXT),
    ("fill", ("hash",), _NOT_TEXT),
    ("update", ("status",), _NOT_TEXT),
    ("update", ("statusTimestamp",), _NOT_COUNT),
    ("update", ("order",), [None, [], "x", 1, _MISSING]),
    ("update", ("order", "oid"), _NOT_COUNT),
    ("update", ("order", "sz"), [*_NOT_DECIMAL, *_NOT_TEXT, "-0.01", "0.00001"]),
    ("update", ("order", "origSz"), [*_NOT_DECIMAL, *_NOT_TEXT, "-0.01", "0.00001"]),
    ("update", ("order", "cloid"), [1, [], {}]),
    ("status", ("status",), [None, "", "gone", 1, _MISSING]),
    ("status", ("order",), [None, [], "x", _MISSING]),
    ("status", ("order", "order", "coin"), [*_NOT_TEXT, "SOL"]),
    ("status", ("order", "order", "sz"), [*_NOT_DECIMAL, *_NOT_TEXT]),
    ("open", (), [None, {}, "", "[]", 0, True, "<html>busy</html>"]),
    ("open", (0,), [None, [], 1, "x"]),
    ("open", (0, "coin"), _NOT_TEXT),
    ("open", (0, "side"), [*_NOT_TEXT, "S"]),
    ("open", (0, "limitPx"), [*_NOT_DECIMAL, *_NOT_TEXT, "-2821.1", "2821.101"]),
    ("open", (0, "sz"), [*_NOT_DECIMAL, *_NOT_TEXT, "-0.02", "0.00001"]),
    ("open", (0, "oid"), _NOT_COUNT),
    ("open", (0, "isTrigger"), ["false", 0, None, []]),
    ("account", (), [None, [], "", 1]),
    ("account", ("assetPositions",), [None, {}, "", 0, _MISSING]),
    ("account", ("assetPositions", 0), [None, [], "x", 1]),
    ("account", ("assetPositions", 0, "position", "szi"), [*_NOT_DECIMAL, *_NOT_TEXT, "0.000001", "9" * 24]),
    ("account", ("marginSummary",), [None, [], _MISSING]),
    ("account", ("marginSummary", "accountValue"), [*_NOT_DECIMAL, *_NOT_TEXT]),
    ("account", ("marginSummary", "totalMarginUsed"), [*_NOT_DECIMAL, *_NOT_TEXT]),
    ("account", ("marginSummary", "totalRawUsd"), [*_NOT_DECIMAL, *_NOT_TEXT]),
    ("account", ("time",), _NOT_COUNT),
    ("entries", ("assetPositions",), [None, {}, "", _MISSING]),
    ("entries", ("assetPositions", 0, "position", "entryPx"), [*_NOT_DECIMAL, 1, True, []]),
    ("bbo", ("bbo",), [None, [], [None], [None, None, None], "ab", _MISSING]),
    ("bbo", ("bbo", 0, "px"), [*_NOT_DECIMAL, *_NOT_TEXT, "0.0", "-1.0", "83958.01"]),
    ("bbo", ("time",), _NOT_COUNT),
    ("fill", ("liquidation",), [True, 1, "x", [], {}, {"liquidatedUser": None}]),
    ("book", (), [None, [], "", 1]),
    ("book", ("coin",), [*_NOT_TEXT, "ETH"]),
    ("book", ("time",), _NOT_COUNT),
    ("book", ("levels",), [None, [], {}, "", [[]], [[], [], []], _MISSING]),
    ("book", ("levels", 0), [None, {}, "", 1]),
    ("book", ("levels", 1, 0, "px"), [*_NOT_DECIMAL, *_NOT_TEXT, "0.0", "83959.05"]),
    ("foreign", ("coin",), _NOT_TEXT),
    ("foreign", ("time",), _NOT_COUNT),
    ("foreign", ("tid",), _NOT_COUNT),
    ("foreign", ("oid",), _NOT_COUNT),
    ("funding", ("time",), _NOT_COUNT),
    ("funding", ("hash",), _NOT_TEXT),
    ("funding", ("delta",), [None, [], "x", _MISSING]),
    ("funding", ("delta", "coin"), _NOT_TEXT),
    ("funding", ("delta", "type"), [*_NOT_TEXT, "deposit"]),
    ("funding", ("delta", "usdc"), [*_NOT_DECIMAL, *_NOT_TEXT]),
    ("meta", (), [None, [], "", 1]),
    ("meta", ("universe",), [None, {}, "", 1, _MISSING]),
]


def _damaged(payload: Any, path: Path_, value: Any) -> Any:
    if not path:
        return value
    payload = copy.deepcopy(payload)
    holder = payload
    for step in path[:-1]:
        holder = holder[step]
    if value is _MISSING:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return payload


@pytest.mark.parametrize(
    ("name", "path", "values"), [pytest.param(*case, id=f"{case[0]}{case[1]}") for case in _EXACT]
)
def test_a_damaged_field_is_refused(name: str, path: Path_, values: list[Any]) -> None:
    payload, decode = _DECODERS[name]
    decode(payload)
    for value in values:
        with pytest.raises(WireError):
            pytest.fail(f"{value!r} became {decode(_damaged(payload, path, value))}")


def test_the_error_names_the_field() -> None:
    row = {**_recorded("user_fills_made")[0], "tid": "606867627195097"}
    with pytest.raises(WireError, match="tid is '606867627195097', not a whole number"):
        decode_fill(row, ACCOUNT, FillSource.WS, INSTRUMENTS)


def test_an_order_of_another_coin_is_no_answer_about_ours() -> None:
    status = copy.deepcopy(_recorded("order_status_filled"))
    status["order"]["order"]["coin"] = "SOL"
    with pytest.raises(WireError, match="SOL"):
        decode_order_status(status, INSTRUMENTS)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([*_NOT_DECIMAL, "0.1", "-0.0", "B", "A", "BTC", "ETH"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _paths(value: Any, at: Path_ = ()) -> list[Path_]:
    found = [at]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += _paths(inner, (*at, key))
    return found


@pytest.mark.parametrize("name", list(_DECODERS))
@settings(deadline=None)
@given(data=st.data())
def test_no_damage_gives_another_exception(name: str, data: st.DataObject) -> None:
    payload, decode = _DECODERS[name]
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(_paths(payload)))
        value = data.draw(st.just(_MISSING) | _JSON if path and isinstance(path[-1], str) else _JSON)
        payload = _damaged(payload, path, value)
    try:
        decode(payload)
    except WireError:
        pass


@pytest.mark.parametrize("name", list(_DECODERS))
def test_a_message_nested_a_thousand_deep_is_refused_and_can_still_be_shown(name: str) -> None:
    deep = orjson.loads("[" * 1000 + "]" * 1000)
    payload, decode = _DECODERS[name]
    for path in _paths(payload):
        try:
            decode(_damaged(payload, path, deep))
        except WireError:
            pass
    assert sample(deep) == "a message nested too deeply to show"


def test_a_sample_is_cut() -> None:
    assert len(sample("x" * 10_000)) == 401
    assert sample({"a": 1}) == '{"a":1}'
