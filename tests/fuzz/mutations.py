"""Turning a sound request into one that no sound client would send: as a value, as JSON text, as bytes."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

Value = Any
"""Whatever JSON can say, and some things that it can't."""

NUMBERS: tuple[Value, ...] = (
    *(0, -1, 1, 2, 3, 199, 2**31, 2**32, 2**53, 2**53 + 1, 2**63, 2**64 - 1, 2**64, 10**30, -(10**30)),
    *(0.1, -0.0, 1e-320, 1e308, -1e308, float("nan"), float("inf")),
)
DECIMALS: tuple[str, ...] = (
    *(
        "",
        " ",
        "0",
        "-0",
        "00",
        "1",
        "-1",
        "1.",
        ".5",
        "0.0",
        "1e5",
        "1E400",
        "1e999999999",
        "-1e-999999999",
        " 1",
        "1 ",
    ),
    *("+1", "1_000", "1,5", "0x10", "NaN", "Infinity", "-inf", "١٢٣", "１", "²", "1\u0000", "0.000001"),
    *(
        "100000",
        "100000.1",
        "99999.99",
        "123456789012345678901234",
        "1" * 25,
        "9" * 400,
        "0." + "0" * 400 + "1",
    ),
    *(str(10**30), str(10**23), str(-(10**23)), "0.000000000000000000000001"),
)
TEXTS: tuple[str, ...] = (
    *(
        "BTC",
        "btc",
        "ETH",
        "xyz:TSLA",
        ":",
        "@1",
        "../..",
        "\u0000",
        "\u202e",
        "💥" * 100,
        "a" * 70_000,
        "null",
        "true",
    ),
    *(
        "0x",
        "0x0",
        "0x" + "0" * 40,
        "0x" + "f" * 40,
        "0x" + "G" * 40,
        "0X" + "A" * 40,
        "0x" + "0" * 32,
        "0x" + "1" * 33,
    ),
    *(
        "na",
        "normalTpsl",
        "positionTpsl",
        "Alo",
        "alo",
        "Ioc",
        "Gtc",
        "FrontendMarket",
        "tp",
        "sl",
        "Testnet",
        "Mainnet",
    ),
    *("%s%s%n", "<script>", "'; DROP TABLE accounts; --", "{{7*7}}", "\\", '"', "\r\nX: y"),
)
_KEYS = (
    "",
    "type",
    "user",
    "coin",
    "a",
    "o",
    "c",
    "t",
    "p",
    "s",
    "r",
    "__proto__",
    "signature",
    "nonce",
    "💥",
    "x" * 1000,
)


def absurd(dice: Random) -> Value:
    """A value out of place."""
    match dice.randrange(6):
        case 0:
            return dice.choice(NUMBERS)
        case 1:
            return dice.choice(DECIMALS)
        case 2:
            return dice.choice(TEXTS)
        case 3:
            return dice.choice((None, True, False, [], {}, [[]], [None], {"": None}, [{}] * 300))
        case 4:
            return nested(dice.choice((3, 60, 200, 253, 254, 255, 300)), dice)
        case _:
            return [absurd(dice) for _ in range(dice.randrange(3))]


def nested(depth: int, dice: Random) -> Value:
    value: Value = 1
    for _ in range(depth):
        value = [value] if dice.random() < 0.5 else {"a": value}
    return value


def mutate(sound: Value, dice: Random) -> Value:
    """A copy with one to four things wrong."""
    value = copy.deepcopy(sound)
    for _ in range(1 + dice.randrange(4) // 2):
        value = _mutate_once(value, dice)
    return value


def _places(value: Value) -> list[tuple[Value, Value]]:
    """Every container in ``value`` with every key in it."""
    found: list[tuple[Value, Value]] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict | list):
            found.extend((item, key) for key in (list(item) if isinstance(item, dict) else range(len(item))))
            waiting.extend(item.values() if isinstance(item, dict) else item)
    return found


def _mutate_once(value: Value, dice: Random) -> Value:
    places = _places(value)
    if not places or dice.random() < 0.03:
        return absurd(dice)
    container, key = dice.choice(places)
    match dice.randrange(8):
        case 0:
            del container[key]
        case 1 if isinstance(container, dict):
            container[dice.choice(_KEYS)] = absurd(dice)
        case 2 if isinstance(container, list):
            container.extend(copy.deepcopy(container[key]) for _ in range(dice.choice((1, 2, 250))))
        case 3 if isinstance(container[key], str):
            container[key] = _damaged_text(container[key], dice)
        case 4 if isinstance(container[key], int | float):
            container[key] = dice.choice(NUMBERS)
        case 5 if isinstance(container[key], str):
            container[key] = dice.choice(DECIMALS)
        case _:
            container[key] = absurd(dice)
    return value


def _damaged_text(text: str, dice: Random) -> str:
    match dice.randrange(5):
        case 0:
            return text.upper()
        case 1:
            return text[: dice.randrange(len(text) + 1)]
        case 2:
            return text + dice.choice(TEXTS)
        case 3:
            return " " + text
        case _:
            return text[::-1]


def encoded(value: Value, dice: Random) -> bytes:
    """JSON, mostly; now and then with something in it that isn't."""
    try:
        text = json.dumps(value, ensure_ascii=dice.random() < 0.5)
    except (RecursionError, ValueError):
        text = "[" * 100_000
    body = text.encode("utf-8", "surrogatepass")
    return body if dice.random() < 0.8 else _damaged_bytes(text, body, dice)


def _damaged_bytes(text: str, body: bytes, dice: Random) -> bytes:
    cut = dice.randrange(len(body) + 1)
    match dice.randrange(12):
        case 0:
            return body[:cut]
        case 1:
            return body[:cut] + bytes(dice.randrange(256) for _ in range(1 + dice.randrange(8))) + body[cut:]
        case 2:
            return (
                body[:cut]
                + dice.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b'"\\ud800"', b"\x00"))
                + body[cut:]
            )
        case 3:
            return b"\xef\xbb\xbf" + body
        case 4:
            return text.encode("utf-16", "replace")
        case 5:
            return body.replace(b"{", b'{"type":"allMids","type":"meta","type":7,', 1)
        case 6:
            return dice.choice((b"[", b'{"a":')) * dice.choice((100, 1_023, 1_025, 50_000))
        case 7:
            return body + body
        case 8:
            return body.replace(b":", b":" + b" " * dice.choice((1, 10_000)), 1)
        case 9:
            return body.replace(b'"', b"'")
        case 10:
            return dice.choice(
                (b"", b"null", b"NaN", b"-", b"1e999", b"9" * 5_000, b'"\\u0000"', b"\x00" * 64)
            )
        case _:
            return dice.randbytes(dice.choice((1, 7, 300, 4_000)))
