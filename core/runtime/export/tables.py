"""The columns of each table, and the cells of a row: canonical decimals, UTC times, USD."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import orjson

from core.domain.fills import Adjustment, Fill, ForeignFill, Funding
from core.domain.instrument import Instrument
from core.domain.transfers import SPOT, Transfer
from core.domain.units import decimal_text, micro_to_usd
from core.engine.certificate import utc_text
from core.engine.gains import Gain
from core.runtime.export.reckoning import Sums
from core.runtime.export.sources import Line

Cells = tuple[str, ...]

FILLS = (
    *(
        "time_utc",
        "time_ms",
        "coin",
        "kind",
        "side",
        "size",
        "price",
        "notional_usd",
        "direction",
        "start_position",
    ),
    *(
        "closed_pnl_usd",
        "fee",
        "fee_token",
        "liquidity",
        "external",
        "order_id",
        "cloid",
        "trade_id",
        "hash",
        "origin",
    ),
)
FEES = (
    "time_utc",
    "time_ms",
    "coin",
    "fee",
    "fee_token",
    "liquidity",
    "notional_usd",
    "trade_id",
    "order_id",
)
FUNDING = ("time_utc", "time_ms", "coin", "usd", "hash", "origin")
TRANSFERS = ("time_utc", "time_ms", "kind", "place", "usd", "understood", "hash", "origin")
GAINS = (
    *(
        "closed_utc",
        "closed_ms",
        "coin",
        "held",
        "size",
        "opened_utc",
        "opened_ms",
        "entry_price",
        "exit_price",
    ),
    *("entry_usd", "exit_usd", "gain_usd", "kind", "trade_id", "origin"),
)
SUMMARY = (
    *(
        "year",
        "coin",
        "fills",
        "gains_fifo_usd",
        "gains_average_usd",
        "exchange_pnl_usd",
        "fees_usd",
        "funding_usd",
    ),
    *(
        "transfers_usd",
        "balance_change_fifo_usd",
        "balance_change_average_usd",
        "trades_cash_usd",
        "cash_change_usd",
    ),
    *("opening_position", "closing_position", "opening_cost_fifo_usd", "closing_cost_fifo_usd"),
    *("opening_cost_average_usd", "closing_cost_average_usd", "adjusted_usd", "residual_usd"),
)

PERP, ADJUSTMENT, MISSING = "perp", "adjustment", "missing"
PRICE_DECIMALS = Decimal("0.00000001")
"""An entry price that is an average need not end; its cost does."""


def fill_cells(line: Line, instrument: Instrument) -> Cells:
    """A fill, or an adjustment as a trade at its price."""
    entry = line.entry
    size, notional = abs(entry.signed_lots), abs(entry.cash_micro)
    head = (
        *_times(entry.time_ms),
        *(entry.coin, _kind(line), "buy" if entry.signed_lots > 0 else "sell", instrument.size_text(size)),
        *(instrument.price_text(entry.price), usd_text(notional)),
    )
    if isinstance(entry, Adjustment):
        start = instrument.size_text(entry.start_lots)
        return (
            *head,
            entry.explanation,
            start,
            *("0", "0", "USDC", "", "", "", "", entry.id, ""),
            line.origin,
        )
    return (
        *head,
        *(entry.direction, instrument.size_text(entry.start_lots), decimal_text(entry.closed_pnl)),
        *(decimal_text(entry.fee), entry.fee_token, _liquidity(entry), _word(line.is_external)),
        *(str(entry.order_id), entry.cloid or "", str(entry.trade_id), entry.hash, line.origin),
    )


def other_fill_cells(fill: ForeignFill, origin: str) -> Cells:
    """A fill that isn't reckoned, in the exchange's own numbers."""
    row: dict[str, Any] = orjson.loads(fill.raw)

    def told(name: str) -> str:
        value = row.get(name)
        return "" if value is None else str(value)

    side = {"B": "buy", "A": "sell"}.get(told("side"), told("side"))
    liquidity = {"True": "taker", "False": "maker"}.get(told("crossed"), "")
    return (
        *_times(fill.time_ms),
        *(fill.coin, "other", side, told("sz"), told("px"), "", told("dir"), told("startPosition")),
        *(told("closedPnl"), told("fee"), told("feeToken"), liquidity, "", told("oid"), told("cloid")),
        *(told("tid"), told("hash"), origin),
    )


def fee_cells(fill: Fill) -> Cells:
    return (
        *_times(fill.time_ms),
        *(
            fill.coin,
            decimal_text(fill.fee),
            fill.fee_token,
            _liquidity(fill),
            usd_text(abs(fill.cash_micro)),
        ),
        *(str(fill.trade_id), str(fill.order_id)),
    )


def funding_cells(payment: Funding, origin: str) -> Cells:
    return (*_times(payment.time_ms), payment.coin, decimal_text(payment.usd), payment.hash, origin)


def transfer_rows(transfer: Transfer, origin: str) -> Iterator[Cells]:
    """One row for each place that it moved money of; one without an amount if it isn't understood, or moved none."""
    tail = (_word(transfer.understood), transfer.hash, origin)
    for place, usd in transfer.moves:
        where = place if place == SPOT else place or PERP
        yield (*_times(transfer.time_ms), transfer.kind, where, decimal_text(usd), *tail)
    if not transfer.moves:
        yield (*_times(transfer.time_ms), transfer.kind, "", "" if not transfer.understood else "0", *tail)


