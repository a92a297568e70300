"""Names: of settings, of keys that are not settings, and of what has no effect in this version."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from core.runtime.settings.model import Settings

SECRET_NAMES = frozenset({"HL_AGENT_KEY", "HL_PRIVATE_KEY"})
OUTSIDE_NAMES = SECRET_NAMES | {"HL_USER_ADDRESS"}
"""Names read by ``core.runtime.keys``, not here."""

NOT_YET_IN_EFFECT = frozenset(
    """HL_DEX HL_RANDOM_SIZE_JITTER HL_REPRICE_TICK_THRESHOLD HL_DEFAULT_STRATEGY HL_ATR_LENGTH HL_EWMA_ALPHA
    HL_INIT_VOL_MULTIPLIER HL_TREND_FAST_EMA HL_TREND_SLOW_EMA HL_VOL_CIRCUIT_SIGMA HL_SKEW_SOFT HL_SKEW_HARD
    HL_LOOP_INTERVAL_SEC HL_RESYNC_POSITION_SEC HL_REST_FILL_POLL_SEC HL_FILL_RESCAN_MS HL_PNL_LOG_INTERVAL_SEC
    HL_WS_WATCH_INTERVAL_SEC HL_REST_MID_BACKOFF_SEC HL_HTTP_TIMEOUT
    HL_MID_CACHE_TTL_MS HL_MAX_SKEW_RATIO
    HL_COALESCE_MS HL_COALESCE_PCT HL_COALESCE_WINDOW HL_USE_CLOID HL_ORDER_TTL_MS
    HL_STUCK_ORDER_CANCEL_SEC HL_WAL_ENABLED HL_WAL_DIR HL_FILL_LOG_RETENTION_DAYS HL_FILL_LOG_COMPACT_INTERVAL_SEC
    HL_FILL_LOG_BATCH_FLUSH_SEC HL_ARCHIVE_S3_BUCKET HL_DEAD_MAN_SWITCH_SEC HL_METRICS_PORT HL_METRICS_TOKEN
    HL_ALERT_WEBHOOK_URL HL_ALERT_WEBHOOK_TYPE HL_ALERT_ENABLED HL_LOG_ORDER_INTENT_SAMPLE HL_LOG_STRATEGY_SAMPLE
    HL_LOG_SUBMIT_SAMPLE HL_PER_COIN_CONFIG HL_MIN_NOTIONAL_USD""".split()  # noqa: SIM905 - a table of names reads better so
)
"""Names that are valid and have no effect in this version; one that is set is warned about at start."""


def environment_name(name: str) -> str:
    """``HL_NUM_GRIDS`` of ``num_grids``."""
    return f"HL_{name.upper()}"


def known_environment_names() -> frozenset[str]:
    """Every ``HL_*`` name that is not a typo."""
    return frozenset(map(environment_name, Settings.model_fields)) | OUTSIDE_NAMES | NOT_YET_IN_EFFECT


def known_file_keys() -> frozenset[str]:
    """Every key of the file that is not a typo."""
    return frozenset(Settings.model_fields) | {name[3:].lower() for name in NOT_YET_IN_EFFECT}


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name."""
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {close[0]}?" if close else "; the README lists the settings"
