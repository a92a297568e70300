"""What can be replayed: ticks with and without books, candles, other venues' numbers, several coins on one timeline."""

from __future__ import annotations

from array import array
from collections import Counter
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.domain.units import units_text
from core.paper.config import CorruptRecordingError, UnknownMarketError
from core.paper.market.candles import CandleTrack, load_candles
from core.paper.market.instruments import derived_rules, known_rules
from core.paper.market.numbers import Numbers
from core.paper.market.recording import Recording, load_recording
from core.paper.market.replay import Replay
from core.paper.market.step import MarketStep
from tests.unit.paper.world import BTC, UNIVERSE

_BINANCE_TRADES = """time,recv,px,sz,side,tid
1000,1,63943.90,0.003,A,1
1010,1,63944.10,0.0000049,B,2
1020,1,63944.10,0.0000049,B,3
1030,1,63944.10,0.0000049,B,4
"""
_BINANCE_QUOTES = """time,recv,bid_px,bid_sz,ask_px,ask_sz
1000,1,63943.90,46.371,63944.00,0.0000001
"""
_BOOKS = """time,b0_px,b0_sz,a0_px,a0_sz,b1_px,b1_sz,a1_px,a1_sz
1000,100,1,101,2,99,5,102,6
2000,100,1,102,6,,,103,1
"""
_CANDLES = """t,o,h,l,c,v
60000,100,110,90,105,1.00007
120000,105,106,80,85,0.5
240000,85,85,85,85,0
"""


def _file(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def _all_steps(recording: Recording) -> list[MarketStep]:
    replay = Replay(recording, loops=False)
    steps = []
    while replay.wait_ms() is not None:
        steps.append(replay.advance())
    return steps


def test_prices_and_sizes_of_another_venue_become_ticks_and_lots_without_losing_volume(
    tmp_path: Path,
) -> None:
    _file(tmp_path, "binance_perp_tick_BTC_bbo.csv", _BINANCE_QUOTES)
    recording = load_recording(_file(tmp_path, "binance_perp_tick_BTC_trades.csv", _BINANCE_TRADES))
    steps = _all_steps(recording)
    quote = steps[0].quote
    assert quote is not None
    assert [BTC.price_text(quote.bid), BTC.price_text(quote.ask)] == ["63943", "63944"]
    assert quote.ask_lots == 1
    prints = [(BTC.price_text(t.price), t.lots, t.aggressor) for s in steps for t in s.trades]
    assert prints == [("63943", 300, Side.SELL), ("63945", 1, Side.BUY)], "0.0000147 are one lot and a rest"
    (note,) = recording.notes
    assert "prices were rounded to valid ticks" in note


def test_without_quotes_the_best_levels_of_the_book_are_the_quotes(tmp_path: Path) -> None:
    _file(tmp_path, "hl_tick_BTC_trades.csv", "time,px,sz,side\n1500,101,0.5,B\n")
    recording = load_recording(_file(tmp_path, "hl_tick_BTC_l2book.csv", _BOOKS))
    first, second, third = _all_steps(recording)
    assert first.quote is not None
    assert (first.quote.bid, first.quote.ask_lots) == (BTC.parse_price("100"), BTC.parse_size("2"))
    assert (second.quote, len(second.trades)) == (None, 1)
    assert third.depth is not None
    assert (len(third.depth.bids), len(third.depth.asks)) == (1, 2)


def test_of_prints_alone_a_book_is_made_around_them(tmp_path: Path) -> None:
    recording = load_recording(
        _file(tmp_path, "hl_tick_BTC_trades.csv", "time,px,sz,side\n1,65000,1,B\n2,64000,1,A\n")
    )
    bought, sold = _all_steps(recording)
    assert bought.quote is not None
    assert sold.quote is not None
    assert bought.quote.ask == BTC.parse_price("65000")
    assert sold.quote.bid == BTC.parse_price("64000")
    for step in (bought, sold):
        assert step.depth is not None
        assert step.quote is not None
        assert step.depth.bids[0][0] == step.quote.bid < step.quote.ask == step.depth.asks[0][0]
        prices = [p for p, _ in (*reversed(step.depth.bids), *step.depth.asks)]
        assert all(BTC.is_valid_price(p) for p in prices)
        assert prices == sorted(set(prices))
    assert "one is made around the prints" in recording.notes[0]


@st.composite
def _bars(draw: st.DrawFn) -> list[tuple[int, int, int, int, int]]:
    """Open, high, low, close in whole USDC, and a volume in lots of BTC."""
    bars = []
    for _ in range(draw(st.integers(1, 6))):
        low = draw(st.integers(20, 90_000))
        high = low + draw(st.integers(0, 5_000))
        opened, closed = draw(st.integers(low, high)), draw(st.integers(low, high))
        bars.append((opened, high, low, closed, draw(st.integers(0, 50) | st.integers(12, 10**9))))
    return bars


@settings(deadline=None, max_examples=50)
@given(_bars())
def test_candles_made_of_a_bars_prints_are_the_bar(bars: list[tuple[int, int, int, int, int]]) -> None:
    track = _track_of(bars)
    assert len(track) == 12 * len(bars)
    times = [track.time_ms(index) for index in range(len(track))]
    assert times == sorted(times)
    for number, (opened, high, low, closed, volume) in enumerate(bars):
        steps = [track.step(12 * number + point) for point in range(12)]
        prints = [trade for step in steps for trade in step.trades]
        assert sum(trade.lots for trade in prints) == volume
        assert all(60_000 * number <= step.time_ms - 60_000 < 60_000 * (number + 1) for step in steps)
        prices = [trade.price // 10 for trade in prints]
        assert all(low <= price <= high for price in prices)
        assert all(BTC.is_valid_price(trade.price) for trade in prints)
        if volume >= 12:
            assert (prices[0], max(prices), min(prices), prices[-1]) == (opened, high, low, closed)
        elif volume:
            assert prices[-1] == closed
        for step in steps:
            assert step.quote is not None
            assert step.quote.bid < step.quote.ask


def _track_of(bars: list[tuple[int, int, int, int, int]]) -> CandleTrack:
    times = array("q", (60_000 * number for number in range(1, len(bars) + 1)))
    flat = array(
        "q", (value for *prices, lots in bars for value in (*(10 * price for price in prices), lots))
    )
    return CandleTrack(Numbers(BTC), times, flat)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=50))
