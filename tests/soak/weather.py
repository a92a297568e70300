"""Every fault that doesn't end the game, each now and then, all at once."""

from __future__ import annotations

import random
from typing import Any

STATES_FOR_S = 20.0
"""How long the exchange takes post-only orders alone, and how long its clock is off; each once in a run."""

_NOW_AND_THEN: tuple[dict[str, Any], ...] = (
    {"kind": "ws_drop", "channel": "userFills", "probability": 0.05},
    {"kind": "ws_drop", "channel": "orderUpdates", "probability": 0.03},
    {"kind": "ws_drop", "channel": "subscriptionResponse", "probability": 0.01},
    {"kind": "ws_delay", "channel": "userFills", "probability": 0.05, "delay_ms": 700},
    {"kind": "ws_delay", "channel": "orderUpdates", "probability": 0.05, "delay_ms": 900},
    {"kind": "ws_duplicate", "channel": "userFills", "probability": 0.1},
    {"kind": "ws_duplicate", "channel": "orderUpdates", "probability": 0.05},
    {"kind": "ws_reorder", "channel": "userFills", "probability": 0.05, "delay_ms": 500},
    {"kind": "ws_reorder", "channel": "orderUpdates", "probability": 0.05, "delay_ms": 500},
    {"kind": "ws_corrupt", "mode": "garble", "channel": "userFills", "probability": 0.03},
    {"kind": "ws_corrupt", "mode": "garble", "channel": "orderUpdates", "probability": 0.01},
    {"kind": "ws_corrupt", "mode": "garble", "channel": "bbo", "probability": 0.0005},
    {"kind": "ws_close", "channel": "bbo", "probability": 0.0005},
    {"kind": "ws_close", "channel": "userFills", "probability": 0.01, "code": 1012},
    {"kind": "ws_silent", "channel": "bbo", "probability": 0.0001},
    {"kind": "ws_silent", "channel": "orderUpdates", "probability": 0.001},
    {"kind": "http_429", "probability": 0.01},
    {"kind": "http_500", "probability": 0.01},
    {"kind": "http_502", "action": "/exchange", "probability": 0.01},
    {"kind": "http_503", "action": "/ws", "probability": 0.02},
    {"kind": "http_status", "status": 418, "probability": 0.005},
    {"kind": "http_html", "probability": 0.01},
    {"kind": "http_empty", "probability": 0.01},
    {"kind": "http_delay", "probability": 0.05, "delay_ms": 400},
    {"kind": "http_truncate", "probability": 0.01},
    {"kind": "http_corrupt", "mode": "garble", "probability": 0.01},
    {"kind": "http_corrupt", "action": "order", "mode": "short", "probability": 0.02},
    {"kind": "request_lost", "probability": 0.01},
    {"kind": "answer_lost", "probability": 0.03},
    {"kind": "action_late", "action": "order", "probability": 0.02, "delay_ms": 1500, "status": 504},
    {"kind": "action_late", "action": "cancelByCloid", "probability": 0.02, "delay_ms": 1500},
    {"kind": "rest_lag", "probability": 0.05, "delay_ms": 4000},
)


def weather(chance: random.Random, run_s: float) -> list[dict[str, Any]]:
    """The set for one run; each fault draws from a sequence of its own."""
    begin = [chance.uniform(0.1, 0.9) * run_s for _ in range(2)]
    states = [
        {"kind": "post_only_mode", "after_s": begin[0], "for_s": STATES_FOR_S},
        {"kind": "clock_skew", "after_s": begin[1], "for_s": STATES_FOR_S, "delay_ms": 700},
    ]
    return [{**fault, "seed": chance.randrange(1, 2**31)} for fault in (*_NOW_AND_THEN, *states)]
