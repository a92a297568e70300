"""Reading recordings, and walking them forwards and backwards."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import pytest

from core.domain.orders import Side
from core.paper.config import CorruptRecordingError, UnknownMarketError
from core.paper.market.load import load_market
from core.paper.market.recording import Recording, load_recording
from core.paper.market.replay import Replay
from core.paper.market.step import Quote
from core.paper.market.tracks import RecordedStep, TickTrack
from tests.unit.paper.world import BTC, UNIVERSE, World, lots, price, quote, trade

_BBO = """time,bid_px,bid_sz,ask_px,ask_sz
1000,100.0,1.0,101.0,1.0
1100,100.0,1.0,101.0,0.5
1300,102.0,1e-05,103.0,2.0
"""
_EARLY = """time,recv,px,sz,side,tid
900,901,99.0,1.0,B,1
"""
_TRADES = """time,recv,px,sz,side,tid
1100,1101,101.0,0.5,B,2
1300,1301,101.0,0.5,B,3
1300,1301,102.0,0.1,B,4
"""


def _write(folder: Path, trades: str = _TRADES, bbo: str = _BBO) -> str:
    (folder / "hl_tick_BTC_trades.csv").write_text(trades)
    (folder / "hl_tick_BTC_bbo.csv").write_text(bbo)
    return str(folder / "hl_tick_BTC_trades.csv")


def _steps(recording: Recording) -> tuple[RecordedStep, ...]:
    (track,) = recording.tracks
    assert isinstance(track, TickTrack)
    return track.steps


def test_prints_from_before_the_first_quote_get_quotes_made_around_them(tmp_path: Path) -> None:
    (tmp_path / "hl_tick_BTC_trades.csv").write_text(_EARLY + _TRADES.partition("\n")[2])
    (tmp_path / "hl_tick_BTC_bbo.csv").write_text(_BBO)
    recording = load_recording(str(tmp_path / "hl_tick_BTC_trades.csv"))
    steps = _steps(recording)
    assert [(s.time_ms, len(s.trades)) for s in steps] == [(900, 1), (1000, 0), (1100, 1), (1300, 2)]
    made = steps[0].quote
    assert made is not None
    assert made.ask == price(99)
    assert steps[3].quote == Quote(price(102), 1, price(103), lots("2"))
    assert recording.notes == (
        "1 prints of BTC are older than its first quote; quotes are made around them.",
    )


def test_the_coin_comes_from_the_file_name_and_siblings_are_found(tmp_path: Path) -> None:
    market = _write(tmp_path).replace("_trades", "_bbo")
    assert load_recording(market).instrument.coin == "BTC"


def test_the_bundled_recording_is_whole_and_btc() -> None:
    recording = load_recording("bundled")
    assert recording.instrument == BTC
    assert len(_steps(recording)) > 14_000
    assert sum(len(step.trades) for step in _steps(recording)) == 6_645


@pytest.mark.parametrize(
    ("bbo", "line", "what"),
    [
        ("time,bid_px,bid_sz,ask_px\n1,2,3,4\n", 1, "the header lacks ask_sz"),
        (_BBO + "1400,100.0,1.0,101.0\n", 5, "4 columns, but the header has 5"),
        (_BBO + "1400,100.0,1.0,abc,1.0\n", 5, "'abc' is not a plain decimal number"),
        (_BBO + "1400,100.0,nan,101.0,1.0\n", 5, "'nan' is not a plain decimal"),
        (_BBO + "noon,100.0,1.0,101.0,1.0\n", 5, "'noon' is not a time in whole milliseconds"),
        (_BBO + "1200,100.0,1.0,101.0,1.0\n", 5, "rows must be sorted by time"),
        (_BBO + "1400,101.0,1.0,101.0,1.0\n", 5, "is not below the ask"),
        (_BBO + "1400,100.0,0,101.0,1.0\n", 5, "0 is not above zero"),
        ("", 1, "the file is empty"),
    ],
)
def test_a_corrupt_recording_is_refused_with_its_line(tmp_path: Path, bbo: str, line: int, what: str) -> None:
    with pytest.raises(CorruptRecordingError, match=what) as caught:
        load_recording(_write(tmp_path, bbo=bbo))
    assert caught.value.line == line
    assert caught.value.path.name == "hl_tick_BTC_bbo.csv"
    assert f"line {line}" in str(caught.value)


def test_a_side_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(CorruptRecordingError, match=r"line 3: 'X' is not a side"):
        load_recording(_write(tmp_path, trades="time,px,sz,side\n1100,101.0,1.0,B\n1100,101.0,1.0,X\n"))


def test_a_truncated_or_false_gzip_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(_BBO.encode() * 1000)
    path = tmp_path / "hl_tick_BTC_bbo.csv.gz"
    for broken in (packed[:40], b"time,bid_px\n1,2\n"):
        path.write_bytes(broken)
        with pytest.raises(CorruptRecordingError, match="it can't be read"):
            load_recording(str(path))


@pytest.mark.parametrize("market", ["", "replay", "replay:", "film", "bundled"])
def test_a_market_that_cannot_be_run_is_refused_with_the_fix(market: str) -> None:
    with pytest.raises(UnknownMarketError, match="use replay:bundled"):
        load_market(market)


def test_backwards_the_quotes_return_in_reverse_and_prints_turn_their_side(tmp_path: Path) -> None:
    replay = Replay(load_recording(_write(tmp_path)))
    forward = [replay.advance() for _ in range(3)]
    backward = [replay.advance() for _ in range(3)]
    assert [step.quote for step in backward] == [forward[1].quote, forward[0].quote, forward[0].quote]
    assert [(t.price, t.aggressor) for t in backward[0].trades] == [
        (price(102), Side.SELL),
        (price(101), Side.SELL),
    ]
    assert [(t.price, t.aggressor) for t in backward[1].trades] == [(price(100), Side.SELL)]
    assert replay.place == "0 forward"
    assert replay.laps == 1


def test_waiting_times_mirror_and_turning_takes_none(tmp_path: Path) -> None:
    replay = Replay(load_recording(_write(tmp_path)))
    waits = []
    for _ in range(8):
        waits.append(replay.wait_ms())
        replay.advance()
    assert waits == [0, 100, 200, 0, 200, 100, 0, 100]


def test_looping_the_bundled_recording_never_jumps() -> None:
    """The mid moves no further in one step, turning points included, than it does in the recording itself."""
    recording = load_recording("bundled")
    replay = Replay(recording)
    forward = [s.quote.bid + s.quote.ask for s in _steps(recording) if s.quote is not None]
    widest = max(abs(a - b) for a, b in itertools.pairwise(forward))
    mids = []
    for _ in range(2 * len(_steps(recording)) + 100):
        quote = replay.advance().quote
        if quote is not None:
            mids.append(quote.bid + quote.ask)
    assert max(abs(a - b) for a, b in itertools.pairwise(mids)) <= widest


def test_prints_turned_backwards_meet_the_quote_that_stands() -> None:
    recording = load_recording("bundled")
    replay = Replay(recording)
    replay.resume(f"{len(_steps(recording)) - 1} backward")
    (scene,) = replay.scene()
    standing = scene.quote
    for _ in range(len(_steps(recording))):
        assert standing is not None
        step = replay.advance()
        for print_ in step.trades:
            if print_.aggressor is Side.SELL:
                assert print_.price <= standing.bid
            else:
                assert print_.price >= standing.ask
        standing = step.quote


def test_a_replay_goes_on_from_a_saved_place_with_the_same_book(tmp_path: Path) -> None:
    recording = load_recording(_write(tmp_path))
    replay = Replay(recording)
    replay.advance()
    replay.advance()
    resumed = Replay(recording)
    resumed.resume(replay.place)
    (scene,) = resumed.scene()
    assert scene.quote == _steps(recording)[1].quote
    assert resumed.advance() == replay.advance()


def test_at_the_same_millisecond_prints_come_before_the_book() -> None:
    world = World()
    order = world.buy(100_000, "0.1")
    step = RecordedStep(1, (trade(100_000, "1", Side.SELL),), None, quote(99_990, "1", 100_000, "0.05"))
    replay = Replay(Recording("r", UNIVERSE, (TickTrack("BTC", (step,)),)))
    world.venue.step(replay.advance(), world.now_ms)
    assert [f.lots for f in world.venue.take_batch().fills] == [lots("0.05")]
    assert order.is_open


def test_both_ways_users_fill_and_the_books_balance() -> None:
    world = World(now_ms=1)
    recording = load_recording("bundled")
    tail = Recording("tail", UNIVERSE, (TickTrack("BTC", _steps(recording)[-3000:]),))
    replay = Replay(tail)
    (scene,) = replay.scene()
    world.venue.step(scene, 1)
    middle = world.venue.mark_of("BTC")
    for number in range(1, 8):
        world.buy(BTC.price_text(BTC.round_price_down(middle - number * 300)), "0.002")
        world.sell(BTC.price_text(BTC.round_price_up(middle + number * 300)), "0.002")
    for _ in range(6000):
        step = replay.advance()
        world.market(*step.trades, quote=step.quote, depth=step.depth)
    assert world.account().fills
