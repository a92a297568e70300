"""The faults that can be ordered: what each does, where it strikes, and which fields it knows.

``docs/faults.md`` tells the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, auto


class Place(StrEnum):
    """Where a fault strikes, and so what one event is that it draws for."""

    FRAME = auto()
    """A frame about to go to one WebSocket client."""
    REQUEST = auto()
    """A request to /info, /exchange or /ws."""
    ANSWER = auto()
    """An answer of /info about a user, over HTTP or WebSocket."""
    SIGNER = auto()
    """A signed action whose signer is known by then."""
    STATE = auto()
    """The exchange itself, once, for as long as the fault's window is open."""


class Kind(StrEnum):
    WS_DROP = "ws_drop"
    WS_DELAY = "ws_delay"
    WS_DUPLICATE = "ws_duplicate"
    WS_REORDER = "ws_reorder"
    WS_CORRUPT = "ws_corrupt"
    WS_CLOSE = "ws_close"
    WS_SILENT = "ws_silent"
    HTTP_429 = "http_429"
    HTTP_500 = "http_500"
    HTTP_502 = "http_502"
    HTTP_503 = "http_503"
    HTTP_STATUS = "http_status"
    HTTP_HTML = "http_html"
    HTTP_EMPTY = "http_empty"
    HTTP_DELAY = "http_delay"
    HTTP_TRUNCATE = "http_truncate"
    HTTP_CORRUPT = "http_corrupt"
    REQUEST_LOST = "request_lost"
    ANSWER_LOST = "answer_lost"
    ACTION_LATE = "action_late"
    REST_LAG = "rest_lag"
    POST_ONLY_MODE = "post_only_mode"
    META_CHANGE = "meta_change"
    DELIST = "delist"
    AGENT_EXPIRED = "agent_expired"
    CLOCK_SKEW = "clock_skew"


@dataclass(frozen=True, slots=True)
class KindRules:
    """``fields`` besides those that every fault has. ``delay_ms`` is the default of the field where there is one."""

    place: Place
    fields: frozenset[str]
    delay_ms: int = 0
    paths: frozenset[str] = field(default=frozenset({"/info", "/exchange"}))
    """Of a request: what it strikes when no ``action`` names anything else."""


COMMON_FIELDS = frozenset({"kind", "probability", "count", "after_s", "for_s", "seed"})
PATHS = frozenset({"/info", "/exchange", "/ws"})
_ACTIONS = frozenset({"/exchange"})


def _frame(*fields: str, delay_ms: int = 0) -> KindRules:
    return KindRules(Place.FRAME, frozenset({"channel", "user", "scope", *fields}), delay_ms)


def _request(*fields: str, delay_ms: int = 0) -> KindRules:
    return KindRules(Place.REQUEST, frozenset({"action", "delay_ms", *fields}), delay_ms)


def _state(*fields: str, delay_ms: int = 0) -> KindRules:
    return KindRules(Place.STATE, frozenset(fields), delay_ms)


RULES: dict[Kind, KindRules] = {
    Kind.WS_DROP: _frame(),
    Kind.WS_DELAY: _frame("delay_ms", delay_ms=1000),
    Kind.WS_DUPLICATE: _frame(),
    Kind.WS_REORDER: _frame("delay_ms", delay_ms=1000),
    Kind.WS_CORRUPT: _frame("mode"),
    Kind.WS_CLOSE: _frame("code"),
    Kind.WS_SILENT: _frame(),
    Kind.HTTP_429: _request(),
    Kind.HTTP_500: _request(),
    Kind.HTTP_502: _request(),
    Kind.HTTP_503: _request(),
    Kind.HTTP_STATUS: _request("status"),
    Kind.HTTP_HTML: _request("status"),
    Kind.HTTP_EMPTY: _request("status"),
    Kind.HTTP_DELAY: _request(delay_ms=1000),
    Kind.HTTP_TRUNCATE: _request(),
    Kind.HTTP_CORRUPT: _request("mode"),
    Kind.REQUEST_LOST: _request(),
    Kind.ANSWER_LOST: KindRules(Place.REQUEST, frozenset({"action", "delay_ms"}), 0, _ACTIONS),
    Kind.ACTION_LATE: KindRules(Place.REQUEST, frozenset({"action", "delay_ms", "status"}), 3000, _ACTIONS),
    Kind.REST_LAG: KindRules(Place.ANSWER, frozenset({"action", "user", "delay_ms"}), 10_000),
    Kind.POST_ONLY_MODE: _state(),
    Kind.META_CHANGE: _state("coin", "sz_decimals"),
    Kind.DELIST: _state("coin"),
    Kind.AGENT_EXPIRED: KindRules(Place.SIGNER, frozenset({"user"})),
    Kind.CLOCK_SKEW: _state("delay_ms", delay_ms=90_000),
}

CHANNELS = frozenset(
    {
        "activeAssetCtx",
        "activeAssetData",
        "allDexsAssetCtxs",
        "allDexsClearinghouseState",
        "allMids",
        "assetCtxs",
        "bbo",
        "candle",
        "clearinghouseState",
        "error",
        "fastAssetCtxs",
        "l2Book",
        "notification",
        "openOrders",
        "orderUpdates",
        "outcomeMetaUpdates",
        "pong",
        "post",
        "spotAssetCtxs",
        "spotState",
        "subscriptionResponse",
        "trades",
        "twapStates",
        "user",
        "userFills",
        "userFundings",
        "userHistoricalOrders",
        "userNonFundingLedgerUpdates",
        "userTwapHistory",
        "userTwapSliceFills",
        "webData2",
        "webData3",
    }
)
"""What the ``channel`` field of the exchange's frames can say."""
