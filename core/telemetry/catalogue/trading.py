"""Fills, money, positions and orders."""

from __future__ import annotations

from core.telemetry.catalogue.kind import Kind

_MANY_FILL = "fill, partial_fill, fill_unmatched, fill_replay_order_cleared, fill_replay_no_order"
_SHADOW = "shadow_ledger_drift, position_drift_alert, grid_position_drift, position_drift_check"
_UNKNOWN = "order_submit_error, order_ack_missing_oid, router_missing_status, order_sync_inconsistency"
_COMPARE = "Compare the account on the exchange with `gridbot verify --online`; then resume."

FILLS = (
    Kind(
        "fill",
        "info warn",
        "side size price source liquidity closed_pnl fee fee_token trade_id order_id cloid external kind time_ms delay_ms "
        "position",
        "A fill of the account, in the journal before this line. warn: of an order that is not GridBot's.",
        "Of an external one: ask who traded.",
        is_record=True,
        formerly=_MANY_FILL,
    ),
    Kind(
        "late_fill",
        "warn",
        "cloid state",
        "A fill of an order that was taken for ended; it counts all the same.",
        is_record=True,
        formerly="fill_out_of_order",
    ),
    Kind("overfill", "crit", "reason", "An order has filled for more than it was sent with.", _COMPARE, True),
    Kind(
        "order_fills_short",
        "crit",
        "cloid lots filled",
        "An order ended as filled, and the exchange's fills of it add up to less.",
        "`gridbot resync`; if it stays, `gridbot verify --online`.",
        True,
    ),
    Kind(
        "fill_conflict",
        "crit",
        "time_ms trade_id known told",
        "The exchange tells one fill in two ways; the coin halts.",
        _COMPARE,
        True,
    ),
    Kind(
        "foreign_fill",
        "info",
        "time_ms trade_id order_id",
        "A fill in a coin that is not traded here.",
        "",
        True,
    ),
    Kind(
        "fill_sequence_gap",
        "warn",
        "missing_lots after_ms",
        "A fill does not follow on the one before it: one is missing, and is read at once.",
    ),
    Kind("fill_chain_whole", "info", "", "What was missing has been found; the chain of fills is whole."),
    Kind(
        "fill_timestamp_anomaly",
        "warn",
        "type off_s",
        "A live fill is stamped far ahead or behind; it counts all the same.",
        "`gridbot doctor` holds this machine's clock against the exchange's.",
    ),
    Kind(
        "unusual_pnl_fill",
        "warn",
        "closed_pnl",
        "One fill closed more profit or loss than max_single_fill_pnl.",
        "Look whether the size is what you meant.",
        True,
    ),
    Kind(
        "liquidation",
        "crit",
        "side size price position",
        "The exchange closes the position; the coin halts.",
        "See docs/runbook.md: liquidation.",
        True,
    ),
    Kind(
        "adl",
        "crit",
        "side size price position",
        "Auto-deleveraging took a part of the position.",
        "Look at the position; the grid goes on from it.",
        True,
    ),
    Kind(
        "settlement",
        "crit",
        "side size price position",
        "The exchange has settled the position and the market; the coin halts.",
        "Take the coin out of the config.",
        True,
    ),
    Kind(
        "fills_out_of_reach",
        "crit",
        "recovered reason",
        "The gap was longer than the exchange lists fills back.",
        "`gridbot verify --online`.",
        True,
    ),
    Kind(
        "rest_fills_polled",
        "info",
        "seen new reason",
        "Fills were read over REST; new: those that the stream had not brought.",
    ),
)

MONEY = (
    Kind("funding", "info", "usd time_ms", "Funding received (above zero) or paid.", is_record=True),
    Kind(
        "transfer",
        "info",
        "kind usd time_ms",
        "Money came into the account or left it; no profit or loss.",
        is_record=True,
    ),
    Kind(
        "transfer_not_understood",
        "warn",
        "kind time_ms",
        "A kind of transfer that is not known: equity may move without a reason here.",
        "Report it with a support bundle.",
        True,
    ),
)

