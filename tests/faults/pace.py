"""Waits of the program made short, where a test isn't about how long they are: as long as a ``with`` lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

from core.engine import back_off, circuit_breaker, feed_watch, intents, order_manager
from core.engine.circuit_breaker import POLICIES, Policy
from core.exchange import market_data, order_router, rest
from core.paper.server import pacing
from core.runtime import account_loop, pulse, reach

BRISK: dict[ModuleType, dict[str, Any]] = {
    intents: {"EXPIRES_AFTER_MS": 1_200},
    order_manager: {
        "NOT_FOUND_APART_MS": 1_000,
        "GONE_AFTER_MS": 12_000,
        "ASK_AGAIN_MS": 600,
    },
    back_off: {"CANCEL_AGAIN_MS": 500},
    order_router: {"CANCEL_EXPIRES_MS": 1_200},
}
"""Evidence about orders, in the same order and by the same rules, in a fifth of the time."""

WATCHFUL: dict[ModuleType, dict[str, Any]] = {
    market_data: {"PING_AFTER_S": 0.4, "SILENT_AFTER_S": 3.0, "ACK_TIMEOUT_S": 3.0, "BACKOFF_MAX_S": 0.4},
    feed_watch: {
        "BOOK_CHECK_MS": 400,
        "BOOK_GRACE_MS": 300,
        "UPDATE_OWED_MS": 2_000,
        "FILL_OWED_MS": 500,
    },
}
"""Silence is noticed sooner, yet not for a moment in which a busy machine stood still."""

IMPATIENT: dict[ModuleType, dict[str, Any]] = {
    rest: {"READ_TIMEOUT_S": 0.4, "ACTION_TIMEOUT_S": 0.4},
    market_data: {"CONNECT_TIMEOUT_S": 0.4, **WATCHFUL[market_data]},
    reach: {"REACH_FOR_S": 1.0, "RETRY_S": 0.05},
}
"""No answer is waited for longer than half a second."""


PROBING: dict[ModuleType, dict[str, Any]] = {
    circuit_breaker: {
        "POLICIES": {
            name: Policy(policy.cooldown_ms // 5, policy.cooldown_max_ms // 5)
            for name, policy in POLICIES.items()
        }
    },
}
"""The cooldowns of the circuit breakers, in a fifth of the time."""


UNHURRIED: dict[ModuleType, dict[str, Any]] = {
    account_loop: {"TICK_MS": 500, "PUBLISH_EVERY_MS": 1_000},
    pacing: {"_TICK_S": 0.25},
    pulse: {"BEAT_S": 1.0},
}
"""Minutes in which next to nothing happens: nobody needs to look a hundred times a second, least of all at the pulse."""


@contextmanager
def pace(*changes: dict[ModuleType, dict[str, Any]]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for change in changes:
            for module, values in change.items():
                for name, value in values.items():
                    patch.setattr(module, name, value)
        yield
