from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from core.view import (
    ApiView,
    BreakerState,
    BreakerView,
    CoinView,
    DriftView,
    FeedView,
    FillsView,
    MarginView,
    RunState,
    SessionState,
    Severity,
    StopState,
    StopView,
)
from tests.tui.factory import NOW_MS, coin_view, drifting, halted, snapshot
from tests.tui.trading import bitcoin
from widgets.fields import Field, field_line, panel_lines
from widgets.health_rows import breaker_fields, risk_fields, system_fields
from widgets.ink import Ink, plain, width_of
from widgets.look import Look
from widgets.panel_rows import fill_fields, grid_fields, position_fields
from widgets.phone_rows import liquidation_field
from widgets.status_rows import status_line

ALL_PANELS = [position_fields, fill_fields, grid_fields, system_fields, risk_fields]


def look_at(now_ms: int = NOW_MS, **changes: object) -> Look:
    return Look(snapshot(**changes), now_ms)


def row(fields: list[Field], label: str, width: int = 46) -> str:
    return plain(field_line(next(field for field in fields if field.label == label), width))


def field(fields: list[Field], label: str) -> Field:
    return next(field for field in fields if field.label == label)


@pytest.mark.parametrize("fields", ALL_PANELS)
@pytest.mark.parametrize("width", [36, 40, 46, 90])
def test_no_row_is_wider_than_its_panel(fields: Callable[[Look], list[Field]], width: int) -> None:
    for made in panel_lines("1 Title", fields(look_at()), 27.0, width, 9):
        assert width_of(made) <= width


@pytest.mark.parametrize("fields", ALL_PANELS)
def test_every_panel_can_be_drawn_before_the_first_report(fields: Callable[[Look], list[Field]]) -> None:
    assert panel_lines("1 Title", fields(Look(None, NOW_MS)), 0.0, 46, 4)


def test_a_drift_that_was_last_looked_at_long_ago_is_no_all_clear() -> None:
    seen = coin_view(drift=DriftView(Decimal("0.1875"), NOW_MS))
    for after_s, severity, words in (
        (1, Severity.INFO, "0.00% [<1%]"),
        (19, Severity.INFO, "0.00% · 19s"),
        (45, Severity.WARN, "STALE 45s"),
    ):
        look = look_at(NOW_MS + 1_000 * after_s, coins=(seen,))
        assert field(system_fields(look), "Drift").severity is severity
        assert row(system_fields(look), "Drift").endswith(words)


def test_a_stop_that_does_not_rest_is_seen_on_the_smallest_panel() -> None:
    held = coin_view(stop=StopView(StopState.PLACING, Decimal(61_500)))
    rows = [
        plain(each)
        for each in panel_lines("1 Position & PnL", position_fields(look_at(coins=(held,))), 0.0, 46, 4)
    ]
    assert [each.split()[0] for each in rows[1:]] == ["Position", "Entry/Mid", "Stop"]
    assert "61,500.0      placing" in rows[3]


def test_rows_that_warn_stand_in_the_order_of_their_panel_and_never_for_the_first() -> None:
    fields = [
        Field("a", "1"),
        Field("b", "2", severity=Severity.WARN),
        Field("c", "3"),
        Field("d", "4", severity=Severity.CRIT),
    ]
    for room, labels in ((4, "abcd"), (3, "abd"), (2, "ad"), (1, "a"), (0, "")):
        rows = [plain(each).split()[0] for each in panel_lines("1 Title", fields, 0.0, 46, room + 1)[1:]]
        assert "".join(rows) == labels


def test_the_position_reads_as_a_word_a_signed_size_and_a_notional() -> None:
    assert row(position_fields(look_at()), "Position") == " Position       LONG +0.1875 BTC      $12,044"


def test_a_flat_and_a_short_position_read_as_such() -> None:
    flat = position_fields(look_at(coins=(coin_view(position=Decimal(0), entry=Decimal(0)),)))
    short = position_fields(look_at(coins=(coin_view(coin="xyz:TSLA", position=Decimal("-2.5")),)))
    assert "FLAT 0 BTC" in row(flat, "Position")
    assert "n/a" in row(flat, "Entry/Mid")
    assert "SHORT -2.5 TSLA" in row(short, "Position")


