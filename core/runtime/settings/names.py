"""Names: of settings, of keys that are not settings, and those of this bot's predecessor, whose every name stays valid."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache

from core.runtime.settings.model import Settings

ALERT_URL_NAMES = frozenset({"HL_ALERT_URLS", "HL_ALERT_WEBHOOK_URL"})
"""Read by ``core.runtime.alert_targets``."""

METRICS_TOKEN_NAME = "HL_METRICS_TOKEN"
"""Read by ``core.runtime.metrics_token``."""

SECRET_NAMES = frozenset({"HL_AGENT_KEY", "HL_PRIVATE_KEY", METRICS_TOKEN_NAME}) | ALERT_URL_NAMES
"""Names that aren't read here; the others by ``core.runtime.keys``."""

PREDECESSOR = tuple(
    """HL_BASE_URL HL_DEX HL_COINS HL_COIN HL_PRIVATE_KEY HL_AGENT_KEY HL_USER_ADDRESS
    HL_INVESTMENT_USD HL_LEVERAGE HL_NUM_GRIDS HL_GRID_SPACING_PCT HL_GRID_SPACING_MAX_PCT HL_MIN_NOTIONAL_USD
    HL_TRAILING_PCT HL_RANDOM_SIZE_JITTER HL_REPRICE_TICK_THRESHOLD HL_DEFAULT_STRATEGY
    HL_ATR_LENGTH HL_EWMA_ALPHA HL_INIT_VOL_MULTIPLIER HL_TREND_FAST_EMA HL_TREND_SLOW_EMA HL_VOL_CIRCUIT_SIGMA
    HL_SKEW_SOFT HL_SKEW_HARD
    HL_LOOP_INTERVAL_SEC HL_RESYNC_POSITION_SEC HL_REST_FILL_POLL_SEC HL_FILL_RESCAN_MS HL_PNL_LOG_INTERVAL_SEC
    HL_WS_STALE_AFTER_SEC HL_WS_WATCH_INTERVAL_SEC HL_DATA_HALT_SEC HL_REST_MID_BACKOFF_SEC HL_HTTP_TIMEOUT
    HL_MID_CACHE_TTL_MS
    HL_MAX_DRAWDOWN_PCT HL_MAX_POSITION_ABS HL_MAX_SYMBOL_NOTIONAL HL_MAX_SKEW_RATIO HL_MAX_UNREALIZED_DD_PCT
    HL_DAILY_PNL_STOP HL_DAILY_PNL_TAKE HL_FUNDING_BLEED_PCT HL_STOP_LOSS_LOW HL_STOP_LOSS_HIGH HL_MAX_SINGLE_FILL_PNL
    HL_API_ERROR_THRESHOLD
    HL_COALESCE_MS HL_COALESCE_PCT HL_COALESCE_WINDOW HL_USE_CLOID HL_ORDER_TTL_MS HL_STUCK_ORDER_CANCEL_SEC
    HL_STATE_DIR HL_WAL_ENABLED HL_WAL_DIR HL_FILL_LOG_RETENTION_DAYS HL_FILL_LOG_COMPACT_INTERVAL_SEC
    HL_FILL_LOG_BATCH_FLUSH_SEC HL_ARCHIVE_S3_BUCKET
    HL_DEAD_MAN_SWITCH_SEC HL_METRICS_PORT HL_METRICS_TOKEN HL_ALERT_WEBHOOK_URL HL_ALERT_WEBHOOK_TYPE HL_ALERT_ENABLED
    HL_LOG_ORDER_INTENT_SAMPLE HL_LOG_STRATEGY_SAMPLE HL_LOG_SUBMIT_SAMPLE HL_PER_COIN_CONFIG""".split()  # noqa: SIM905 - a table of names reads better so
)

_JOURNAL = "every fill and order is in journal.db of the state dir before anything acts on it, always"
_KEPT = "fills are in journal.db of the state dir, each written at once and none ever removed"
_ONE_BATCH = "orders of one plan leave together at once, and nothing is waited for"
_ALL_LOGGED = "every event is in logs/gridbot.log of the state dir; none is sampled out"

