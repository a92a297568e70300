"""What the exchange tells of the account's past: fills row by row, funding, and what moved without a fill.

One row of fills that doesn't decode never keeps back the others: those are ingested, it is quarantined by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.domain.events import WireQuarantined
from core.domain.fills import Fill, FillSource, ForeignFill, Funding
from core.domain.units import parse_decimal
from core.exchange.wire import (
    Instruments,
    Json,
    WireError,
    decode,
    decode_fill,
    decode_foreign_fill,
    list_of,
    raw_text,
    sample,
    text_of,
    time_of,
)

BAD_ROWS_SHOWN = 20
"""Of one message; what is beyond is counted in a last line, so that a large page of garbage doesn't flood the log."""

FOREIGN = ":foreign"
"""Ends the channel of a quarantined row that is certainly of a coin not traded here: no fill of ours can be in it."""


@dataclass(frozen=True, slots=True)
class FillRows:
    """What became of the rows of one message. ``bad`` is empty or tells each row that may have hidden a fill of ours;
    ``bad_foreign`` those that can't have."""

    fills: tuple[Fill, ...]
    foreign: tuple[ForeignFill, ...]
    bad: tuple[WireQuarantined, ...]
    bad_foreign: tuple[WireQuarantined, ...]

    @property
    def quarantined(self) -> tuple[WireQuarantined, ...]:
        return self.bad + self.bad_foreign


def decode_fill_rows(
    rows: Sequence[Json], account: str, source: FillSource, instruments: Instruments, channel: str
) -> FillRows:
    """Rows of userFills or userFillsByTime, each by itself; ``channel`` names the message in what is quarantined."""
    fills: list[Fill] = []
    foreign: list[ForeignFill] = []
    bad: list[tuple[WireError, Json]] = []
    bad_foreign: list[tuple[WireError, Json]] = []
    for row in rows:
        is_foreign = _is_foreign(row, instruments)
        try:
            if is_foreign:
                foreign.append(decode_foreign_fill(row, account))
            elif (fill := decode_fill(row, account, source, instruments)) is not None:
                fills.append(fill)
            else:
                raise WireError(f"coin is {row['coin']!r}, not a coin's name")
        except WireError as error:
            (bad_foreign if is_foreign else bad).append((error, row))
    return FillRows(
        tuple(fills),
        tuple(foreign),
        _quarantine(bad, channel),
        _quarantine(bad_foreign, channel + FOREIGN),
    )


def _is_foreign(row: Json, instruments: Instruments) -> bool:
    """A name that can't be any coin's may be what is left of one of ours."""
    coin = row.get("coin") if isinstance(row, dict) else None
    return isinstance(coin, str) and coin not in instruments and any(map(str.isalnum, coin))


def _quarantine(bad: Sequence[tuple[WireError, Json]], channel: str) -> tuple[WireQuarantined, ...]:
    found = [WireQuarantined(channel, str(error), sample(row)) for error, row in bad[:BAD_ROWS_SHOWN]]
    if more := len(bad) - len(found):
        last = bad[-1]
        found.append(WireQuarantined(channel, f"{more} more rows like these: {last[0]}", sample(last[1])))
    return tuple(found)


def decode_funding(row: Json, account: str, instruments: Instruments) -> Funding | None:
    """One row of ``userFunding``; ``None`` for a coin that isn't traded here."""
    is_ours = decode("userFunding", lambda: text_of(row["delta"], "coin") in instruments)
    return decode_any_funding(row, account) if is_ours else None


def decode_any_funding(row: Json, account: str) -> Funding:
    """One row of ``userFunding``, whatever its coin."""

    def parse() -> Funding:
        delta = row["delta"]
        if delta["type"] != "funding":
            raise WireError(f"type is {delta['type']!r}")
        return Funding(
            account=account,
            coin=text_of(delta, "coin"),
            time_ms=time_of(row),
            usd=parse_decimal(delta["usdc"]),
            hash=text_of(row, "hash"),
            raw=raw_text(row),
        )

    return decode("userFunding", parse)


def decode_time(row: Json, what: str) -> int:
    """When a row of the account's history happened (venue ms)."""
    return decode(what, lambda: time_of(row))


def decode_rows(answer: Json, what: str) -> list[Json]:
    return decode(what, lambda: list_of(answer, "the answer"))


def decode_update_kind(row: Json) -> str:
    """``delta.type`` of a row of ``userNonFundingLedgerUpdates``, such as ``deposit`` or ``liquidation``."""
    return decode("userNonFundingLedgerUpdates", lambda: text_of(row["delta"], "type"))


def decode_funding_rates(answer: Json, instruments: Instruments) -> tuple[tuple[str, Decimal], ...]:
    """``metaAndAssetCtxs``: the hourly rate of each of our coins; the contexts stand in the order of ``universe``."""

    def parse() -> tuple[tuple[str, Decimal], ...]:
        meta, contexts = answer
        names = [text_of(entry, "name") for entry in list_of(meta["universe"], "universe")]
        rows = list_of(contexts, "contexts")
        if len(rows) != len(names):
            raise WireError(f"metaAndAssetCtxs: {len(names)} coins and {len(rows)} contexts")
        return tuple(
            (coin, parse_decimal(text_of(row, "funding")))
            for coin, row in zip(names, rows, strict=True)
            if coin in instruments
        )

    return decode("metaAndAssetCtxs", parse)
