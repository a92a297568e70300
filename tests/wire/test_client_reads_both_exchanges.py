"""Our client's decoder on the recorded payloads and on what the paper exchange writes for the same request: it reads both."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from core.domain.fills import FillSource
from core.domain.instrument import Instrument
from core.exchange.wire import (
    WireError,
    decode_bbo,
    decode_fill,
    decode_meta,
    decode_open_orders,
    decode_order_status,
    decode_order_update,
)
from core.exchange.wire_account import decode_account
from tests.wire.lived_paper import Paper
from tests.wire.test_recorded_shapes import CASES, RECORDED

_SZ_DECIMALS = {"BTC": 5, "ETH": 4, "ARB": 1, "JUP": 0, "MANTA": 1, "TON": 1, "ORDI": 2, "GRIFFAIN": 0}
_SZ_DECIMALS |= {"DYDX": 1, "INJ": 1, "APE": 1, "SUI": 1, "MATIC": 1}
_THEIRS = {
    coin: Instrument(coin, number, decimals, 50)
    for number, (coin, decimals) in enumerate(_SZ_DECIMALS.items())
}
_BEFORE_TIDS = "the trade's id came after 2023"
_REFUSED = {
    "info_userFills__sdk": _BEFORE_TIDS,
    "info_userFillsByTime__sdk": _BEFORE_TIDS,
    "ws_user_fills_2023__hummingbot": _BEFORE_TIDS,
    "info_clearinghouseState__sdk": "its time came after 2023",
    "info_clearinghouse_state_negative_total_raw_usd__nautilus": "its owner cut marginSummary",
}
_OF_NO_CONCERN = {"ws_user_fills_0__nautilus_inline": "a spot fill"}


def _fills(rows: Any, instruments: Any) -> list[Any]:
    return [decode_fill(row, "0x" + "5a" * 20, FillSource.REST, instruments) for row in rows]


_DECODERS = {
    "info_userFills": _fills,
    "info_user_fills": _fills,
    "ws_user_fill": lambda frame, instruments: _fills(frame["data"]["fills"], instruments),
    "info_historicalOrders": lambda rows, instruments: [
        decode_order_update(row, instruments) for row in rows
    ],
    "ws_orderUpdates_canceled": lambda frame, instruments: [
        decode_order_update(row, instruments) for row in frame["data"]
    ],
    "ws_orderUpdates_reduceOnly": lambda row, instruments: [decode_order_update(row, instruments)],
    "info_orderStatus": lambda answer, instruments: [decode_order_status(answer, instruments)],
    "info_frontendOpenOrders": decode_open_orders,
    "info_openOrders": decode_open_orders,
    "info_clearinghouse": lambda answer, instruments: [decode_account(answer, instruments, 0, "")],
    "info_meta": lambda answer, _: decode_meta(answer),
    "info_all_perp_metas": lambda metas, _: [decode_meta(meta, index) for index, meta in enumerate(metas)],
}
_READ = [
    (case, decoder) for case in CASES for prefix, decoder in _DECODERS.items() if case.name.startswith(prefix)
]


@pytest.fixture(scope="module")
def paper() -> Paper:
    return Paper()


@pytest.mark.parametrize(("case", "decode"), _READ, ids=[case.name for case, _ in _READ])
def test_the_decoder_reads_the_recording_and_ours(paper: Paper, case: Any, decode: Any) -> None:
    recorded = orjson.loads((RECORDED / f"{case.name}.json").read_bytes())
    if case.name in _REFUSED:
        with pytest.raises(WireError):
            decode(recorded, _THEIRS)
    else:
        assert any(decode(recorded, _THEIRS)) == (case.name not in _OF_NO_CONCERN)
    ours = orjson.loads(orjson.dumps(case.ask(paper)))
    assert all(decode(ours, paper.exchange.venue.instruments))


def test_ours_are_read_on_every_dex(paper: Paper) -> None:
    xyz = decode_meta(paper.info("meta", dex="xyz"), 1)
    assert {coin: instrument.asset_id for coin, instrument in xyz.items()} == {
        "xyz:TSLA": 110_000,
        "xyz:GOLD": 110_001,
    }
    (fill,) = [found for found in _fills(paper.mine("userFills"), xyz) if found is not None]
    assert (fill.coin, fill.lots) == ("xyz:TSLA", 2000)
    assert decode_bbo(paper.heard("bbo")[0]["data"], paper.exchange.venue.instruments) is not None
