"""What `gridbot watchdog` tells."""

from __future__ import annotations

from core.telemetry.catalogue.kind import Kind

WATCHDOG = (
    Kind("watchdog_started", "info", "state_dir after_s", "A watchdog looks on.", "", True),
    Kind("watchdog_stopped", "info", "", "It has ended.", "", True),
    Kind(
        "watchdog_waits",
        "warn",
        "reason",
        "It has nothing to guard with yet.",
        "`reason` says what is missing.",
    ),
    Kind("watchdog_refused", "crit", "reason", "It guards nothing.", "`reason` says why.", True),
    Kind(
        "watchdog_failed",
        "crit",
        "reason",
        "It ended at what nobody foresaw, and guards nothing.",
        "Start it again; report `reason`.",
        True,
    ),
    Kind(
        "watchdog_alerts_refused",
        "warn",
        "reason",
        "Its targets of alerts can't be used: it guards, and sends nothing.",
        "`reason` says what is wrong; then start it again.",
    ),
    Kind("watchdog_armed", "info", "pid orders", "It guards this bot.", "", True),
    Kind("watchdog_bot_returned", "info", "pid", "The bot is back.", "", True),
    Kind("watchdog_at_rest", "info", "reason", "There is nothing to guard.", "", True),
    Kind(
        "watchdog_orders_kept",
        "warn",
        "orders reason",
        "The bot stopped with --keep-orders: they are not taken back.",
        "Start it again soon.",
        True,
    ),
    Kind(
        "watchdog_bot_lost",
        "crit",
        "reason orders",
        "The bot is silent: its orders are being cancelled.",
        "Find out what became of it.",
        True,
    ),
    Kind(
        "watchdog_cannot_reach",
        "crit",
        "reason",
        "The exchange does not answer the watchdog; it tries on.",
        "Cancel by the exchange's own page.",
        True,
    ),
    Kind(
        "watchdog_orders_cancelled",
        "crit",
        "cancelled reason",
        "The lost bot's grid orders are cancelled; its stop stays.",
        "Look at the position.",
        True,
    ),
    Kind(
        "watchdog_cancel_failed",
        "crit",
        "orders reason",
        "Some could not be cancelled; it tries on.",
        "",
        True,
    ),
    Kind("watchdog_stands_back", "info", "cancelled reason", "The bot goes on meanwhile.", "", True),
)
