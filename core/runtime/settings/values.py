"""Types of settings, and what can be told of one besides its type: whose it is, whether it may be off, its unit."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.fields import FieldInfo

from core.runtime.settings.problem import holds_secret

OFF_WORDS = frozenset({"off", "none"})
LEAST, MOST = Decimal("1e-12"), Decimal("1e12")
"""Numbers beyond are slips of the keyboard, and would overflow what is computed from them."""

UNIT_ENDINGS = {
    "_usd": "USD",
    "_notional": "USD",
    "_pnl": "USD",
    "_pnl_stop": "USD",
    "_pnl_take": "USD",
    "_pct": "fraction",
    "_sec": "seconds",
    "_ms": "milliseconds",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A word about a setting, in its type's metadata."""

    says: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """The names that a setting may have, in its type's metadata."""

    names: Collection[str]


OF_THE_ACCOUNT = Mark("of the whole account: no single coin can have it")
PRICE_OF_ONE_COIN = Mark("a price of one coin: not for several at once")
IN_THE_COIN = Mark("a size in the coin")
HIDDEN = Mark("a secret of small weight: no screen, log or sentence shows it")


def _off_is_zero(value: Any) -> Any:
    return 0 if isinstance(value, str) and value.strip().lower() in OFF_WORDS else value


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a whole number, not true or false")
    return value


def _of_this_world(value: Decimal) -> Decimal:
    if value and not LEAST <= abs(value) <= MOST:
        raise ValueError(f"must be 0, or between {LEAST:f} and {MOST:f}")
    return value


def _no_secret(what: str) -> Callable[[Any], Any]:
    def path(value: Any) -> Any:
        if isinstance(value, str | Path) and holds_secret(str(value)):
            raise ValueError(
                f"must be a {what}'s name, and this looks like a secret itself: write it to a file of mode 0600 and that one's "
                "name here"
            )
        return value

    return path


def _usable(what: str) -> Callable[[Path], Path]:
    def path(value: Path) -> Path:
        if not value.parts or not str(value).isprintable():
            raise ValueError(f"must be a {what}'s name")
        try:
            return value.expanduser()
        except RuntimeError:
            raise ValueError(f"must be a {what}'s name; there is no such home") from None

    return path


MAY_BE_OFF_MARK = BeforeValidator(_off_is_zero)
"""A limit: ``off`` and ``none`` mean 0, which means no limit."""

Number = Annotated[Decimal, Field(allow_inf_nan=False), AfterValidator(_of_this_world)]
Fraction = Annotated[Number, Field(ge=0, lt=1)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]
NotPositive = Annotated[Number, Field(le=0)]
Whole = Annotated[int, BeforeValidator(_no_truth)]
Directory = Annotated[Path, BeforeValidator(_no_secret("directory")), AfterValidator(_usable("directory"))]
File = Annotated[Path, BeforeValidator(_no_secret("file")), AfterValidator(_usable("file"))]

FractionOrOff = Annotated[Fraction, MAY_BE_OFF_MARK]
NotNegativeOrOff = Annotated[NotNegative, MAY_BE_OFF_MARK]
NotPositiveOrOff = Annotated[NotPositive, MAY_BE_OFF_MARK]
PriceOrOff = Annotated[NotNegativeOrOff, PRICE_OF_ONE_COIN]


def marked(fields: dict[str, FieldInfo], mark: object) -> tuple[str, ...]:
    """The names of the settings that bear a mark, in their order."""
    return tuple(name for name, field in fields.items() if any(each is mark for each in field.metadata))


def unit_of(name: str, field: FieldInfo) -> str:
    """``USD``, ``fraction`` (0.0006 is 0.06 %), ``seconds``, ``price``, ``coin``; empty for a plain number or a word."""
    if PRICE_OF_ONE_COIN in field.metadata:
        return "price"
    if IN_THE_COIN in field.metadata:
        return "coin"
    return next((unit for ending, unit in UNIT_ENDINGS.items() if name.endswith(ending)), "")
