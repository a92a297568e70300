"""The palette (ctrl+p): every action of the registry by name, behind the same guards as its key."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from textual.app import SystemCommand

from core.view import Snapshot
from gridbot_tui import keymap
from gridbot_tui.key_action import Danger, KeyAction, Scope
from gridbot_tui.screens.help import EVERYWHERE

_GUARDS = {Danger.ASKS: ", asks first", Danger.TYPED: ", wants a word typed"}


def commands(
    snapshot: Snapshot | None, place: Scope, perform: Callable[[str], None]
) -> Iterator[SystemCommand]:
    """What works here first, then what works elsewhere, each with its key and what it does or why it is refused."""
    for action in sorted(keymap.ACTIONS, key=lambda each: not works_in(each, place)):
        yield SystemCommand(
            title(action), told(action, snapshot, place), lambda chosen=action.id: perform(chosen)
        )


def title(action: KeyAction) -> str:
    """Two titles are the same word: a place and a filter are told apart by what they are."""
    if action.id.startswith("go_"):
        return f"Screen: {action.title}"
    if action.id.startswith("filter_"):
        return f"Events: {action.title}"
    return action.title


def told(action: KeyAction, snapshot: Snapshot | None, place: Scope) -> str:
    if not works_in(action, place):
        return f"{action.key}  on the {action.scopes[0].value} screen: {action.tooltip}"
    if (reason := action.disabled_reason(snapshot)) is not None:
        return f"{action.key}  refused now: {reason}"
    return f"{action.key}  {action.tooltip}{_GUARDS.get(action.danger, '')}"


def works_in(action: KeyAction, place: Scope) -> bool:
    return place in action.scopes or bool(EVERYWHERE & set(action.scopes))
