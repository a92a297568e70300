"""The view as JSON-ready plain data, and back. What went out comes back equal: numbers to the digit, words as their enums."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from typing import Any, TypeVar

T = TypeVar("T")
Decoder = Callable[[Any], Any]


def to_plain(value: Any) -> Any:
    """A Snapshot, or any part of one, as JSON-ready plain data; ``Decimal`` becomes canonical text."""
    if dataclasses.is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, Decimal):
        text = format(value, "f") if value else "0"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, StrEnum):
        return value.value
    return value


def from_plain(kind: type[T], value: Any) -> T:
    """The ``kind`` that the plain data was made of. Raises ``ValueError`` for what can't be one."""
    try:
        made: T = decoder(kind)(value)
    except (TypeError, KeyError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"no {kind.__name__}: {type(error).__name__}: {error}") from error
    return made


def _decoder(hint: Any) -> Decoder:
    """What makes a value of this annotation from its plain data."""
    if dataclasses.is_dataclass(hint):
        return _of_dataclass(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return _of_tuple(arguments)
    if origin in (types.UnionType, typing.Union):
        kinds = [each for each in arguments if each is not type(None)]
        assert len(kinds) == 1, f"{hint}: the view knows one kind, or none"
        some = decoder(kinds[0])
        return lambda value: None if value is None else some(value)
    if hint is Decimal or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        return typing.cast(Decoder, hint)
    assert hint in (str, int, float, bool), f"{hint}: no such thing in the view"
    return _of_scalar(hint)


def _hints(kind: Any) -> dict[str, Any]:
    """The annotations of a dataclass by field, resolved."""
    found = typing.get_type_hints(kind)
    return {field.name: found[field.name] for field in dataclasses.fields(kind)}


decoder: Callable[[Any], Decoder] = cache(_decoder)
hints: Callable[[Any], dict[str, Any]] = cache(_hints)


def element(hint: Any, index: int) -> Any:
    """The annotation of a tuple's element."""
    arguments = typing.get_args(hint)
    return arguments[0] if len(arguments) == 2 and arguments[1] is Ellipsis else arguments[index]


def _of_dataclass(kind: Any) -> Decoder:
    fields: list[tuple[str, Decoder]] = []

    def make(value: dict[str, Any]) -> Any:
        if not fields:  # once, and late: a kind may hold its own kind
            fields.extend((name, decoder(hint)) for name, hint in hints(kind).items())
        return kind(**{name: decode(value[name]) for name, decode in fields})

    return make


def _of_tuple(arguments: tuple[Any, ...]) -> Decoder:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        each = decoder(arguments[0])
        return lambda value: tuple([each(item) for item in value])
    decoders = [decoder(argument) for argument in arguments]
    return lambda value: tuple(d(item) for d, item in zip(decoders, value, strict=True))


def _of_scalar(kind: type) -> Decoder:
    allowed = (int, float) if kind is float else (kind,)

    def check(value: Any) -> Any:
        if not isinstance(value, allowed):
            raise TypeError(f"{value!r} is no {kind.__name__}")
        return value

    return check


def shape_of(kind: Any) -> str:
    """A short name for the fields of a dataclass and of all in it: two programs with the same one understand each other."""
    told: set[str] = set()

    def tell(hint: Any) -> None:
        for argument in typing.get_args(hint):
            tell(argument)
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            told.add(f"{hint.__name__}: {', '.join(sorted(hint))}")
        if not dataclasses.is_dataclass(hint) or not isinstance(hint, type):
            return
        said = f"{hint.__name__}: {', '.join(f'{name} {each}' for name, each in hints(hint).items())}"
        if said not in told:
            told.add(said)
            for each in hints(hint).values():
                tell(each)

    tell(kind)
    return blake2b("\n".join(sorted(told)).encode(), digest_size=6).hexdigest()
