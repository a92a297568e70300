"""Which functions of the engine run while a coin does its part of a step, and how to put a bug into one of them."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest

import core.engine
from core.engine.coin import Coin
from core.engine.guard import guarded

ROOT = "core.engine."
_MODULES = [importlib.import_module(m.name) for m in pkgutil.walk_packages(core.engine.__path__, ROOT)]


@contextmanager
def seen_under_the_guard(
    found: dict[CodeType, set[CodeType]], outside: set[CodeType] | None = None
) -> Iterator[None]:
    """Note what is called, and by what, while a coin is guarded, however deep; and ``outside`` what is given a coin when it
    isn't.
    """
    depth, bare = 0, outside if outside is not None else set()

    def look(frame: FrameType, event: str, _: Any) -> None:
        nonlocal depth
        if frame.f_code is guarded.__code__:
            depth += (event == "call") - (event == "return")
        elif event == "call" and depth and frame.f_back is not None:
            found.setdefault(frame.f_code, set()).add(frame.f_back.f_code)
        elif event == "call" and frame.f_code not in bare:
            given = frame.f_code.co_varnames[: frame.f_code.co_argcount]
            if any(isinstance(frame.f_locals.get(name), Coin) for name in given):
                bare.add(frame.f_code)

    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)


def _unwrapped(member: Any) -> FunctionType | None:
    inner = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
    return inner if isinstance(inner, FunctionType) else None


def _found() -> tuple[dict[str, FunctionType], dict[FunctionType, list[tuple[object, str, Any]]]]:
    """Every function and method of the engine by its name (``quoting.plan``, ``coin.Coin.pnl``), and where each is found."""
    named: dict[str, FunctionType] = {}
    held: dict[FunctionType, list[tuple[object, str, Any]]] = defaultdict(list)

    def note(name: str, holder: object, attribute: str, value: Any) -> None:
        function = _unwrapped(value)
        if function is not None and function.__module__.startswith(ROOT):
            held[function].append((holder, attribute, value))
            if name.startswith(f"{function.__module__.removeprefix(ROOT)}."):
                named[name] = function

    for module in _MODULES:
        room = module.__name__.removeprefix(ROOT)
        for name, member in vars(module).items():
            note(f"{room}.{name}", module, name, member)
            if isinstance(member, type) and member.__module__ == module.__name__:
                for attribute, value in vars(member).items():
                    note(f"{room}.{name}.{attribute}", member, attribute, value)
    return named, held


FUNCTIONS, _HELD = _found()


def break_it(patch: pytest.MonkeyPatch, name: str, strikes: Callable[[], bool]) -> None:
    """From now on the function raises wherever the engine calls it, while ``strikes``."""
    real = FUNCTIONS[name]

    def bug(*args: Any, **named: Any) -> Any:
        if not strikes():
            return real(*args, **named)
        raise ValueError("a bug")

    for holder, attribute, value in _HELD[real]:
        is_bare = type(value) is FunctionType
        patch.setattr(holder, attribute, bug if is_bare else type(value)(bug))
