"""The risk screen's block on the way to the exchange."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from core.view import BudgetMode, BudgetView, DeadManState, DeadManView, LatencyView, Severity
from tests.tui.conftest import Console
from tests.tui.factory import NOW_MS
from tests.tui.trading import budget, latency, trading
from widgets.look import Look
from widgets.router_rows import budget_rows, dead_man_row, latency_rows, router_lines


def texts(view: BudgetView, width: int = 80) -> list[str]:
    return ["".join(span.text for span in row).rstrip() for _, row in budget_rows(view, NOW_MS, width)]


def grades(view: BudgetView) -> list[Severity]:
    return [severity for severity, _ in budget_rows(view, NOW_MS, 80)]


def test_what_is_left_of_each_budget_is_said_with_its_limit_and_how_long_it_lasts() -> None:
    weight, requests, lasts, sent = texts(budget())
    assert "1,104 left" in weight
    assert weight.endswith("1,200/min")
    assert "931 left" in requests
    assert requests.endswith("of 10,143")
    assert lasts.endswith("9h30m  thinning: moves wait longer")
    assert sent.endswith("38 a minute  412 within the hour; 11,074 cancels left")


@pytest.mark.parametrize(
    ("change", "grade"),
    [
        ({}, Severity.WARN),
        ({"mode": BudgetMode.NORMAL}, Severity.INFO),
        ({"mode": BudgetMode.ONE_PER_10S}, Severity.CRIT),
    ],
)
def test_the_mode_is_how_grave_the_requests_are(change: dict[str, Any], grade: Severity) -> None:
    assert grades(replace(budget(), **change))[1:3] == [grade, grade]


def test_a_pause_says_how_long_it_lasts_and_why() -> None:
    paused = replace(budget(), paused_until_ms=NOW_MS + 14_000, paused_why="HTTP 429")
    assert "PAUSED" in texts(paused)[0]
    assert texts(paused)[0].endswith("14s: HTTP 429")
    assert grades(paused)[0] is Severity.WARN
    over = replace(paused, paused_until_ms=NOW_MS - 1)
    assert "PAUSED" not in texts(over)[0]


def test_only_the_reserve_that_is_left_of_the_weight_warns_and_a_bucket_of_ones_own_says_so() -> None:
    assert grades(replace(budget(), ip_left=120))[0] is Severity.WARN
    assert texts(replace(budget(), is_shared=False))[0].endswith("1,200/min, alone")


def test_what_has_not_been_read_yet_is_no_figure() -> None:
    assert [text.split()[-1] for text in texts(BudgetView())[:3]] == ["yet", "yet", "yet"]


def test_requests_that_trading_gives_back_last() -> None:
    lasting = replace(budget(), hours_to_empty=None, mode=BudgetMode.NORMAL)
    assert texts(lasting)[2].endswith("all day  at this churn")


def test_without_room_for_all_what_warns_stays() -> None:
    lines = router_lines(Look(trading(), NOW_MS), 80, 2)
    assert len(lines) == 2
    assert "931 left" in "".join(span.text for span in lines[1])


def test_how_long_orders_take_is_told_for_our_part_and_for_the_exchanges() -> None:
    ours, theirs = ("".join(span.text for span in row).rstrip() for _, row in latency_rows(latency(), 80))
    assert ours.split() == [
        "Tick",
        "to",
        "wire",
        "383",
        "µs",
        "p99",
        "1.2",
        "ms,",
        "worst",
        "12",
        "ms,",
        "of",
        "412;",
        "24",
        "ms",
        "to",
        "the",
        "ack",
    ]
    assert theirs.split() == [
        "Wire",
        "to",
        "ack",
        "24",
        "ms",
        "p99",
        "61",
        "ms,",
        "worst",
        "1.3s,",
        "of",
        "598",
    ]


def test_before_the_first_order_there_is_no_figure() -> None:
    for _, row in latency_rows(LatencyView(), 80):
        assert "".join(span.text for span in row).rstrip().endswith("–  no order yet")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_row_is_as_wide_as_its_panel(width: int) -> None:
    for line in router_lines(Look(trading(), NOW_MS), width, 9):
        assert sum(len(span.text) for span in line) <= width


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=["80x24", "120x40", "200x50"])
async def test_it_is_whole_on_the_risk_screen(console: Any, size: tuple[int, int]) -> None:
    it: Console = console(trading())
    async with it.app.run_test(size=size) as pilot:
        await pilot.press("4")
        await pilot.pause()
        shown = it.read("#router")
    for words in ("Order router", "IP weight", "Requests", "Lasts", "Dead man", "Tick to wire", "of 10,143"):
        assert words in shown


UNTIL_MS = NOW_MS + 41_000


@pytest.mark.parametrize(
    ("switch", "grade", "says"),
    [
        (DeadManView(DeadManState.ASKED, 60, 20), Severity.INFO, "asked  not armed"),
        (
            DeadManView(DeadManState.ARMED, 60, 20, UNTIL_MS, firings_left=9),
            Severity.INFO,
            "ARMED  fires in 41s, stops too; at most 9 left today",
        ),
        (
            DeadManView(DeadManState.ARMED, 60, 20, text="no answer"),
            Severity.CRIT,
            "LAPSED  its time has passed: no answer",
        ),
        (
            DeadManView(
                DeadManState.NOT_ELIGIBLE, 60, 20, traded_usd=Decimal("12066.75"), required_usd=Decimal(10**6)
            ),
            Severity.WARN,
            "NOT ELIGIBLE  traded 12,067 of 1,000,000 USD",
        ),
        (
            DeadManView(DeadManState.REFUSED, 60, 20, UNTIL_MS, "Too often"),
            Severity.WARN,
            "REFUSED  fires in 41s, stops too: Too often",
        ),
        (
            DeadManView(DeadManState.FIRED, 60, 20, firings_left=8),
            Severity.CRIT,
            "FIRED  all orders were cancelled; at most 8 left today",
        ),
    ],
    ids=lambda value: value.state.value if isinstance(value, DeadManView) else "",
)
def test_the_dead_man_switch_says_whether_it_is_armed_and_that_it_takes_the_stops(
    switch: DeadManView, grade: Severity, says: str
) -> None:
    severity, row = dead_man_row(replace(trading(), dead_man=switch), NOW_MS, 80)
    assert severity is grade
    assert "".join(span.text for span in row).rstrip().endswith(says)


@pytest.mark.parametrize(
    ("pid", "is_embedded", "says"),
    [
        (4711, False, "off  watchdog pid 4711 guards"),
        (0, False, "off  watchdog pid unknown guards"),
        (None, False, "off  no watchdog: start `gridbot watchdog`"),
        (None, True, "off  the paper exchange ends with the bot"),
    ],
)
def test_a_watchdog_guards_only_where_one_is_seen_to_run(
    pid: int | None, is_embedded: bool, says: str
) -> None:
    seen = replace(trading(), dead_man=DeadManView(), watchdog_pid=pid, is_embedded=is_embedded)
    _, row = dead_man_row(seen, NOW_MS, 80)
    assert "".join(span.text for span in row).rstrip().endswith(says)
