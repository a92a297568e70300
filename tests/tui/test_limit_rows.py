from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from core.view import ApiView, CoinView, MarginView, RiskView, Severity, Snapshot, StopState, StopView
from tests.tui.factory import NOW_MS, coin_view
from tests.tui.trading import bitcoin, many, risk, tesla, trading
from widgets.ink import Ink, plain, width_of
from widgets.limit_rows import Limit, end_lines, limit_line, limit_lines, limits_of
from widgets.look import Look
from widgets.risk_history_rows import funding_lines, trip_lines

LABELS = [
    *("Drawdown", "Daily loss", "Daily gain", "Unrealized", "Margin", "Worst case", "API errors"),
    *("Worst long", "Worst short", "Orders/min", "Traded/min", "Liquidation"),
]


def limit(label: str, snapshot: Snapshot) -> Limit:
    return next(each for each in limits_of(Look(snapshot, NOW_MS)) if each.label == label)


def with_risk(**changes: Any) -> Snapshot:
    return replace(trading(), risk=replace(risk(), **changes))


def with_coin(**changes: Any) -> Snapshot:
    coin: CoinView = replace(bitcoin(), **changes)
    return trading((coin,))


def text(it: Limit, width: int = 78) -> str:
    return plain(limit_line(it, width)).rstrip()


def test_every_limit_is_there_and_one_that_is_off_says_off() -> None:
    assert [each.label for each in limits_of(Look(trading(), NOW_MS))] == LABELS
    nothing = replace(trading((bitcoin(),)), risk=RiskView(), api=ApiView(api_error_limit=0))
    bare = replace(nothing, coins=(replace(bitcoin(), position_cap=Decimal(0), max_orders_per_min=0),))
    for each in limits_of(Look(bare, NOW_MS)):
        assert text(each).endswith("off"), each.label


@pytest.mark.parametrize(
    ("drawdown", "severity"), [(6.9, Severity.INFO), (7.0, Severity.WARN), (10.0, Severity.CRIT)]
)
def test_a_limit_warns_from_seven_tenths_and_is_grave_when_it_is_reached(
    drawdown: float, severity: Severity
) -> None:
    assert limit("Drawdown", with_risk(drawdown_pct=drawdown)).severity is severity


def test_the_bar_is_as_full_as_the_limit_is_used_and_hides_neither_a_little_nor_what_is_left() -> None:
    for value, full in ((0.0, 0), (0.001, 1), (5.0, 15), (9.999, 29), (10.0, 30), (25.0, 30)):
        row = text(limit("Drawdown", with_risk(drawdown_pct=value)))
        assert (row.count("█"), row.count("░")) == (full, 30 - full), value
    assert text(limit("Drawdown", with_risk(drawdown_pct=5.0))).endswith("▏ 10.0%")


def test_a_loss_uses_the_days_stop_and_a_gain_the_days_take() -> None:
    loss = with_risk(day_usd=Decimal(-150), day_stop_usd=Decimal(-200), day_take_usd=Decimal(100))
    assert limit("Daily loss", loss).used == 0.75
    assert limit("Daily gain", loss).used == 0.0
    gain = with_risk(day_usd=Decimal(50), day_stop_usd=Decimal(-200), day_take_usd=Decimal(100))
    assert (limit("Daily loss", gain).used, limit("Daily gain", gain).used) == (0.0, 0.5)


def test_a_cap_that_the_grid_uses_up_is_as_it_should_be_and_one_that_is_exceeded_is_not() -> None:
    full = with_coin(worst_long=Decimal("0.75"), worst_short=Decimal("0.76"))
    assert limit("Worst long", full).severity is Severity.INFO
    assert limit("Worst short", full).severity is Severity.CRIT


def test_the_nearer_the_liquidation_the_fuller_its_bar() -> None:
    near = replace(bitcoin().margin, distance_pct=Decimal("12.5"))
    assert limit("Liquidation", with_coin(margin=near)).used == 0.8
    assert limit("Liquidation", with_coin(margin=near)).severity is Severity.WARN
    past = replace(near, distance_pct=Decimal(-1))
    assert limit("Liquidation", with_coin(margin=past)).severity is Severity.CRIT
    assert limit("Liquidation", with_coin(margin=MarginView())).used == 0.0
    assert limit("Liquidation", with_coin(margin=MarginView())).value == "none"
    assert limit("Liquidation", with_coin(margin=MarginView(is_read=False))).value == "n/a, not read"