POSITION = (
    Kind(
        "position_drift_detected",
        "warn crit",
        "drift drift_pct ledger exchange explanation",
        "Ledger and exchange hold different positions, on two reads with the fills between. crit: above 1 %.",
        "Its fills are looked for again and again; R (`gridbot resync`) looks at once. If it stays, find out why, then A "
        "(`gridbot reconcile --accept`).",
        True,
        formerly=_SHADOW,
    ),
    Kind(
        "position_drift_resolved",
        "info",
        "position explanation",
        "They agree again; what explained it.",
        "",
        True,
        "position_reconciled",
    ),
    Kind(
        "adjustment_accepted",
        "warn",
        "adjustment position by explanation",
        "An operator accepted a difference for good.",
        "",
        True,
    ),
    Kind(
        "adjustment_superseded",
        "warn",
        "adjustment id",
        "A fill was found that an adjustment had stood for; the adjustment is taken back.",
        "",
        True,
    ),
    Kind(
        "position_reduced",
        "warn",
        "side size reason",
        "A part of the position is closed for a limit.",
        "Look which limit; see `reason`.",
        True,
    ),
    Kind(
        "position_left",
        "warn",
        "position reason",
        "A position in a coin that is no longer traded.",
        "Trade the coin again, or flatten it on the exchange.",
        True,
    ),
)

ORDERS = (
    Kind(
        "orders_sent",
        "info",
        "trace cause [cause_trade_id] [cause_id] action orders cloids [tick_to_decision_us] "
        "[decision_to_commit_us] [commit_to_wire_us] [wire_to_ack_us]",
        "What set an action off, its orders, and what each part of their way took. Only in the log.",
        is_record=True,
        formerly="order_intent, order_submit, order_submit_ack, router_enqueue, router_send",
    ),
    Kind(
        "order_rejected",
        "info warn",
        "cloid side cause reason",
        "The exchange refused an order; its slot waits.",
        "Nothing, unless it goes on: `reason` says why.",
        True,
        "router_error, router_error_status, batch_submit_errors",
    ),
    Kind(
        "order_unknown",
        "warn crit",
        "cloid reason",
        "Nobody knows whether the order rests: it counts as if, and its slot waits for evidence.",
        "Nothing: it settles itself. If not, `gridbot resync`.",
        True,
        _UNKNOWN,
    ),
    Kind(
        "order_settled",
        "info",
        "cloid state",
        "What became of an order in doubt.",
        "",
        True,
        "order_sync_reconciled",
    ),
    Kind(
        "order_cancelled",
        "warn",
        "cloid reason",
        "The exchange cancelled an order of its own accord.",
        "",
        True,
    ),
    Kind(
        "orphan_order_cancelled",
        "warn",
        "cloid [order_id]",
        "An order with our tag that the journal does not know was cancelled.",
        "Was a journal put back? Then this is right.",
        True,
        "stuck_orders_cancelled",
    ),
    Kind(
        "orders_left",
        "crit",
        "orders reason",
        "Our orders rest in a coin that is no longer traded.",
        "`gridbot cancel-all`, or trade the coin again.",
        True,
    ),
    Kind(
        "orders_kept",
        "warn",
        "orders",
        "A stop with --keep-orders left them resting for the next start.",
        "Start again soon: nobody watches them.",
        True,
    ),
    Kind(
        "foreign_orders_cancelled",
        "warn",
        "orders triggers by",
        "Orders that are not GridBot's were cancelled, as asked.",
        "",
        True,
    ),
    Kind(
        "abandoned_orders_cancelled",
        "warn crit",
        "sent not_confirmed",
        "The core could not go on; cancels for all its orders left.",
        "crit: look on the exchange what still rests.",
        True,
    ),
    Kind(
        "slot_parked",
        "warn",
        "slot price cloid",
        "An operator cancelled one level by hand; it is not placed again.",
        "",
        True,
    ),
    Kind("slot_unparked", "info", "slots", "Levels are placed again.", "", True),
)
