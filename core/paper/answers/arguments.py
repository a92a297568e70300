"""Arguments that many info requests share. What can't be meant raises ``MalformedRequestError``, which becomes HTTP 422."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from core.paper.jsonio import (
    Json,
    MalformedRequestError,
    get_address,
    get_bool,
    get_int,
    get_optional_int,
    get_str,
)
from core.paper.market.listing import FIRST_DEX, Listing, Universe
from core.paper.venue.accounts import Account
from core.paper.venue.venue import Venue

Request: TypeAlias = "dict[str, object]"

Handler: TypeAlias = Callable[[Request, int], Json]
"""Answers a request at a time (milliseconds UTC)."""

MAX_ROWS = 500
"""Of an answer to a request with a time range."""

_Row = TypeVar("_Row")


def get_dex(request: Request) -> str:
    """The dex's name; absent, null and ``""`` are the first dex. It need not exist."""
    return FIRST_DEX if request.get("dex") is None else get_str(request, "dex")


def get_listing(request: Request, universe: Universe) -> Listing:
    """The coin of the request, which must be listed."""
    coin = get_str(request, "coin")
    listing = universe.listings.get(coin)
    if listing is None:
        raise MalformedRequestError(f"no coin {coin!r}")
    return listing


def get_flag(request: Request, key: str) -> bool:
    """An optional boolean: absent and null are false."""
    return request.get(key) is not None and get_bool(request, key)


def get_account(request: Request, venue: Venue) -> Account:
    """The account of ``user``; a newcomer is given the starting funds, for whoever asks for an account is about to use it."""
    return venue.see(get_address(request, "user"))


def within(
    request: Request, rows: Sequence[_Row], time_of: Callable[[_Row], int], *, must_start: bool = True
) -> list[_Row]:
    """Those of ``rows`` from ``startTime`` to ``endTime``, both inclusive; ``endTime`` may be absent or null."""
    start = get_int(request, "startTime") if must_start else get_optional_int(request, "startTime") or 0
    end = get_optional_int(request, "endTime")
    return [row for row in rows if start <= time_of(row) and (end is None or time_of(row) <= end)]
