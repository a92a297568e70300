"""The catalogue against the code: every name that is told is in it, and every name in it is told."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from core.domain.fills import FillKind
from core.telemetry.catalogue import BY_NAME, GROUPS, is_record
from core.telemetry.catalogue.gone import GONE
from core.telemetry.catalogue.reference import PAGE, refreshed
from tests.unit.telemetry.predecessor_events import NAMES

ROOT = Path(__file__).resolve().parents[3]
PLACES = [path for part in ("core", "gridbot_tui") for path in sorted((ROOT / part).rglob("*.py"))]
TELLS = {"notify", "_tell", "tell", "_told"}


def _texts(node: ast.expr, function: ast.AST) -> Iterator[str]:
    """What an expression may be: its texts, and those that its variable is given in the function."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body, function)
            yield from _texts(orelse, function)
        case ast.Name(id=name):
            for each in ast.walk(function):
                if isinstance(each, ast.Assign) and any(
                    isinstance(to, ast.Name) and to.id == name for to in each.targets
                ):
                    yield from _texts(each.value, function)


def _told() -> dict[str, str]:
    """Event names and where each is told."""
    found: dict[str, str] = {}
    for path in PLACES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        for function in functions:
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and node.args and _called(node) in TELLS:
                    where = f"{path.relative_to(ROOT)}:{node.lineno}"
                    found.update((text, where) for text in _texts(node.args[0], function))
                elif isinstance(node, ast.Dict):
                    keys = [k.value if isinstance(k, ast.Constant) else None for k in node.keys]
                    if "event" in keys:
                        named = _texts(node.values[keys.index("event")], function)
                        found.update((text, str(path)) for text in named)
    return found


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


NOT_EVENTS = {"drawn", "left"}
"""What a screen tells the process that holds its terminal."""


def test_every_event_name_in_the_code_is_in_the_catalogue() -> None:
    told = {name: at for name, at in _told().items() if name.isidentifier() and name.islower()}
    assert len(told) > 100
    missing = {name: at for name, at in told.items() if name not in BY_NAME and name not in NOT_EVENTS}
    assert missing == {}, "write each into core/telemetry/catalogue, then `make docs`"


def test_every_name_in_the_catalogue_is_told_somewhere() -> None:
    made = {kind.value for kind in FillKind} | {name for name in BY_NAME if _stands_in_code(name)}
    assert set(BY_NAME) - set(_told()) - made == set()


def _stands_in_code(name: str) -> bool:
    """Names that are carried in a variable a longer way."""
    texts = (path.read_text(encoding="utf-8") for path in PLACES if "catalogue" not in path.parts)
    return any(f'"{name}"' in text for text in texts)


def test_a_name_is_there_once_and_says_what_it_means() -> None:
    assert sum(map(len, GROUPS.values())) == len(BY_NAME)
    for kind in BY_NAME.values():
        assert kind.means.endswith("."), kind.name
        assert not kind.do or kind.do.endswith((".", "?")), kind.name
        assert set(kind.levels.split()) <= {"info", "warn", "crit"}, kind.name


def test_the_seeds_names_stay() -> None:
    assert {"fill", "position_drift_detected", "grid_compression_override"} <= BY_NAME.keys()
    assert is_record("fill")
    assert not is_record("a_name_of_tomorrow")


def test_each_of_the_predecessors_names_is_told_under_one_of_ours_or_it_is_said_why_not() -> None:
    gone = [name for _, listed in GONE for name in listed.split()]
    kept = {old for kind in BY_NAME.values() for old in kind.formerly.split(", ")} | BY_NAME.keys()
    assert sorted(set(NAMES.split()) - kept - set(gone)) == []
    assert sorted(set(gone) & kept) == []
    assert len(gone) == len(set(gone))
    named = {
        word for why, _ in GONE for word in re.findall(r"`([a-z_]+)`", why) if not word.startswith("gridbot_")
    }
    assert named - {"lost"} <= BY_NAME.keys()


def test_the_page_is_current() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert page == refreshed(page), "run `make docs`"
