"""One dead channel beside live ones is noticed; a market that stands still is not."""

from __future__ import annotations

from core.domain.effects import AskBook, Effect, Notify, Reconnect
from core.domain.events import BookObserved, FeedChanged, FillsCommitted, OrderUpdate
from core.domain.fills import FillSource
from tests.unit.engine.builders import MID, Bench, fill, notices, of_kind, placed, quote, update


def streamed(row: OrderUpdate) -> OrderUpdate:
    return OrderUpdate(
        row.coin, row.cloid, row.order_id, row.status, row.remaining, row.original, row.time_ms, True
    )


def quiet_start() -> Bench:
    """A grid that rests, told so by the stream; from then on nothing happens."""
    bench = Bench().started()
    for order in bench.live:
        bench.step(streamed(update(order, "open")))
    bench.done.clear()
    return bench


def stale_channels(effects: list[Effect]) -> list[object]:
    return [dict(e.fields)["channel"] for e in of_kind(Notify, effects) if e.name == "ws_channel_stale"]


def answer_books(bench: Bench, effects: list[Effect], mid: int) -> None:
    for _ in of_kind(AskBook, effects):
        bench.step(BookObserved(quote(mid), bench.now.mono_ms))


def test_a_coin_that_is_quiet_is_held_against_its_book_and_left_alone() -> None:
    bench = quiet_start()
    asked = 0
    for _ in range(120):
        effects = bench.after(1_000)
        asked += len(of_kind(AskBook, effects))
        answer_books(bench, effects, MID)
    assert stale_channels(bench.done) == []
    assert 6 <= asked <= 9


def test_a_book_that_has_moved_without_a_quote_shows_that_the_channel_is_dead() -> None:
    bench = quiet_start()
    for _ in range(20):
        answer_books(bench, bench.after(1_000), MID + 5_000)
    assert stale_channels(bench.done) == ["bbo SOL"]
    assert len(of_kind(Reconnect, bench.done)) == 1


def test_a_quote_soon_after_the_book_moved_was_only_late() -> None:
    bench = quiet_start()
    while not (asked := of_kind(AskBook, bench.after(1_000))):
        pass
    answer_books(bench, list(asked), MID + 5_000)
    bench.after(1_000, quote(MID + 5_000))
    for _ in range(10):
        bench.after(1_000)
    assert stale_channels(bench.done) == []


def test_placements_that_never_show_up_in_order_updates_show_that_the_channel_is_dead() -> None:
    bench = Bench().started()
    for _ in range(12):
        bench.after(1_000, quote())
    assert stale_channels(bench.done) == ["orderUpdates"]


def test_a_row_that_came_before_the_answer_to_its_placement_is_not_owed_any_more() -> None:
    bench = Bench()
    bench.ms = 1_000
    orders = placed(bench.start())
    bench.ms += 50
    for order in orders:
        bench.step(streamed(update(order, "open")))
    bench.rest(orders)
    for _ in range(12):
        bench.after(1_000, quote())
    assert stale_channels(bench.done) == []


def test_a_placement_that_an_earlier_connection_told_of_is_not_owed_by_this_one() -> None:
    bench = Bench()
    orders = placed(bench.start())
    bench.ms += 50
    bench.step(FeedChanged(False, 1, "reset"))
    bench.connect(2)
    bench.rest(orders)
    for _ in range(12):
        bench.after(1_000, quote())
    assert stale_channels(bench.done) == []


def test_fills_that_only_rest_tells_of_show_that_the_channel_is_dead() -> None:
    bench = quiet_start()
    bench.ms = 20_000
    one = fill(lots=5, ms=12_000, trade_id=5, source=FillSource.REST)
    bench.step(FillsCommitted((one,)))
    assert stale_channels(bench.after(200)) == ["userFills"]


def test_a_fill_that_the_stream_left_out_among_others_is_no_dead_channel() -> None:
    bench = quiet_start()
    bench.ms = 20_000
    later = fill(lots=5, start=5, ms=15_000, trade_id=6)
    omitted = fill(lots=5, ms=12_000, trade_id=5, source=FillSource.REST)
    bench.step(FillsCommitted((later, omitted)))
    assert stale_channels(bench.after(200)) == []


def test_fills_of_a_gap_are_not_held_against_the_connection_after_it() -> None:
    bench = quiet_start()
    bench.step(FeedChanged(False, 1, "reset"))
    bench.ms = 20_000
    bench.connect(2)
    bench.step(FillsCommitted((fill(lots=5, ms=12_000, trade_id=5, source=FillSource.REST),)))
    assert stale_channels(bench.after(200)) == []


def test_while_the_stream_is_down_the_book_over_rest_is_the_quote() -> None:
    bench = quiet_start()
    bench.step(FeedChanged(False, 1, "reset"))
    answer_books(bench, bench.after(5_000), MID + 5_000)
    assert bench.coin.mid_twice == 2 * (MID + 5_000)
    assert "ws_channel_stale" not in notices(bench.done)
