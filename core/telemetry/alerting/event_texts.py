"""Which events are told to whoever isn't looking, and in which words. What a standing alert tells of is not told twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.telemetry.alerting.message import Message
from core.telemetry.event_words import detail_of
from core.view import Severity

Fields = Mapping[str, Any]

HAVE_AN_ALERT = frozenset(
    {
        *(
            "risk_halt",
            "circuit_break",
            "data_stale_halt",
            "position_unread",
            "position_drift_detected",
            "dead_man_switch_fired",
        ),
        *(
            "stop_past_liquidation",
            "leverage_changed",
            "coin_delisted",
            "fill_conflict",
            "overfill",
            "nonce_clash",
        ),
        *("storage_failed", "dead_man_switch_deactivation_error"),
    }
)
"""Critical ones whose condition stands on the screen, and is told from there with its end."""

ACTS = frozenset(
    {
        *("halt", "resume", "flatten", "cancel_all", "accept", "margin_add", "set_spacing", "set_levels"),
        *("reset_breaker", "park", "unpark"),
    }
)
"""What an operator does that changes the trading: whoever else answers for the account hears of it."""

OUR_OWN = ("alert_", "heartbeat_ping")
"""Events of the telling itself begin so: to tell of them would go round in a circle."""


ENDS = {"watchdog_bot_returned": "watchdog_bot_lost"}
"""Events that end what another has told, and as gravely as that was told."""


def message_of(name: str, severity: Severity, coin: str, fields: Fields, time_ms: int) -> Message | None:
    """What to tell of an event; ``None``: nothing."""
    if name in HAVE_AN_ALERT or name.startswith(OUR_OWN):
        return None
    words = _WORDS.get(name)
    text = words(coin, fields) if words else _plain(name, coin, fields) if severity is Severity.CRIT else ""
    if not text:
        return None
    if name in ENDS:
        return Message(f"{ENDS[name]}:{coin}", Severity.CRIT, text, time_ms, is_resolved=True)
    return Message(f"{name}:{coin}", severity, text, time_ms)


def _plain(name: str, coin: str, fields: Fields) -> str:
    """Of a critical event that has no words of its own."""
    said = str(fields.get("reason") or detail_of(name, fields))
    return f"{name.replace('_', ' ').upper()}{f' {coin}' if coin else ''}: {said}"


def _started(coin: str, fields: Fields) -> str:
    return f"STARTED on {fields['network']} with {fields['coins']}."


def _fill(coin: str, fields: Fields) -> str:
    """Only one of no order of ours."""
    if not fields.get("external") or fields.get("kind") != "trade":
        return ""
    verb = "bought" if fields["side"] == "buy" else "sold"
    return (
        f"{coin}: {fields['size']} {verb} at {fields['price']} by no order of the grid; it holds {fields['position']} now. "
        "If that was not you, look who else has the keys."
    )


def _forced(word: str) -> Callable[[str, Fields], str]:
    def text(coin: str, fields: Fields) -> str:
        verb = "bought" if fields["side"] == "buy" else "sold"
        return (
            f"{word} {coin}: {fields['size']} {verb} at {fields['price']}; it holds {fields['position']} now."
        )

    return text


def _stop_fired(coin: str, fields: Fields) -> str:
    return f"THE STOP OF {coin} HAS FIRED at {fields['price']}: the exchange closes the position."


def _drawdown(coin: str, fields: Fields) -> str:
    return (
        f"DRAWDOWN {fields['drawdown_pct']} % ({fields['lost_usd']} USD since the highest profit); "
        f"at {fields['limit_pct']} % everything halts."
    )


def _operator(coin: str, fields: Fields) -> str:
    return f"{coin}: {detail_of('operator', fields)}".lstrip(": ") if fields.get("action") in ACTS else ""


_BY_HAND = "It tries on; cancel them on the exchange's own page, or start the bot."

_WORDS: Mapping[str, Callable[[str, Fields], str]] = {
    "session_start": _started,
    "fill": _fill,
    "liquidation": _forced("LIQUIDATION"),
    "adl": _forced("AUTO-DELEVERAGED"),
    "settlement": _forced("SETTLED"),
    "stop_fired": _stop_fired,
    "drawdown_warning": _drawdown,
    "operator": _operator,
    "watchdog_bot_lost": lambda _, fields: (
        f"THE WATCHDOG TAKES THE GRID BACK: {fields['reason']}. Find out what became of the bot."
    ),
    "watchdog_orders_cancelled": lambda _, fields: (
        f"THE WATCHDOG HAS CANCELLED {fields['cancelled']} ORDERS: {fields['reason']}. "
        "Look at the position, then start the bot."
    ),
    "watchdog_cannot_reach": lambda _, fields: f"THE WATCHDOG CAN'T CANCEL: {fields['reason']}. {_BY_HAND}",
    "watchdog_cancel_failed": lambda _, fields: (
        f"THE WATCHDOG CAN'T CANCEL {fields['orders']} ORDERS: {fields['reason']}. {_BY_HAND}"
    ),
    "watchdog_bot_returned": lambda _, fields: f"THE BOT IS BACK (pid {fields['pid']}): it is watched again.",
    "watchdog_stopped": lambda _, fields: "The watchdog has ended: nobody takes the grid of a lost bot back.",
    "watchdog_refused": lambda _, fields: f"THE WATCHDOG HAS ENDED: {fields['reason']}.",
    "watchdog_failed": lambda _, fields: f"THE WATCHDOG HAS ENDED: {fields['reason']}.",
}
