from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.view import OrderShown, OrderView, Severity, Snapshot
from tests.tui.factory import NOW_MS
from tests.tui.trading import cloid, orders, tesla, trading
from widgets.ink import Ink, plain, width_of
from widgets.look import Look
from widgets.order_rows import distance_text, order_key, order_listing
from widgets.strip_rows import filled_text, order_lines
from widgets.table_rows import Cursor, settled, table_lines


def drawn(snapshot: Snapshot | None, width: int = 120, height: int = 40, now_ms: int = NOW_MS) -> list[str]:
    listing = order_listing(Look(snapshot, now_ms))
    lines = table_lines(listing, settled(Cursor(), listing, height), width, height)
    assert max(width_of(each) for each in lines) <= max(width, width_of(lines[-1]))
    return [plain(each).rstrip() for each in lines]


def of(snapshot: Snapshot, *rows: OrderView) -> Snapshot:
    return replace(snapshot, orders=rows)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_side_price_size_and_state_are_there_at_every_width(width: int) -> None:
    rows = drawn(trading(), width)
    assert rows[1].split()[:4] == ["S", "price", "size", "filled"]
    assert rows[2].startswith("▶S  64,594.0 0.0125")
    assert "✖ cancel failed" in rows[2]


def test_a_wide_screen_has_the_whole_cloid_and_a_narrow_one_the_selected_orders_in_its_last_line() -> None:
    assert cloid(900) in drawn(trading(), 200)[2]
    assert cloid(900) not in drawn(trading(), 120)[2]
    assert drawn(trading(), 120)[-1].strip() == (
        f"HTTP 502: Bad Gateway · oid 307033479126 · grid sell 4 · cloid {cloid(900)}"
    )


def test_what_ought_not_to_be_there_is_counted_in_the_title_and_makes_it_grave() -> None:
    assert drawn(trading())[0].startswith("═2 Orders═")
    assert "2 that ought not to be there" in drawn(trading())[0]
    open_one = replace(orders()[5], state=OrderShown.OPEN)
    assert drawn(of(trading(), open_one))[0].startswith("─2 Orders─")
    listing = order_listing(Look(of(trading(), replace(open_one, state=OrderShown.UNKNOWN)), NOW_MS))
    assert listing.severity is Severity.WARN


@pytest.mark.parametrize("state", list(OrderShown))
def test_every_state_is_a_word(state: OrderShown) -> None:
    assert state.value in drawn(of(trading(), replace(orders()[5], state=state)))[2]


def test_the_distance_is_signed_and_in_basis_points_and_unknown_without_a_mid() -> None:
    coin = trading().coins[0]
    above = replace(orders()[5], price=coin.mid * Decimal("1.001"))
    assert distance_text(above, coin) == "+10.0"
    assert distance_text(replace(above, price=coin.mid * Decimal("0.99")), coin) == "-100.0"
    assert distance_text(above, replace(coin, mid=Decimal(0))) == "n/a"
    assert distance_text(above, None) == "n/a"


@pytest.mark.parametrize(
    ("filled", "text"), [("0", "0%"), ("0.00001", "<1%"), ("0.5", "50%"), ("0.9999", "99%"), ("1", "100%")]
)
def test_neither_a_tiny_fill_nor_a_tiny_remainder_rounds_away(filled: str, text: str) -> None:
    assert filled_text(replace(orders()[5], size=Decimal(1), filled=Decimal(filled))) == text


def test_the_sizes_of_a_coin_share_their_point() -> None:
    rows = drawn(of(trading(), replace(orders()[5], size=Decimal("0.5")), orders()[6]))
    assert [row.split()[2] for row in rows[2:4]] == ["0.5000", "0.0125"]


def test_with_two_coins_each_row_names_its_own_and_a_stranger_without_a_cloid_has_a_key() -> None:
    two = trading((trading().coins[0], tesla()))
    assert drawn(two)[1].split()[0] == "coin"
    keys = [order_key(order) for order in two.orders]
    assert len(set(keys)) == len(keys)


def test_names_and_words_from_outside_stay_text() -> None:
    evil = replace(orders()[0], coin="xyz:[red]\x1b[2J", note="[bold]a\nb\x07", cloid="[/]")
    coin = replace(trading().coins[0], coin=evil.coin)
    text = "\n".join(drawn(replace(of(trading((coin, tesla())), evil)), 200))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]?[2J" in text
    assert "[bold]a b?" in text


def test_before_the_first_report_and_without_orders_it_says_so() -> None:
    assert drawn(None)[1] == " waiting for the core's first report"
    assert drawn(of(trading()))[1] == " no order rests"


def test_what_is_stale_is_dimmed_and_called_so() -> None:
    listing = order_listing(Look(trading(), NOW_MS + 27_000))
    lines = table_lines(listing, settled(Cursor(), listing, 40), 120, 40)
    assert "STALE" in plain(lines[0])
    assert {span.ink for span in lines[5]} == {Ink.DIM}


def test_beside_the_ladder_a_tiny_fill_does_not_round_away_either() -> None:
    tiny = replace(orders()[5], size=Decimal(1), filled=Decimal("0.00001"))
    shown = [plain(each) for each in order_lines(Look(of(trading(), tiny), NOW_MS), 80, 10)]
    assert "<1%" in shown[2]
