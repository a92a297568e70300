"""Names that dashboards of others rely on, written down as they were asked for; each is scraped as ``gridbot_NAME``."""

from __future__ import annotations

DASHBOARD_ROWS = {
    "position_pnl": "position realized_pnl daily_pnl unrealized_pnl",
    "fill_capture": "fills_total fills_from_ws fills_from_rest fill_source_ratio",
    "grid_health": "grid_width_pct skew_ratio orders_active grid_center mid_price grid_level_gap_pct",
    "system_health": "api_error_streak position_drift_amount shadow_ledger_drift ws_data_age circuit_breaker_tripped",
    "risk": "risk_halted max_drawdown_pct margin_utilization funding_paid",
}
"""By row of the dashboard."""

COUNTERS = """orders_submitted_total orders_rejected_total orders_cancelled_total fills_total funding_paid_total ws_gaps_total
    ws_reconnect_rest_polls_total api_errors_total fill_log_write_errors_total position_drift_detected_total
    position_drift_alerts_total fill_timestamp_anomalies_total unusual_pnl_fills_total bot_started_total bot_stopped_total
    bot_cycles_total wal_write_errors_total orders_filled_total reconciliation_corrections_total"""

GAUGES = """position realized_pnl
    fill_reconciliation_lag_sec grid_width_pct grid_center skew_ratio volatility_estimate atr_value
    trend_bias max_drawdown_pct margin_utilization_pct daily_pnl risk_halted api_error_streak fill_log_size_bytes
    fill_log_entries position_drift_amount stuck_orders_count ws_degraded_mode alltime_pnl risk_halt data_age_seconds
    fills_from_ws fills_from_rest fills_from_reconciliation fill_source_ratio orders_active mid_price unrealized_pnl
    orders_stuck_in_pending grid_level_gap_pct grid_coverage_pct shadow_ledger_drift ws_data_age circuit_breaker_tripped
    loss_drift"""

HISTOGRAMS = (
    "order_latency_ms fill_pnl state_reconciliation_ms state_save_duration_ms order_pending_duration_ms"
)

BESIDE = """fills_from_ws_total fills_from_rest_total shadow_ledger_drift_ratio grid_level_gap_ratio grid_width_ratio
    ws_last_message_timestamp_seconds position_checked_timestamp_seconds quote_timestamp_seconds order_stage_seconds
    journal_commit_seconds account_check_seconds drawdown_ratio build_info dead_man_state inbox_depth observer_queue_depth
    address_requests_left ip_weight_left order_batch_size grid_coverage_ratio max_drawdown_limit_ratio
    unrealized_loss_ratio address_budget_left_seconds"""
"""What Prometheus' conventions want beside them, and what nobody had."""