def test_the_profit_of_the_grid_stands_beside_that_of_the_inventory_and_above_the_total() -> None:
    fields = position_fields(look_at())
    assert row(fields, "Grid/Inv").split() == ["Grid/Inv", "+$1,352.40", "-$81.64"]
    assert row(fields, "Total").split() == ["Total", "+$1,248.33", "vs", "hold", "+$938"]
    assert row(fields, "Fees/Fund").split() == ["Fees/Fund", "-$18.31", "-$4.12"]
    assert [each.label for each in fields][-4:] == ["Grid/Inv", "Fees/Fund", "Total", "Realised"]


def test_stop_and_liquidation_stand_with_price_and_distance_among_the_first_five_rows() -> None:
    fields = position_fields(look_at(coins=(bitcoin(),)))
    assert [each.label for each in fields][3:5] == ["Stop", "Liq."]
    assert row(fields, "Stop").split() == ["Stop", "✓", "61,500.0", "4.26%", "away"]
    assert row(fields, "Liq.").split() == ["Liq.", "41,200.0", "35.86%", "away"]


def test_without_a_position_there_is_nothing_to_liquidate_whatever_was_seen_last() -> None:
    flat = replace(bitcoin(), position=Decimal(0))
    assert row(position_fields(look_at(coins=(flat,))), "Liq.").split() == ["Liq.", "none,", "flat"]


def test_of_a_side_that_was_not_read_since_no_price_of_liquidation_is_named() -> None:
    flipped = replace(bitcoin(), margin=MarginView("isolated", 3, is_read=False), liquidation=None)
    for fields in (position_fields(look_at(coins=(flipped,))), [liquidation_field(flipped)]):
        assert row(fields, "Liq.").split() == ["Liq.", "n/a", "not", "read", "since"]


def test_who_began_flat_sees_no_comparison_with_holding() -> None:
    flat = coin_view(pnl=replace(coin_view().pnl, holding_usd=Decimal(0)))
    assert row(position_fields(look_at(coins=(flat,))), "Total").split() == ["Total", "+$1,248.33"]


def test_numbers_of_a_panel_share_their_right_edges() -> None:
    rows = [plain(field_line(each, 46)).rstrip() for each in position_fields(look_at())[:3]]
    assert {len(each) for each in rows} == {45}
    assert {len(each[:33].rstrip()) for each in rows} == {32}


def test_a_note_without_room_goes_whole_and_a_value_is_never_cut_for_it() -> None:
    wide = Field("Position", "SHORT -1,250,000.5 kPEPE", ("$1,234,567",))
    assert plain(field_line(wide, 40)).strip() == "Position    SHORT -1,250,000.5 kPEPE"


def test_the_shorter_wording_of_a_note_is_taken_where_the_longer_breaks_the_columns() -> None:
    assert row(fill_fields(look_at()), "WS/REST", 36).endswith("412 / 6  98.6%")
    assert row(fill_fields(look_at()), "WS/REST", 40).endswith("412 / 6   98.6% WS")
    assert "[>95%]" in row(fill_fields(look_at()), "WS/REST", 46)


def test_a_ratio_of_few_fills_is_not_a_number() -> None:
    few = FillsView(total=7, buys=4, sells=3, from_ws=6, from_rest=1)
    fields = fill_fields(look_at(coins=(coin_view(fills=few),)))
    assert "n/a (7 fills)" in row(fields, "WS/REST", 46)
    assert "n/a (7 fills)" in row(fields, "WS/REST", 40)
    assert field(fields, "WS/REST").severity is None


@pytest.mark.parametrize(
    ("ws", "rest", "severity"), [(96, 4, Severity.INFO), (94, 6, Severity.WARN), (40, 60, Severity.CRIT)]
)
def test_rest_overtaking_the_websocket_is_critical(ws: int, rest: int, severity: Severity) -> None:
    fills = FillsView(total=100, from_ws=ws, from_rest=rest)
    assert field(fill_fields(look_at(coins=(coin_view(fills=fills),))), "WS/REST").severity is severity


def test_drift_is_shown_in_base_before_percent() -> None:
    drift = DriftView(Decimal("0.1796"), NOW_MS, Decimal("0.0079"), 4.2)
    drifted = system_fields(look_at(coins=(coin_view(drift=drift),)))
    text = row(drifted, "Drift")
    assert text.index("+0.0079 BTC") < text.index("4.20%")
    assert field(drifted, "Drift").severity is Severity.CRIT