@pytest.mark.parametrize("width", [58, 60, 78, 120, 200])
@pytest.mark.parametrize("height", [1, 5, 12, 13, 30])
def test_it_fits_and_what_is_off_goes_first(width: int, height: int) -> None:
    lines = limit_lines(Look(trading(), NOW_MS), width, height)
    assert len(lines) <= height
    assert all(width_of(each) <= width for each in lines)
    shown = [plain(each)[1:12].strip() for each in lines[1:]]
    if height == 12:
        assert "Traded/min" not in shown
        assert "Liquidation" in shown


def test_without_a_snapshot_there_is_a_title_alone() -> None:
    for lines in (limit_lines, end_lines, funding_lines):
        assert len(lines(Look(None, NOW_MS), 60, 9)) == 1


def test_where_it_ends_is_one_row_a_coin_the_current_one_first_then_the_unprotected() -> None:
    rows = [plain(each).rstrip() for each in end_lines(Look(many(), NOW_MS), 79, 9)]
    assert rows[0].startswith("═")
    assert rows[1].split() == [
        "BTC",
        "+0.1875",
        "▶",
        "running",
        "✓",
        "stop",
        "61,500",
        "4.3%",
        "liq",
        "41,200",
        "35.9%",
    ]
    assert rows[2].startswith(
        " TSLA       -12.5 ■ halted   ✖ stop 460 MISSING  liq none  the exchange refuse"
    )
    other = [plain(each) for each in end_lines(Look(many(), NOW_MS, coin_index=1), 79, 9)]
    assert other[1].startswith(" TSLA")


def test_an_unprotected_coin_is_seen_before_the_others_that_have_no_room() -> None:
    names = ("A", "B", "C")
    coins = (*(replace(bitcoin(), coin=name) for name in names), tesla())
    rows = [plain(each).split()[0] for each in end_lines(Look(trading(coins), NOW_MS), 79, 3)[1:]]
    assert rows == ["A", "TSLA"]


def test_an_outage_that_lasts_says_open_and_one_that_is_over_says_what_closed_it() -> None:
    rows = [plain(each).rstrip() for each in trip_lines(Look(trading(), NOW_MS), 100, 9)]
    assert rows[0].startswith("═")
    assert rows[1] == " 14:01:43Z place   ✖ OPEN 1m20s ×3: no answer from the exchange within 5 s"
    assert rows[2] == " 12:33:03Z info    open 12s, closed by an answer: HTTP 502: Bad Gateway"
    quiet = replace(trading(), api=ApiView())
    assert plain(trip_lines(Look(quiet, NOW_MS), 100, 9)[1]) == " none has opened"


def test_funding_has_a_row_a_day_and_the_sum_of_all_coins_beside_each() -> None:
    rows = [plain(each).split() for each in funding_lines(Look(many(), NOW_MS), 60, 9)]
    assert rows[1] == ["day", "all", "BTC", "TSLA"]
    assert rows[2] == ["01-01", "-$13.79", "+$0.41", "-$14.20"]
    assert rows[3] == ["12-31", "-$0.59", "-$0.59", "-"]
    narrow = [plain(each).split() for each in funding_lines(Look(many(), NOW_MS), 31, 9)]
    assert narrow[1] == ["day", "all", "BTC"]


def test_reasons_and_names_from_outside_stay_text() -> None:
    evil = replace(
        tesla(), coin="[red]\x1b", halt_reason="[b]\n\x07", stop=replace(tesla().stop, reason="\x1b[2J")
    )
    look = Look(trading((evil, bitcoin())), NOW_MS)
    for lines in (limit_lines, end_lines, funding_lines, trip_lines):
        assert all(each.isprintable() for each in map(plain, lines(look, 200, 20)))


def test_what_is_stale_is_dimmed() -> None:
    lines = limit_lines(Look(trading(), NOW_MS + 27_000), 80, 9)
    assert "STALE" in plain(lines[0])
    assert {span.ink for span in lines[1]} == {Ink.DIM}


def test_a_position_without_a_stop_is_told_in_one_word_that_no_width_cuts() -> None:
    """What comes after it was cut in the middle of saying the same once more, also at 120 columns."""
    bare = coin_view(stop=StopView(StopState.NONE, reason="none is configured for this side"))
    row = plain(end_lines(Look(trading((bare,)), NOW_MS), 59, 3)[1]).rstrip()
    assert "stop none" in row
    assert "…" not in row