_REPLACED = {
    "HL_DEX": "each coin names its dex itself, as in xyz:TSLA",
    "HL_MIN_NOTIONAL_USD": "the exchange's own minimum of 10 USD holds",
    "HL_LOOP_INTERVAL_SEC": "there is no loop to wait for: each fill, quote and answer is acted on when it comes",
    "HL_RESYNC_POSITION_SEC": "the position is held against the exchange's every 5 seconds",
    "HL_REST_FILL_POLL_SEC": "fills are read over REST every 20 seconds, every 5 while the stream is down",
    "HL_FILL_RESCAN_MS": "fills are read from the last one in the journal, and a gap in their chain is read at once",
    "HL_WS_WATCH_INTERVAL_SEC": "the stream is watched all the time",
    "HL_REST_MID_BACKOFF_SEC": "the price comes from the stream; REST is asked for books only where the stream is silent",
    "HL_MID_CACHE_TTL_MS": "no price is cached: it is that of the last quote",
    "HL_COALESCE_MS": _ONE_BATCH,
    "HL_COALESCE_PCT": _ONE_BATCH,
    "HL_COALESCE_WINDOW": _ONE_BATCH,
    "HL_USE_CLOID": "every order has a client order id, always",
    "HL_ORDER_TTL_MS": "every order expires within seconds by the exchange's clock, so that a lost answer has an end",
    "HL_STUCK_ORDER_CANCEL_SEC": "an order without an answer keeps its slot until the exchange says what became of it",
    "HL_WAL_ENABLED": _JOURNAL,
    "HL_WAL_DIR": f"{_JOURNAL}; state_dir moves it",
    "HL_FILL_LOG_RETENTION_DAYS": _KEPT,
    "HL_FILL_LOG_COMPACT_INTERVAL_SEC": _KEPT,
    "HL_FILL_LOG_BATCH_FLUSH_SEC": _KEPT,
    "HL_ARCHIVE_S3_BUCKET": "`gridbot backup FILE` makes one file of the journal while it runs; upload that one",
    "HL_LOG_ORDER_INTENT_SAMPLE": _ALL_LOGGED,
    "HL_LOG_STRATEGY_SAMPLE": _ALL_LOGGED,
    "HL_LOG_SUBMIT_SAMPLE": _ALL_LOGGED,
}

PER_COIN_CONFIG = "HL_PER_COIN_CONFIG"
REFUSED = {
    PER_COIN_CONFIG: (
        "names a YAML file, and its settings of single coins would be lost: only gridbot.toml is read",
        'write each coin there as [coins."xyz:TSLA"] with investment_usd, num_grids (was grids) and grid_spacing_pct (was '
        "base_spacing_pct), then unset it",
    )
}
"""Valid names whose value would matter and can't be used: the rule, and the fix."""


@cache
def environment_name(name: str) -> str:
    """``HL_NUM_GRIDS`` of ``num_grids``."""
    return f"HL_{name.upper()}"


_IN_EFFECT = frozenset(map(environment_name, Settings.model_fields)) | SECRET_NAMES

REPLACED = {name: why for name, why in _REPLACED.items() if name not in _IN_EFFECT}
"""Valid names whose purpose is gone, and what is there in its place; one that is set is told of at start."""

NOT_YET_IN_EFFECT = frozenset(PREDECESSOR) - _IN_EFFECT - REPLACED.keys() - REFUSED.keys()
"""Names that are valid and have no effect in this version; one that is set is warned about at start."""

WITHOUT_EFFECT = NOT_YET_IN_EFFECT | REPLACED.keys() | REFUSED.keys()


def without_effect_text(name: str) -> str:
    """The end of a warning about a name that is set: ``has no effect: …``."""
    return (
        f"has no effect: {REPLACED[name]}" if name in REPLACED else "is set and has no effect in this version"
    )


def known_environment_names() -> frozenset[str]:
    """Every ``HL_*`` name that is not a typo."""
    return _IN_EFFECT | WITHOUT_EFFECT


def known_file_keys() -> frozenset[str]:
    """Every key of the file that is not a typo."""
    return frozenset(Settings.model_fields) | {name[3:].lower() for name in WITHOUT_EFFECT}


def nearest(name: str, known: Iterable[str]) -> str:
    """The nearest known name, empty if none is near."""
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1)), "")
