"""The newest fills of the account as the console lists them; the journal has all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.domain.clock import Instant
from core.domain.fills import Fill, FillKind
from core.domain.instrument import Instrument
from core.view import FillView

KEPT = 200


@dataclass(frozen=True, slots=True)
class TapedFill:
    """A fill as the journal has it: ``received_ms`` is our estimate of the venue's clock when it was committed."""

    fill: Fill
    received_ms: int
    external: bool


@dataclass(slots=True)
class FillTape:
    """Oldest first by the exchange's time, so that a fill that was read back stands where it belongs."""

    newest: tuple[FillView, ...] = ()

    def restore(self, fills: Iterable[TapedFill], instruments: Mapping[str, Instrument]) -> None:
        """What the journal had at the start, the fills of one millisecond as they were committed."""
        self._add(fill_row(instruments[taped.fill.coin], taped) for taped in fills)

    def take(self, instrument: Instrument, fills: Iterable[tuple[Fill, bool]], now: Instant) -> None:
        """Fills of one coin that are in the journal now, each with whether it is of no order of ours."""
        self._add(fill_row(instrument, TapedFill(fill, now.venue_ms, external)) for fill, external in fills)

    def _add(self, rows: Iterable[FillView]) -> None:
        self.newest = tuple(sorted((*self.newest, *rows), key=lambda row: row.time_ms)[-KEPT:])


def fill_row(instrument: Instrument, taped: TapedFill) -> FillView:
    fill = taped.fill
    note = fill.kind.value if fill.kind is not FillKind.TRADE else "external" if taped.external else ""
    live = fill.source.counts_as_ws
    return FillView(
        time_ms=fill.time_ms,
        coin=fill.coin,
        side=fill.side.value,
        price=instrument.price_decimal(fill.price),
        size=instrument.size_decimal(fill.lots),
        fee_usd=fill.fee,
        liquidity="taker" if fill.crossed else "maker",
        source=fill.source.value,
        trade_id=fill.trade_id,
        cloid=fill.cloid or "",
        pnl_usd=fill.closed_pnl,
        latency_ms=max(0, taped.received_ms - fill.time_ms) if live else None,
        fee_token=fill.fee_token,
        note=note,
    )
