from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.view import FillsView, Snapshot
from tests.tui.factory import NOW_MS
from tests.tui.trading import bitcoin, fills, many, trading
from widgets.fill_rows import fill_listing, sources_line
from widgets.ink import plain
from widgets.look import Look
from widgets.table_rows import Cursor, settled, table_lines


def drawn(snapshot: Snapshot | None, width: int = 120, height: int = 40) -> list[str]:
    listing = fill_listing(Look(snapshot, NOW_MS))
    return [
        plain(each).rstrip() for each in table_lines(listing, settled(Cursor(), listing, 9), width, height)
    ]


def cell(rows: list[str], at: int, name: str) -> str:
    """By the columns of numbers: the text that ends where the column's name ends."""
    end = rows[1].index(name) + len(name)
    return rows[2 + at][:end].split()[-1]


def test_the_newest_comes_first_and_one_of_another_day_has_its_date() -> None:
    rows = drawn(trading())
    assert rows[2].startswith("▶14:02:02Z")
    assert next(row for row in rows if "12-31 14:03" in row).startswith(" 12-31 14:03 S")


def test_each_tells_what_it_cost_what_it_closed_how_it_came_and_how_late() -> None:
    rows = drawn(trading())
    assert rows[2].split()[:10] == [
        *("▶14:02:02Z", "B", "64,402.0", "0.0125", "0", "0.1204", "ws", "maker", "113ms", "118906512448029"),
    ]
    assert (cell(rows, 1, "latency"), rows[3].split()[6]) == ("n/a", "rest")
    assert rows[4].endswith("external")
    assert cell(rows, 2, "PnL") == "-14.07"
    assert cell(rows, 3, "latency") == "2,417ms"


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_side_price_size_and_profit_are_there_at_every_width(width: int) -> None:
    names = drawn(trading(), width)[1].split()
    assert {"S", "price", "size", "PnL"} <= set(names)


def test_the_footer_counts_by_source_over_all_coins_and_the_journals_lifetime() -> None:
    assert drawn(many())[-1].strip() == "✓ ws 824  rest 12  98.6% [>95%]  duplicates 22  external 4  of 836"


def test_a_ratio_of_few_fills_is_not_a_number() -> None:
    few = replace(bitcoin(), fills=FillsView(total=19, from_ws=1, from_rest=18))
    text = plain(sources_line(Look(trading((few,)), NOW_MS))).strip()
    assert text.startswith("ws 1  rest 18  n/a (19 fills)")
    enough = replace(bitcoin(), fills=FillsView(total=20, from_ws=1, from_rest=19))
    assert plain(sources_line(Look(trading((enough,)), NOW_MS))).strip().startswith("✖ ws 1  rest 19  5.0%")


def test_a_fee_in_another_token_names_it() -> None:
    odd = replace(fills()[-1], fee_token="HYPE", fee_usd=Decimal("0.01"))
    assert "0.01 HYPE" in drawn(replace(trading(), fills=(odd,)))[2]


def test_names_from_outside_stay_text() -> None:
    evil = replace(fills()[-1], coin="[red]\x1b", note="[b]\n", fee_token="\x07")
    text = "\n".join(drawn(replace(trading(), fills=(evil,)), 200))
    assert "[red]?" in text
    assert "\x1b" not in text
    assert "\x07" not in text