def test_drift_before_the_first_read_is_not_zero() -> None:
    fields = system_fields(look_at(coins=(coin_view(drift=DriftView()),)))
    assert "n/a" in row(fields, "Drift")
    assert "not read yet" in row(fields, "Drift")


@pytest.mark.parametrize(
    ("age_s", "severity"), [(9, Severity.INFO), (10, Severity.WARN), (20, Severity.CRIT)]
)
def test_a_quiet_feed_warns_at_ten_seconds_and_is_critical_at_twenty(age_s: int, severity: Severity) -> None:
    feed = FeedView(connected=True, ready=True, last_message_ms=NOW_MS - age_s * 1_000)
    assert field(system_fields(look_at(feed=feed)), "WS age").severity is severity


def test_an_open_breaker_says_why() -> None:
    api = ApiView(breaker_open=True, breaker_reason="5 errors in 10s", api_error_streak=5)
    fields = system_fields(look_at(api=api))
    assert "OPEN: 5 errors in 10s" in row(fields, "Breaker")
    assert field(fields, "API errs").severity is Severity.CRIT


def test_each_breaker_that_is_not_closed_has_its_row_the_open_ones_first() -> None:
    probing = BreakerView("info", BreakerState.HALF_OPEN, "time-out", "unanswered", 4, 1, 0.0)
    opened = BreakerView("place", BreakerState.OPEN, "HTTP 502", "server", 9, 3, 17.4)
    calm = BreakerView("cancel")
    fields = breaker_fields(ApiView(breaker_open=True, breakers=(probing, opened, calm)))
    assert [(f.value, f.severity) for f in fields] == [
        ("place OPEN 17s, trip 3: HTTP 502", Severity.CRIT),
        ("info PROBING: time-out", Severity.WARN),
    ]


def test_closed_breakers_are_one_row_that_remembers_how_often_they_opened() -> None:
    (quiet,) = breaker_fields(ApiView(breakers=(BreakerView("place"), BreakerView("info"))))
    assert (quiet.value, quiet.notes, quiet.severity) == ("closed", (), Severity.INFO)
    (field_,) = breaker_fields(
        ApiView(breakers=(BreakerView("place", trips=2), BreakerView("info", trips=1)))
    )
    assert field_.notes == ("3 trips",)
    (field_,) = breaker_fields(ApiView(breakers=(BreakerView("place", trips=1),)))
    assert field_.notes == ("1 trip",)


def test_a_breaker_that_no_time_closes_counts_nothing_down() -> None:
    opened = BreakerView("auth", BreakerState.OPEN, "no agent", "auth", 1, 1, None)
    (shown,) = breaker_fields(ApiView(breaker_open=True, breakers=(opened,)))
    assert shown.value == "auth OPEN: no agent"


def test_the_limit_of_the_streams_age_is_the_one_that_was_set() -> None:
    feed = FeedView(connected=True, ready=True, last_message_ms=NOW_MS - 20_000, stale_after_s=60.0)
    shown = field(system_fields(look_at(feed=feed)), "WS age")
    assert shown.severity is Severity.INFO
    assert shown.notes == ("[<60s]",)


def test_orders_below_target_warn_only_while_running() -> None:
    thin = replace(coin_view().grid, orders_active=28)
    running = grid_fields(look_at(coins=(coin_view(grid=thin),)))
    assert field(running, "Orders").severity is Severity.WARN
    assert field(grid_fields(Look(halted(), NOW_MS)), "Orders").severity is Severity.INFO


def test_compression_shows_its_reason() -> None:
    grid = replace(coin_view().grid, compression="loss drift 0.8, at the floor of 0.100%")
    assert "loss drift 0.8" in row(grid_fields(look_at(coins=(coin_view(grid=grid),))), "Compress")


