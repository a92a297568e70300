"""What is scraped: every name that was asked for, with the Snapshot's values, and no more labels than there are coins."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.runtime.report import status
from core.telemetry.alerting.outbox import Delivered
from core.telemetry.metrics.collector import exposition
from core.telemetry.metrics.definition import Row, Telling, Type
from core.telemetry.metrics.event_counts import LABEL_SETS_MAX, OTHER
from core.telemetry.metrics.reference import PAGE, refreshed
from core.telemetry.metrics.registry import METRICS
from core.view import (
    DURATION_ENDS_US,
    DeadManState,
    DeadManView,
    LatencyView,
    MarketView,
    ObserverView,
    SentView,
    Severity,
    SpreadView,
    StageView,
    WorkView,
)
from tests.tui.factory import NOW_MS, coin_view, drifting, halted, snapshot, tripped
from tests.unit.telemetry.metrics import names
from tests.unit.telemetry.metrics.scenes import counts, key, scene, scraped, types, with_coins

ROWS = {name: row for row, listed in names.DASHBOARD_ROWS.items() for name in listed.split()}


@pytest.mark.parametrize(
    ("listed", "type_"),
    [(names.COUNTERS, "counter"), (names.GAUGES, "gauge"), (names.HISTOGRAMS, "histogram")],
)
def test_every_name_that_was_asked_for_is_scraped_under_that_name(listed: str, type_: str) -> None:
    found = types(exposition(lambda: scene())().decode())
    for name in listed.split():
        assert found.get(f"gridbot_{name}") == type_, name


def test_what_the_conventions_want_is_beside_them() -> None:
    found = types(exposition(lambda: scene())().decode())
    assert [name for name in names.BESIDE.split() if f"gridbot_{name}" not in found] == []


@pytest.mark.parametrize(("unit", "per_unit"), [("percent", " / 100"), ("hours", " x 3600")])
def test_a_percentage_and_hours_have_the_conventional_unit_beside_them(unit: str, per_unit: str) -> None:
    told = {metric.means for metric in METRICS}
    odd = [metric for metric in METRICS if metric.unit == unit]
    assert odd
    for metric in odd:
        assert f"{metric.full_name}{per_unit}" in told or metric.means.endswith(" x 100"), metric.name


def test_names_are_unique_and_each_row_of_the_dashboard_shows_what_was_asked_for() -> None:
    by_name = {metric.name: metric for metric in METRICS}
    assert len(by_name) == len(METRICS)
    for name, row in ROWS.items():
        shown = by_name[name].shown
        assert shown is not None, name
        assert shown.row == Row(row), name


def test_counters_end_in_total_and_nothing_else_does() -> None:
    for metric in METRICS:
        assert metric.name.endswith("_total") == (metric.type is Type.COUNTER), metric.name
        assert metric.means


def test_values_are_those_of_the_status() -> None:
    """The same object as ``status --json`` has."""
    shown = snapshot()
    found, told = scraped(scene(shown)), status(shown)
    coin = told["coins"]["BTC"]
    for name, value in {
        "position": coin["position"],
        "realized_pnl": coin["realized_pnl"],
        "unrealized_pnl": coin["unrealized_usd"],
        "daily_pnl": coin["daily_usd"],
        "alltime_pnl": coin["pnl"]["total_usd"],
        "fees_paid": coin["fees"],
        "fills_from_ws": coin["fills_from_ws"],
        "fills_from_rest": coin["fills_from_rest"],
        "fill_duplicates_total": coin["duplicates"],
        "open_orders": coin["open_orders"],
        "orders_active": coin["grid"]["orders_active"],
        "grid_center": coin["grid"]["center"],
        "grid_width_pct": coin["grid"]["width_pct"],
        "grid_level_gap_pct": coin["grid"]["level_gap_pct"],
        "skew_ratio": coin["grid"]["skew_ratio"],
        "mid_price": coin["mid"],
        "exchange_position": coin["exchange_position"],
    }.items():
        assert found[key(name, coin="BTC")] == float(value), name
    assert found[key("fill_source_ratio", coin="BTC")] == pytest.approx(coin["fill_source_ratio"], abs=5e-5)
    assert found[key("funding_paid", coin="BTC")] == -float(coin["funding"])
    assert (
        found[key("fills_total", coin="BTC", side="buy")] + found[key("fills_total", coin="BTC", side="sell")]
        == coin["fills"]
    )
    assert found[key("max_drawdown_pct")] == told["risk"]["drawdown_pct"]
    assert found[key("max_drawdown_limit_pct")] == told["risk"]["max_drawdown_pct"]
    assert found[key("max_drawdown_limit_ratio")] == told["risk"]["max_drawdown_pct"] / 100
    assert found[key("unrealized_loss_ratio")] == pytest.approx(found[key("unrealized_loss_pct")] / 100)
    assert found[key("margin_utilization")] == pytest.approx(told["risk"]["margin_utilization_pct"] / 100)
    assert found[key("account_value")] == float(told["risk"]["account_value_usd"])
    assert found[key("ws_data_age")] == 0.4
    assert found[key("ws_last_message_timestamp_seconds")] == (NOW_MS - 400) / 1000
    assert found[key("build_info", version="1.2.3", python=_python())] == 1
    assert found[key("fill_log_size_bytes")] == 4_096


def _python() -> str:
    import platform

    return platform.python_version()


def test_drift_halts_and_breakers_are_seen() -> None:
    found = scraped(scene(drifting()))
    assert found[key("position_drift_amount", coin="BTC")] == 0.0079
    assert found[key("position_drift_pct", coin="BTC")] == 4.2
    assert found[key("shadow_ledger_drift_ratio", coin="BTC")] == pytest.approx(0.042)
    assert found[key("alerts_active", severity="crit")] == 1
    found = scraped(scene(halted()))
    assert found[key("risk_halted", coin="BTC")] == found[key("risk_halt", coin="BTC")] == 1
    assert found[key("run_state", state="halted")] == 1
    found = scraped(scene(tripped()))
    assert (found[key("api_error_streak")], found[key("circuit_breaker_tripped")]) == (7, 1)
    assert found[key("circuit_breaker_open", breaker="info")] == 1
    assert found[key("circuit_breaker_open", breaker="cancel")] == 0


def test_a_switch_a_stream_and_a_grid_are_told_as_they_are_in_either_state() -> None:
    for state in DeadManState:
        found = scraped(scene(snapshot(dead_man=DeadManView(state=state))))
        assert found[key("dead_man_armed")] == (state is DeadManState.ARMED), state
    for ready in (True, False):
        found = scraped(scene(snapshot(feed=replace(snapshot().feed, ready=ready))))
        assert (found[key("ws_ready")], found[key("ws_degraded_mode")]) == (ready, not ready)
    half = coin_view(grid=replace(coin_view().grid, orders_active=6, orders_target=24))
    found = scraped(scene(snapshot(coins=(half,))))
    assert found[key("grid_coverage_pct", coin="BTC")] == 25
    assert found[key("grid_coverage_ratio", coin="BTC")] == 0.25
    found = scraped(scene(snapshot(budget=replace(snapshot().budget, hours_to_empty=2.5))))
    assert (found[key("address_budget_hours_left")], found[key("address_budget_left_seconds")]) == (
        2.5,
        9_000,
    )


def test_what_is_not_known_has_no_sample() -> None:
    empty = replace(
        coin_view(),
        fills=replace(coin_view().fills, total=0),
        grid=replace(coin_view().grid, orders_target=0),
    )
    found = scraped(scene(replace(snapshot(), coins=(empty,))))
    for name in (
        "fill_source_ratio",
        "grid_coverage_pct",
        "grid_coverage_ratio",
        "address_requests_left",
        "agent_expiry_timestamp_seconds",
    ):
        assert not [each for each, _ in found if each == f"gridbot_{name}"], name


def test_volatility_and_loss_drift_are_fractions() -> None:
    coin = coin_view(market=MarketView(0.2, 0.1, -0.05, 1.5), mid=Decimal(50_000))
    found = scraped(scene(replace(snapshot(), coins=(coin,))))
    values = {
        name: found[key(name, coin="BTC")]
        for name in ("volatility_estimate", "atr_value", "trend_bias", "loss_drift")
    }
    assert values == pytest.approx(
        {"volatility_estimate": 0.002, "atr_value": 50, "trend_bias": -0.0005, "loss_drift": 0.015}
    )


def test_histograms_add_up_and_have_their_unit() -> None:
    at = DURATION_ENDS_US.index(5_000)
    spread = SpreadView(tuple(3 if place == at else 0 for place in range(len(DURATION_ENDS_US) + 1)), 12_000)
    work = WorkView(
        turns=9,
        inbox=4,
        commits=spread,
        sent=(SentView("BTC", 5, 6, 7),),
        observers=(ObserverView("log", 2, 1),),
    )
    latency = LatencyView((StageView("wire_to_ack", 3, spread=spread),))
    found = scraped(scene(replace(snapshot(), work=work, latency=latency)))
    assert found[key("order_latency_ms_bucket", le="2.5")] == 0
    assert found[key("order_latency_ms_bucket", le="5.0")] == found[key("order_latency_ms_count")] == 3
    assert found[key("order_latency_ms_sum")] == 12
    assert found[key("journal_commit_seconds_bucket", le="0.005")] == 3
    assert found[key("journal_commit_seconds_sum")] == pytest.approx(0.012)
    assert found[key("order_stage_seconds_count", stage="wire_to_ack")] == 3
    assert found[key("orders_submitted_total", coin="BTC", side="sell")] == 6
    assert found[key("orders_cancelled_total", coin="BTC", reason="requested")] == 7
    assert (found[key("bot_cycles_total")], found[key("inbox_depth")]) == (9, 4)
    assert found[key("observer_events_lost_total", observer="log")] == 1


def test_what_became_of_alerts_is_told_by_target_and_no_url_is() -> None:
    telling = Telling((Delivered("line 1 of urls", 5, 3, 2), Delivered("HL_ALERT_URLS", 7, 0, 0)))
    found = scraped(replace(scene(), telling=telling))
    assert found[key("alert_letters_total", place="line 1 of urls", outcome="sent")] == 5
    assert found[key("alert_letters_total", place="line 1 of urls", outcome="failed")] == 3
    assert found[key("alert_letters_total", place="HL_ALERT_URLS", outcome="sent")] == 7
    assert found[key("alert_messages_lost_total", place="line 1 of urls")] == 2


def test_events_are_counted_by_their_cause_and_from_zero_on() -> None:
    counted = counts()
    found = scraped(scene(counted=counted))
    assert found[key("position_drift_detected_total", coin="BTC")] == 0
    assert found[key("ws_gaps_total")] == 0
    for severity in (Severity.WARN, Severity.CRIT):
        counted.take("position_drift_detected", severity, "BTC", {})
    counted.take(
        "order_rejected", Severity.INFO, "BTC", {"cause": "post_only", "reason": "free text", "cloid": "0x1"}
    )
    counted.take("api_error", Severity.WARN, "", {"cause": "server", "what": "x"})
    counted.take("ws_reconnected", Severity.INFO, "", {})
    counted.take("funding", Severity.INFO, "BTC", {"usd": "-1.25"})
    counted.take("funding", Severity.INFO, "BTC", {"usd": "3"})
    counted.take("fill", Severity.INFO, "BTC", {"source": "resolver", "closed_pnl": "7.5"})
    counted.take("fill", Severity.INFO, "BTC", {"source": "ws", "closed_pnl": "0"})
    found = scraped(scene(counted=counted))
    assert found[key("position_drift_detected_total", coin="BTC")] == 2
    assert found[key("position_drift_alerts_total", coin="BTC")] == 1
    assert found[key("orders_rejected_total", coin="BTC", reason="post_only")] == 1
    assert found[key("api_errors_total", error_type="server")] == 1
    assert found[key("ws_gaps_total")] == found[key("ws_reconnect_rest_polls_total")] == 1
    assert found[key("funding_paid_total", coin="BTC")] == 1.25
    assert found[key("fills_from_reconciliation", coin="BTC")] == 1
    assert found[key("fill_pnl_bucket", coin="BTC", le="5.0")] == 0
    assert (
        found[key("fill_pnl_bucket", coin="BTC", le="10.0")]
        == found[key("fill_pnl_bucket", coin="BTC", le="+Inf")]
        == 1
    )


def test_nobodys_text_makes_more_than_so_many_series() -> None:
    counted = counts()
    for number in range(10 * LABEL_SETS_MAX):
        counted.take("api_error", Severity.WARN, "", {"cause": f"text {number}"})
        counted.take("fill", Severity.INFO, f"COIN{number}", {"closed_pnl": "1"})
    found = counted.of("api_errors_total")
    assert len(found) == LABEL_SETS_MAX + 1
    assert found[OTHER,] == 9 * LABEL_SETS_MAX
    assert len(counted.pnl()) == LABEL_SETS_MAX


def test_series_grow_with_the_coins_alone_and_no_label_has_an_order_or_a_text() -> None:
    one, fifty = scraped(scene(with_coins(1))), scraped(scene(with_coins(50)))
    of_a_coin = [labels for _, labels in one if dict(labels).get("coin")]
    assert len(fifty) == len(one) + 49 * len(of_a_coin)
    assert len(of_a_coin) < 100
    allowed = {
        "coin",
        "side",
        "reason",
        "type",
        "error_type",
        "breaker",
        "state",
        "mode",
        "severity",
        "stage",
        "observer",
        "place",
        "outcome",
        "path",
    }
    allowed |= {"le", "version", "python", "network", "account"}
    assert {name for _, labels in one for name, _ in labels} <= allowed


def test_before_the_first_snapshot_there_is_the_process_alone() -> None:
    text = exposition(lambda: None)().decode()
    assert "gridbot_" not in text
    assert "process_cpu_seconds_total" in text


def test_the_page_is_made_of_the_definitions() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert refreshed(text) == text, "make docs"


def test_the_page_says_of_each_of_the_predecessors_names_where_it_is_and_which_have_lost_their_coin() -> None:
    text = PAGE.read_text(encoding="utf-8")
    theirs = f"{names.COUNTERS} {names.GAUGES} {names.HISTOGRAMS}".split()
    assert [name for name in theirs if f"| `gridbot_{name}` |" not in text] == []
    without = text.partition("**No `coin`**")[2].partition("histograms but for")[0]
    by_name = {metric.name: metric for metric in METRICS}
    for name in theirs:
        if by_name[name].type is Type.HISTOGRAM:
            assert ("coin" in by_name[name].labels) == (name == "fill_pnl")
        else:
            assert ("coin" in by_name[name].labels) != (f"`{name}`" in without), name