def test_the_rest_of_a_lot_is_carried_so_that_volumes_add_up_to_the_lot(finer: list[int]) -> None:
    numbers = Numbers(BTC)
    total = sum(numbers.traded_lots(units_text(size, 9)) for size in finer)
    assert total == sum(finer) // 10_000


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 10**9), st.sampled_from([BTC, Instrument("DOGE", 1, 0, 10), Instrument("x", 2, 2, 3)]))
def test_rounded_prices_are_valid_and_enclose_what_was_recorded(price: int, instrument: Instrument) -> None:
    text = units_text(price, 5)
    numbers = Numbers(instrument)
    smallest = instrument.price_decimal(1)
    if Decimal(text) < smallest:
        with pytest.raises(ValueError, match="below the smallest price"):
            numbers.bid(text)
        return
    bid, ask, near = numbers.bid(text), numbers.ask(text), numbers.nearest(text)
    scaled = instrument.price_decimal(1)
    assert (
        bid * scaled
        <= numbers.instrument.price_decimal(0) + price * BTC.price_decimal(1) / 10_000
        <= ask * scaled
    )
    assert near in (bid, ask)
    assert all(instrument.is_valid_price(p) for p in (bid, ask, near))


def test_candles_are_known_by_their_header_and_tell_their_coin(tmp_path: Path) -> None:
    recording = load_recording(_file(tmp_path, "hl_HYPE_1m.csv", _CANDLES))
    assert recording.instrument.coin == "HYPE"
    assert recording.instrument.sz_decimals == 2
    prints = [t for s in _all_steps(recording) for t in s.trades]
    assert sum(t.lots for t in prints) == 150, "1.50007 HYPE in lots of 0.01"
    assert recording.notes[1].endswith(
        "finer than Hyperliquid trades it: 1 sizes were rounded to whole lots."
    )


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("300000,85,84,80,81,1", "outside of 80 to 84"),
        ("240000,85,85,85,85,1", "two bars of 240000"),
        ("300000,85,85,85,85,-1", "-1 is below zero"),
        ("300000,85,85,,85,1", "'' is not a plain decimal"),
        ("1000,85,85,85,85,1", "sorted by time"),
    ],
)
def test_a_bar_that_cannot_be_is_refused_with_its_line(tmp_path: Path, line: str, what: str) -> None:
    with pytest.raises(CorruptRecordingError, match=f"line 5: .*{what}"):
        load_recording(_file(tmp_path, "hl_BTC_1m.csv", f"{_CANDLES}{line}\n"))


