"""Reads: pages that overlap, answers that are not lists, coins that are not traded here."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar, cast

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.domain.events import LedgerUpdatesObserved, OrderNotFound, OrderUpdate, Quote
from core.domain.fills import Fill, FillSource, ForeignFill, Funding
from core.exchange import reads as reads_module
from core.exchange.lanes import Lane
from core.exchange.reads import (
    FILLS_PER_PAGE,
    HISTORY_PER_PAGE,
    NoSuchDexError,
    Page,
    Reads,
    read_agreed_instruments,
    read_instruments,
)
from core.exchange.rest import Rest, RestError
from core.exchange.venue_clock import VenueClock
from core.exchange.wire import WireError
from tests.unit.exchange.samples import ACCOUNT, INSTRUMENTS, NOW_MS, fill_row

T = TypeVar("T")


class Venue:
    """Answers ``/info``; ``answer`` may raise."""

    def __init__(self, answer: Callable[[dict[str, Any]], Any]) -> None:
        self._answer = answer
        self.asked: list[dict[str, Any]] = []

    async def info(self, request: dict[str, Any]) -> Any:
        self.asked.append(request)
        return self._answer(request)

    async def ask(self, request: dict[str, Any], parse: Callable[[Any], T], lane: Lane | None = None) -> T:
        return parse(await self.info(request))


def _paging(
    rows: list[dict[str, Any]], page: int, newest_first: bool = False, keeps_newest: bool = False
) -> Venue:
    """``userFillsByTime``: ``page`` rows at most of those from ``startTime`` to ``endTime``, both inclusive, of either end."""

    def answer(request: dict[str, Any]) -> Any:
        assert request["aggregateByTime"] is False
        assert request["user"] == ACCOUNT
        end = request.get("endTime", NOW_MS * 2)
        asked_for = [row for row in rows if request["startTime"] <= row["time"] <= end]
        found = asked_for[-page:] if keeps_newest else asked_for[:page]
        return found[::-1] if newest_first else found

    return Venue(answer)


def _reads(venue: Venue) -> Reads:
    return Reads(cast(Rest, venue), VenueClock(), ACCOUNT, INSTRUMENTS)


async def _pages(venue: Venue, since_ms: int = 0) -> list[Page]:
    return [page async for page in _reads(venue).fills_since(since_ms)]


async def _fills(venue: Venue, since_ms: int = 0) -> list[Fill]:
    return [fill for page in await _pages(venue, since_ms) for fill in page.fills]


async def _until_error(venue: Venue, since_ms: int = 0) -> tuple[list[Page], str]:
    """The pages before a read ended with an error, and its text."""
    pages: list[Page] = []
    try:
        async for page in _reads(venue).fills_since(since_ms):
            pages.append(page)
    except WireError as error:
        return pages, str(error)
    pytest.fail("the read has ended without an error")


async def test_nothing_to_read_is_one_question() -> None:
    venue = _paging([], 2_000)
    assert await _pages(venue, since_ms=-5) == []
    assert [request["startTime"] for request in venue.asked] == [0]


@pytest.mark.parametrize("newest_first", [False, True])
async def test_pages_overlap_until_one_adds_nothing(newest_first: bool) -> None:
    rows = [fill_row(n, NOW_MS + n // 3) for n in range(1, 21)]
    venue = _paging(rows, 5, newest_first)
    fills = await _fills(venue)
    assert sorted(fill.trade_id for fill in fills) == list(range(1, 21))
    starts = [request["startTime"] for request in venue.asked]
    assert starts == sorted(starts)
    assert starts[-1] == NOW_MS + 20 // 3


@settings(deadline=None)
@given(
    gaps=st.lists(st.integers(0, 2), min_size=0, max_size=40),
    page=st.integers(7, 12),
    keeps_newest=st.booleans(),
)
@example(gaps=[0] * 11, page=7, keeps_newest=True)
async def test_a_millisecond_that_straddles_pages_is_whole(
    gaps: list[int], page: int, keeps_newest: bool
) -> None:
    """Whatever the spread of times, as long as one millisecond is smaller than a page."""
    rows, time_ms, in_a_row = [], NOW_MS, 0
    for number, gap in enumerate(gaps, 1):
        in_a_row = in_a_row + 1 if gap == 0 else 0
        time_ms += gap or (in_a_row >= 5)
        in_a_row %= 5
        rows.append(fill_row(number, time_ms))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reads_module, "FILLS_PER_PAGE", page)
        fills = await _fills(_paging(rows, page, keeps_newest=keeps_newest))
    assert sorted(fill.trade_id for fill in fills) == list(range(1, len(rows) + 1))


async def test_a_page_that_is_full_with_known_rows_and_new_ones_is_not_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reads_module, "FILLS_PER_PAGE", 7)
    times = [0, 0, 1, 1, 1, 1, 1, 2, 2]
    rows = [fill_row(number, NOW_MS + ms) for number, ms in enumerate(times, 1)]
    fills = await _fills(_paging(rows, 7))
    assert sorted(fill.trade_id for fill in fills) == list(range(1, 10))


async def test_rows_of_untraded_coins_are_passed_over_but_turn_the_page() -> None:
    spot = [fill_row(n, NOW_MS + n, coin="@142", sz="0.0000086141") for n in range(1, 8)]
    venue = _paging([*spot, fill_row(9, NOW_MS + 9)], 4)
    assert [fill.trade_id for fill in await _fills(venue)] == [9]


async def test_two_system_rows_of_one_millisecond_are_two_fills() -> None:
    rows = [fill_row(0, sz="0.0001", startPosition="0.0"), fill_row(0, sz="0.0002", startPosition="0.0001")]
    fills = await _fills(_paging(rows, 2_000))
    assert len({fill.key for fill in fills}) == 2


async def test_a_read_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads_module, "PAGES_MAX", 3)
    venue = Venue(lambda request: [fill_row(request["startTime"] + 1, request["startTime"] + 1)])
    with pytest.raises(WireError, match="more than 3 pages"):
        await _pages(venue, NOW_MS)
    assert len(venue.asked) == 3


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        "",
        "<html>",
        [None],
        [[]],
        ["fill"],
        [{}],
        [fill_row(time_ms=cast(int, "1"))],
        [fill_row(time_ms=cast(int, None))],
        [fill_row(time_ms=True)],
        [fill_row(coin=["BTC"])],
        [fill_row(coin="")],
        [fill_row(coin="-")],
        [fill_row(hash=[])],
        [fill_row(sz="NaN")],
    ],
    ids=str,
)
async def test_an_answer_that_is_no_list_of_fills_is_refused(answer: object) -> None:
    with pytest.raises(WireError):
        await _pages(Venue(lambda _: answer))


async def test_a_row_that_does_not_decode_holds_up_no_other_but_the_read_ends_with_an_error() -> None:
    rows = [fill_row(n, NOW_MS + n) for n in range(1, 12)]
    rows[4]["px"] = "nonsense"
    pages, error = await _until_error(_paging(rows, 4))
    assert "may be a fill of ours" in error
    assert "'nonsense'" in error
    assert [fill.trade_id for page in pages for fill in page.fills] == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    (quarantined,) = [each for page in pages for each in page.quarantined]
    assert quarantined.channel == "rest:userFillsByTime"
    assert quarantined.sample == orjson.dumps(rows[4]).decode()


async def test_a_time_that_only_a_damaged_row_has_turns_no_page() -> None:
    rows = [fill_row(1, NOW_MS), fill_row(2, NOW_MS + 1, sz="NaN"), fill_row(3, NOW_MS + 2)]
    rows[1]["time"] = 2**62
    answer = [rows[0], rows[1]]
    venue = Venue(lambda request: answer if request["startTime"] < NOW_MS else [rows[0], rows[2]])
    pages, _ = await _until_error(venue)
    assert [fill.trade_id for page in pages for fill in page.fills] == [1, 3]


async def test_damage_that_is_another_each_time_ends_the_read_soon() -> None:
    venue = Venue(lambda _: [fill_row(1, NOW_MS), fill_row(2, NOW_MS, sz=f"bad {len(venue.asked)}")])
    pages, error = await _until_error(venue)
    assert "can't be read" in error
    assert [fill.trade_id for page in pages for fill in page.fills] == [1]
    assert len(venue.asked) == 2


async def test_a_page_full_of_one_millisecond_ends_the_read_with_an_error() -> None:
    rows = [fill_row(n, NOW_MS) for n in range(1, FILLS_PER_PAGE + 200)]
    pages, error = await _until_error(_paging(rows, FILLS_PER_PAGE), NOW_MS - 5)
    assert f"full with the 2000 rows of {NOW_MS} ms" in error
    assert sum(len(page.fills) for page in pages) == FILLS_PER_PAGE


async def test_more_rows_than_a_page_holds_come_whole_when_they_are_spread_over_time() -> None:
    rows = [fill_row(n, NOW_MS + n // 7) for n in range(1, 3 * FILLS_PER_PAGE)]
    fills = await _fills(_paging(rows, FILLS_PER_PAGE))
    assert [fill.trade_id for fill in fills] == list(range(1, 3 * FILLS_PER_PAGE))


async def test_the_reader_of_fills_says_what_it_read_them_for() -> None:
    reads = _reads(_paging([fill_row(1)], 2_000))
    (page,) = [page async for page in reads.fills_since(0, FillSource.RESOLVER)]
    assert [fill.source for fill in page.fills] == [FillSource.RESOLVER]
    assert (await _fills(_paging([fill_row(1)], 2_000)))[0].source is FillSource.REST


async def test_rows_of_other_coins_are_kept_as_they_came_and_a_damaged_one_holds_up_nobody() -> None:
    spot = fill_row(0, NOW_MS + 1, coin="@142", px="1e9", sz=None)
    rows = [spot, fill_row(5, NOW_MS + 2, coin="xyz:TSLA", tid=None), fill_row(6, NOW_MS + 3)]
    (page,) = await _pages(_paging(rows, 2_000))
    raw = orjson.dumps(spot).decode()
    assert page.foreign == (ForeignFill(ACCOUNT, "@142", NOW_MS + 1, 0, 307033479126, raw),)
    assert [fill.trade_id for fill in page.fills] == [6]
    assert [each.channel for each in page.quarantined] == ["rest:userFillsByTime:foreign"]


def _history(rows: list[dict[str, Any]], page: int) -> Venue:
    return Venue(lambda request: [row for row in rows if row["time"] >= request["startTime"]][:page])


def _funding_row(time_ms: int, usdc: str = "-3.625312", coin: str = "BTC", **delta: Any) -> dict[str, Any]:
    change = {"type": "funding", "coin": coin, "usdc": usdc, "szi": "1.0", "fundingRate": "0.00001", **delta}
    return {"time": time_ms, "hash": "0x" + "0" * 64, "delta": {**change, "nSamples": None}}


async def test_funding_is_read_by_pages_exactly_and_only_of_our_coins() -> None:
    coins = ("BTC", "ETH", "SOL")
    rows = [_funding_row(NOW_MS + hour, f"-0.{hour:06}", coin) for hour in range(1, 400) for coin in coins]
    venue = _history(rows, HISTORY_PER_PAGE)
    pages = [page async for page in _reads(venue).funding_since(NOW_MS)]
    payments = [payment for page in pages for payment in page]
    assert len(pages) > 1
    assert [(p.time_ms - NOW_MS, p.coin) for p in payments] == [
        (hour, coin) for hour in range(1, 400) for coin in ("BTC", "ETH")
    ]
    assert payments[0] == Funding(
        ACCOUNT,
        "BTC",
        NOW_MS + 1,
        Decimal("-0.000001"),
        "0x" + "0" * 64,
        orjson.dumps(rows[0]).decode(),
    )


@pytest.mark.parametrize(
    "row",
    [
        None,
        {},
        _funding_row(NOW_MS, "1e-5"),
        _funding_row(NOW_MS, "NaN"),
        _funding_row(NOW_MS, cast(str, 1.5)),
        _funding_row(NOW_MS, type="deposit"),
        _funding_row(cast(int, "1")),
        {**_funding_row(NOW_MS), "delta": None},
    ],
    ids=str,
)
async def test_a_damaged_payment_ends_the_read(row: object) -> None:
    reads = _reads(Venue(lambda _: [row]))
    with pytest.raises(WireError):
        _ = [page async for page in reads.funding_since(0)]


async def test_a_full_page_of_payments_at_one_time_ends_the_read_with_an_error() -> None:
    rows = [_funding_row(NOW_MS, f"-0.{number:06}") for number in range(600)]
    with pytest.raises(WireError, match="full with the 500 rows"):
        _ = [page async for page in _reads(_history(rows, HISTORY_PER_PAGE)).funding_since(0)]


async def test_updates_of_the_account_are_counted_by_kind() -> None:
    kinds = ["deposit"] * 600 + ["liquidation"] + ["send"] * 3
    rows = [
        {"time": NOW_MS + number, "hash": "0x", "delta": {"type": kind}} for number, kind in enumerate(kinds)
    ]
    found = await _reads(_history(rows, HISTORY_PER_PAGE)).ledger_updates_since(NOW_MS)
    assert found == LedgerUpdatesObserved(NOW_MS, (("deposit", 600), ("liquidation", 1), ("send", 3)))


@pytest.mark.parametrize(
    ("levels", "bid", "ask"),
    [
        ([[{"px": "83958.0"}, {"px": "83957.0"}], [{"px": "83959.0"}]], 839_580, 839_590),
        ([[], [{"px": "83959.0"}]], None, 839_590),
        ([[{"px": "83958.0"}], []], 839_580, None),
        ([[], []], None, None),
    ],
)
async def test_a_book_gives_the_best_of_each_side(levels: Any, bid: int | None, ask: int | None) -> None:
    venue = Venue(lambda _: {"coin": "BTC", "time": NOW_MS, "levels": levels})
    before = VenueClock().now().mono_ms
    seen = await _reads(venue).book("BTC")
    assert seen.quote == Quote("BTC", bid, ask, NOW_MS)
    assert before <= seen.asked_mono_ms <= VenueClock().now().mono_ms
    assert venue.asked == [{"type": "l2Book", "coin": "BTC"}]


async def test_the_error_of_the_transport_is_passed_on() -> None:
    def fail(_request: dict[str, Any]) -> Any:
        raise RestError("HTTP 502")

    with pytest.raises(RestError):
        await _pages(Venue(fail))


async def test_an_order_is_found_or_not_and_an_absent_one_bears_a_time_that_the_venue_has_stamped() -> None:
    row = {"coin": "BTC", "oid": 5, "sz": "0.0", "origSz": "0.1", "cloid": "0x1"}
    entry = {"order": row, "status": "filled", "statusTimestamp": 9}
    reads = _reads(Venue(lambda _: {"status": "order", "order": entry}))
    assert await reads.order_status("0x1") == OrderUpdate("BTC", "0x1", 5, "filled", 0, 10_000, 9)
    clock = VenueClock(seen_ms=NOW_MS)
    nobody = cast(Rest, Venue(lambda _: {"status": "unknownOid"}))
    absent = await Reads(nobody, clock, ACCOUNT, INSTRUMENTS).order_status("0x1")
    assert absent == OrderNotFound("0x1", NOW_MS)


async def test_the_account_and_its_open_orders_carry_when_they_were_asked_and_for_whom() -> None:
    state = {
        "marginSummary": {"accountValue": "10.0", "totalMarginUsed": "0.0", "totalRawUsd": "10.0"},
        "assetPositions": [],
        "time": NOW_MS,
    }
    venue = Venue(lambda request: [] if request["type"] == "frontendOpenOrders" else state)
    reads = _reads(venue)
    before = VenueClock().now().mono_ms
    account, orders = await reads.account("t1"), await reads.open_orders("t2")
    assert (account.ticket, orders.ticket, orders.orders) == ("t1", "t2", ())
    assert before <= account.asked_mono_ms <= orders.asked_mono_ms
    assert [request["dex"] for request in venue.asked] == ["", ""]


async def test_of_coins_that_are_not_traded_here_our_own_orders_are_told_and_no_stops() -> None:
    ours = f"0x67726462{7:024x}"
    rows = [
        {"coin": "DOGE", "cloid": ours},
        {"coin": "DOGE", "cloid": ours, "isTrigger": True},
        {"coin": "DOGE", "cloid": "0x48424f54534548554436306163343632"},
        {"coin": "DOGE", "cloid": None},
        {"coin": "GONE", "cloid": ours},
    ]
    reads = _reads(Venue(lambda _: rows))
    reads.elsewhere = frozenset({"DOGE"})
    seen = await reads.open_orders()
    assert (seen.orders, seen.elsewhere) == ((), (("DOGE", ours),))


async def test_a_dex_gives_its_coins_ids_of_its_own() -> None:
    universe = {"universe": [{"name": "xyz:TSLA", "szDecimals": 3, "maxLeverage": 10}]}
    venue = Venue(
        lambda request: [None, {"name": "abc"}, {"name": "xyz"}] if "dex" not in request else universe
    )
    found = await read_instruments(cast(Rest, venue), "xyz")
    assert found["xyz:TSLA"].asset_id == 120_000
    with pytest.raises(NoSuchDexError, match="no dex 'zzz'"):
        await read_instruments(cast(Rest, venue), "zzz")


@pytest.mark.parametrize("answer", [None, {}, "x", 5])
async def test_a_list_of_dexs_that_is_none_is_refused(answer: object) -> None:
    with pytest.raises(WireError):
        await read_instruments(cast(Rest, Venue(lambda _: answer)), "xyz")


def _meta(*names: str) -> dict[str, Any]:
    return {"universe": [{"name": name, "szDecimals": 3, "maxLeverage": 10} for name in names]}


async def test_an_answer_that_lacks_a_coin_is_not_believed_until_another_says_the_same() -> None:
    answers = [_meta("ETH"), _meta("BTC", "ETH"), _meta("BTC", "ETH")]
    venue = Venue(lambda _: answers.pop(0))
    found = await read_agreed_instruments(cast(Rest, venue))
    assert (found["ETH"].asset_id, answers) == (1, [])


async def test_answers_that_never_agree_are_refused() -> None:
    names = iter(range(100))
    with pytest.raises(WireError, match="no two answers in a row agree"):
        await read_agreed_instruments(cast(Rest, Venue(lambda _: _meta(f"C{next(names)}"))))
