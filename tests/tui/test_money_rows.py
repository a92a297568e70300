from __future__ import annotations

from dataclasses import replace

import pytest

from core.view import RunState
from tests.tui.factory import NOW_MS
from tests.tui.trading import bitcoin, many, trading
from widgets.ink import Ink, plain, width_of
from widgets.look import Look
from widgets.money_rows import coin_strip, portfolio_line


def test_the_portfolio_reads_equity_profit_worst_case_and_margin_at_80_columns_and_their_limits_beyond() -> (
    None
):
    look = Look(trading(), NOW_MS)
    assert plain(portfolio_line(look, 80)).strip() == (
        "Equity $10,148.20  Total +$1,248.33  Worst case $24,087  Margin 23.4%"
    )
    assert plain(portfolio_line(look, 120)).strip() == (
        "Equity $10,148.20  Total +$1,248.33  Worst case $24,087 of $50,000  Margin 23.4% of 60%  Today -$52.10  Free $3,120"
    )
    assert portfolio_line(Look(None, NOW_MS), 80) == ()


def test_nothing_is_worth_zero_dollars_before_the_core_has_reported_an_account() -> None:
    """One that died before, for a coin that isn't listed say, stood there with an equity of $0.00."""
    assert portfolio_line(Look(replace(trading(), state=RunState.DEAD, coins=()), NOW_MS), 80) == ()


@pytest.mark.parametrize("width", range(20, 140, 7))
def test_it_is_never_wider_than_the_terminal_and_no_number_is_cut(width: int) -> None:
    made = plain(portfolio_line(Look(trading(), NOW_MS), width))
    assert len(made) == width
    assert "…" not in made


def test_each_coin_shows_its_state_position_and_profit_and_the_current_one_stands_in_brackets() -> None:
    assert plain(coin_strip(Look(many(), NOW_MS), 80)).rstrip() == "[▶ BTC +0.1875 +$1,248] ■ TSLA -12.5 -$83"
    second = coin_strip(Look(many(), NOW_MS, coin_index=1), 80)
    assert plain(second).rstrip() == " ▶ BTC +0.1875 +$1,248 [■ TSLA -12.5 -$83]"
    assert next(span for span in second if "TSLA" in span.text).ink is Ink.MID


def test_one_coin_needs_no_strip() -> None:
    assert coin_strip(Look(trading(), NOW_MS), 80) == ()


@pytest.mark.parametrize("current", [0, 1, 7, 18, 19])
@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_without_room_for_all_those_around_the_current_one_are_shown_and_the_others_counted(
    current: int, width: int
) -> None:
    coins = tuple(replace(bitcoin(), coin=f"C{at:02d}") for at in range(20))
    made = coin_strip(Look(trading(coins), NOW_MS, coin_index=current), width)
    text = plain(made)
    assert width_of(made) == width
    assert f"[▶ C{current:02d}" in text
    shown = sum(f"C{at:02d}" in text for at in range(20))
    before = int(text[1:].split()[0]) if text.startswith("‹") else 0
    after = int(text.rstrip()[:-1].split()[-1]) if text.rstrip().endswith("›") else 0
    assert before + shown + after == 20


def test_a_coin_that_waits_is_told_from_one_that_quotes_and_a_hostile_name_stays_text() -> None:
    idle = replace(bitcoin(), coin="[red]\x1b", idle_reason="drifts")
    text = plain(coin_strip(Look(trading((idle, replace(bitcoin(), state=RunState.HALTED))), NOW_MS), 80))
    assert text.startswith("[▲ [red]? ")
    assert " ■ BTC" in text
