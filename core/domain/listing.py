"""What the exchange says of the coins it lists: which are traded no more, and in what steps the others are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listed:
    """A coin as the newest ``meta`` has it."""

    coin: str
    sz_decimals: int
    is_delisted: bool = False


@dataclass(frozen=True, slots=True)
class ListingsObserved:
    """Of the coins that are traded here, those that the answer names; one that it doesn't name proves nothing."""

    coins: tuple[Listed, ...]
