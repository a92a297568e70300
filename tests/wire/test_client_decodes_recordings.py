"""The client's decoder on recorded answers: what is in them comes out exactly, what is missing is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.domain.events import OrderUpdate, Quote
from core.domain.fills import FillKind, FillSource
from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.exchange.wire import (
    WireError,
    decode_bbo,
    decode_book,
    decode_fill,
    decode_meta,
    decode_open_orders,
    decode_order_status,
    decode_order_update,
)
from core.exchange.wire_account import decode_account, decode_entry_prices
from core.exchange.wire_history import decode_fill_rows, decode_funding, decode_update_kind
from tests.unit.exchange.samples import ACCOUNT, BTC, ETH, INSTRUMENTS

_RECORDED = Path(__file__).parent / "data" / "recorded"
_DATA = Path(__file__).parent / "data" / "client"
_SUI = Instrument("SUI", 14, 1, 20)
_INJ = Instrument("INJ", 13, 1, 20)


def _recorded(name: str) -> Any:
    return orjson.loads((_DATA / f"{name}.json").read_bytes())


def test_a_row_of_user_fills_comes_out_to_the_unit() -> None:
    row = _recorded("user_fills_made")[0]
    fill = decode_fill(row, ACCOUNT, FillSource.REST, INSTRUMENTS)
    assert fill is not None
    assert (fill.price, fill.lots, fill.start_lots, fill.side) == (839_590, 30, 0, Side.BUY)
    assert (fill.fee, fill.closed_pnl, fill.crossed) == (Decimal("0.003627"), Decimal("0.0"), False)
    assert fill.key == (ACCOUNT, "BTC", row["time"], row["tid"], "")
    assert orjson.loads(fill.raw) == row


def test_a_liquidation_is_a_fill_like_any_other_of_its_own_kind() -> None:
    fill = decode_fill(_recorded("user_fills_made")[1], ACCOUNT, FillSource.WS, INSTRUMENTS)
    assert fill is not None
    assert fill.kind is FillKind.LIQUIDATION
    assert (fill.cloid, fill.signed_lots, fill.end_lots) == (None, -29, 1)
    assert "liquidatedUser" in fill.raw


def _recorded_liquidation() -> Any:
    frame = orjson.loads((_RECORDED / "ws_user_fill_liquidation__nautilus.json").read_bytes())
    return frame["data"]["fills"][0]


def test_only_the_liquidated_side_of_a_recorded_liquidation_was_liquidated() -> None:
    row = _recorded_liquidation()
    theirs = row["liquidation"]["liquidatedUser"]
    for account, kind in [
        (ACCOUNT, FillKind.TRADE),
        (theirs, FillKind.LIQUIDATION),
        (theirs.upper().replace("0X", "0x"), FillKind.LIQUIDATION),
    ]:
        fill = decode_fill(row, account, FillSource.WS, INSTRUMENTS)
        assert fill is not None
        assert fill.kind is kind


@pytest.mark.parametrize(
    ("direction", "kind"),
    [
        ("Auto-Deleveraging", FillKind.ADL),
        ("auto-deleveraging Long", FillKind.ADL),
        ("Settlement", FillKind.SETTLEMENT),
        ("Settlement of something", FillKind.TRADE),
        ("Liquidated Isolated Long", FillKind.TRADE),
        ("Close Long", FillKind.TRADE),
    ],
)
def test_what_is_no_liquidation_is_told_apart_by_its_direction(direction: str, kind: FillKind) -> None:
    row = {**_recorded("user_fills_made")[0], "dir": direction}
    for more in ({}, {"liquidation": None}):
        fill = decode_fill({**row, **more}, ACCOUNT, FillSource.WS, INSTRUMENTS)
        assert fill is not None
        assert fill.kind is kind


@pytest.mark.parametrize("liquidation", [[], "0x", 1, True, {}, {"liquidatedUser": None}])
def test_a_liquidation_that_does_not_name_who_was_liquidated_is_refused(liquidation: object) -> None:
    row = {**_recorded("user_fills_made")[0], "liquidation": liquidation}
    with pytest.raises(WireError, match="liquidat"):
        decode_fill(row, ACCOUNT, FillSource.WS, INSTRUMENTS)


def test_recorded_spot_fills_are_foreign_and_kept_as_they_came() -> None:
    rows = orjson.loads((_RECORDED / "info_user_fills_dust_conversion__nautilus.json").read_bytes())
    found = decode_fill_rows(rows, ACCOUNT, FillSource.REST, INSTRUMENTS, "rest:userFillsByTime")
    assert (found.fills, found.quarantined) == ((), ())
    assert [orjson.loads(foreign.raw) for foreign in found.foreign] == rows
    first = found.foreign[0]
    assert (first.coin, first.time_ms, first.trade_id, first.order_id) == tuple(
        rows[0][name] for name in ("coin", "time", "tid", "oid")
    )


def test_a_recorded_book_gives_its_best_prices() -> None:
    dydx = {"DYDX": Instrument("DYDX", 4, 1, 20)}
    book = _recorded("l2_book_2023")
    quote = decode_book(book, "DYDX", dydx)
    assert (quote.bid, quote.ask, quote.time_ms) == (211_100, 211_240, book["time"])
    with pytest.raises(WireError, match="not asked for"):
        decode_book(book, "ETH", {**dydx, "ETH": ETH})
    with pytest.raises(WireError):
        decode_book(None, "DYDX", dydx)


def test_recorded_funding_comes_out_exactly_and_only_for_our_coins() -> None:
    rows = orjson.loads((_RECORDED / "info_userFunding_noEnd__sdk.json").read_bytes())
    arb = {"ARB": Instrument("ARB", 11, 1, 20)}
    found = [payment for row in rows if (payment := decode_funding(row, ACCOUNT, arb)) is not None]
    assert [(p.coin, p.time_ms, p.usd, p.hash) for p in found] == [
        ("ARB", row["time"], Decimal(row["delta"]["usdc"]), row["hash"])
        for row in rows
        if row["delta"]["coin"] == "ARB"
    ]
    assert found


def test_recorded_updates_of_an_account_tell_their_kind() -> None:
    rows = orjson.loads((_RECORDED / "info_userNonFundingLedgerUpdates_noEnd__sdk.json").read_bytes())
    assert {"deposit", "spotTransfer"} <= {decode_update_kind(row) for row in rows}


def test_a_spot_dust_conversion_is_skipped_but_a_system_row_of_a_traded_coin_is_kept_with_a_discriminator() -> (
    None
):
    rows = _recorded("user_fills_made")
    assert decode_fill(rows[2], ACCOUNT, FillSource.REST, INSTRUMENTS) is None
    system = decode_fill(rows[3], ACCOUNT, FillSource.REST, INSTRUMENTS)
    assert system is not None
    assert system.trade_id == 0
    assert system.key.discriminator
    assert (system.start_lots, system.end_lots) == (1, 0)


def test_float_noise_in_the_start_position_is_rounded_to_whole_lots() -> None:
    fill = decode_fill(_recorded("user_fills_made")[4], ACCOUNT, FillSource.REST, INSTRUMENTS)
    assert fill is not None
    assert fill.start_lots == -31_616_629_000


@pytest.mark.parametrize("name", ["user_fills_2023", "ws_user_fills_2023"])
def test_a_fill_of_2023_has_no_trade_id_and_is_refused(name: str) -> None:
    recorded = _recorded(name)
    rows = recorded["data"]["fills"] if isinstance(recorded, dict) else recorded
    for row in rows:
        with pytest.raises(WireError, match="tid"):
            decode_fill(row, ACCOUNT, FillSource.REST, {"SUI": _SUI, "ETH": ETH})


def test_an_order_update_of_the_stream_is_evidence_about_one_order() -> None:
    (row,) = _recorded("ws_order_updates_canceled")["data"]
    assert decode_order_update(row, INSTRUMENTS) == OrderUpdate(
        "ETH", "0x48424f54534548554436306163343632", 2260108845, "canceled", 100, 100, 1700688453173
    )


def test_an_update_without_a_cloid_is_decoded_all_the_same() -> None:
    update = decode_order_update(_recorded("order_update_reduce_only_canceled"), INSTRUMENTS)
    assert update is not None
    assert (update.cloid, update.order_id, update.status) == (None, 62014739273, "reduceOnlyCanceled")


def test_recorded_history_decodes_row_by_row() -> None:
    rows = _recorded("historical_orders")
    ton = decode_order_update(rows[0], {"TON": Instrument("TON", 60, 1, 10)})
    assert ton is not None
    assert (ton.remaining, ton.original, ton.status) == (817, 817, "iocCancelRejected")
    assert [decode_order_update(row, INSTRUMENTS) for row in rows] == [None] * len(rows)


def test_order_status_tells_the_order_or_that_it_is_unknown() -> None:
    found = decode_order_status(_recorded("order_status_filled"), INSTRUMENTS)
    assert found is not None
    assert (found.remaining, found.original, found.status) == (0, 76, "filled")
    assert decode_order_status({"status": "unknownOid"}, INSTRUMENTS) is None


def test_open_orders_of_2023_list_triggers_and_parents() -> None:
    orders = decode_open_orders(_recorded("frontend_open_orders_2023"), {"INJ": _INJ})
    assert [(o.order_id, o.is_trigger, o.side, o.remaining) for o in orders] == [
        (3184595907, True, Side.SELL, 125),
        (3184595906, True, Side.SELL, 125),
        (3184595905, False, Side.BUY, 125),
    ]


def test_an_open_order_cut_to_a_few_fields_still_counts() -> None:
    (order,) = decode_open_orders(_recorded("frontend_open_orders_reduce_only_shrunk"), INSTRUMENTS)
    assert (order.remaining, order.cloid, order.is_trigger) == (200, None, False)


def test_a_clearinghouse_state_of_2023_has_no_time_and_is_refused() -> None:
    with pytest.raises(WireError, match="time"):
        decode_account(_recorded("clearinghouse_state_2023"), INSTRUMENTS, 1, "")


def test_the_positions_of_2023_are_read_all_the_same_once_they_carry_a_time() -> None:
    old = {**_recorded("clearinghouse_state_2023"), "time": 1679940322000}
    seen = decode_account(old, INSTRUMENTS, 5, "why")
    assert dict(seen.positions) == {"BTC": -785, "ETH": 1334}
    assert (seen.asked_mono_ms, seen.ticket, seen.venue_ms) == (5, "why", 1679940322000)
    assert decode_entry_prices(old, INSTRUMENTS) == {"BTC": Decimal("269510.0"), "ETH": Decimal("170582.00")}


def test_an_isolated_position_of_today_is_read() -> None:
    seen = decode_account(_recorded("clearinghouse_state_isolated"), INSTRUMENTS, 0, "")
    (position,) = seen.positions
    assert position == ("ETH", 335)
    assert seen.account_value == Decimal("13109.482328")


def test_a_bbo_frame_gives_both_sides_and_an_empty_side_gives_none() -> None:
    data = _recorded("ws_bbo_made")["data"]
    assert decode_bbo(data, INSTRUMENTS) == Quote("BTC", 839_580, 839_590, data["time"])
    one_sided = decode_bbo({**data, "bbo": [None, data["bbo"][1]]}, INSTRUMENTS)
    assert one_sided is not None
    assert one_sided.bid is None
    assert decode_bbo({**data, "coin": "@142"}, INSTRUMENTS) is None


def test_the_prices_of_a_recorded_book_are_exact() -> None:
    book = _recorded("l2_book_2023")
    dydx = Instrument("DYDX", 4, 1, 20)
    for bids_or_asks in book["levels"]:
        for level in bids_or_asks:
            assert dydx.price_decimal(dydx.parse_price(level["px"])) == Decimal(level["px"])


def test_meta_keeps_the_index_of_what_follows_a_delisted_or_unusual_market() -> None:
    universe = [
        {"szDecimals": 5, "name": "BTC", "maxLeverage": 40},
        {"szDecimals": 1, "name": "MATIC", "maxLeverage": 20, "isDelisted": True},
        {"szDecimals": "?", "name": "ODD", "maxLeverage": 20},
        {"szDecimals": True, "name": "ODDER", "maxLeverage": 20},
        {"szDecimals": 2, "name": None, "maxLeverage": 20},
        {"szDecimals": 2, "name": "NEW", "maxLeverage": None},
        "a string",
        {"szDecimals": 4, "name": "ETH", "maxLeverage": 25},
    ]
    assert decode_meta({"universe": universe}) == {"BTC": BTC, "ETH": Instrument("ETH", 7, 4, 25)}
    assert decode_meta({"universe": universe}, dex_index=2)["ETH"].asset_id == 120_007