def test_a_market_that_closes_shows_its_session_and_another_has_no_such_row() -> None:
    assert "Session" not in [each.label for each in position_fields(look_at())]
    open_now = position_fields(look_at(coins=(coin_view(session_policy="reduce"),)))
    assert row(open_now, "Session").split() == ["Session", "✓", "open", "reduce"]
    opens_ms = 1_796_049_000_000
    for state in (SessionState.CLOSED, SessionState.CLOSING, SessionState.OPENING):
        closed = coin_view(session_state=state, session_policy="flatten", session_opens_ms=opens_ms)
        fields = position_fields(look_at(coins=(closed,)))
        assert row(fields, "Session").split() == [
            "Session",
            "▲",
            f"{state.value}:",
            "flatten",
            "11-30",
            "14:30",
        ]
        assert field(fields, "Session").severity is Severity.WARN


def test_a_bot_that_is_not_halted_reads_running() -> None:
    assert row(risk_fields(look_at()), "Trading").split() == ["Trading", "✓", "running"]


def test_a_silent_core_is_not_claimed_to_be_running() -> None:
    assert "unknown, was running" in row(risk_fields(look_at(NOW_MS + 27_000)), "Trading")


def test_a_halt_says_why() -> None:
    assert "HALTED: an operator asked" in row(risk_fields(Look(halted(), NOW_MS)), "Trading")


def test_margin_is_graded_against_its_limit_and_orders_against_theirs() -> None:
    risk = replace(snapshot().risk, max_margin_pct=30.0)
    for used, severity in ((20.9, Severity.INFO), (21.0, Severity.WARN), (30.0, Severity.CRIT)):
        fields = risk_fields(look_at(risk=replace(risk, margin_utilization_pct=used)))
        assert field(fields, "Margin").value == f"{used:.1f}% of 30.0%"
        assert field(fields, "Margin").severity is severity
    for sent, severity in ((69, Severity.INFO), (70, Severity.WARN), (100, Severity.CRIT)):
        coin = coin_view(orders_last_min=sent, max_orders_per_min=100)
        shown = field(risk_fields(look_at(coins=(coin,))), "Sent/min")
        assert (shown.value, shown.severity) == (f"{sent} of 100", severity)
    unlimited = field(risk_fields(look_at(coins=(coin_view(max_orders_per_min=0),))), "Sent/min")
    assert (unlimited.value, unlimited.notes) == ("12", ("no limit",))


def test_drawdown_is_graded_against_its_limit() -> None:
    risk = snapshot().risk
    for used, severity in ((6.9, Severity.INFO), (7.0, Severity.WARN), (10.0, Severity.CRIT)):
        fields = risk_fields(look_at(risk=replace(risk, drawdown_pct=used)))
        assert field(fields, "Drawdown").severity is severity


def test_exposure_beyond_the_cap_is_critical() -> None:
    fields = risk_fields(look_at(coins=(coin_view(worst_short=Decimal("0.80")),)))
    assert field(fields, "Exposure").severity is Severity.CRIT


def test_the_rule_of_a_title_grows_heavier_with_the_worst_field_even_an_unseen_one() -> None:
    calm = panel_lines("4 System health", system_fields(look_at()), 0.0, 46, 3)
    worse = panel_lines("4 System health", system_fields(Look(drifting(), NOW_MS)), 0.0, 46, 3)
    hidden = look_at(api=ApiView(breaker_open=True))
    assert plain(calm[0]).startswith("─4 System health──")
    assert plain(worse[0]).startswith("═4 System health══")
    assert plain(panel_lines("4 System health", system_fields(hidden), 0.0, 46, 2)[0]).startswith("═")


def test_a_title_shows_its_age_from_two_seconds_and_stale_from_twenty() -> None:
    def title(age_s: float) -> str:
        return plain(panel_lines("5 Risk", [], age_s, 30, 2)[0])

    assert title(2.0) == "─5 Risk" + "─" * 23
    assert title(3.14).startswith("─5 Risk · 3.1s─")
    assert title(27.0).startswith("─5 Risk · 27s STALE─")


def test_values_dim_once_they_are_stale() -> None:
    fresh = panel_lines("1 Position", position_fields(look_at()), 19.9, 46, 4)
    stale = panel_lines("1 Position", position_fields(look_at()), 20.0, 46, 4)
    assert {span.ink for each in stale[1:] for span in each} == {Ink.DIM}
    assert [plain(each) for each in stale[1:]] == [plain(each) for each in fresh[1:]]


