"""Types of settings, and what can be told of one besides its type: its unit, whose it is, whether it may be off."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Mark:
    """A word about a setting, in its type's metadata."""

    says: str


OF_THE_ACCOUNT = Mark("of the whole account: no single coin can have it")
PRICE_OF_ONE_COIN = Mark("a price of one coin: not for several at once")


def _off_is_zero(value: Any) -> Any:
    return 0 if isinstance(value, str) and value.strip().lower() == "off" else value


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a whole number, not true or false")
    return value


MAY_BE_OFF_MARK = BeforeValidator(_off_is_zero)
"""A limit: ``off`` means 0, which means none."""

Fraction = Annotated[Decimal, Field(ge=0, lt=1, allow_inf_nan=False)]
Positive = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
NotPositive = Annotated[Decimal, Field(le=0, allow_inf_nan=False)]
Whole = Annotated[int, BeforeValidator(_no_truth)]

FractionOrOff = Annotated[Fraction, MAY_BE_OFF_MARK]
NotNegativeOrOff = Annotated[NotNegative, MAY_BE_OFF_MARK]
NotPositiveOrOff = Annotated[NotPositive, MAY_BE_OFF_MARK]
PriceOrOff = Annotated[NotNegativeOrOff, PRICE_OF_ONE_COIN]


def marked(fields: dict[str, FieldInfo], mark: object) -> tuple[str, ...]:
    """The names of the settings that bear a mark, in their order."""
    return tuple(name for name, field in fields.items() if any(each is mark for each in field.metadata))
