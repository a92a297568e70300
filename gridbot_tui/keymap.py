"""The one registry of keys: bindings, footer, help, palette and tests read it, nothing else names a key.

Lowercase looks, UPPERCASE acts on the exchange; no two actions differ by case alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding

from core.view import BreakerState, RunState, Snapshot
from widgets.look import KeyHint

DRIFT_LIMIT_PCT = 1.0


class Danger(StrEnum):
    """What a key can do, and so what stands before it."""

    LOOK = "look"
    """Changes what is on the screen, nothing else."""
    ACT = "act"
    """Safe and repeatable: one key, no dialog."""
    ASKS = "asks"
    """A dialog says what will happen; one key agrees."""
    TYPED = "typed"
    """Moves money or ends the protection of a halt: a word must be typed."""


class Scope(StrEnum):
    APP = "app"
    DASHBOARD = "dashboard"
    PREVIEW = "preview"


def _always(_: Snapshot | None) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class KeyAction:
    """``keys[0]`` is the one that is shown. ``priority_keys`` work in every screen, dialog and text field: no printable one."""

    id: str
    keys: tuple[str, ...]
    title: str
    tooltip: str
    danger: Danger = Danger.LOOK
    disabled_reason: Callable[[Snapshot | None], str | None] = _always
    priority_keys: tuple[str, ...] = ()
    debounce_s: float = 0.0
    in_footer: bool = False
    scope: Scope = Scope.APP

    @property
    def key(self) -> str:
        return _SHOWN.get(self.keys[0], self.keys[0])


_SHOWN = {"question_mark": "?"}


def _needs_engine(snapshot: Snapshot | None) -> str | None:
    if snapshot is None:
        return "the engine has not reported yet"
    return _not_dead(snapshot)


def _not_dead(snapshot: Snapshot | None) -> str | None:
    if snapshot is not None and snapshot.state is RunState.DEAD:
        return "the engine has ended: start it again, it settles what rests"
    return None


def _needs_running_core(snapshot: Snapshot | None) -> str | None:
    if (reason := _needs_engine(snapshot)) is not None:
        return reason
    assert snapshot is not None
    return "the engine is stopping" if snapshot.state is RunState.STOPPING else None


def _needs_coin(snapshot: Snapshot | None) -> str | None:
    if (reason := _needs_engine(snapshot)) is not None:
        return reason
    assert snapshot is not None
    return None if snapshot.coins else "no coin trades here yet"


def _resume_refusal(snapshot: Snapshot | None) -> str | None:
    if (reason := _needs_running_core(snapshot)) is not None:
        return reason
    assert snapshot is not None
    halted = [coin for coin in snapshot.coins if coin.state is RunState.HALTED]
    if snapshot.state is not RunState.HALTED and not halted:
        return "nothing is halted"
    for coin in snapshot.coins:
        if abs(coin.drift.pct) > DRIFT_LIMIT_PCT:
            return f"{coin.coin} drifts {abs(coin.drift.pct):.2f}% (limit 1%): R resync first, A accepts what stays"
    feed = snapshot.feed
    if (
        not feed.connected
        or not feed.ready
        or snapshot.time_ms - feed.last_message_ms >= 1000 * feed.stale_after_s
    ):
        return "the market feed is down or stale: W reconnect first"
    opened = {breaker.name for breaker in snapshot.api.breakers if breaker.state is BreakerState.OPEN}
    if snapshot.api.breaker_open and opened != {"auth"}:  # resuming is what ends that one
        return f"the circuit breaker is open: {snapshot.api.breaker_reason or 'no reason given'}"
    return None


def _needs_drift(snapshot: Snapshot | None) -> str | None:
    if (reason := _needs_running_core(snapshot)) is not None:
        return reason
    assert snapshot is not None
    if any(coin.drift.amount or coin.chain_broken for coin in snapshot.coins):
        return None
    return "no drift to accept"


def _needs_two_coins(snapshot: Snapshot | None) -> str | None:
    return None if snapshot is not None and len(snapshot.coins) > 1 else "only one coin trades here"


_ACT, _TYPED, _DASH = Danger.ACT, Danger.TYPED, Scope.DASHBOARD

ACTIONS: tuple[KeyAction, ...] = (
    KeyAction(
        "halt", ("H",), "Halt", "Cancel all our orders, stop quoting; again: re-send",
        _ACT, _not_dead, priority_keys=("ctrl+x",), in_footer=True,
    ),
    KeyAction(
        "flatten", ("F",), "Flatten", "Halt, cancel, close reduce-only, prove it flat",
        _TYPED, _needs_coin, in_footer=True,
    ),
    KeyAction(
        "resync", ("R",), "Resync", "Settle orders, fills, position with the exchange",
        _ACT, _needs_running_core, debounce_s=2.0, in_footer=True,
    ),
    KeyAction(
        "reconnect", ("W",), "Reconnect", "New WebSocket, then read the gap over REST",
        _ACT, _needs_running_core, debounce_s=5.0, in_footer=True,
    ),
    KeyAction(
        "poll", ("P",), "Poll", "Read the fills of the last hour over REST",
        _ACT, _needs_running_core, debounce_s=5.0, in_footer=True,
    ),
    KeyAction(
        "resume", ("U",), "Resume", "Quote again after a halt", _TYPED, _resume_refusal, in_footer=True,
    ),
    KeyAction(
        "accept", ("A",), "Accept", "Take over a drift that no fill explains", _TYPED, _needs_drift,
    ),
    KeyAction("help", ("question_mark",), "Help", "Every key, and why one is refused now", in_footer=True),
    KeyAction(
        "quit", ("Q",), "Quit", "Stop in order, cancel our orders, leave",
        Danger.ASKS, priority_keys=("ctrl+q", "ctrl+c"), in_footer=True,
    ),
    KeyAction("filter_drift", ("d",), "Drift", "Show position_drift and resync events", scope=_DASH),
    KeyAction("filter_compression", ("c",), "Compression", "Show grid_compression events", scope=_DASH),
    KeyAction("filter_fills", ("l",), "Fills", "Show fills", scope=_DASH),
    KeyAction("filter_all", ("n",), "All", "No filter: show every event", scope=_DASH),
    KeyAction(
        "next_coin", ("tab",), "Next coin", "Look at the next coin", disabled_reason=_needs_two_coins, scope=_DASH
    ),
    KeyAction(
        "preview", ("v",), "Preview", "The grid of these settings at the present price",
        disabled_reason=_needs_coin, in_footer=True,
    ),
    KeyAction("back", ("escape",), "Back", "From the preview to the dashboard", scope=Scope.PREVIEW),
    KeyAction("theme", ("t",), "Theme", "Colours, high contrast"),
)  # fmt: skip

BY_ID = {action.id: action for action in ACTIONS}


def bindings(scope: Scope) -> list[Binding]:
    """Textual's bindings for one scope. Refused keys stay bound: pressing one must say why."""
    made: list[Binding] = []
    for action in ACTIONS:
        if action.scope is not scope:
            continue
        call = f"app.perform('{action.id}')"
        for keys, priority in ((action.keys, False), (action.priority_keys, True)):
            if keys:
                suffix = ".anywhere" if priority else ""
                made.append(
                    Binding(
                        ",".join(keys), call, action.title,
                        show=False, priority=priority, tooltip=action.tooltip, id=f"{action.id}{suffix}",
                    )
                )  # fmt: skip
    return made


def binding_of(action_id: str) -> list[Binding]:
    """One action of another scope, for a screen on which it does the same."""
    scope = BY_ID[action_id].scope
    return [binding for binding in bindings(scope) if binding.id == action_id]


def hints(snapshot: Snapshot | None) -> tuple[KeyHint, ...]:
    """Every key as footer and alert line name it."""
    return tuple(
        KeyHint(action.key, action.title, action.disabled_reason(snapshot) or "", action.in_footer)
        for action in ACTIONS
    )