def gain_cells(gain: Gain, line: Line, instrument: Instrument) -> Cells:
    entry = line.entry
    size = abs(gain.lots)
    return (
        *_times(gain.closed_ms),
        *(entry.coin, "long" if gain.lots > 0 else "short", instrument.size_text(size)),
        *_times(gain.opened_ms),
        *(_price(gain.cost, size, instrument), instrument.price_text(entry.price)),
        *(usd_text(gain.cost), usd_text(gain.proceeds), usd_text(gain.micro), _kind(line)),
        *(entry.id if isinstance(entry, Adjustment) else str(entry.trade_id), line.origin),
    )


def summary_cells(year: str, coin: str, sums: Sums, instrument: Instrument | None) -> Cells:
    """``instrument``: of one coin, whose position can be told."""
    held = ("", "")
    if instrument is not None:
        held = (instrument.size_text(sums.opening.lots), instrument.size_text(sums.closing.lots))
    worst = max(sums.residuals, key=abs)
    return (
        *(year, coin, str(sums.fills), usd_text(sums.fifo), usd_text(sums.average)),
        *map(decimal_text, (sums.exchange_pnl, sums.fees, sums.funding, sums.transfers)),
        *map(decimal_text, (sums.balance_change(sums.fifo), sums.balance_change(sums.average))),
        *(usd_text(sums.cash), decimal_text(sums.cash_change), *held),
        *map(usd_text, (sums.opening.fifo, sums.closing.fifo, sums.opening.average, sums.closing.average)),
        *(usd_text(sums.adjusted), decimal_text(worst)),
    )


def _times(time_ms: int) -> tuple[str, str]:
    return utc_text(time_ms), str(time_ms)


def usd_text(micro: int) -> str:
    return decimal_text(micro_to_usd(micro))


def _price(micro: int, lots: int, instrument: Instrument) -> str:
    exact = Decimal(micro).scaleb(-instrument.price_decimals) / lots
    return decimal_text(exact.quantize(PRICE_DECIMALS))


def _kind(line: Line) -> str:
    if isinstance(line.entry, Adjustment):
        return MISSING if line.is_bridge else ADJUSTMENT
    return line.entry.kind.value


def _liquidity(fill: Fill) -> str:
    return "taker" if fill.crossed else "maker"


def _word(is_so: bool) -> str:
    return "yes" if is_so else "no"