def test_a_coin_that_is_halted_alone_is_halted_on_its_dashboard() -> None:
    both = snapshot(
        coins=(coin_view(), coin_view(coin="ETH", state=RunState.HALTED, halt_reason="assertion"))
    )
    assert Look(both, NOW_MS).state is RunState.RUNNING
    assert Look(both, NOW_MS, coin_index=1).state is RunState.HALTED


def test_the_position_panel_says_where_the_stop_stands() -> None:
    def shown(stop: StopView, position: str = "0.1875") -> str:
        coin = coin_view(stop=stop, position=Decimal(position))
        return row(position_fields(look_at(coins=(coin,))), "Stop")

    price, size = Decimal(61_500), Decimal("0.375")
    assert shown(StopView(StopState.RESTING, price, size)).split() == [
        "Stop",
        "✓",
        "61,500.0",
        "rests,",
        "0.375",
    ]
    assert shown(StopView(StopState.PLACING, price, size)).split() == ["Stop", "▲", "61,500.0", "placing"]
    missing = shown(StopView(StopState.MISSING, price, size, "Too many open orders."))
    assert "✖ 61,500.0 MISSING: Too many" in missing
    assert shown(StopView()).split() == ["Stop", "none"]
    assert shown(StopView(), "0").split() == ["Stop", "none", "needed"]


def outside(**changes: object) -> CoinView:
    """Below its grid with a long position."""
    grid = replace(
        coin_view().grid,
        range_exit="hold",
        out_of_range="below",
        loss_per_pct_usd=Decimal("120.44"),
        funding_per_hour_usd=Decimal("-0.31"),
    )
    stop = replace(coin_view().stop, distance=Decimal("2733.1"), distance_pct=Decimal("4.25"))
    margin = MarginView("isolated", 3, Decimal(4000), Decimal(44000), Decimal("20233.1"), Decimal("31.50"))
    return coin_view(**{"grid": grid, "stop": stop, "margin": margin, **changes})


def test_outside_its_grid_a_position_shows_what_waiting_costs_and_how_far_its_ends_are() -> None:
    fields = grid_fields(look_at(coins=(outside(),)))
    assert [each.label for each in fields[:6]] == [
        "Orders",
        "Range",
        "Fund/hour",
        "To stop",
        "To liq.",
        "Width/Gap",
    ]
    assert row(fields, "Range").split() == ["Range", "▲", "OUT", "below", "-$120.44/1%"]
    assert row(fields, "Fund/hour").split() == ["Fund/hour", "-$0.31"]
    assert row(fields, "To stop").split() == ["To", "stop", "2,733.1", "4.25%"]
    assert row(fields, "To liq.").split() == ["To", "liq.", "20,233.1", "31.50%"]


def test_what_is_not_known_of_the_costs_is_not_nothing() -> None:
    grid = replace(outside().grid, funding_per_hour_usd=None)
    bare = outside(grid=grid, stop=StopView(), margin=MarginView())
    fields = grid_fields(look_at(coins=(bare,)))
    assert row(fields, "Fund/hour").split() == ["Fund/hour", "n/a"]
    assert row(fields, "To stop").split() == ["To", "stop", "none"]


def test_without_a_position_being_outside_costs_nothing_and_takes_one_row() -> None:
    fields = grid_fields(look_at(coins=(outside(position=Decimal(0)),)))
    assert [each.label for each in fields[:3]] == ["Orders", "Range", "Width/Gap"]


def test_a_one_sided_grid_says_so_beside_its_orders() -> None:
    grid = replace(
        coin_view().grid, one_sided="62% of the budget is held (limit 60%): no bids until it is 0.1 or less"
    )
    fields = grid_fields(look_at(coins=(coin_view(grid=grid),)))
    assert field(fields, "Orders").severity is Severity.WARN
    assert row(fields, "Orders", 36).endswith("one-sided")


def test_a_bot_that_quotes_nothing_is_not_shown_as_merely_running() -> None:
    idle = look_at(coins=(coin_view(idle_reason="no connection to the exchange"),))
    assert (
        row(risk_fields(idle), "Trading", 60)
        .split(maxsplit=2)[2]
        .startswith("idle: no connection to the exch")
    )
    assert field(risk_fields(idle), "Trading").severity is Severity.WARN
    assert "▲ NOT QUOTING" in plain(status_line(idle, 80))
