"""The one registry of keys: bindings, footer, help, palette, docs and tests read it, nothing else names a key.

Lowercase looks, UPPERCASE acts on the exchange; no two actions differ by case alone, for phones capitalise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from gridbot_tui.key_action import Danger, KeyAction, Scope
from gridbot_tui.refusals import (
    needs_alert,
    needs_coin,
    needs_drift,
    needs_open_breaker,
    needs_orders,
    needs_running_core,
    needs_two_coins,
    not_dead,
    resume_refusal,
)
from widgets.look import LESSER, RARE, KeyHint

if TYPE_CHECKING:
    from core.view import Snapshot

__all__ = ["ACTIONS", "BY_ID", "PLACES", "Danger", "KeyAction", "Scope", "binding_of", "bindings", "hints"]

PLACES = (
    Scope.DASHBOARD,
    Scope.ORDERS,
    Scope.FILLS,
    Scope.RISK,
    Scope.EVENTS,
    Scope.CONFIG,
    Scope.PERFORMANCE,
    Scope.RUNBOOK,
)
"""The eight screens, in the order of their digits."""

_ACT, _ASKS, _TYPED = Danger.ACT, Danger.ASKS, Danger.TYPED
_EVENTS = (Scope.DASHBOARD, Scope.EVENTS, Scope.RUNBOOK)
_CONSOLE = (Scope.CONSOLE,)
_SEARCHED = (Scope.EVENTS, Scope.CONFIG)
_LISTS = (Scope.ORDERS, Scope.FILLS, Scope.EVENTS, Scope.CONFIG, Scope.RUNBOOK)

ACTIONS: tuple[KeyAction, ...] = (
    KeyAction(
        "halt", ("H",), "Halt", "Cancel all our orders, stop quoting; again: re-send",
        _ACT, not_dead, priority_keys=("ctrl+x",), in_footer=True,
    ),
    KeyAction(
        "flatten", ("F",), "Flatten", "Halt, cancel, close reduce-only, prove it flat",
        _TYPED, needs_coin, in_footer=True, short="Flat",
    ),
    KeyAction(
        "resync", ("R",), "Resync", "Settle orders, fills, position with the exchange",
        _ACT, needs_running_core, debounce_s=2.0, in_footer=True, short="Sync",
    ),
    KeyAction(
        "reconnect", ("W",), "Reconnect", "New WebSocket, then read the gap over REST",
        _ACT, needs_running_core, debounce_s=5.0, in_footer=True, short="WS",
    ),
    KeyAction(
        "poll", ("P",), "Poll", "Read the fills of the last hour over REST",
        _ACT, needs_running_core, debounce_s=5.0, in_footer=True,
    ),
    KeyAction(
        "resume", ("U",), "Resume", "Quote again after a halt", _TYPED, resume_refusal, in_footer=True, rank=RARE,
    ),
    KeyAction(
        "accept", ("A",), "Accept", "Take over a drift that no fill explains", _TYPED, needs_drift,
        in_footer=True, rank=RARE,
    ),
    KeyAction(
        "edit_grid", ("E",), "Edit grid", "Another spacing or number of levels, previewed first", _ASKS, needs_coin,
    ),
    KeyAction(
        "cancel_all", ("O",), "Cancel all", "Halt, then cancel every order of the account", _ASKS, needs_running_core,
    ),
    KeyAction(
        "park", ("C",), "Cancel order", "Cancel the selected order, park its slot; or quote it again",
        _ASKS, needs_orders, scopes=(Scope.ORDERS,),
    ),
    KeyAction(
        "reset_breaker", ("B",), "Breaker", "Close the circuit breakers, once their cause is gone", _ASKS, needs_open_breaker,
    ),
    KeyAction("take_control", ("K",), "Take over", "Let this screen act in place of another", _ASKS),
    KeyAction("help", ("question_mark",), "Help", "Every key, and why one is refused now", in_footer=True),
    KeyAction(
        "quit", ("Q",), "Quit", "Leave the screen: the bot trades on, or halts",
        _ASKS, priority_keys=("ctrl+q", "ctrl+c"), in_footer=True, rank=LESSER,
    ),
    KeyAction(
        "acknowledge", ("exclamation_mark",), "Known", "Alerts are known: no bell for 15 minutes",
        disabled_reason=needs_alert,
    ),
    *(
        KeyAction(
            f"go_{place.value}", (str(at + 1),), place.value.capitalize(), f"To the {place.value} screen",
            in_footer=place is Scope.RUNBOOK, rank=LESSER,
        )
        for at, place in enumerate(PLACES)
    ),
    KeyAction("previous_screen", ("left_square_bracket",), "Previous", "The screen before this one", scopes=_CONSOLE),
    KeyAction("next_screen", ("right_square_bracket",), "Next", "The screen after this one", scopes=_CONSOLE),
    KeyAction("back", ("escape",), "Back", "Back, at last to the dashboard", scopes=(Scope.CONSOLE, Scope.PREVIEW)),
    KeyAction(
        "next_coin", ("tab",), "Next coin", "Look at the next coin", disabled_reason=needs_two_coins,
        scopes=(Scope.CONSOLE, Scope.PREVIEW),
    ),
    KeyAction(
        "preview", ("v",), "Preview", "The grid of these settings at the present price",
        disabled_reason=needs_coin, in_footer=True, rank=LESSER + 1,
    ),
    KeyAction("filter_drift", ("d",), "Drift", "Show position_drift and resync events", scopes=_EVENTS),
    KeyAction("filter_compression", ("s",), "Spacing", "Show grid_compression events", scopes=_EVENTS),
    KeyAction("filter_fills", ("l",), "Fills", "Show fills", scopes=_EVENTS),
    KeyAction("filter_warnings", ("i",), "Important", "Show warnings and worse", scopes=_EVENTS),
    KeyAction("filter_all", ("x",), "All", "No filter: show every event", scopes=_EVENTS),
    KeyAction("search", ("slash",), "Search", "Show what has this text in it", scopes=_SEARCHED),
    KeyAction("search_next", ("n",), "Next hit", "The next row found", scopes=_SEARCHED),
    KeyAction("search_previous", ("m",), "Previous hit", "The row found before", scopes=_SEARCHED),
    KeyAction("line_up", ("up",), "Up", "The row above", scopes=_LISTS),
    KeyAction("line_down", ("down",), "Down", "The row below", scopes=_LISTS),
    KeyAction("page_up", ("pageup",), "Page up", "A page of rows up", scopes=_LISTS),
    KeyAction("page_down", ("pagedown",), "Page down", "A page of rows down", scopes=_LISTS),
    KeyAction("to_first", ("home",), "First", "The first row", scopes=_LISTS),
    KeyAction("to_last", ("end",), "Last", "The last row", scopes=_LISTS),
    KeyAction("open", ("enter",), "Open", "All that is to be said of what is selected", scopes=(Scope.EVENTS, Scope.RUNBOOK)),
    KeyAction("copy", ("y",), "Copy", "The selected line to the clipboard", scopes=_CONSOLE),
    KeyAction("freeze", ("z",), "Freeze", "Hold the display still; trading goes on", scopes=_CONSOLE),
    KeyAction("link", ("g",), "Link", "Bytes a second that the screen sends", scopes=_CONSOLE),
    KeyAction("theme", ("t",), "Theme", "Colours, high contrast, the terminal's own"),
)  # fmt: skip

BY_ID = {action.id: action for action in ACTIONS}


def bindings(scope: Scope) -> list[Binding]:
    """Textual's bindings for one scope. Refused keys stay bound: pressing one must say why."""
    return [binding for action in ACTIONS if scope in action.scopes for binding in binding_of(action.id)]


def binding_of(action_id: str) -> list[Binding]:
    """Those of one action."""
    action, made = BY_ID[action_id], []
    for keys, priority in ((action.keys, False), (action.priority_keys, True)):
        if keys:
            suffix = ".anywhere" if priority else ""
            made.append(
                Binding(
                    ",".join(keys), f"app.perform('{action.id}')", action.title,
                    show=False, priority=priority, tooltip=action.tooltip, id=f"{action.id}{suffix}",
                )
            )  # fmt: skip
    return made


def hints(snapshot: Snapshot | None) -> tuple[KeyHint, ...]:
    """Every key as footer and alert line name it."""
    return tuple(
        KeyHint(
            action.key,
            action.title,
            action.disabled_reason(snapshot) or "",
            action.in_footer,
            action.short,
            action.rank,
        )
        for action in ACTIONS
    )
