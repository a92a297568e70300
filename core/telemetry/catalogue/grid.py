"""The grid, the market it is in, and the limits it keeps to."""

from __future__ import annotations

from core.telemetry.catalogue.kind import Kind

_GRID = "generation center spacing_pct levels size lowest highest"
_STOP_DO = "See docs/protection.md."

GRID = (
    Kind("grid_built", "info", _GRID, "The first grid of a run.", "", True),
    Kind(
        "grid_recentered",
        "info",
        _GRID,
        "A new grid took the old one's place.",
        "",
        True,
        "grid_rebuild_start, grid_rebuild_complete",
    ),
    Kind(
        "grid_compression_override",
        "warn",
        "configured_pct spacing_pct reason",
        "The spacing configured would lose money or cross; a wider one is taken.",
        "Configure a wider grid_spacing_pct.",
        True,
        "grid_compression_override, spacing_compression_prevented",
    ),
    Kind(
        "grid_impossible",
        "warn",
        "reason",
        "No grid can be made of these settings at this price.",
        "`reason` says what to change.",
        formerly="grid_build_skip_mid",
    ),
    Kind(
        "grid_override",
        "info warn",
        "override by",
        "An operator changed spacing or levels; until cleared, also after a restart.",
        "",
        True,
    ),
    Kind(
        "flatten_mode_enabled",
        "warn",
        "position limit_pct",
        "The position is past the hard skew: only the closing side is quoted.",
        "",
        True,
        "flatten_mode_enter",
    ),
    Kind(
        "flatten_mode_disabled",
        "info",
        "position limit_pct",
        "Both sides are quoted again.",
        "",
        True,
        "flatten_mode_exit",
    ),
    Kind(
        "out_of_range",
        "warn",
        "mid side edge policy loss_per_pct_usd",
        "The price has left the grid; `policy` says what follows.",
        "Decide whether to wait, move the grid or flatten.",
        True,
    ),
    Kind("back_in_range", "info", "mid", "The price is back.", "", True),
)

MARKET = (
    Kind(
        "session_closing",
        "info",
        "why opens policy closes",
        "The market closes soon; the policy begins.",
        "",
        True,
    ),
    Kind("session_closed", "info", "why opens policy", "The market is closed.", "", True),
    Kind("session_opened", "info", "closes", "The market is open.", "", True),
    Kind(
        "price_doubted",
        "warn",
        "reason",
        "Mid, mark and oracle are too far apart: nothing is placed at such a price.",
        formerly="mid_price_invalid",
    ),
    Kind(
        "vol_circuit",
        "warn",
        "sigmas limit mid",
        "The price moved by more than vol_circuit_sigma; no new grid for a while.",
        formerly="router_high_vol_mode",
    ),
    Kind(
        "instrument_changed",
        "warn",
        "[name of what changed]",
        "The exchange changed the coin's decimals or limits.",
        "Look at the new grid.",
        True,
    ),
    Kind(
        "coin_delisted",
        "crit",
        "",
        "The exchange no longer lists the coin; it halts.",
        "Take it out of the config.",
        True,
    ),
    Kind(
        "data_stale_halt",
        "crit",
        "ws_age_s",
        "No market data for too long: the orders are taken back.",
        "Nothing: it goes on by itself. See docs/runbook.md.",
        True,
        "ws_stale_halt, data_stale_halt",
    ),
    Kind(
        "position_unread",
        "warn crit",
        "age_s reason",
        "The exchange's position could not be read for 20 s, and why: nothing new is quoted. crit: past HL_DATA_HALT_SEC, the "
        "orders are taken back.",
        "Nothing: it goes on by itself. If it lasts, end what keeps it from being read.",
        True,
    ),
    Kind(
        "position_read_again", "info", "", "The exchange's position is read again; quoting goes on.", "", True
    ),
    Kind(
        "data_resume", "info", "", "Market data is back; quoting goes on.", "", True, "ws_resume, data_resume"
    ),
)

LIMITS = (
    Kind(
        "risk_halt",
        "crit",
        "reason",
        "A limit has halted the coin, or all; it stays halted until an operator resumes.",
        "See docs/runbook.md for the rule named.",
        True,
        "risk_halt, orchestrator_stop",
    ),
    Kind(
        "halt",
        "warn",
        "reason",
        "An operator, or an operator's trade by hand, has halted it.",
        "Resume when you like.",
        True,
    ),
    Kind(
        "risk_block",
        "warn",
        "rule side reason",
        "A rule keeps one side from being quoted.",
        "",
        formerly="replacement_skipped, skip_replacement_risk",
    ),
    Kind(
        "drawdown_warning",
        "warn",
        "drawdown_pct limit_pct lost_usd",
        "Two thirds of the way to the drawdown halt.",
        "Decide before the limit does.",
        True,
    ),
    Kind(
        "drawdown_accepted",
        "warn",
        "lost_usd pnl_usd",
        "An operator resumed after a drawdown halt: it is measured from here.",
        "",
        True,
    ),
    Kind(
        "worst_case_uncovered",
        "warn",
        "[numbers]",
        "If all orders filled, the margin would not do.",
        "Fewer levels, less investment, or more money.",
        True,
    ),
    Kind("worst_case_covered", "info", "[numbers]", "It would do again.", "", True),
    Kind(
        "leverage_set",
        "info",
        "margin_mode leverage",
        "Leverage and margin mode were set as configured.",
        "",
        True,
    ),
    Kind("leverage_kept", "info", "margin_mode leverage", "They are as configured.", "", True),
    Kind(
        "leverage_adopted",
        "warn",
        "margin_mode leverage",
        "A position has others than configured, and they are kept.",
        "",
        True,
    ),
    Kind("leverage_rounded_up", "warn", "reason", "The exchange takes whole leverages only."),
    Kind(
        "leverage_changed",
        "crit",
        "reason",
        "Somebody changed the leverage while the bot runs.",
        "Change it back, or restart with --adopt.",
        True,
    ),
    Kind("leverage_restored", "info", "leverage", "It is again what it was.", "", True),
    Kind(
        "limits_measured_anew", "warn", "before now", "Other coins than before: drawdown and day begin anew."
    ),
    Kind("stop_fired", "crit", "price cloid", "The stop on the exchange has triggered.", _STOP_DO, True),
    Kind("stop_refused", "warn crit", "reason again_in_s", "The exchange refused the stop.", _STOP_DO, True),
    Kind("stop_gone", "warn crit", "cloid reason", "The stop is no longer on the exchange.", _STOP_DO, True),
    Kind(
        "stop_past_liquidation",
        "crit",
        "reason",
        "The stop would trigger after the liquidation.",
        _STOP_DO,
        True,
    ),
    Kind("flatten_resumed", "warn", "reason", "A flatten that a crash interrupted goes on.", "", True),
    Kind(
        "flatten_not_resumed",
        "crit",
        "reason",
        "A flatten that a crash interrupted can't go on.",
        "Flatten again.",
        True,
    ),
)
