"""The whole book of a coin, and the account's orders in coins that aren't traded here."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from core.domain.depth import Depth, Levels
from core.domain.events import OrderElsewhere
from core.domain.instrument import Instrument
from core.domain.listing import Listed, ListingsObserved
from core.exchange.wire import Json, WireError, decode, list_of, text_of

Instruments = Mapping[str, Instrument]


def decode_depth(answer: Json, coin: str, instruments: Instruments) -> Depth:
    """Every level of ``l2Book``. Raises ``WireError``, also for a side that isn't sorted."""

    def parse() -> Depth:
        if text_of(answer, "coin") != coin:
            raise WireError(f"a book of {answer['coin']!r}, which was not asked for")
        bids, asks = (_levels(side, instruments[coin]) for side in list_of(answer["levels"], "levels"))
        if any(a <= b for (a, _), (b, _) in pairwise(bids)) or any(
            a >= b for (a, _), (b, _) in pairwise(asks)
        ):
            raise WireError("a book whose levels aren't in order")
        return Depth(coin, bids, asks)

    return decode("l2Book", parse)


def _levels(side: Json, instrument: Instrument) -> Levels:
    found = tuple(
        (instrument.parse_price(text_of(level, "px")), instrument.parse_size(text_of(level, "sz")))
        for level in list_of(side, "a side of levels")
    )
    if any(price <= 0 or lots < 0 for price, lots in found):
        raise WireError("a level without a price or a size")
    return found


def decode_listings(answer: Json, instruments: Instruments) -> ListingsObserved:
    """Of ``meta`` what it says of our coins; an entry that can't be read says nothing. Raises ``WireError``."""

    def parse() -> ListingsObserved:
        rows = [row for row in list_of(answer["universe"], "universe") if isinstance(row, dict)]
        return ListingsObserved(
            tuple(
                Listed(row["name"], row["szDecimals"], row.get("isDelisted") is True)
                for row in rows
                if isinstance(row.get("name"), str)
                and row["name"] in instruments
                and type(row.get("szDecimals")) is int
            )
        )

    return decode("meta", parse)


def orders_elsewhere(answer: Json, instruments: Instruments) -> tuple[OrderElsewhere, ...]:
    """Of ``frontendOpenOrders`` what rests in coins other than ``instruments``. A row that can't be read is left out: nothing
    of ours depends on it.
    """
    rows = [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []
    return tuple(
        OrderElsewhere(row["coin"], row["oid"], bool(row.get("isTrigger")))
        for row in rows
        if isinstance(row.get("coin"), str) and type(row.get("oid")) is int and row["coin"] not in instruments
    )