def test_candles_without_a_bar_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "hl_BTC_1m.csv"
    path.write_text("t,o,h,l,c,v\n")
    with pytest.raises(CorruptRecordingError, match="it holds no rows"):
        load_candles(path, Numbers(BTC))


@pytest.mark.parametrize(
    ("name", "coin"),
    [
        ("hl_tick_2025-09-04_BTC_trades.csv", "BTC"),
        ("BTC_trades.csv", "BTC"),
        ("x_kPEPE_trades.csv", "kPEPE"),
        ("x_1INCH_trades.csv", "1INCH"),
        ("x_xyz:TSLA_trades.csv", "xyz:TSLA"),
        ("x_xyz-TSLA_trades.csv", "xyz:TSLA"),
    ],
)
def test_the_name_of_a_file_tells_the_coin(tmp_path: Path, name: str, coin: str) -> None:
    recording = load_recording(_file(tmp_path, name, "time,px,sz,side\n1,100,1,B\n"))
    assert recording.instrument.coin == coin


@pytest.mark.parametrize(
    "name", ["binance_perp_SOL_1m_2025-05-04_2025-06-24.csv", "hl_SOL_5m.csv", "hl_SOL_all.csv"]
)
def test_the_name_of_candles_tells_the_coin(tmp_path: Path, name: str) -> None:
    assert load_recording(_file(tmp_path, name, _CANDLES)).instrument.coin == "SOL"


@pytest.mark.parametrize(
    "name", ["hl_BTC_funding.csv", "notes.csv", "x_2025-09-04_trades.csv", "hl_BTC_1m.txt"]
)
def test_a_file_that_is_no_recording_is_refused_with_what_would_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownMarketError, match=r"Fix: call ticks …_<COIN>_trades"):
        load_recording(_file(tmp_path, name, "time,fundingRate\n1,0.1\n"))


def test_rules_are_mainnets_or_follow_from_the_price_and_are_told(tmp_path: Path) -> None:
    known = known_rules("BTC")
    assert known is not None
    assert (known.sz_decimals, known.max_leverage) == (5, 40)
    assert [derived_rules("X", p).sz_decimals for p in ("115569.0", "4216.5", "47.2", "0.2", "0.0001")] == [
        5,
        3,
        1,
        0,
        0,
    ]
    builder = derived_rules("abc:XYZ", "10")
    assert (builder.dex, builder.margin_mode) == ("abc", "strictIsolated")
    recording = load_recording(_file(tmp_path, "x_NEWCOIN_trades.csv", "time,px,sz,side\n1,12.5,1,B\n"))
    assert recording.instrument.sz_decimals == 1
    assert recording.notes[0].startswith(
        "The rules of NEWCOIN are not known here; it trades with 1 size decimals"
    )


def _two_coins(folder: Path, second: str) -> str:
    _file(folder, "a_BTC_trades.csv", "time,px,sz,side\n1000,100,1,B\n1200,101,1,B\n1400,102,1,B\n")
    _file(folder, "a_ETH_trades.csv", "time,px,sz,side\n" + second)
    return f"{folder / 'a_BTC_trades.csv'},{folder / 'a_ETH_trades.csv'}"


def test_several_recordings_run_on_one_timeline(tmp_path: Path) -> None:
    recording = load_recording(_two_coins(tmp_path, "1100,10,1,B\n1200,11,1,B\n"))
    assert list(recording.universe.instruments) == ["BTC", "ETH"]
    assert recording.name == "a_BTC_trades.csv,a_ETH_trades.csv"
    replay = Replay(recording)
    walked = [(replay.wait_ms(), replay.advance().coin) for _ in range(11)]
    assert walked == [
        (0, "BTC"),
        (100, "ETH"),
        (100, "BTC"),
        (0, "ETH"),
        (200, "BTC"),
        (0, "BTC"),
        (200, "ETH"),
        (0, "BTC"),
        (100, "ETH"),
        (100, "BTC"),
        (0, "BTC"),
    ]


def test_a_folder_is_all_its_recordings_and_says_what_it_left_out(tmp_path: Path) -> None:
    _two_coins(tmp_path, "1100,10,1,B\n")
    _file(tmp_path, "hl_BTC_funding.csv", "time,fundingRate\n1,0.1\n")
    recording = load_recording(str(tmp_path))
    assert Counter(step.coin for step in _all_steps(recording)) == {"BTC": 3, "ETH": 1}
    assert "hl_BTC_funding.csv is no recording of a market and was left out." in recording.notes


