"""A number without an age is a lie: whatever is old says so in its panel, in words."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.view import BreakerState, BreakerView, DriftView, MarginView
from gridbot_tui.screens.dashboard import DashboardScreen
from tests.tui.factory import NOW_MS, coin_view, snapshot
from widgets import formats
from widgets.health_rows import breaker_fields
from widgets.ink import plain
from widgets.line_panel import LinePanel
from widgets.look import AGED_S, STALE_S, Look
from widgets.money_rows import portfolio_line
from widgets.status_rows import status_line

AGES = st.integers(0, 100_000)
MARKET = ("position", "ladder", "grid", "phone")


def panels() -> dict[str, LinePanel]:
    made: dict[str, LinePanel] = {}
    for container in DashboardScreen().body():
        for panel in container._pending_children:
            assert isinstance(panel, LinePanel)
            made[str(panel.id)] = panel
    return made


def look_of(core_ms: int, feed_ms: int, quote_ms: int, read_ms: int) -> Look:
    coin = coin_view(
        market_ms=NOW_MS - quote_ms,
        drift=DriftView(coin_view().position, NOW_MS - read_ms),
    )
    feed = replace(snapshot().feed, last_message_ms=NOW_MS - feed_ms)
    return Look(snapshot(time_ms=NOW_MS - core_ms, coins=(coin,), feed=feed), NOW_MS)


@settings(max_examples=150, deadline=None)
@given(AGES, AGES, AGES, AGES)
def test_any_old_number_has_an_age_or_stale_beside_it(core: int, feed: int, quote: int, read: int) -> None:
    look = look_of(core, feed, quote, read)
    for name, panel in panels().items():
        title = plain(panel.lines(look, 60, 20)[0])
        oldest = max(core, quote if name in MARKET else 0) / 1_000
        if oldest > AGED_S:
            assert " · " in title, (name, title)
        if oldest >= STALE_S + 1:
            assert "STALE" in title, (name, title)


@pytest.mark.parametrize("name", ["position", "phone"])
def test_the_price_of_liquidation_is_as_old_as_the_account_was_read(name: str) -> None:
    assert "account 12s" in plain(panels()[name].lines(look_of(0, 0, 0, 12_000), 60, 20)[0])


@pytest.mark.parametrize("name", ["position", "phone"])
def test_what_is_flat_has_no_price_of_liquidation_whatever_was_read_last(name: str) -> None:
    read = MarginView("isolated", 3, Decimal(50), Decimal("41200"), Decimal(9000), Decimal("35.9"))
    look = Look(snapshot(coins=(coin_view(position=Decimal(0), margin=read),)), NOW_MS)
    row = next(row for row in map(plain, panels()[name].lines(look, 60, 20)) if "Liq." in row)
    assert "none, flat" in row


def test_money_of_an_account_that_cannot_be_read_is_called_stale() -> None:
    for width in (80, 120):
        fresh, old = (plain(portfolio_line(look_of(0, 0, 0, ms), width)) for ms in (5_000, 25_000))
        assert "account" not in fresh
        assert old.startswith(" ✖ account 25s STALE  Equity $"), old


@settings(max_examples=60, deadline=None)
@given(AGES)
def test_a_comparison_of_positions_never_looks_newer_than_it_is(read: int) -> None:
    rows = [plain(row) for row in panels()["system"].lines(look_of(0, 0, 0, read), 48, 12)]
    drift = next(row for row in rows if "Drift" in row)
    age_s = read / 1_000
    assert (formats.age(age_s) in drift) == (age_s > AGED_S)
    assert ("STALE" in drift) == (age_s >= STALE_S)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("age_s", [3, 12])
def test_a_run_state_of_some_time_ago_is_not_shown_as_of_now(width: int, age_s: int) -> None:
    text = plain(status_line(Look(snapshot(time_ms=NOW_MS - age_s * 1_000), NOW_MS), width))
    assert f"▶ RUNNING {formats.age(age_s)} ago" in text


def test_a_breakers_countdown_goes_on_while_the_core_says_nothing() -> None:
    api = replace(
        snapshot().api,
        breaker_open=True,
        breakers=(BreakerView("info", BreakerState.OPEN, "502", cooldown_left_s=9.0),),
    )
    assert "OPEN 9s" in breaker_fields(api)[0].value
    assert "OPEN 5s" in breaker_fields(api, 4.0)[0].value
