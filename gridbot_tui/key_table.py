"""The key tables of the docs, made of the registry: ``make docs`` writes them, and a test holds them current."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from core.page_parts import with_part
from gridbot_tui import keymap
from gridbot_tui.key_action import Danger, KeyAction, Scope

_GUARDS = {
    Danger.ACT: "none",
    Danger.ASKS: "a dialog asks",
    Danger.TYPED: "a word is typed",
    Danger.LOOK: "",
}


def short_table() -> Iterator[str]:
    """What acts, a row each; what looks, in as few rows as can be."""
    yield "| key | what it does | guard |"
    yield "|---|---|---|"
    for action in keymap.ACTIONS:
        if action.danger is not Danger.LOOK:
            told = f"**{action.title}**: {_cell(action.tooltip)}{_where(action)}"
            yield f"| {_keys(action)} | {told} | {_GUARDS[action.danger]} |"
    places = keymap.PLACES
    yield f"| `1` … `{len(places)}` | {', '.join(place.value for place in places)} | |"
    looks = [
        action
        for action in keymap.ACTIONS
        if action.danger is Danger.LOOK and not action.id.startswith("go_")
    ]
    for filters in (True, False):
        found = [action for action in looks if action.id.startswith("filter_") is filters]
        words = ", ".join(f"{_keys(action)} {action.title.lower()}" for action in found)
        yield f"| | {'events shown: ' if filters else ''}{words} | |"


def full_table() -> Iterator[str]:
    yield "| key | name | what it does | where | guard |"
    yield "|---|---|---|---|---|"
    for danger in (Danger.ACT, Danger.TYPED, Danger.ASKS, Danger.LOOK):
        for action in keymap.ACTIONS:
            if action.danger is danger:
                again = f", again after {action.debounce_s:g} s" if action.debounce_s else ""
                guard = f"{_GUARDS[danger]}{again}"
                cells = (_keys(action), action.title, _cell(action.tooltip), scope_text(action), guard)
                yield f"| {' | '.join(cells)} |"


def _keys(action: KeyAction) -> str:
    return " ".join(f"`{key}`" for key in (action.key, *action.priority_keys))


def _where(action: KeyAction) -> str:
    return "" if Scope.APP in action.scopes else f" ({scope_text(action)})"


def scope_text(action: KeyAction) -> str:
    """Where it works: a key with ``ctrl`` does so in dialogs and text fields too."""
    if action.priority_keys:
        return f"everywhere, {' and '.join(f'`{key}`' for key in action.priority_keys)} in dialogs too"
    if Scope.APP in action.scopes:
        return "everywhere"
    if Scope.CONSOLE in action.scopes:
        return "the eight screens"
    return ", ".join(scope.value for scope in action.scopes)


def _cell(text: str) -> str:
    text = text.replace("|", "\\|")
    return f"{text[0].lower()}{text[1:]}"


PARTS: Mapping[str, Callable[[], Iterator[str]]] = {"keys": short_table, "all-keys": full_table}
PAGES: Mapping[Path, tuple[str, ...]] = {
    Path("README.md"): ("keys",),
    Path("docs/operator.md"): ("all-keys",),
}


def current(path: Path, parts: Iterable[str]) -> str:
    """The page as it should be."""
    text = path.read_text(encoding="utf-8")
    for name in parts:
        text = with_part(text, name, PARTS[name]())
    return text


if __name__ == "__main__":
    for each, names in PAGES.items():
        each.write_text(current(each, names), encoding="utf-8")
