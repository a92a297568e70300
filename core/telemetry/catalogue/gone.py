"""The predecessor's event names that nothing here is told under, and why."""

from __future__ import annotations

GONE: tuple[tuple[str, str], ...] = (
    (
        "What a number says, or goes on all the time, is no event: see the status, the metrics and the Overview",
        "cycle_start mid_price_book mid_price_cache mid_price_rest mid_price_ws orchestrator_loop_end orchestrator_loop_start "
        "orchestrator_shutdown_complete pnl pnl_summary pnl_summary_basic price_update reconcile_orders_complete "
        "reconcile_orders_start reconcile_position_complete reconcile_position_start session_reset shadow_ledger_fill "
        "spacing_compute trend_bias trend_flip",
    ),
    (
        "Of a cancel: what was sent is `orders_sent`, an answer that nobody understood `order_unknown`, its end "
        "`order_settled`, a request that failed `api_error`, and who asked for it `operator`",
        "api_circuit_cancel_error cancel cancel_all_complete cancel_all_error cancel_all_start cancel_diff_error cancel_error "
        "cancel_error_check_failed cancel_error_order_gone circuit_breaker_cancel_error data_stale_cancel_error "
        "is_order_still_open_error risk_halt_cancel_error stuck_check_error stuck_order_auto_cancel stuck_order_cancel_error "
        "batch_majority_failed batch_multiple_failures flatten_cancel_error",
    ),
    (
        "A question to the exchange that failed is `api_error`, whatever it was for",
        "fetch_exchange_position_error meta_async_error mid_price_async_error mid_price_error mid_price_rest_error "
        "order_reconcile_error position_reconcile_error reconcile_orders_error reconcile_orders_failed "
        "reconcile_position_error reconcile_position_failed rest_mid_backoff rest_poll_no_service "
        "ws_reconnect_rest_poll_error ws_orderUpdates_sub_failed",
    ),
    (
        "An exception that nobody foresaw is `core_task_failed` or `coin_failed`, with a crash report, or `observer_failed`; "
        "none is swallowed",
        "dead_man_switch_refresh_loop_error event_bus_error fill_error fill_queue_process_error grid_rebuild_error "
        "order_state_callback_error orchestrator_cycle_error pnl_log_error rest_fill_handler_error router_worker_error "
        "shadow_ledger_drift_callback_error skew_handle_error strategy_update_error ws_reconnect_callback_error",
    ),
    (
        "The journal takes the place of state file, fill log and write-ahead log: what it can't write is `storage_failed`, "
        "damage `journal_damaged`, and there is nothing to recover, flush or compact",
        "batched_fill_log_flush_error batched_fill_log_start batched_fill_log_stop batched_fill_log_write_error "
        "checkpoint_load_failed fill_log_append_error full_reconcile_required shutdown_state_save_error state_load_error "
        "wal_checkpoint_complete wal_checkpoint_error wal_commit_error wal_fill_entries_found wal_parse_failed wal_read_failed "
        "wal_recovery_checkpoint wal_recovery_entries wal_recovery_error",
    ),
    (
        "Orders are in one book, a decision is made and sent in one step, and the ledger is the sum of the fills: there is "
        "nothing to synchronise, abort or set",
        "fill_during_rebuild fill_unmatched_reconcile_error grid_rebuild_aborted grid_rebuild_aborted_drift "
        "order_state_invalid_transition order_state_pruned order_state_transition order_state_transition_failed "
        "order_sync_acknowledge order_sync_cancel order_sync_cleared order_sync_expire order_sync_fill "
        "order_sync_reconcile_create order_sync_reconcile_remove order_sync_register order_sync_reject order_sync_remove "
        "position_set shadow_ledger_pending_add shadow_ledger_pending_pruned shadow_ledger_pending_remove",
    ),
    (
        "A fill that comes again is counted (`gridbot_fill_duplicates_total`), and none is ever pruned",
        "fill_dedup_skip fill_queue_pruned",
    ),
    (
        "What an order must be is checked before it is planned: one that isn't is `grid_impossible` or `risk_block`",
        "flatten_skip_level flatten_skip_refill init_mid_unavailable router_invalid_price router_skip_notional "
        "skip_flatten_risk",
    ),
    (
        "Observers come and go with the run; what one of them misses is `lost` in its next line",
        "event_bus_cancelled event_bus_queue_full event_bus_started event_bus_stopped event_bus_subscribe "
        "event_bus_subscribe_all",
    ),
    (
        "Of a switch that only pretended to be one",
        "dead_man_switch_stub_clear dead_man_switch_stub_schedule",
    ),
)
"""Why, and which."""
