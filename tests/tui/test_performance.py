from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from core.view import BacktestView, HistoryPoint, PnlView, RiskView, Snapshot
from gridbot_tui.screens.performance import PerformanceScreen
from tests.tui.conftest import Console
from tests.tui.factory import NOW_MS, snapshot
from widgets.chart_rows import Reached, chart_lines, columns
from widgets.ink import Ink, plain
from widgets.look import Link, Look
from widgets.performance_rows import performance_lines

MakeConsole = Callable[[Snapshot | None], Console]
MINUTE_MS = 60_000


def _course(*totals: int, fills: int = 2, makers: int = 1) -> tuple[HistoryPoint, ...]:
    """One point a minute up to now."""
    began = NOW_MS - MINUTE_MS * len(totals)
    return tuple(
        HistoryPoint(began + at * MINUTE_MS, Decimal(total), 0.5 * at, fills, makers)
        for at, total in enumerate(totals)
    )


def _rows(shown: Snapshot | None, width: int = 80, height: int = 22) -> list[str]:
    return [plain(row) for row in performance_lines(Look(shown, NOW_MS), width, height)]


def _chart(values: list[float | None], height: int) -> list[str]:
    return [plain(row)[11:] for row in chart_lines(values, height, "$", Ink.BUY, Ink.SELL)]


def test_profit_stands_on_the_zero_line_and_loss_hangs_below_it() -> None:
    assert _chart([10, 5, 0, -5, -10, None], 5) == [
        "█     ",
        "██    ",
        "──────",
        "   ██ ",
        "    █ ",
    ]


def test_a_course_without_a_loss_has_no_room_for_one_and_the_other_way_round() -> None:
    assert _chart([4, 2], 3) == ["█ ", "██", "──"]
    assert _chart([-4, -2], 3) == ["──", "██", "█ "]
    assert _chart([0, 0], 2) == ["  ", "──"]


def test_profit_and_loss_are_drawn_to_one_scale() -> None:
    assert _chart([1000, -1000], 5) == ["█ ", "█ ", "──", " █", " █"]
    assert _chart([1000, -1], 5)[-1] == "  ", "less than half a row: the scale says it"
    assert _chart([900, -300], 5)[-1] == " █"


def test_the_scale_has_the_highest_and_the_lowest_value() -> None:
    rows = [plain(row) for row in chart_lines([20_000.0, -3.456], 6, "$", Ink.BUY, Ink.SELL)]
    assert rows[0].startswith("  +$20,000 ")
    assert rows[-1].startswith("    -$3.46 ")
    assert any(row.startswith("         0 ─") for row in rows)


def test_a_stretch_without_a_report_is_left_out_and_the_last_value_of_each_counts() -> None:
    points = [Reached(0, 1.0), Reached(10, 2.0), Reached(99, 3.0), Reached(100, 4.0), Reached(500, 9.0)]
    assert columns(points, 0, 100, 5) == [2.0, None, None, None, 4.0]


def test_the_numbers_are_those_of_the_points_and_of_the_journal() -> None:
    shown = snapshot(
        history=_course(0, 10, -5),
        pnl=PnlView(total_usd=Decimal("25.5")),
        risk=RiskView(drawdown_pct=0.25),
    )
    text = "\n".join(_rows(shown))
    assert " Total +$25.50  +$25.50 in 3m00s  worst drawdown 1.00%" in text
    assert " Maker 94.0% of 418 fills ever, 50.0% of 6 in 3m00s" in text
    assert "6 this hour, 6 in the busiest of 1" in text
    assert "14:03 UTC" in text


def test_fills_belong_to_the_hour_in_which_their_minute_ended() -> None:
    hour = NOW_MS // 3_600_000 * 3_600_000
    points = (
        HistoryPoint(hour - MINUTE_MS, Decimal(0), 0.0, 3, 0),
        HistoryPoint(hour, Decimal(0), 0.0, 4, 0),
        HistoryPoint(hour + MINUTE_MS, Decimal(0), 0.0, 1, 0),
    )
    assert any("1 this hour, 7 in the busiest of 2" in row for row in _rows(snapshot(history=points)))


@pytest.mark.parametrize(
    ("backtest", "row"),
    [
        (BacktestView(), " Backtest: no backtest.json in the state dir"),
        (BacktestView(error="backtest.json: fills: no number"), " Backtest: backtest.json: fills: no number"),
        (
            BacktestView("september", 0, 7_200_000, Decimal("-12.5"), 3.5, 200, 190),
            " Backtest september -$12.50 in 2h00m, worst drawdown 3.50%, 200 fills, maker 95.0%",
        ),
    ],
)
def test_a_backtest_stands_in_one_line_or_one_line_says_why_not(backtest: BacktestView, row: str) -> None:
    assert _rows(snapshot(backtest=backtest), 100)[-1].rstrip() == row


@pytest.mark.parametrize("size", [(60, 17), (60, 12), (80, 21), (120, 37), (200, 47), (60, 6)], ids=str)
def test_it_fits_and_the_numbers_outlive_the_charts(size: tuple[int, int]) -> None:
    width, height = size
    rows = _rows(snapshot(history=_course(*range(-50, 500))), width, height)
    assert len(rows) <= height
    assert any(row.startswith(" Total") for row in rows)
    if height > 12:
        assert max(map(len, rows)) <= max(width, 80)


def test_a_slow_link_gets_the_numbers_and_no_plots() -> None:
    shown = snapshot(history=_course(*range(100)))
    rows = [plain(row) for row in performance_lines(Look(shown, NOW_MS, link=Link(is_slow=True)), 80, 22)]
    assert rows[-1] == " No plots on a slow link"
    assert any(row.startswith(" Maker") for row in rows)
    assert not any("─────" in row for row in rows[1:])


def test_before_the_first_report_it_waits() -> None:
    assert "waiting for the core's first report" in _rows(None)[1]


async def test_a_new_minute_repaints_what_changed_of_the_charts(console: MakeConsole) -> None:
    it = console(snapshot(history=_course(*range(400))))
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("7")
        await pilot.pause()
        assert isinstance(it.app.screen, PerformanceScreen)
        assert "7 Performance" in it.read("#performance")
        panel = it.app.screen.query_one("#performance")
        before = panel.repainted_cells  # type: ignore[attr-defined]
        it.app.tick()
        assert panel.repainted_cells == before  # type: ignore[attr-defined]