def test_files_are_named_as_in_a_shell_and_the_bundled_one_goes_with_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _file(tmp_path, "a_ETH_trades.csv", "time,px,sz,side\n1000,10,1,B\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for target in ("~/a_ETH_trades.csv", "~", "~/a_ETH_trades.csv,"):
        assert list(load_recording(target).universe.instruments) == ["ETH"]
    assert list(load_recording("bundled, ~/a_ETH_trades.csv").universe.instruments) == ["BTC", "ETH"]
    with pytest.raises(UnknownMarketError, match="replay:, names no file"):
        load_recording(",")


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    text = "\ufefftime,px,sz,side\n1000,10,1,B\n"
    assert load_recording(_file(tmp_path, "a_ETH_trades.csv", text)).instrument.coin == "ETH"


@pytest.mark.parametrize("time", ["1757000000.5", "-1", "9" * 30, ""])
def test_a_time_that_is_none_is_refused_with_its_line(tmp_path: Path, time: str) -> None:
    path = _file(tmp_path, "hl_ETH_1m.csv", f"t,o,h,l,c,v\n{time},1,1,1,1,1\n")
    with pytest.raises(CorruptRecordingError, match=r"line 2: .* is not a time in whole milliseconds"):
        load_recording(path)


def test_recordings_of_different_times_begin_together(tmp_path: Path) -> None:
    recording = load_recording(_two_coins(tmp_path, "9000100,10,1,B\n9000200,11,1,B\n"))
    replay = Replay(recording)
    assert [replay.wait_ms() if replay.advance() else None for _ in range(4)] == [0, 100, 100, 200]
    assert "The recordings are of different times; they begin together." in recording.notes


def test_two_recordings_of_one_coin_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownMarketError, match="There is no recording in"):
        load_recording(str(tmp_path))
    _file(tmp_path, "a_BTC_trades.csv", "time,px,sz,side\n1000,100,1,B\n")
    _file(tmp_path, "hl_BTC_1m.csv", _CANDLES)
    with pytest.raises(UnknownMarketError, match=r"both recordings of BTC.* Fix: name one of them"):
        load_recording(str(tmp_path))


def test_once_it_ends_and_tells_how_far_it_is(tmp_path: Path) -> None:
    replay = Replay(load_recording(_two_coins(tmp_path, "1100,10,1,B\n1200,11,1,B\n")), loops=False)
    told = [replay.progress]
    while replay.wait_ms() is not None:
        replay.advance()
        told.append(replay.progress)
    assert told == [0.0, 0.0, 0.25, 0.5, 0.5, 1.0]
    assert replay.has_ended
    again = Replay(replay.recording, loops=False)
    again.resume(replay.place)
    assert again.place == "0,0 forward", "an ended market begins anew"


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 60), st.booleans())
def test_it_goes_on_from_any_saved_place_with_the_same_waits_and_steps(steps: int, loops: bool) -> None:
    bars = [(100, 120, 90, 110, 50), (110, 115, 100, 101, 3)]
    tracks = (_track_of(bars), _track_of([(50, 60, 40, 45, 9)]))
    recording = Recording("r", UNIVERSE, tracks)
    first = Replay(recording, loops)
    for _ in range(steps):
        if first.wait_ms() is not None:
            first.advance()
    if first.has_ended:
        return
    second = Replay(recording, loops)
    second.resume(first.place)
    for _ in range(20):
        assert (first.wait_ms(), first.scene()) == (second.wait_ms(), second.scene())
        if first.wait_ms() is not None:
            assert first.advance() == second.advance()


@pytest.mark.parametrize(
    "place", ["", "x forward", "5 forward", "0,0,0 forward", "9,9 forward", "-2,0 backward", "-1,-1 backward"]
)
def test_a_place_that_makes_no_sense_is_ignored(tmp_path: Path, place: str) -> None:
    replay = Replay(load_recording(_two_coins(tmp_path, "1100,10,1,B\n")))
    replay.resume(place)
    assert replay.place == "0,0 forward"
    assert replay.wait_ms() == 0


def test_the_waits_of_one_round_are_twice_the_recordings_length() -> None:
    recording = load_recording("bundled")
    (track,) = recording.tracks
    replay = Replay(recording)
    waited = 0
    for _ in range(2 * len(track)):
        waited += replay.wait_ms() or 0
        replay.advance()
    assert waited == 2 * sum(b - a for a, b in pairwise(track.time_ms(index) for index in range(len(track))))
    assert replay.laps == 1
