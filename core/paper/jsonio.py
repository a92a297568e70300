"""JSON in and out with types. What can't be read is answered as Hyperliquid answers it: HTTP 422 and one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import orjson

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"

DESERIALIZE_TEXT = "Failed to deserialize the JSON body into the target type"

_MAX_DEPTH = 127
"""Of Rust's serde_json, whose words Hyperliquid answers with; it counts a limit of 128 down to 0."""


class MalformedRequestError(Exception):
    """A request whose JSON isn't of the shape asked for; becomes HTTP 422 with ``DESERIALIZE_TEXT``."""


def loads(body: str | bytes) -> object:
    """Raises ``MalformedRequestError``: no JSON, or nested deeper than Hyperliquid's own reader goes."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequestError(str(error)) from error
    if _brackets(body) > _MAX_DEPTH and _is_deep(value):
        raise MalformedRequestError(f"nested deeper than {_MAX_DEPTH}")
    return value


def _brackets(body: str | bytes) -> int:
    """No fewer than the depth, and quickly counted."""
    if isinstance(body, str):
        return body.count("{") + body.count("[")
    return body.count(b"{") + body.count(b"[")


def _is_deep(value: object) -> bool:
    layer: list[object] = [value]
    for _ in range(_MAX_DEPTH):
        layer = [
            inner
            for item in layer
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if not layer:
            return False
    return any(isinstance(item, dict | list) for item in layer)


def dumps(value: Json) -> str:
    return orjson.dumps(value).decode()


def as_object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise MalformedRequestError(f"expected an object, got {type(value).__name__}")
    return value


def as_list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise MalformedRequestError(f"expected a list, got {type(value).__name__}")
    return value


def get_str(source: Mapping[str, object], key: str) -> str:
    value = source.get(key)
    if not isinstance(value, str):
        raise MalformedRequestError(f"{key} must be a string")
    return value


def get_int(source: Mapping[str, object], key: str) -> int:
    """An unsigned integer below 2**64; JSON ``true`` is not one."""
    value = source.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**64:
        raise MalformedRequestError(f"{key} must be an unsigned integer")
    return value


def get_signed_int(source: Mapping[str, object], key: str) -> int:
    """An integer of 64 bits."""
    value = source.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise MalformedRequestError(f"{key} must be an integer")
    return value


def get_oid(source: Mapping[str, object], key: str) -> int | str:
    """An order's id, or its cloid (in lower case)."""
    value = source.get(key)
    return get_cloid(source, key) if isinstance(value, str) else get_int(source, key)


def get_optional_int(source: Mapping[str, object], key: str) -> int | None:
    return None if source.get(key) is None else get_int(source, key)


def get_bool(source: Mapping[str, object], key: str) -> bool:
    value = source.get(key)
    if not isinstance(value, bool):
        raise MalformedRequestError(f"{key} must be true or false")
    return value


def get_address(source: Mapping[str, object], key: str) -> str:
    """A 20-byte address in lower case; any case is accepted."""
    text = get_str(source, key).lower()
    if not is_address(text):
        raise MalformedRequestError(f"{key} must be an address")
    return text


def get_cloid(source: Mapping[str, object], key: str) -> str:
    text = get_str(source, key)
    if len(text) != 34 or text[:2] != "0x" or not is_hex(text[2:]):
        raise MalformedRequestError(f"{key} must be 0x and 32 hex digits")
    return text.lower()


def is_address(text: str) -> bool:
    return len(text) == 42 and text[:2].lower() == "0x" and is_hex(text[2:])


def is_hex(text: str) -> bool:
    return bool(text) and all(character in "0123456789abcdefABCDEF" for character in text)


def only_keys(source: Mapping[str, object], allowed: frozenset[str]) -> None:
    """Hyperliquid refuses unknown fields of an envelope or action."""
    unknown = source.keys() - allowed
    if unknown:
        raise MalformedRequestError(f"unknown fields {sorted(unknown)}")
