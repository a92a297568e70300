"""One fault as it was ordered, and reading it: strict, with a sentence that says the fix."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeAlias

import orjson

from core.paper.faults.damage import MODES
from core.paper.faults.kinds import CHANNELS, COMMON_FIELDS, PATHS, RULES, Kind, KindRules, Place
from core.paper.jsonio import is_address

_MAX_FAULTS = 1000
_MAX_SECONDS = 31_536_000
_MAX_DELAY_MS = 3_600_000
_MAX_SKEW_MS = 30 * 86_400_000
_SCOPES = ("each", "all")

FaultRow: TypeAlias = "dict[str, bool | int | float | str | None]"


class FaultError(ValueError):
    """A list of faults that can't be meant; the text names the entry and says the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """``None`` means "not given"; what that means is told with the field. Times in seconds from the moment it is set."""

    kind: Kind
    probability: float = 1.0
    """Of each event, independently."""
    count: int | None = None
    """At most so many strikes; None: without end."""
    after_s: float = 0.0
    for_s: float | None = None
    """How long it lasts from ``after_s`` on; None: until it is replaced."""
    seed: int = 1
    channel: str | None = None
    """Frames of this channel alone."""
    action: str | None = None
    """Requests of this path, info type or action type alone."""
    user: str | None = None
    """The account (lower case) that it is for; None: everyone."""
    scope: str = "each"
    """``each``: every connection draws for itself; ``all``: one draw for all that get a frame."""
    delay_ms: int = 0
    """A skew may be negative: behind."""
    mode: str | None = None
    """How a text is damaged; None: drawn anew each time."""
    code: int | None = None
    """Of a WebSocket's goodbye; None: it breaks off without one."""
    status: int | None = None
    """Of an HTTP answer; None: the kind's own."""
    coin: str | None = None
    """None: the first coin listed."""
    sz_decimals: int | None = None
    """None: one fewer than now."""

    @property
    def rules(self) -> KindRules:
        return RULES[self.kind]

    def row(self) -> FaultRow:
        """The fields of its kind, as ``GET /paper/faults`` shows them."""
        known = COMMON_FIELDS | self.rules.fields
        row: FaultRow = {f.name: getattr(self, f.name) for f in fields(self) if f.name in known}
        row["kind"] = self.kind.value
        return row


def parse_faults(value: object) -> tuple[Fault, ...]:
    """What JSON said, as faults.

    Raises:
        FaultError: not a list of faults.
    """
    if not isinstance(value, list):
        raise FaultError('Faults are a list. Fix: send [{"kind": "ws_drop"}], or [] for none.')
    if len(value) > _MAX_FAULTS:
        raise FaultError(f"{len(value)} faults are too many. Fix: at most {_MAX_FAULTS}.")
    return tuple(_parse_entry(entry, number) for number, entry in enumerate(value, 1))


def read_faults(path: Path) -> tuple[Fault, ...]:
    """The faults of a JSON file.

    Raises:
        FaultError: it can't be read, or isn't a list of faults; the text names file and entry.
    """
    try:
        return parse_faults(orjson.loads(path.read_bytes()))
    except OSError as error:
        raise FaultError(f"{path} can't be read ({error.strerror}). Fix: name a JSON file.") from error
    except orjson.JSONDecodeError as error:
        raise FaultError(f"{path} is not JSON ({error}). Fix: write a list of faults.") from error
    except FaultError as error:
        raise FaultError(f"{path}: {error}") from error


def _parse_entry(entry: object, number: int) -> Fault:
    if not isinstance(entry, dict):
        raise FaultError(f'Entry {number} is not an object. Fix: write {{"kind": "ws_drop"}}.')
    try:
        kind = Kind(str(entry.get("kind")))
    except ValueError as error:
        raise FaultError(
            f"Entry {number}: there is no kind {entry.get('kind')!r}. Fix: one of {', '.join(Kind)}."
        ) from error
    given: dict[str, object] = {key: value for key, value in entry.items() if value is not None}
    known = COMMON_FIELDS | RULES[kind].fields
    unknown = sorted(given.keys() - known)
    if unknown:
        raise FaultError(
            f"Entry {number} ({kind}): it has no {', '.join(unknown)}. Fix: its fields are {', '.join(sorted(known))}."
        )
    try:
        return _build(kind, given)
    except _FieldError as error:
        raise FaultError(f"Entry {number} ({kind}): {error}") from error


class _FieldError(Exception):
    """What is wrong with a field, and the fix."""


def _build(kind: Kind, given: Mapping[str, object]) -> Fault:
    def take(name: str, read: Callable[[object], object]) -> None:
        if name in given:
            try:
                values[name] = read(given[name])
            except ValueError as error:
                raise _FieldError(f"{name} is {given[name]!r}. Fix: {error}.") from error

    values: dict[str, object] = {"delay_ms": RULES[kind].delay_ms}
    take("probability", lambda value: _number(value, 0, 1))
    take("count", lambda value: _integer(value, 1, 2**53))
    take("after_s", lambda value: _number(value, 0, _MAX_SECONDS))
    take("for_s", lambda value: _number(value, 0, _MAX_SECONDS, above=True))
    take("seed", lambda value: _integer(value, 0, 2**63 - 1))
    take("channel", _channel)
    take("action", lambda value: _action(value, RULES[kind].place))
    take("user", _user)
    take("scope", lambda value: _one_of(value, _SCOPES))
    take("mode", lambda value: _one_of(value, MODES))
    is_skew = kind is Kind.CLOCK_SKEW
    most = _MAX_SKEW_MS if is_skew else _MAX_DELAY_MS
    take("delay_ms", lambda value: _integer(value, -most if is_skew else 0, most))
    take("code", lambda value: _integer(value, 1000, 4999))
    take("status", lambda value: _integer(value, 200, 599))
    take("coin", _word)
    take("sz_decimals", lambda value: _integer(value, 0, 6))
    return Fault(kind=kind, **values)  # type: ignore[arg-type]


def _number(value: object, least: float, most: float, *, above: bool = False) -> float:
    words = f"a number {'above' if above else 'from'} {least:g} {'and at most' if above else 'to'} {most:g}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(words)
    if not least <= value <= most or (above and value == least):
        raise ValueError(words)
    return float(value)


def _integer(value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"a whole number from {least} to {most}")
    return value


def _word(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a name")
    return value


def _one_of(value: object, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"one of {', '.join(choices)}")
    return value


def _channel(value: object) -> str:
    """userEvents is what is subscribed to; its frames say ``user``."""
    if value == "userEvents":
        return "user"
    if not isinstance(value, str) or value not in CHANNELS:
        raise ValueError(f"one of {', '.join(sorted(CHANNELS))}")
    return value


def _action(value: object, place: Place) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a path, an info type or an action type")
    if value.startswith("/") and (value not in PATHS or place is not Place.REQUEST):
        words = f"a path is one of {', '.join(sorted(PATHS))}" if place is Place.REQUEST else "an info type"
        raise ValueError(words)
    return value


def _user(value: object) -> str:
    if not isinstance(value, str) or not is_address(value):
        raise ValueError("an address, 0x and 40 hex digits")
    return value.lower()
